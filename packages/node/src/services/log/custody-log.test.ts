import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keysOfSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { verifyConsistency } from '@fiducial/core/formats/merkle/consistency.ts'
import { verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { createMemoryState, type MemoryState, openMemoryLog } from '../../storage/log/memory.ts'
import { makeLogEntry, makeLogOptions, makeLogSigner } from '../../testing/log-site.ts'
import { type CustodyLog, type LogOptions, openCustodyLog } from './custody-log.ts'
import type { CosignRequest } from './integrator.ts'
import type { Receipt } from './receipt.ts'

const signer = makeLogSigner()
const keys = keysOfSigner(signer)

async function open(state: MemoryState = createMemoryState(), options: Partial<LogOptions> = {}): Promise<CustodyLog> {
  return openCustodyLog(openMemoryLog(state), makeLogOptions(signer, options))
}

/** Checks a receipt as somebody would who knows the log's keys and nothing else. */
function checkReceipt({ index, leaf, proof, checkpoint }: Receipt): bigint {
  const verified = verifyCheckpoint(checkpoint, keys, nativeCrypto)
  assert.equal(verified.state, 'valid')
  assert.ok(verified.state === 'valid')
  assert.equal(verified.valid.length, 2, 'both keys of the log have signed')
  const { size, root } = verified.checkpoint
  assert.ok(verifyInclusion(nativeCrypto.hash, { entry: leaf, index, size, proof, root }), `entry ${index} of ${size}`)
  return size
}

const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected

describe('a custody log', () => {
  it('acknowledges each entry with a proof that others can check', async () => {
    const log = await open()
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      const receipt = await log.append(makeLogEntry(name))
      assert.equal(receipt.index, BigInt(i))
      assert.equal(receipt.isNew, true)
      assert.equal(checkReceipt(receipt), BigInt(i + 1))
    }
    await log.close()
  })

  it('gives many writers at once places without a gap', async () => {
    const log = await open()
    const receipts = await Promise.all(Array.from({ length: 3000 }, (_, i) => log.append(makeLogEntry(`${i}`))))
    assert.deepEqual(
      receipts.map(({ index }) => index),
      Array.from({ length: 3000 }, (_, i) => BigInt(i)),
    )
    for (const receipt of receipts) checkReceipt(receipt)
    await log.close()
  })

  it('knows a statement again: in the same batch, under way, and after a restart', async () => {
    const state = createMemoryState()
    const log = await open(state)
    const entry = makeLogEntry('twice')
    const first = log.append(entry)
    const sameBatch = log.append(entry)
    const receipts = await Promise.all([first, sameBatch, log.append(makeLogEntry('other'))])
    const later = await log.append({ ...entry, leaf: Uint8Array.of(1, 2, 3) })
    await log.close()
    const reopened = await open(state)
    const afterwards = await reopened.append(entry)
    assert.deepEqual(
      [...receipts, later, afterwards].map(({ index }) => index),
      [0n, 0n, 1n, 0n, 0n],
    )
    assert.deepEqual(
      [...receipts, later, afterwards].map(({ isNew }) => isNew),
      [true, false, true, false, false],
    )
    assert.deepEqual(later.leaf, entry.leaf, 'the entry that was logged first counts')
    for (const receipt of [...receipts, later, afterwards]) checkReceipt(receipt)
    assert.equal(reopened.state.size, 2n)
    await reopened.close()
  })

  it('goes on after a restart at any size, and proves that it only grew', async () => {
    const state = createMemoryState()
    const heads: { size: bigint; root: Uint8Array }[] = []
    for (const count of [1, 254, 1, 1, 300, 700]) {
      const log = await open(state)
      const before = log.state.size
      await Promise.all(Array.from({ length: count }, (_, i) => log.append(makeLogEntry(`${before} ${i}`))))
      const { size } = log.state
      assert.equal(size, before + BigInt(count))
      const receipt = await log.prove(size - 1n)
      checkReceipt(receipt)
      const verified = verifyCheckpoint(receipt.checkpoint, keys, nativeCrypto)
      assert.ok(verified.state === 'valid')
      for (const old of heads) {
        const proof = await log.proveConsistency(old.size, size)
        const claim = {
          firstSize: old.size,
          firstRoot: old.root,
          secondSize: size,
          secondRoot: verified.checkpoint.root,
        }
        assert.ok(verifyConsistency(nativeCrypto.hash, { ...claim, proof }))
      }
      heads.push({ size, root: verified.checkpoint.root })
      await log.close()
    }
  })

  it('proves every entry it ever took', async () => {
    const state = createMemoryState()
    const log = await open(state)
    await Promise.all(Array.from({ length: 600 }, (_, i) => log.append(makeLogEntry(`${i}`))))
    await log.close()
    const reopened = await open(state)
    for (let index = 0n; index < 600n; index += 7n) {
      const receipt = await reopened.prove(index)
      assert.deepEqual(receipt.leaf, makeLogEntry(`${index}`).leaf)
      checkReceipt(receipt)
    }
    await assert.rejects(reopened.prove(600n), code('entry_missing'))
    await assert.rejects(reopened.prove(-1n), code('entry_missing'))
    await assert.rejects(reopened.proveConsistency(1n, 601n), code('entry_missing'))
    await reopened.close()
  })

  it('publishes what it acknowledged', async () => {
    const state = createMemoryState()
    const log = await open(state)
    const { index } = await log.append(makeLogEntry('a'))
    const note = await log.published(index)
    assert.equal(log.publishedCheckpoint, note)
    const verified = verifyCheckpoint(note, keys, nativeCrypto)
    assert.ok(verified.state === 'valid' && verified.checkpoint.size === 1n)
    await log.close()
    assert.equal(await openMemoryLog(state).published.read(), note)
  })

  it('refuses entries that are too large or empty, and goes on', async () => {
    const log = await open()
    const entry = makeLogEntry('x')
    const refused = (error: unknown): boolean => error instanceof Error && 'code' in error
    for (const bad of [
      { ...entry, leaf: new Uint8Array(65_536) },
      { ...entry, leaf: new Uint8Array(0) },
      { ...entry, payload: new Uint8Array(9 * 1024 * 1024) },
      { ...entry, terms: Array.from({ length: 65 }, () => ({ kind: 'type', value: 'x' }) as const) },
      { ...entry, terms: [{ kind: 'type', value: '' } as const] },
      { ...entry, terms: [{ kind: 'type', value: 'x'.repeat(257) } as const] },
    ]) {
      await assert.rejects(log.append(bad), refused)
    }
    await assert.rejects(log.append({ ...entry, identity: new Uint8Array(31) }), RangeError)
    assert.equal((await log.append({ ...entry, leaf: new Uint8Array(65_535) })).index, 0n)
    await log.close()
  })

  it('takes no more than it can hold, and says so', async () => {
    const log = await open(createMemoryState(), { admission: { entries: 10 } })
    const outcomes = await Promise.allSettled(Array.from({ length: 15 }, (_, i) => log.append(makeLogEntry(`${i}`))))
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 10)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.ok(code('log_overloaded')(outcome.reason))
    }
    assert.equal((await log.append(makeLogEntry('later'))).index, 10n)
    await log.close()
  })

  it('takes nothing once it is being closed, and answers what waits', async () => {
    const log = await open()
    const waiting = log.append(makeLogEntry('a'))
    const closing = log.close()
    await assert.rejects(log.append(makeLogEntry('b')), code('log_stopped'))
    assert.equal((await waiting).index, 0n)
    await closing
    await log.close()
  })

  it('tells a clock that went back, and goes on once it is right', async () => {
    let now = new Date('2026-03-03T10:00:00Z')
    const state = createMemoryState()
    const log = await open(state, { now: () => now })
    await log.append(makeLogEntry('a'))
    now = new Date('2026-03-03T09:56:00Z')
    await log.append(makeLogEntry('four minutes are a correction'))
    now = new Date('2026-03-03T09:54:00Z')
    await assert.rejects(log.append(makeLogEntry('b')), code('clock_went_back'))
    now = new Date('2026-03-03T10:01:00Z')
    assert.equal((await log.append(makeLogEntry('b'))).index, 2n)
    await log.close()
    now = new Date('2026-03-02T10:01:00Z')
    await assert.rejects(open(state, { now: () => now }), code('clock_went_back'))
    now = new Date('2026-03-04T10:01:00Z')
    await (await open(state, { now: () => now })).close()
  })

  it('does not open over a head, tile or batch that is not its own', async () => {
    const state = createMemoryState()
    const log = await open(state)
    await Promise.all(Array.from({ length: 300 }, (_, i) => log.append(makeLogEntry(`${i}`))))
    await log.close()
    const ports = openMemoryLog(state)
    const note = (await ports.head.read()) as string
    const stranger = makeLogSigner()
    await assert.rejects(openCustodyLog(ports, makeLogOptions(stranger)), code('log_corrupted'))
    await ports.head.compareAndSwap(note, note.replace('\n300\n', '\n299\n'))
    await assert.rejects(open(state), code('log_corrupted'))
  })
})

