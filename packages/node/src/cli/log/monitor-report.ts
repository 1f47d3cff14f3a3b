/**
 * Monitor report: what a look at a log comes to, in one word, one exit code, and a line for each source.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { judgeQuorum, keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { NO_QUORUM } from '@fiducial/core/formats/tlog/policy.ts'
import { type MonitorReport, SOURCE_STATES, type SourceReport, type SourceState } from '../../services/log/monitor.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { Style } from '../style.ts'
import { counted, layOut } from '../table.ts'
import { visible } from '../visible.ts'
import type { Watch } from './watch.ts'

const ALARMS: readonly SourceState[] = ['split_view', 'rollback', 'signature_wrong', 'tiles_wrong']
const OPEN: readonly SourceState[] = ['unproven', 'ahead', 'unreachable']

/** What a look comes to. */
export interface Judgement {
  readonly code: ExitCode
  /** The most serious state of a source that counts. */
  readonly verdict: SourceState
  /** Whether each mirror shows a checkpoint that as many witnesses have cosigned as the policy asks for. */
  readonly isWitnessed: boolean
}

export interface Shown {
  readonly report: MonitorReport
  readonly judged: Judgement
  readonly watch: Watch
  /** Of the files with evidence. */
  readonly paths: readonly string[]
  readonly at: Date
  /** Whether a line is enough where all is well. */
  readonly isBrief: boolean
}

export function judgeReport({ sources }: MonitorReport, watch: Watch, crypto: Crypto): Judgement {
  // Witnesses are not bound to show anything, and one that is away is for whoever runs the log to see to.
  const counting = sources.filter(({ source, state }) => state !== 'unreachable' || !isOptional(source.url, watch))
  const verdict = worst(counting.map(({ state }) => state))
  const isWitnessed = sources.every((source) => hasQuorum(source, watch, crypto))
  const isOpen = OPEN.includes(verdict) || !isWitnessed
  const code = ALARMS.includes(verdict) ? EXIT.notAuthentic : isOpen ? EXIT.undetermined : EXIT.ok
  return { code, verdict, isWitnessed }
}

function hasQuorum({ source, note }: SourceReport, { policy }: Watch, crypto: Crypto): boolean {
  if (source.kind === 'witness' || note === undefined || policy.quorum === NO_QUORUM) return true
  const result = verifyCheckpoint(note, keysOfPolicy(policy), crypto)
  return result.state === 'valid' && judgeQuorum(policy, result).state === 'witnessed'
}

/** Where no source counts, nothing was seen. */
const worst = (states: readonly SourceState[]): SourceState =>
  states.length === 0 ? 'unreachable' : (SOURCE_STATES.find((state) => states.includes(state)) ?? 'consistent')

const isOptional = (url: string, { optional }: Watch): boolean => optional.has(url)

export function showReport(shown: Shown, { output }: Context): void {
  const { report, judged, watch, paths, at, isBrief } = shown
  const { style } = output
  output.record({
    at: at.toISOString(),
    origin: watch.origin,
    verdict: judged.verdict,
    isWitnessed: judged.isWitnessed,
    sources: report.sources.map(({ source, state, size, earlierSize }) => ({
      ...source,
      state,
      ...(size !== undefined && { size: String(size) }),
      ...(earlierSize !== undefined && { earlierSize: String(earlierSize) }),
    })),
    evidence: paths,
  })
  const summary = summaryOf(shown, style)
  if (isBrief && judged.code === EXIT.ok) {
    output.line(`${at.toISOString().slice(0, 19)}Z  ${summary}`)
    return
  }
  const rows = report.sources.map((one) => [
    wordsOf(one, shown),
    sizeOf(one),
    `${one.source.kind} ${visible(one.source.url)}`,
  ])
  const lines = layOut(rows, (text, column, row) => (column === 0 ? paint(text, report.sources[row], style) : text))
  for (const line of lines) output.line(line)
  output.line()
  output.line(summary)
  for (const path of paths) output.line(`  evidence: ${visible(path)}`)
}

const WORDS: Readonly<Record<SourceState, string>> = {
  split_view: '✘ another history than others',
  rollback: '✘ shows less than before',
  signature_wrong: '✘ not signed by the log',
  tiles_wrong: '✘ tiles do not fit',
  unproven: '? not comparable',
  ahead: '? ahead of all mirrors',
  unreachable: '? unreachable',
  behind: '✔ behind',
  consistent: '✔ consistent',
}

function wordsOf({ source, state }: SourceReport, { report, watch }: Shown): string {
  if (state === 'unreachable' && isOptional(source.url, watch)) return '– shows nothing'
  // Of two histories nobody here knows which is the honest one.
  return state === 'consistent' && report.evidence.length > 0 ? '? as the largest' : WORDS[state]
}

function sizeOf({ size, earlierSize }: SourceReport): string {
  if (size === undefined) return ''
  return counted(Number(size), 'entry', 'entries') + (earlierSize === undefined ? '' : `, before ${earlierSize}`)
}

function paint(text: string, report: SourceReport | undefined, style: Style): string {
  if (report === undefined || text.startsWith('–')) return style.dim(text)
  if (ALARMS.includes(report.state)) return style.red(text)
  return text.startsWith('?') ? style.yellow(text) : style.green(text)
}

function summaryOf({ report, judged, watch }: Shown, style: Style): string {
  const name = `“${visible(watch.origin)}”`
  if (report.evidence.length > 0) return style.red(`ALARM: ${name} has shown two histories`)
  if (judged.code === EXIT.notAuthentic) return style.red(`ALARM: ${name} is not shown as it should be`)
  if (!judged.isWitnessed) return style.yellow(`${name} is shown without as many witnesses as its policy asks for`)
  if (judged.code !== EXIT.ok) return style.yellow(`${name}: not everything could be compared`)
  const seen = report.sources.filter(({ size }) => size !== undefined).length
  return seen > 1
    ? style.green(`${name}: ${seen} sources show one history`)
    : `${name} fits what was seen before; nobody else was there to compare it with`
}
