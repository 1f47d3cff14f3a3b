/** What a custody log does when its storage, its keys or its callers fail it, beyond the steps of the fault matrix. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { createMemoryState, type MemoryState, openMemoryLog } from '../../storage/log/memory.ts'
import { LogHistory } from '../../testing/log-history.ts'
import { makeLogEntry, makeLogOptions, makeLogSigner } from '../../testing/log-site.ts'
import { type CustodyLog, type LogOptions, openCustodyLog } from './custody-log.ts'
import type { LogPorts, NewEntry } from './ports.ts'

const signer = makeLogSigner()
const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected
const entries = (from: number, count: number, leafBytes?: number): NewEntry[] =>
  Array.from({ length: count }, (_, i) => makeLogEntry(`${from + i}`, leafBytes))

async function open(
  t: TestContext,
  state: MemoryState,
  options: Partial<LogOptions> = {},
  change: (ports: LogPorts) => Partial<LogPorts> = () => ({}),
): Promise<CustodyLog> {
  const ports = openMemoryLog(state)
  const log = await openCustodyLog({ ...ports, ...change(ports) }, makeLogOptions(signer, options))
  // Some of these logs are broken on purpose.
  t.after(() => log.close().catch(() => undefined))
  return log
}

const appendAll = (log: CustodyLog, some: readonly NewEntry[]) => Promise.all(some.map((entry) => log.append(entry)))

describe('a custody log whose storage is slow', () => {
  /** A pause that ends by its signal only: somebody has to ask for the next round. */
  const sleep = (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve())
    })
  const small = { unintegratedBytes: 10_000, batchEntries: 8, pause: sleep }

  it('holds no more than it should, and does not wait for a pause to end', async (t) => {
    const state = createMemoryState()
    const log = await open(t, state, small)
    // Many times the limit, while the log rests between two rounds.
    await appendAll(log, entries(0, 8, 1000))
    await appendAll(log, entries(8, 400, 1000))
    assert.equal(log.state.size, 408n)
    assert.ok(Number(state.size) - Number(state.released) <= 40, `${state.size} entries, ${state.released} released`)
  })

  it('lets other work go on while batches wait for room', async (t) => {
    const state = createMemoryState()
    const gate = Promise.withResolvers<void>()
    let isHeld = false
    const log = await open(t, state, small, ({ objects }) => ({
      objects: {
        get: (path) => objects.get(path),
        putOnce: (path, bytes) => objects.putOnce(path, bytes),
        removePartial: (path) => objects.removePartial(path),
        async putAll(some) {
          isHeld = true
          await gate.promise
          await objects.putAll(some)
        },
      },
    }))
    const appended = appendAll(log, entries(0, 200, 1000))
    while (!isHeld) await new Promise((resolve) => setImmediate(resolve))
    // Immediates run only where nobody spins.
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(isHeld)
    assert.ok(log.state.waiting > 100, `${log.state.waiting} wait`)
    gate.resolve()
    assert.equal((await appended).length, 200)
  })

  it('answers those who wait for room when the storage fails', async (t) => {
    const gate = Promise.withResolvers<void>()
    const isAsked = Promise.withResolvers<void>()
    const log = await open(t, createMemoryState(), small, ({ objects }) => ({
      objects: {
        get: (path) => objects.get(path),
        putOnce: (path, bytes) => objects.putOnce(path, bytes),
        removePartial: (path) => objects.removePartial(path),
        putAll: () => {
          isAsked.resolve()
          return gate.promise
        },
      },
    }))
    const appended = Promise.allSettled(entries(0, 200, 1000).map((entry) => log.append(entry)))
    await isAsked.promise
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    gate.reject(new StoreError('log_unwritable', 'no space'))
    const answers = await appended
    const refused = answers.filter(({ status }) => status === 'rejected')
    assert.ok(refused.length > 0)
    for (const answer of refused) assert.ok(answer.status === 'rejected' && code('log_unwritable')(answer.reason))
    assert.equal(log.state.waiting, 0)
    assert.equal(log.state.failure, 'log_unwritable')
    await assert.rejects(log.append(makeLogEntry('later')), code('log_stopped'))
  })
})

