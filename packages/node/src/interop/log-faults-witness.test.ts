/** A log whose witnesses refuse, lie or know more than it does, and whose clock jumps: it takes entries, and shows nothing. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { keysOfSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseWitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { toySigner } from '@fiducial/core/testing/toy-log.ts'
import { startServer } from '../http/server.ts'
import { witnessFace } from '../http/witness-face.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type CustodyLog, type LogOptions, openCustodyLog } from '../services/log/custody-log.ts'
import type { CosignRequest } from '../services/log/integrator.ts'
import type { Fetch } from '../services/log/remote.ts'
import { createWitness } from '../services/log/witness-service.ts'
import { createWitnessing, WitnessingError } from '../services/log/witnessing.ts'
import { createMemoryState, type MemoryState, openMemoryLog } from '../storage/log/memory.ts'
import { createMemoryWitnessStore } from '../storage/log/memory-witness-store.ts'
import { checkStored } from '../testing/log-history.ts'
import { seeded } from '../testing/log-load.ts'
import { makeLogOptions, makeLogSigner } from '../testing/log-site.ts'
import { makeStatementEntry } from '../testing/log-statements.ts'

const signer = makeLogSigner()
const keys = keysOfSigner(signer)
const cosigner = toySigner('witness.example/w', 'cosignature-ed25519')
const never = new AbortController().signal
const now = () => new Date('2026-03-03T10:14:00Z')
const code =
  (...expected: readonly string[]) =>
  (error: unknown) =>
    error instanceof StoreError && expected.includes(error.code)

/** A real witness behind HTTP, and how a log asks it. */
async function startWitness(t: TestContext) {
  const witness = createWitness({
    logs: [{ origin: signer.origin, keys }],
    signers: [cosigner],
    store: createMemoryWitnessStore(),
    crypto: nativeCrypto,
    now,
  })
  const server = await startServer([witnessFace(witness)])
  t.after(() => server.close())
  return server.url
}

