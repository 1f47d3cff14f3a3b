import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { formatAddCheckpoint } from '@fiducial/core/formats/tlog/witness-request.ts'
import { ToyLog, toySigner } from '@fiducial/core/testing/toy-log.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { WitnessStore } from '../services/log/ports.ts'
import { createWitness, originId, type WitnessOptions } from '../services/log/witness-service.ts'
import { createMemoryWitnessStore } from '../storage/log/memory-witness-store.ts'
import { startServer } from './server.ts'
import { witnessFace } from './witness-face.ts'

const log = new ToyLog(30, { isHybrid: true })
const signers = (['cosignature-ed25519', 'cosignature-ml-dsa-44'] as const).map((type) =>
  toySigner('court.example/witness', type),
)
const keys = signers.map(({ key }) => key)
const now = () => new Date(1_800_000_000_000)

async function serve(t: TestContext, parts: Partial<WitnessOptions> = {}): Promise<string> {
  const store = createMemoryWitnessStore()
  const logs = [{ origin: log.origin, keys: log.keys }]
  const witness = createWitness({ logs, signers, store, crypto: nativeCrypto, now, ...parts })
  const server = await startServer([witnessFace(witness)])
  t.after(() => server.close())
  return server.url
}

const body = async (from: ToyLog, oldSize: number, size: number, proof = from.prove(oldSize, size)): Promise<string> =>
  formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint: await from.checkpoint(size) })

const post = (url: string, text: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(`${url}/add-checkpoint`, { method: 'POST', body: text, headers })

describe('The face of a witness', () => {
  it('answers with lines that go under the checkpoint', async (t) => {
    const url = await serve(t)
    const response = await post(url, await body(log, 0, 12))
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    const result = verifyCheckpoint((await log.checkpoint(12)) + (await response.text()), keys, nativeCrypto)
    assert.ok(result.state === 'valid')
    assert.equal(result.valid.length, 2)
  })

  it('answers each refusal with the status of the standard', async (t) => {
    const url = await serve(t)
    const fork = log.fork(5)
    const other = new ToyLog(3, { origin: 'elsewhere.example/log' })
    const statusOf = async (text: string) => (await post(url, text)).status
    assert.equal(await statusOf(await body(log, 0, 12)), 200)
    assert.equal(await statusOf(''), 400)
    assert.equal(await statusOf('old 0\n'), 400)
    assert.equal(await statusOf((await body(log, 12, 20)).replace('old 12', 'old 21')), 400)
    assert.equal(await statusOf(await body(other, 0, 3)), 404)
    assert.equal(await statusOf((await body(log, 12, 20)).replace('\n20\n', '\n21\n')), 403)
    assert.equal(await statusOf(await body(log, 12, 20, [])), 422)
    assert.equal(await statusOf(await body(fork, 12, 20)), 422)
    assert.equal(await statusOf(await body(fork, 12, 12)), 409)
    assert.equal(await statusOf(await body(log, 0, 20)), 409)
    assert.equal(await statusOf(await body(log, 12, 20)), 200)
  })

  it('tells its size in the type and words of the standard', async (t) => {
    const url = await serve(t)
    const first = await post(url, await body(log, 7, 12))
    assert.equal(first.status, 409)
    assert.equal(first.headers.get('content-type'), 'text/x.tlog.size')
    assert.equal(await first.text(), '0\n')
    await post(url, await body(log, 0, 12))
    const second = await post(url, await body(log, 7, 12))
    assert.equal(await second.text(), '12\n')
    const forked = await post(url, await body(log.fork(5), 12, 12))
    assert.equal(forked.headers.get('content-type'), 'text/x.tlog.size')
    assert.equal(await forked.text(), '12\n')
  })

  it('takes a body of whatever type, or of none', async (t) => {
    const url = await serve(t)
    await post(url, await body(log, 0, 12))
    const request = new TextEncoder().encode(await body(log, 12, 12))
    for (const type of [
      'text/plain',
      'application/octet-stream',
      'application/json',
      'application/x-www-form-urlencoded',
    ]) {
      assert.equal((await post(url, request, { 'content-type': type })).status, 200, type)
    }
    // Bytes: fetch sends no type.
    assert.equal((await post(url, request)).status, 200)
  })

  it('refuses a body that is too large, and other methods', async (t) => {
    const url = await serve(t)
    assert.equal((await post(url, 'x'.repeat(200_000))).status, 413)
    for (const method of ['GET', 'PUT', 'DELETE']) {
      assert.equal((await fetch(`${url}/add-checkpoint`, { method })).status, 404)
    }
  })

  it('says when to come again', async (t) => {
    const url = await serve(t, { rate: { burst: 1, perSecond: 0.4 } })
    assert.equal((await post(url, await body(log, 0, 12))).status, 200)
    const response = await post(url, await body(log, 12, 20))
    assert.equal(response.status, 429)
    assert.equal(response.headers.get('retry-after'), '3')
  })

  it('shows monitors the newest checkpoint that it has cosigned', async (t) => {
    const url = await serve(t)
    const address = `${url}/checkpoints/${originId(log.origin, nativeCrypto)}`
    assert.equal((await fetch(address)).status, 404)
    await post(url, await body(log, 0, 12))
    await post(url, await body(log, 12, 20))
    const response = await fetch(address)
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    const result = verifyCheckpoint(await response.text(), [...keys, ...log.keys], nativeCrypto)
    assert.ok(result.state === 'valid')
    assert.equal(result.checkpoint.size, 20n)
    assert.equal(result.valid.length, 4)
    for (const id of ['0'.repeat(64), 'x', '..%2f', log.origin.replace('/', '%2f')]) {
      assert.equal((await fetch(`${url}/checkpoints/${id}`)).status, 404)
    }
  })

  it('tells its keys and logs', async (t) => {
    const url = await serve(t)
    const text = await (await fetch(url)).text()
    assert.equal(text, `${keys.map(formatVerifierKey).join('\n')}\n\n${log.origin}\n`)
  })

  it('says when it cannot remember, and signs nothing then', async (t) => {
    const fail = async () => Promise.reject(new StoreError('log_unwritable', 'the disk is full'))
    const store: WitnessStore = { ...createMemoryWitnessStore(), read: fail }
    const url = await serve(t, { store })
    assert.equal((await fetch(`${url}/healthz`)).status, 503)
    assert.equal((await post(url, await body(log, 0, 12))).status, 503)
    assert.equal((await fetch(`${await serve(t)}/healthz`)).status, 200)
  })

  it('never gives two answers that do not fit to many who ask at once', async (t) => {
    const url = await serve(t)
    const fork = log.fork(5)
    await post(url, await body(log, 0, 4))
    const bodies = await Promise.all(Array.from({ length: 24 }, (_, i) => body(i % 2 === 0 ? log : fork, 4, 6 + i)))
    const statuses = await Promise.all(bodies.map(async (text) => (await post(url, text)).status))
    assert.equal(statuses.filter((status) => status === 200).length, 1)
    assert.ok(statuses.every((status) => status === 200 || status === 409))
  })
})