describe('a custody log that has failed', () => {
  it('does not try again to store what could not be stored', async (t) => {
    const state = createMemoryState()
    let tries = 0
    const log = await open(t, state, { batchEntries: 4 }, ({ objects }) => ({
      objects: {
        get: (path) => objects.get(path),
        putOnce: (path, bytes) => objects.putOnce(path, bytes),
        removePartial: (path) => objects.removePartial(path),
        async putAll() {
          tries++
          // A second fsync after one that failed would say that all is well.
          throw new StoreError('log_unwritable', 'EIO')
        },
      },
    }))
    await Promise.allSettled(entries(0, 64).map((entry) => log.append(entry)))
    await log.close()
    assert.equal(tries, 1)
    assert.equal(state.cells.size, 0)
    assert.equal(state.released, 0n)
    const reopened = await open(t, state)
    assert.equal(reopened.state.size, log.state.size, 'what was durable is there')
  })

  it('tells which failure it was, also one of its keys', async (t) => {
    let isBroken = false
    const sign = async (message: Uint8Array): Promise<Uint8Array> => {
      if (isBroken) throw Object.assign(new TypeError('the token is gone'), { code: 'key_unusable' })
      return signer.ed25519.sign(message)
    }
    const state = createMemoryState()
    const log = await open(t, state, { signer: { ...signer, ed25519: { ...signer.ed25519, sign } } })
    await log.append(makeLogEntry('a'))
    isBroken = true
    await assert.rejects(log.append(makeLogEntry('b')), TypeError)
    assert.equal(log.state.failure, 'key_unusable')
    await assert.rejects(log.append(makeLogEntry('c')), code('log_stopped'))
    await log.close()
    // Durable all the same: whoever sends it again gets its place.
    const reopened = await open(t, state)
    assert.deepEqual(await reopened.append(makeLogEntry('b')).then(({ index, isNew }) => [index, isNew]), [1n, false])
  })

  it('does not go on publishing where it could not be opened', async () => {
    const state = createMemoryState()
    let asked = 0
    const cosign = async (): Promise<string> => {
      asked++
      throw new StoreError('witness_quorum_missing', 'nobody answered')
    }
    const options = { witnessing: { cosign }, pause: () => new Promise<void>((resolve) => setImmediate(resolve)) }
    const first = await openCustodyLog(openMemoryLog(state), makeLogOptions(signer, options))
    await first.append(makeLogEntry('a'))
    await first.close()
    // Durable, and not integrated: opening has to sign.
    const { head, ...ports } = openMemoryLog(state)
    const compareAndSwap = async (): Promise<void> => {
      throw new StoreError('log_unwritable', 'no space')
    }
    const stuck = { ...ports, head: { read: () => head.read(), compareAndSwap } }
    const second = await openCustodyLog(stuck, makeLogOptions(signer, options))
    await second.append(makeLogEntry('b'))
    await assert.rejects(second.close(), code('log_unwritable'))
    const sign = async (): Promise<Uint8Array> => {
      throw new TypeError('the token is gone')
    }
    const broken = { ...signer, ed25519: { ...signer.ed25519, sign } }
    asked = 0
    await assert.rejects(openCustodyLog(openMemoryLog(state), makeLogOptions(broken, options)), TypeError)
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(asked, 0)
  })

  /** A log whose entries are acknowledged and never stored elsewhere. */
  async function openStuck(): Promise<CustodyLog> {
    const { objects, ...ports } = openMemoryLog(createMemoryState())
    const putAll = async (): Promise<void> => {
      throw new StoreError('log_unwritable', 'no space')
    }
    const get = (path: string) => objects.get(path)
    const stuck = { ...ports, objects: { get, putOnce: putAll, putAll, removePartial: putAll } }
    return openCustodyLog(stuck, makeLogOptions(signer))
  }

  it('tells whoever closes it that not everything was written out, unless somebody knows', async () => {
    const silent = await openStuck()
    assert.equal((await silent.append(makeLogEntry('a'))).index, 0n)
    await assert.rejects(silent.close(), code('log_unwritable'))
    await assert.rejects(silent.close(), code('log_unwritable'))
    const waited = await openStuck()
    await waited.append(makeLogEntry('a'))
    await assert.rejects(waited.published(0n), StoreError)
    await waited.close()
    const busy = await openStuck()
    await busy.append(makeLogEntry('a'))
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
    await assert.rejects(busy.append(makeLogEntry('b')), code('log_stopped'))
    await busy.close()
  })

  it('answers whoever waits for a checkpoint after it was closed', async (t) => {
    const log = await open(t, createMemoryState())
    await log.append(makeLogEntry('a'))
    const never = log.published(5n)
    await log.close()
    await assert.rejects(never, code('log_stopped'))
    await assert.rejects(log.published(7n), code('log_stopped'))
    assert.match(await log.published(0n), /^log\.example\/test\n1\n/)
  })

  it('lets go of its storage when it is closed, and lets everybody who closes it wait for that', async (t) => {
    const closed: string[] = []
    const log = await open(t, createMemoryState(), {}, ({ sequencer }) => ({
      sequencer: Object.assign(Object.create(sequencer) as typeof sequencer, {
        async close() {
          await new Promise((resolve) => setImmediate(resolve))
          closed.push('sequencer')
        },
        claim: () => sequencer.claim(),
        find: (some: readonly Uint8Array[]) => sequencer.find(some),
        append: (...args: Parameters<typeof sequencer.append>) => sequencer.append(...args),
        release: (size: bigint) => sequencer.release(size),
      }),
    }))
    await log.append(makeLogEntry('a'))
    const first = log.close()
    await log.close()
    assert.deepEqual(closed, ['sequencer'])
    await first
  })
})

