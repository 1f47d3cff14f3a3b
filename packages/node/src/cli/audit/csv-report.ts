/**
 * CSV report: one line for each finding, for spreadsheets.
 *
 * Source: RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe: keys of an archive are
 * whatever somebody called a file.
 */
import { FINDINGS } from '@fiducial/core/domain/audit/finding.ts'
import type { ReportEntry } from '../../services/audit/report.ts'

/** What makes a formula, also behind white space that some programs take away. */
const FORMULA = /^\s*[=+\-@\t\r]/

export const CSV_HEAD = line([
  'severity',
  'code',
  'finding',
  'sop_instance_uid',
  'series_instance_uid',
  'study_instance_uid',
  'key',
  'reasons',
  'where',
  'standing',
  'level',
  'found_in_sweep',
  'read_at',
  'what_to_do',
])

/** The lines of one entry. */
export function formatCsvEntry(entry: ReportEntry): string {
  const { sopInstanceUid, seriesInstanceUid, studyInstanceUid, key, standing, level, readAt } = entry
  return entry.findings
    .map(({ code, severity, foundIn, reasons, where }) =>
      line([
        severity,
        code,
        FINDINGS[code].title,
        sopInstanceUid,
        seriesInstanceUid,
        studyInstanceUid,
        key,
        reasons.join('; '),
        where.join('; '),
        standing,
        level,
        String(foundIn),
        readAt?.toISOString() ?? null,
        FINDINGS[code].advice,
      ]),
    )
    .join('')
}

function line(cells: readonly (string | null)[]): string {
  return `${cells.map((cell) => quote(cell ?? '')).join(',')}\r\n`
}

function quote(cell: string): string {
  const safe = FORMULA.test(cell) ? `'${cell}` : cell
  return /[",\r\n']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
