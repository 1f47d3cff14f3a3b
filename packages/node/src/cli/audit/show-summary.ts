/** Show summary: what a sweep came to, on a screen. */
import { FINDINGS } from '@fiducial/core/domain/audit/finding.ts'
import type { AuditSummary } from '../../services/audit/report.ts'
import type { SweepResult } from '../../services/audit/sweep.ts'
import type { Output } from '../output.ts'
import { formatBytes } from '../progress.ts'
import { counted, layOut } from '../table.ts'
import { visible } from '../visible.ts'
import { toJsonSummary } from './json-report.ts'

export interface Shown {
  readonly summary: AuditSummary
  readonly result: SweepResult
  /** Instances that were enrolled; undefined where nobody asked. */
  readonly enrolled: number | undefined
  readonly paths: readonly string[]
}

const MARKS = { alarm: ['✘', 'red'], warning: ['?', 'yellow'], notice: ['–', 'dim'] } as const

export function showSummary({ summary, result, enrolled, paths }: Shown, output: Output): void {
  const { style } = output
  const { isResumed, logEntries, readNow } = result
  output.record({
    ...toJsonSummary(summary),
    isResumed,
    logEntries: String(logEntries),
    readNow,
    ...(enrolled !== undefined && { enrolled }),
    reports: paths,
  })
  if (output.isJson) return
  const { archive, sweep, standings, counts, isFinished } = summary
  const { read, unchanged, failed, bytes } = sweep.counts
  output.line(`${style.bold(visible(archive.name))}: sweep ${sweep.number}${isResumed ? ', gone on with' : ''}`)
  output.line(
    `    ${counted(read, 'image')} read (${formatBytes(bytes)}), ${unchanged} unchanged and passed over, ${failed} unreadable`,
  )
  output.line(
    `    ${standings.authentic} authentic, ${standings.recorded} unchanged since recorded, ${standings.undetermined} undetermined, ${standings.not_authentic} not authentic`,
  )
  const rows = counts.map(({ code, severity, count, fresh, resolved }) => [
    `${MARKS[severity][0]} ${code}`,
    String(count),
    fresh < count ? `${fresh} new` : '',
    (resolved ?? 0) > 0 ? `${resolved} no more` : '',
    FINDINGS[code].title,
  ])
  for (const line of layOut(rows, (text, column, row) => {
    const severity = counts[row]?.severity
    return column === 0 && severity !== undefined ? style[MARKS[severity][1]](text) : text
  }))
    output.line(`    ${line}`)
  if (!isFinished) output.line('    not finished: the next run goes on from here')
  if (enrolled !== undefined) {
    output.line(
      `    ${counted(enrolled, 'image')} enrolled: changes show from now on; about the time before, this proves nothing`,
    )
  }
  for (const path of paths) output.line(`    ${path}`)
}