describe('a custody log whose callers and disk change bytes behind its back', () => {
  it('logs what an entry was when it was sent, whatever becomes of the buffer', async (t) => {
    const state = createMemoryState()
    const log = await open(t, state)
    const shared = Buffer.from(makeLogEntry('a').leaf)
    const payload = Buffer.from('statement')
    const identity = Buffer.from(makeLogEntry('a').identity)
    const appended = log.append({ ...makeLogEntry('a'), leaf: shared, payload, identity })
    for (const buffer of [shared, payload, identity]) buffer.fill(7)
    const receipt = await appended
    assert.deepEqual(receipt.leaf, makeLogEntry('a').leaf)
    await log.close()
    const reopened = await open(t, state)
    assert.equal((await reopened.append(makeLogEntry('a'))).isNew, false)
    assert.deepEqual(await openMemoryLog(state).records.payload(0n), new Uint8Array(Buffer.from('statement')))
  })

  /** A log of 700 entries that is open, with a byte of one of its objects changed. */
  async function damaged(t: TestContext, path: string): Promise<{ log: CustodyLog; history: LogHistory }> {
    const state = createMemoryState()
    const log = await open(t, state)
    const history = new LogHistory(signer)
    for (const receipt of await appendAll(log, entries(0, 700))) history.see(receipt.checkpoint)
    await log.close()
    const reopened = await open(t, state)
    const bytes = state.objects.get(path)
    assert.ok(bytes, path)
    bytes[40] = (bytes[40] ?? 0) ^ 1
    return { log: reopened, history }
  }

  it('gives out no proof that does not hold, where a tile was changed', async (t) => {
    const { log } = await damaged(t, 'tile/0/001')
    await assert.rejects(log.prove(300n), code('log_corrupted'))
    await assert.rejects(log.append(makeLogEntry('300')), code('log_corrupted'))
    await assert.rejects(log.proveConsistency(257n, 700n), code('log_corrupted'))
  })

  it('gives out no entry that is another, where a bundle was changed', async (t) => {
    const { log } = await damaged(t, 'tile/entries/001')
    await assert.rejects(log.prove(256n), code('log_corrupted'))
    await assert.rejects(log.append(makeLogEntry('256')), code('log_corrupted'))
    assert.equal((await log.prove(0n)).index, 0n, 'the others are as good as before')
  })

  it('never signs a tree that it reads from the disk', async (t) => {
    // The tile at the top of the right edge: a root made from it would be one that nobody has.
    const { log, history } = await damaged(t, 'tile/1/000.p/2')
    const answers = await Promise.allSettled([
      ...entries(700, 40).map((entry) => log.append(entry)),
      ...Array.from({ length: 40 }, (_, i) => log.append(makeLogEntry(`${i}`))),
      log.prove(0n),
    ])
    let acknowledged = 0
    for (const answer of answers) {
      if (answer.status === 'rejected') assert.ok(code('log_corrupted')(answer.reason))
      else {
        history.see(answer.value.checkpoint)
        acknowledged++
      }
    }
    assert.ok(acknowledged >= 40)
  })
})

describe('a custody log that opens over what is not its own past', () => {
  it('refuses a published checkpoint of another history with the same keys', async (t) => {
    const state = createMemoryState()
    const log = await open(t, state)
    await appendAll(log, entries(0, 10))
    await log.close()
    const { published } = openMemoryLog(state)
    const note = await published.read()
    const checkpoint = { origin: signer.origin, size: 9n, root: new Uint8Array(32).fill(1), extensions: [] }
    await published.compareAndSwap(note, await signCheckpoint(checkpoint, signer, 1n))
    await assert.rejects(open(t, state), code('log_corrupted'))
    const other = { ...checkpoint, size: 10n }
    await published.compareAndSwap(await published.read(), await signCheckpoint(other, signer, 1n))
    await assert.rejects(open(t, state), code('log_corrupted'))
    await published.compareAndSwap(await published.read(), note as string)
    await open(t, state)
  })

  it('refuses a partial bundle that is not what its tile says, before it goes into a full one', async (t) => {
    const state = createMemoryState()
    const log = await open(t, state)
    await appendAll(log, entries(0, 10))
    await log.close()
    const bytes = state.objects.get('tile/entries/000.p/10')
    assert.ok(bytes)
    bytes[50] = (bytes[50] ?? 0) ^ 1
    await assert.rejects(open(t, state), code('log_corrupted'))
  })
})
