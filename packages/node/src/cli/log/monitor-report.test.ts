import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { cosign } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import type { SplitView } from '@fiducial/core/domain/log/split-view.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseWitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { ToyLog, toySigner } from '@fiducial/core/testing/toy-log.ts'
import type { MonitorReport, SourceReport, SourceState } from '../../services/log/monitor.ts'
import type { Context } from '../context.ts'
import { Output } from '../output.ts'
import { judgeReport, showReport } from './monitor-report.ts'
import type { Watch } from './watch.ts'

const log = new ToyLog(9)
const signer = toySigner('court.example/w', 'cosignature-ed25519')
const policyOf = (quorum: string) =>
  parseWitnessPolicy(
    `log ${formatVerifierKey(log.signer.ed25519.key)}\nwitness w ${formatVerifierKey(signer.key)}\nquorum ${quorum}\n`,
    portableCrypto.hash,
  )
const MIRROR = { kind: 'mirror', url: 'https://one.example' } as const
const WITNESS = { kind: 'witness', url: 'https://w.example' } as const

const watchOf = (quorum = 'none'): Watch => ({
  origin: log.origin,
  policy: policyOf(quorum),
  sources: [MIRROR, WITNESS],
  optional: new Set([WITNESS.url]),
})
const reportOf = (sources: readonly SourceReport[], evidence: readonly SplitView[] = []): MonitorReport => ({
  verdict: 'consistent',
  sources,
  evidence,
})
const judge = (sources: readonly SourceReport[], watch = watchOf()) =>
  judgeReport(reportOf(sources), watch, portableCrypto)
const mirror = (state: SourceState): SourceReport => ({ source: MIRROR, state, size: 9n })
const witness = (state: SourceState): SourceReport => ({ source: WITNESS, state })

describe('What a look comes to', () => {
  it('is an alarm, something open, or all well, by the most serious state', () => {
    const codes: Record<SourceState, number> = {
      split_view: 1,
      rollback: 1,
      signature_wrong: 1,
      tiles_wrong: 1,
      unproven: 2,
      ahead: 2,
      unreachable: 2,
      behind: 0,
      consistent: 0,
    }
    for (const [state, code] of Object.entries(codes)) {
      assert.equal(judge([mirror(state as SourceState)]).code, code, state)
      assert.equal(judge([mirror('consistent'), mirror(state as SourceState)]).code, code, state)
    }
    assert.equal(judge([mirror('unproven'), mirror('rollback'), mirror('consistent')]).verdict, 'rollback')
  })

  it('does not hang on a witness that shows nothing and that nobody named', () => {
    assert.equal(judge([mirror('consistent'), witness('unreachable')]).code, 0)
    const named: Watch = { ...watchOf(), optional: new Set() }
    assert.equal(judge([mirror('consistent'), witness('unreachable')], named).code, 2)
  })

  it('is an alarm where such a witness shows something wrong', () => {
    for (const state of ['split_view', 'rollback', 'signature_wrong'] as const) {
      assert.equal(judge([mirror('consistent'), witness(state)]).code, 1, state)
    }
  })

  it('is open where nothing at all was seen', () => {
    assert.deepEqual(judge([witness('unreachable')]), { code: 2, verdict: 'unreachable', isWitnessed: true })
  })

  it('is open where a mirror shows what too few witnesses have cosigned', async () => {
    const note = await log.checkpoint()
    const cosigned = note + (await cosign(note, [signer], 1_800_000_000n))
    const shown = (text: string): SourceReport => ({ ...mirror('consistent'), note: text })
    assert.deepEqual(judge([shown(note)], watchOf('w')), { code: 2, verdict: 'consistent', isWitnessed: false })
    assert.deepEqual(judge([shown(cosigned), shown(note)], watchOf('w')).code, 2)
    assert.deepEqual(judge([shown(cosigned)], watchOf('w')), { code: 0, verdict: 'consistent', isWitnessed: true })
    assert.equal(judge([shown(note)], watchOf('none')).code, 0)
    assert.equal(judge([{ ...shown(note), state: 'rollback' }], watchOf('w')).code, 1)
  })

  it('does not ask of a witness that others have cosigned, too', async () => {
    const shown: SourceReport = { source: WITNESS, state: 'consistent', size: 9n, note: await log.checkpoint() }
    assert.equal(judge([shown], watchOf('w')).code, 0)
  })
})

describe('The report of a look', () => {
  const at = new Date('2026-03-03T10:14:00.500Z')

  function show(report: MonitorReport, parts: { isJson?: boolean; isBrief?: boolean; paths?: readonly string[] } = {}) {
    const { isJson = false, isBrief = false, paths = [] } = parts
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const output = new Output({ stdout, stderr, env: {} }, isJson)
    const watch = watchOf()
    const judged = judgeReport(report, watch, portableCrypto)
    showReport({ report, judged, watch, paths, at, isBrief }, { output } as Context)
    return String(stdout.read() ?? '')
  }

  it('is a line where all is well and it was shown before', () => {
    const text = show(reportOf([mirror('consistent'), { ...mirror('behind') }]), { isBrief: true })
    assert.equal(text, '2026-03-03T10:14:00Z  “hospital.example/log”: 2 sources show one history\n')
  })

  it('is never short where something is wrong or open', () => {
    for (const state of ['rollback', 'unreachable'] as const) {
      assert.ok(show(reportOf([mirror(state)]), { isBrief: true }).includes(MIRROR.url))
    }
  })

  it('does not call one of two histories the right one', () => {
    const view = { origin: log.origin } as SplitView
    const text = show(reportOf([mirror('consistent'), mirror('split_view')], [view]), { paths: ['a/b.json'] })
    assert.doesNotMatch(text, /✔/)
    assert.match(text, /ALARM: .* two histories\n {2}evidence: a\/b\.json\n$/)
  })

  it('does not say that sources agree where there is one', () => {
    assert.match(show(reportOf([mirror('consistent'), witness('unreachable')])), /nobody else was there/)
  })

  it('is one object for programs', () => {
    const rollback: SourceReport = { ...mirror('rollback'), earlierSize: 12n }
    assert.deepEqual(JSON.parse(show(reportOf([rollback, witness('unreachable')]), { isJson: true })), {
      at: '2026-03-03T10:14:00.500Z',
      origin: log.origin,
      verdict: 'rollback',
      isWitnessed: true,
      sources: [
        { ...MIRROR, state: 'rollback', size: '9', earlierSize: '12' },
        { ...WITNESS, state: 'unreachable' },
      ],
      evidence: [],
    })
  })

  it('holds addresses of others as text that acts on no terminal', () => {
    const report: SourceReport = { ...mirror('consistent'), source: { kind: 'mirror', url: 'https://a\x1b[2K' } }
    assert.ok(show(reportOf([report])).includes('https://a\\u{1b}[2K'))
  })
})
