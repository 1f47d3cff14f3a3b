/**
 * Finish run: what is owed to a log after events were appended: the root of its map, timestamps, and a checkpoint that
 * others can see.
 */
import type { OpenSiteLog } from '../../services/log/log-access.ts'
import type { Context } from '../context.ts'
import { describeFailure } from '../failure.ts'
import type { Appended } from './append-report.ts'

/**
 * Settles with a log, and waits until all that was appended is published.
 * @throws {StoreError} `witness_quorum_missing` and others: everything appended is durable, and shown to nobody yet
 */
export async function finishRun({ site }: OpenSiteLog, appended: readonly Appended[], context: Context): Promise<void> {
  if (appended.length === 0) return
  noteFailures((await site.settle()).failures, context)
  const last = appended.reduce((most, { receipt }) => (receipt.index > most ? receipt.index : most), 0n)
  await site.log.published(last)
}

/** Tells of timestamp authorities that did not answer: the log is whole without them. */
export function noteFailures(failures: readonly unknown[], { output }: Context): void {
  for (const failure of failures) {
    const { message, code } = describeFailure(failure)
    output.note(`no timestamp for the log from one authority: ${message} (${code})`)
  }
}
