/** Moments: times as people type them. */
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/**
 * A moment with its zone, or a day, which begins in UTC.
 * @throws {UsageError}
 */
export function readMoment(text: string, option: string): Date {
  const moment = MOMENT.test(text) ? new Date(text) : undefined
  if (moment === undefined || Number.isNaN(moment.getTime()))
    throw new UsageError(`${option} ${visible(text)} is no moment`, 'such as 2026-03-01T12:00:00Z')
  return moment
}
