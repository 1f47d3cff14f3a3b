/** The system refuses calls of a process that appends under load: EIO once, ENOSPC from then on; or it ends there. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { privateFolder } from '../storage/log/file-log.ts'
import { type LoadEnd, type LoadOptions, LoadSite } from '../testing/log-load-site.ts'
import { temporaryFolder } from '../testing/peers.ts'
import {
  CALLS,
  type CallKind,
  countCalls,
  type Injection,
  injecting,
  parseTrace,
  strace,
  tracing,
} from '../testing/strace.ts'

/** How many places of each kind of call are tried. */
const PLACES = process.env.FIDUCIAL_SOAK === undefined ? 1 : 12
const KINDS = (Object.keys(CALLS) as CallKind[]).filter((kind) => kind !== 'open')
/** One thread for files, so that its calls come in one row. */
const LOAD: LoadOptions = { seed: 7, writers: 16, entries: 400, cycle: 150, env: { UV_THREADPOOL_SIZE: '1' } }
/** What whoever sends an entry may be told. */
const CODES = ['log_unwritable', 'log_stopped']
const STEPS = ['open', 'recover', 'close', 'end']

describe('a custody log to which the system refuses calls', { skip: strace.skip, concurrency: 2 }, () => {
  const root = temporaryFolder()
  const counts = new Map<CallKind, number>()
  const totals = { runs: 0, struck: 0, acknowledged: 0 }

  before(async () => {
    const trace = join(root, 'trace')
    const site = new LoadSite(mkdtempSync(join(root, 'site-')))
    const { code, acks } = await site.run({ ...LOAD, under: tracing(trace, KINDS) })
    assert.deepEqual([code, acks], [0, 400], 'without a fault all is acknowledged, also under strace')
    const calls = parseTrace(readFileSync(trace, 'utf8'))
    for (const kind of KINDS) counts.set(kind, countCalls(calls, kind))
  })

  async function inject(t: TestContext, injection: Injection, site: LoadSite): Promise<LoadEnd> {
    const end = await site.run({ ...LOAD, under: injecting(injection) })
    const isKilled = injection.action === 'SIGKILL'
    const what = `${injection.kind} ${injection.action} at ${injection.call}`
    assert.equal(end.stderr, '', what)
    for (const code of end.refused) assert.ok(CODES.includes(code), `${what}: ${code}`)
    for (const failed of end.failed) {
      const [step = '', code = ''] = failed.split(' ')
      assert.ok(STEPS.includes(step) && CODES.includes(code), `${what}: ${failed}`)
    }
    // A fault may hit what does not matter, such as the end of a file that is made smaller.
    const isStruck = end.refused.size + end.failed.size > 0
    if (!isKilled || end.signal === null) assert.deepEqual([end.code, end.signal], [isStruck ? 1 : 0, null], what)
    else assert.equal(end.signal, 'SIGKILL', what)
    if (!isStruck && end.signal === null) assert.equal(end.acks, 400, `${what}: nobody is left without an answer`)
    await site.check()
    totals.runs++
    if (isStruck || end.signal !== null) totals.struck++
    totals.acknowledged += end.acks
    const told = [...end.refused, ...end.failed].join(', ') || (end.signal ?? 'nothing')
    t.diagnostic(
      `${what} of ${counts.get(injection.kind) ?? 'some'}: ${end.acks} acknowledged, told: ${told}; all there`,
    )
    return end
  }

  for (const [i, kind] of KINDS.entries()) {
    for (const [j, action] of (['EIO', 'ENOSPC', 'SIGKILL'] as const).entries()) {
      // A run in between leaves one of the three out, another one for each kind.
      if (PLACES === 1 && i % 3 === j) continue
      it(`keeps its word where ${kind} is answered with ${action}`, async (t) => {
        for (let place = 0; place < PLACES; place++) {
          // Spread over the run, elsewhere for each of them, and not at its end: another run may have fewer calls.
          const part = (0.6 * (place + ((i * 5 + j * 3) % 11) / 11)) / PLACES
          const call = 1 + Math.floor(part * (counts.get(kind) ?? 1))
          const site = new LoadSite(mkdtempSync(join(root, 'site-')))
          await inject(t, { kind, action, call, isLasting: action === 'ENOSPC' }, site)
        }
      })
    }
  }

  const SEGMENT = 'wal/00000000000000000000.wal'
  const targets = [
    ['open', SEGMENT, 1],
    ['open', 'index.sqlite', 1],
    ['truncate', SEGMENT, 1],
    ['write', SEGMENT, 1],
    ['write', SEGMENT, 4],
    ['fdatasync', SEGMENT, 2],
    ['fsync', SEGMENT, 1],
    ['write', 'index.sqlite-wal', 40],
    ['fsync', 'index.sqlite-wal', 2],
  ] as const
  for (const [i, [kind, name, call]] of targets.entries()) {
    const action = i % 2 === 0 ? 'ENOSPC' : 'EIO'
    it(`keeps its word where call ${call} of ${kind} on ${name} is answered with ${action}`, async (t) => {
      const site = new LoadSite(mkdtempSync(join(root, 'site-')))
      const paths = [join(privateFolder(site.folder), name)]
      const end = await inject(t, { kind, action, call, isLasting: action === 'ENOSPC', paths }, site)
      assert.equal(end.code, 1, 'it was told')
    })
  }

  it('has refused something in most of these runs, and acknowledged something before', (t) => {
    t.diagnostic(
      `${totals.runs} runs, ${totals.struck} of them struck; ${totals.acknowledged} entries acknowledged, none lost`,
    )
    assert.ok(totals.struck > totals.runs / 2, `${totals.struck} of ${totals.runs}`)
    assert.ok(totals.acknowledged > 0)
  })
})
