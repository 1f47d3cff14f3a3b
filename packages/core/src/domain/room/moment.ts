/**
 * Moment: a point in time as it was handed in, in the spellings of DICOM.
 *
 * Source: PS3.5 section 6.2 (DA, TM, DT). The room has no clock; the local time on the wall and its offset from UTC come
 * from outside and are kept as they came.
 */

const SHAPE = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)?$/

export interface Moment {
  /** Milliseconds of the local time on a scale of its own; only differences mean anything. */
  readonly localMs: number
  /** `+0100`; undefined where the text named none. */
  readonly offset: string | undefined
}

/**
 * Reads a date and time like `2026-03-04T10:11:12.345+01:00` (ISO 8601, seconds needed, zone optional).
 * @throws {RangeError} for anything else, a 31st of April included
 */
export function parseMoment(text: string): Moment {
  const [, year, month, day, hour, minute, second, fraction = '', zone] = SHAPE.exec(text) ?? []
  const [y, m, d, h, min, s] = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const localMs = Date.UTC(y, m - 1, d, h, min, s, Number(fraction.padEnd(3, '0').slice(0, 3)))
  // What does not come back as it went in was no time of day or day of the month.
  if (Number.isNaN(localMs) || new Date(localMs).toISOString().slice(0, 19) !== text.slice(0, 19)) {
    throw new RangeError('not a date and time like 2026-03-04T10:11:12.345+01:00')
  }
  return { localMs, offset: zone === undefined ? undefined : zone === 'Z' ? '+0000' : zone.replace(':', '') }
}

export const later = ({ localMs, offset }: Moment, seconds: number): Moment => ({
  localMs: localMs + Math.round(seconds * 1000),
  offset,
})

/** `20260304` */
export const formatDate = (moment: Moment): string => digitsOf(moment).slice(0, 8)

/** `101112.345000` */
export const formatTime = (moment: Moment): string => {
  const digits = digitsOf(moment)
  return `${digits.slice(8, 14)}.${digits.slice(14)}000`
}

/** `20260304101112.345000+0100` */
export const formatDateTime = (moment: Moment): string =>
  `${formatDate(moment)}${formatTime(moment)}${moment.offset ?? ''}`

/** Year, month, day, hour, minute, second and millisecond, 17 digits. */
const digitsOf = ({ localMs }: Moment): string => new Date(localMs).toISOString().replace(/[^0-9]/g, '')