describe('a custody log with witnesses', () => {
  const witnessed = ({ note }: Pick<CosignRequest, 'note'>): Promise<string> =>
    Promise.resolve(`${note}— witness.example AAAAAAAA\n`)

  it('shows only what a quorum has cosigned', async () => {
    const state = createMemoryState()
    const log = await open(state, { witnessing: { cosign: witnessed } })
    const { index, checkpoint } = await log.append(makeLogEntry('a'))
    assert.doesNotMatch(checkpoint, /witness/)
    assert.match(await log.published(index), /witness/)
    await log.close()
  })

  it('fails closed: the entry is safe and nobody is shown it', async () => {
    const state = createMemoryState()
    let isQuorum = false
    const cosign = async ({ note }: CosignRequest): Promise<string> => {
      if (!isQuorum) throw new StoreError('witness_quorum_missing', 'nobody answered')
      return witnessed({ note })
    }
    const pauses: (() => void)[] = []
    const pause = (_ms: number, signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        pauses.push(resolve)
        signal.addEventListener('abort', () => resolve())
      })
    const log = await open(state, { witnessing: { cosign }, pause })
    const { index } = await log.append(makeLogEntry('a'))
    await assert.rejects(log.published(index), code('witness_quorum_missing'))
    assert.equal(log.publishedCheckpoint, undefined)
    assert.equal(await openMemoryLog(state).published.read(), undefined)
    isQuorum = true
    const shown = log.published(index)
    for (const resolve of pauses) resolve()
    assert.match(await shown, /witness/)
    await log.close()
  })

  it('publishes after a restart what no quorum had cosigned before', async () => {
    const state = createMemoryState()
    const refuse = async (): Promise<string> => {
      throw new StoreError('witness_quorum_missing', 'nobody answered')
    }
    const log = await open(state, { witnessing: { cosign: refuse } })
    await log.append(makeLogEntry('a'))
    await log.close()
    assert.equal(await openMemoryLog(state).published.read(), undefined)
    const reopened = await open(state, { witnessing: { cosign: witnessed } })
    assert.match(await reopened.published(0n), /witness/)
    await reopened.close()
  })
})