/** Options of a log with one witness; `answer` takes the place of what it says. */
function witnessedBy(url: string, answer?: { current: (() => Response) | undefined }): Partial<LogOptions> {
  const text = [
    `log ${formatVerifierKey(signer.ed25519.key)}`,
    `witness one ${formatVerifierKey(cosigner.key)} ${url}`,
    'quorum one',
    '',
  ].join('\n')
  const ask: Fetch = async (address, init) => answer?.current?.() ?? fetch(address, init)
  const policy = parseWitnessPolicy(text, nativeCrypto.hash)
  const witnessing = createWitnessing({ policy, crypto: nativeCrypto, fetch: ask, now, deadline: () => never })
  return {
    witnessing: { cosign: ({ note, prove }: CosignRequest) => witnessing.require({ checkpoint: note, prove }) },
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

const open = (state: MemoryState, options: Partial<LogOptions>): Promise<CustodyLog> =>
  openCustodyLog(openMemoryLog(state), makeLogOptions(signer, { now, ...options }))

const append = (log: CustodyLog, names: readonly string[]) =>
  Promise.all(names.map((name) => log.append(makeStatementEntry(name))))

const named = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix} ${i}`)

function sizeOf(note: string | undefined): bigint {
  const result = verifyCheckpoint(note ?? '', keys, nativeCrypto)
  return result.state === 'valid' ? result.checkpoint.size : 0n
}

describe('a custody log whose witness does not cosign', () => {
  it('takes entries and shows nothing, whatever the witness says, and shows all once it agrees', async (t) => {
    const url = await startWitness(t)
    const said = [
      'no',
      '— witness.example/w AAAAAAAA\n',
      '— stranger.example/w AAAAAAAAAAAA\n',
      'x'.repeat(100_000),
      '',
    ]
    const answers = [
      ...[403, 404, 429, 500, 503].map((status) => () => new Response('no', { status })),
      ...said.map((text) => () => new Response(text)),
      () => new Response('7\n', { status: 409, headers: { 'content-type': 'text/plain' } }),
      () => {
        throw new TypeError('nobody there')
      },
    ]
    const answer: { current: (() => Response) | undefined } = { current: undefined }
    const state = createMemoryState()
    const log = await open(state, witnessedBy(url, answer))
    const [first] = await append(log, ['first'])
    const shown = await log.published(first?.index ?? -1n)
    for (const [i, lie] of answers.entries()) {
      answer.current = lie
      const [receipt] = await append(log, [`entry ${i}`])
      assert.equal(receipt?.index, BigInt(i + 1))
      await assert.rejects(log.published(BigInt(i + 1)), code('witness_quorum_missing'))
      assert.equal(log.publishedCheckpoint, shown)
      assert.equal(await openMemoryLog(state).published.read(), shown)
    }
    answer.current = undefined
    await append(log, ['last'])
    assert.equal(sizeOf(await log.published(BigInt(answers.length + 1))), log.state.size)
    assert.equal(log.state.failure, undefined)
    await log.close()
    assert.deepEqual((await checkStored(openMemoryLog(state), keys)).findings, [])
  })

  it('is told of a conflict by a witness that lies about its size, and goes on without it', async (t) => {
    const url = await startWitness(t)
    const lie = (): Response =>
      new Response('999999\n', { status: 409, headers: { 'content-type': 'text/x.tlog.size' } })
    const state = createMemoryState()
    const log = await open(state, witnessedBy(url, { current: lie }))
    await append(log, named('a', 10))
    await assert.rejects(log.published(9n), code('witness_conflict'))
    assert.equal(log.publishedCheckpoint, undefined)
    assert.equal((await append(log, ['b']))[0]?.index, 10n)
    await log.close()
    assert.equal(await openMemoryLog(state).published.read(), undefined, 'not even when it is closed')
    // Taken out of the policy, it has no say.
    const freed = await open(state, {})
    assert.equal(sizeOf(await freed.published(10n)), 11n)
    await freed.close()
  })
})

describe('a custody log that was put back to an old copy', () => {
  /** A log that a witness has seen with 20 entries, and a copy of it from when it had 10. */
  async function rolledBack(t: TestContext) {
    const url = await startWitness(t)
    const state = createMemoryState()
    const log = await open(state, witnessedBy(url))
    await append(log, named('a', 10))
    await log.published(9n)
    await log.close()
    const copy = structuredClone(state)
    const later = await open(state, witnessedBy(url))
    await append(later, named('b', 10))
    assert.equal(sizeOf(await later.published(19n)), 20n)
    await later.close()
    return { url, copy, whole: state }
  }

  for (const count of [1, 10, 30]) {
    it(`is told so by its witness, with ${count} new entries, and shows none of them`, async (t) => {
      const { url, copy } = await rolledBack(t)
      const before = await openMemoryLog(copy).published.read()
      const log = await open(copy, witnessedBy(url))
      const receipts = await append(log, named('other', count))
      assert.equal(receipts.length, count)
      const failure = await log.published(BigInt(9 + count)).catch((error: unknown) => error)
      assert.ok(failure instanceof WitnessingError && failure.code === 'witness_conflict', String(failure))
      assert.equal(failure.result.reports[0]?.outcome, 'conflict')
      await log.close()
      assert.equal(await openMemoryLog(copy).published.read(), before, 'nobody is shown a second history')
    })
  }

  it('is refused at once where the newer checkpoint is its own', async (t) => {
    const { url, copy, whole } = await rolledBack(t)
    const newer = await openMemoryLog(whole).published.read()
    const { published } = openMemoryLog(copy)
    await published.compareAndSwap(await published.read(), newer as string)
    await assert.rejects(open(copy, witnessedBy(url)), code('log_corrupted'))
  })

  it('comes to the same history where everything is sent again as it was', async (t) => {
    const { url, copy } = await rolledBack(t)
    const log = await open(copy, witnessedBy(url))
    await append(log, named('b', 10))
    await append(log, ['c'])
    assert.equal(sizeOf(await log.published(20n)), 21n)
    await log.close()
  })
})

describe('a custody log whose clock jumps', () => {
  it('states times that never go back, over restarts, and keeps every entry that it took', async () => {
    const random = seeded(11)
    const state = createMemoryState()
    let time = Date.UTC(2026, 2, 3)
    const clock = { now: () => new Date(time), pause: () => Promise.resolve() }
    const stated: bigint[] = []
    const taken: string[] = []
    let refused = 0
    for (let run = 0; run < 12; run++) {
      const log = await open(state, clock).catch((error: unknown) => {
        assert.ok(code('clock_went_back')(error), String(error))
        refused++
        time += 3_600_000
        return undefined
      })
      for (let i = 0; log !== undefined && i < 12; i++) {
        time += Math.round((random() - 0.4) * 1_200_000)
        const name = `${run} ${i}`
        const answers = await Promise.allSettled(
          [name, `${name} beside`].map((one) => log.append(makeStatementEntry(one))),
        )
        for (const [j, answer] of answers.entries()) {
          if (answer.status === 'rejected') {
            assert.ok(code('clock_went_back')(answer.reason), String(answer.reason))
            refused++
            continue
          }
          taken.push(j === 0 ? name : `${name} beside`)
          const result = verifyCheckpoint(answer.value.checkpoint, keys, nativeCrypto)
          assert.ok(result.state === 'valid')
          stated.push(result.valid.at(-1)?.timestamp ?? 0n)
        }
      }
      await log?.close()
    }
    assert.ok(refused > 5 && taken.length > 50, `${refused} refused, ${taken.length} taken`)
    assert.deepEqual(
      stated,
      stated.toSorted((a, b) => Number(a - b)),
    )
    assert.equal(state.size, BigInt(taken.length), 'what was refused was never accepted')
    const report = await checkStored(openMemoryLog(state), keys)
    assert.deepEqual([report.size, report.findings], [BigInt(taken.length), []])
  })
})
