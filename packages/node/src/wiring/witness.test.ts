import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { judgeSplitView, parseSplitView, type SplitViewFinding } from '@fiducial/core/domain/log/split-view.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { formatAddCheckpoint } from '@fiducial/core/formats/tlog/witness-request.ts'
import { ToyLog } from '@fiducial/core/testing/toy-log.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { makeWitness, readWitnessKeys, startWitness, type WitnessOrder } from './witness.ts'

const log = new ToyLog(40, { isHybrid: true })
const fork = log.fork(10)
const logs = [{ origin: log.origin, keys: log.keys }]

async function make(t: TestContext, passphrase?: string): Promise<string> {
  const folder = join(temporaryFolder(t), 'witness')
  await makeWitness(folder, 'insurer.example/w', passphrase)
  return folder
}

interface Told {
  readonly finding: SplitViewFinding
  readonly path: string | undefined
}

async function start(t: TestContext, folder: string, parts: Partial<WitnessOrder> = {}) {
  const told: Told[] = []
  const onEvidence: WitnessOrder['onEvidence'] = (_view, finding, path) => told.push({ finding, path })
  const running = await startWitness({ folder, logs, isNew: false, onEvidence, ...parts })
  let isOpen = true
  const stop = async () => {
    if (isOpen) await running[Symbol.asyncDispose]()
    isOpen = false
  }
  t.after(stop)
  const post = async (from: ToyLog, oldSize: number, size: number): Promise<Response> => {
    const proof = from.prove(oldSize, size)
    const body = formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint: await from.checkpoint(size) })
    return fetch(`${running.url}/add-checkpoint`, { method: 'POST', body })
  }
  return { ...running, told, stop, post }
}

describe('A witness on this machine', () => {
  it('cosigns with the keys that it says it has', async (t) => {
    const folder = await make(t)
    const { post, keys } = await start(t, folder)
    assert.deepEqual(readWitnessKeys(folder).map(formatVerifierKey), keys.map(formatVerifierKey))
    const response = await post(log, 0, 20)
    assert.equal(response.status, 200)
    const result = verifyCheckpoint((await log.checkpoint(20)) + (await response.text()), keys, nativeCrypto)
    assert.ok(result.state === 'valid' && result.valid.length === 2)
  })

  it('remembers after a restart what it has cosigned', async (t) => {
    const folder = await make(t)
    const first = await start(t, folder)
    assert.equal((await first.post(log, 0, 20)).status, 200)
    await first.stop()
    const second = await start(t, folder)
    assert.equal((await second.post(fork, 0, 20)).status, 409)
    assert.equal((await second.post(fork, 20, 30)).status, 422)
    assert.equal((await second.post(log, 20, 30)).status, 200)
  })

  it('keeps evidence in a file that others can check, and tells of it once', async (t) => {
    const folder = await make(t)
    const { post, told } = await start(t, folder)
    await post(log, 0, 20)
    for (let i = 0; i < 3; i++) await post(fork, 20, 20)
    assert.deepEqual(
      told.map(({ finding }) => finding),
      ['proven'],
    )
    const view = parseSplitView(readFileSync(told[0]?.path ?? ''))
    assert.equal(judgeSplitView(view, log.keys, nativeCrypto), 'proven')
    assert.equal(readdirSync(join(folder, 'split-views')).length, 1)
  })

  it('writes a file again that is gone, from its record', async (t) => {
    const folder = await make(t)
    const first = await start(t, folder)
    await first.post(log, 0, 20)
    await first.post(fork, 20, 20)
    const path = first.told[0]?.path ?? ''
    const document = readFileSync(path)
    await first.stop()
    rmSync(path)
    const { told } = await start(t, folder)
    assert.deepEqual(readFileSync(path), document)
    assert.deepEqual(told, [], 'it has been told')
  })

  it('keeps evidence on record, and answers, where its file cannot be written', async (t) => {
    const folder = await make(t)
    const { post, told } = await start(t, folder)
    writeFileSync(join(folder, 'split-views'), 'in the way')
    await post(log, 0, 20)
    assert.equal((await post(fork, 20, 20)).status, 409)
    assert.deepEqual(told, [{ finding: 'proven', path: undefined }])
  })

  it('does not begin anew by itself where its record is gone', async (t) => {
    const folder = await make(t)
    const first = await start(t, folder)
    await first.post(log, 0, 20)
    await first.stop()
    for (const name of readdirSync(folder)) if (name.startsWith('record.sqlite')) rmSync(join(folder, name))
    await assert.rejects(start(t, folder), { code: 'log_missing' })
    const { post } = await start(t, folder, { isNew: true })
    assert.equal((await post(log, 0, 5)).status, 200)
  })

  it('does not throw a record away that it has', async (t) => {
    await assert.rejects(start(t, await make(t), { isNew: true }), { code: 'log_exists' })
  })

  it('does not take something else for its record', async (t) => {
    const folder = await make(t)
    writeFileSync(join(folder, 'record.sqlite'), 'something else, and long enough to be looked at'.repeat(20))
    await assert.rejects(start(t, folder), { code: 'log_corrupted' })
  })

  it('needs the passphrase of its keys', async (t) => {
    const folder = await make(t, 'correct horse')
    await assert.rejects(start(t, folder), { code: 'key_passphrase_missing' })
    await assert.rejects(start(t, folder, { passphrase: 'wrong' }), { code: 'key_passphrase_wrong' })
    assert.equal((await start(t, folder, { passphrase: 'correct horse' })).keys.length, 2)
  })

  it('is missed in a folder where there is none', async (t) => {
    const folder = temporaryFolder(t)
    await assert.rejects(start(t, folder), { code: 'log_missing' })
    assert.throws(() => readWitnessKeys(folder), { code: 'log_missing' })
  })

  it('gives its record back where nothing can listen', async (t) => {
    const folder = await make(t)
    const first = await start(t, folder)
    const port = Number(new URL(first.url).port)
    await assert.rejects(start(t, folder, { port }), { code: 'service_refused' })
    assert.equal((await first.post(log, 0, 5)).status, 200)
  })
})
