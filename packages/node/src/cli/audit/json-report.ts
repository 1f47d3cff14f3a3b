/**
 * JSON report: everything that a sweep came to, for programs. Its schema: docs/reference/audit-report.schema.json.
 */
import { FINDINGS } from '@fiducial/core/domain/audit/finding.ts'
import type { DatedFinding, Sweep } from '../../services/audit/ports.ts'
import type { AuditSummary, ReportEntry } from '../../services/audit/report.ts'

export const REPORT_FORMAT = 'https://fiducial.dev/audit-report/v1'

/** All of it but the entries. */
export function toJsonSummary(summary: AuditSummary) {
  const { archive, policy, log, sweep, isFinished, previous, standings, counts, severities } = summary
  return {
    format: REPORT_FORMAT,
    archive,
    policy,
    log,
    sweep: { ...toJsonSweep(sweep), isFinished },
    previous: previous && toJsonSweep(previous),
    standings,
    severities,
    findings: counts.map(({ code, severity, count, fresh, resolved }) => {
      const { title, explanation, advice } = FINDINGS[code]
      return { code, severity, count, fresh, resolved, title, explanation, advice }
    }),
  }
}

function toJsonSweep({ number, startedAt, endedAt, isFull, counts }: Sweep) {
  return { number, startedAt: startedAt.toISOString(), endedAt: endedAt?.toISOString() ?? null, isFull, ...counts }
}

export function toJsonEntry(entry: ReportEntry) {
  return { ...entry, readAt: entry.readAt?.toISOString() ?? null, findings: entry.findings.map(toJsonFinding) }
}

const toJsonFinding = ({ code, severity, foundIn, reasons, where }: DatedFinding) => ({
  code,
  severity,
  foundIn,
  reasons,
  where,
})

/** Pieces of the report, so that none of a large archive has to fit into memory. */
export async function* formatJsonReport(
  summary: AuditSummary,
  entries: AsyncIterable<ReportEntry>,
): AsyncGenerator<string> {
  const head = JSON.stringify(toJsonSummary(summary), null, 2)
  yield `${head.slice(0, -2)},\n  "entries": [`
  let separator = '\n    '
  for await (const entry of entries) {
    yield separator + JSON.stringify(toJsonEntry(entry))
    separator = ',\n    '
  }
  yield '\n  ]\n}\n'
}
