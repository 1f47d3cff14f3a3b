import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseWitnessPolicy, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { formatAddCheckpoint, parseTreeSize } from '@fiducial/core/formats/tlog/witness-request.ts'
import { ToyLog, toySigner } from '@fiducial/core/testing/toy-log.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { createWitnessing, type WitnessingRequest } from '../services/log/witnessing.ts'
import { type Litewitness, litewitnessSkip, startLitewitness } from './litewitness.ts'

const SIZE = 300
const log = new ToyLog(SIZE, { isHybrid: true })
const fork = log.fork(100)

function policyOf(witnesses: readonly Litewitness[], quorum: string): WitnessPolicy {
  const text = [
    `log ${formatVerifierKey(log.signer.ed25519.key)}`,
    ...witnesses.map(({ key, url }, i) => `witness w${i} ${formatVerifierKey(key)} ${url}`),
    `group enough ${quorum} ${witnesses.map((_, i) => `w${i}`).join(' ')}`,
    'quorum enough',
    '',
  ].join('\n')
  return parseWitnessPolicy(text, nativeCrypto.hash)
}

const witnessing = (policy: WitnessPolicy) =>
  createWitnessing({ policy, crypto: nativeCrypto, fetch, now: () => new Date(), deadline: AbortSignal.timeout })

const requestOf = async (from: ToyLog, size: number): Promise<WitnessingRequest> => ({
  checkpoint: await from.checkpoint(size),
  prove: async (first, second) => from.prove(Number(first), Number(second)),
})

async function startWatching(t: TestContext, name = 'litewitness.example/w'): Promise<Litewitness> {
  const witness = await startLitewitness(t, name)
  witness.watch(log.origin, log.signer.ed25519.key)
  return witness
}

describe('A witness that is not ours (litewitness)', { skip: litewitnessSkip }, () => {
  it('cosigns our log as it grows, and we accept its cosignatures', async (t) => {
    const witness = await startWatching(t)
    assert.equal(witness.key.type, 'cosignature-ed25519')
    const started = BigInt(Math.floor(Date.now() / 1000))
    const { require } = witnessing(policyOf([witness], 'all'))
    for (const size of [1, 2, 7, 7, 64, 129, 256, 257, SIZE]) {
      const note = await require(await requestOf(log, size))
      const result = verifyCheckpoint(note, [...log.keys, witness.key], nativeCrypto)
      assert.ok(result.state === 'valid')
      assert.equal(result.valid.length, 3)
      assert.ok((result.valid.at(-1)?.timestamp ?? 0n) >= started)
      assert.equal(witness.sizeOf(log.origin), size)
    }
  })

  it('takes each consistency proof of ours, from every size to every larger one nearby', async (t) => {
    const witness = await startWatching(t)
    const { require } = witnessing(policyOf([witness], 'all'))
    let step = 1
    for (let size = 1; size <= SIZE; size += step, step = (step % 5) + 1) await require(await requestOf(log, size))
    assert.ok((witness.sizeOf(log.origin) ?? 0) > SIZE - 5)
  })

  it('is caught up with by a log that does not know how far it is', async (t) => {
    const witness = await startWatching(t)
    await witnessing(policyOf([witness], 'all')).require(await requestOf(log, 129))
    await witnessing(policyOf([witness], 'all')).require(await requestOf(log, 200))
    assert.equal(witness.sizeOf(log.origin), 200)
  })

  it('makes a quorum with a second one, while a third is not there', async (t) => {
    const two = await Promise.all(['a.example', 'b.example'].map((name) => startWatching(t, name)))
    const [first] = two
    assert.ok(first)
    const gone = { ...first, url: 'http://127.0.0.1:1', key: toySigner('c.example', 'cosignature-ed25519').key }
    const result = await witnessing(policyOf([...two, gone], '2')).ask(await requestOf(log, 50))
    assert.equal(result.isQuorum, true)
    const none = await witnessing(policyOf([...two, gone], '3')).ask(await requestOf(log, 60))
    assert.equal(none.isQuorum, false)
  })

  it('refuses a fork, which we take for what it is', async (t) => {
    for (const [known, asked] of [
      [150, 150],
      [150, 200],
      [128, 200],
      [200, 150],
    ] as const) {
      const witness = await startWatching(t)
      const policy = policyOf([witness], 'all')
      await witnessing(policy).require(await requestOf(log, known))
      await assert.rejects(
        witnessing(policy).require(await requestOf(fork, asked)),
        (error) => error instanceof StoreError && error.code === 'witness_conflict',
      )
      assert.equal(witness.sizeOf(log.origin), known)
    }
  })

  it('refuses what is not signed by the log', async (t) => {
    const witness = await startLitewitness(t, 'litewitness.example/w')
    witness.watch(log.origin, log.signer.ed25519.key)
    const stranger = new ToyLog(5, { origin: 'stranger.example/log' })
    const post = async (checkpoint: string) => {
      const body = formatAddCheckpoint({ oldSize: 0n, proof: [], checkpoint })
      return (await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body })).status
    }
    assert.equal(await post(await stranger.checkpoint()), 403)
    const changed = (await log.checkpoint(5)).replace('\n5\n', '\n6\n')
    assert.equal(await post(changed), 403)
    assert.equal(witness.sizeOf(log.origin), 0)
  })

  it('tells its size as we read it', async (t) => {
    const witness = await startWatching(t)
    await witnessing(policyOf([witness], 'all')).require(await requestOf(log, 77))
    const body = formatAddCheckpoint({ oldSize: 0n, proof: [], checkpoint: await log.checkpoint(99) })
    const response = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body })
    assert.equal(response.status, 409)
    assert.equal(response.headers.get('content-type'), 'text/x.tlog.size')
    assert.equal(parseTreeSize(await response.text()), 77n)
  })
})
