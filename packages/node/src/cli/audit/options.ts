/** Audit options: the words of `fiducial audit`, read and checked. */
import type { HourWindow, TimeOfDay } from '../../services/audit/hours.ts'
import { parseHourWindow, parseTimeOfDay } from '../../services/audit/hours.ts'
import type { ThrottleLimits } from '../../services/audit/throttle.ts'
import type { LogOptions } from '../find-logs.ts'
import type { SecretOptions } from '../secrets.ts'
import type { TrustOptions } from '../trust.ts'
import { UsageError } from '../usage-error.ts'

export interface AuditOptions extends TrustOptions, LogOptions, SecretOptions {
  readonly policy: string
  readonly full?: boolean
  /** A day, or `last`. */
  readonly since?: string
  readonly rereadDays: number
  /** Instances or bytes a second, such as `20/s` or `50MB/s`. */
  readonly throttle?: readonly string[]
  readonly between?: string
  readonly limit?: number
  readonly out?: string
  readonly format: string
  readonly paths?: boolean
  readonly schedule?: string
  readonly enrol?: boolean
  readonly record?: boolean
  /** Reads the marks in the pixels. */
  readonly marks?: boolean
  /** Hours. */
  readonly missingAfter: number
  readonly credentialsFile?: string
  readonly callingAet?: string
  readonly receivePort?: number
  /** PEM files. */
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
}

export const REPORT_FORMATS = ['html', 'csv', 'json'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

/** @throws {UsageError} */
export function readFormats(text: string): readonly ReportFormat[] {
  const formats = text.split(',').map((word) => REPORT_FORMATS.find((known) => known === word.trim()))
  if (formats.some((format) => format === undefined))
    throw new UsageError('a report has no such format', `formats: ${REPORT_FORMATS.join(', ')}`)
  return [...new Set(formats as ReportFormat[])]
}

const RATE = /^(\d{1,9}(?:\.\d{1,3})?)(kB|MB|GB)?\/s$/i
const UNITS: Readonly<Record<string, number>> = { kb: 1e3, mb: 1e6, gb: 1e9 }

/** @throws {UsageError} */
export function readLimits({ throttle = [], between }: Pick<AuditOptions, 'throttle' | 'between'>): ThrottleLimits {
  let limits: ThrottleLimits = between === undefined ? {} : { hours: readWindow(between) }
  for (const word of throttle) {
    const [, amount, unit] = RATE.exec(word) ?? []
    const rate = Number(amount) * (unit === undefined ? 1 : (UNITS[unit.toLowerCase()] ?? 1))
    if (amount === undefined || rate === 0)
      throw new UsageError('--throttle takes a rate', 'such as 20/s for instances, or 50MB/s')
    limits = unit === undefined ? { ...limits, instancesPerSecond: rate } : { ...limits, bytesPerSecond: rate }
  }
  return limits
}

function readWindow(text: string): HourWindow {
  const window = parseHourWindow(text)
  if (window === undefined) throw new UsageError('--between takes two times of the day', 'such as 22:00-06:00')
  return window
}

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/

/** `last`, or a day as archives take it. @throws {UsageError} */
export function readSince(text: string): string {
  const [, year, month, day] = DAY.exec(text) ?? []
  if (text !== 'last' && year === undefined)
    throw new UsageError('--since takes a day, or the word last', 'such as 2026-11-01')
  return text === 'last' ? text : `date:${year}${month}${day}`
}

/** @throws {UsageError} */
export function readSchedule(text: string): TimeOfDay {
  const time = parseTimeOfDay(text)
  if (time === undefined) throw new UsageError('--schedule takes a time of the day', 'such as 02:00')
  return time
}
