/**
 * Write reports: the files in which a sweep says what it found, each in place of that of the sweep before.
 */
import { join } from 'node:path'
import { type AuditSummary, type ReportFacts, reportEntries, summarize } from '../../services/audit/report.ts'
import type { Context } from '../context.ts'
import { CSV_HEAD, formatCsvEntry } from './csv-report.ts'
import { collectListed, formatHtmlReport } from './html-report.ts'
import { formatJsonReport } from './json-report.ts'
import type { ReportFormat } from './options.ts'

export interface ReportOrder {
  readonly folder: string
  readonly formats: readonly ReportFormat[]
}

/** @returns what was found, and the paths of the reports. @throws {StoreError} `output_unwritable` */
export async function writeReports(
  facts: ReportFacts,
  order: ReportOrder | undefined,
  { adapters }: { readonly adapters: Pick<Context['adapters'], 'writeText'> },
): Promise<{ readonly summary: AuditSummary; readonly paths: readonly string[] }> {
  const summary = await summarize(facts)
  const paths: string[] = []
  for (const format of order?.formats ?? []) {
    const path = join(order?.folder ?? '', `audit.${format}`)
    await adapters.writeText(path, textOf(format, summary, facts))
    paths.push(path)
  }
  return { summary, paths }
}

async function* textOf(format: ReportFormat, summary: AuditSummary, facts: ReportFacts): AsyncGenerator<string> {
  const entries = reportEntries(facts)
  if (format === 'json') yield* formatJsonReport(summary, entries)
  else if (format === 'html') yield formatHtmlReport(summary, await collectListed(entries))
  else {
    yield CSV_HEAD
    for await (const entry of entries) yield formatCsvEntry(entry)
  }
}
