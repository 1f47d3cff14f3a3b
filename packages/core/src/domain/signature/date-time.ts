/** Date and time of value representation DT, DA and TM: PS3.5 table 6.2-1. */

const DATE_TIME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:\.(\d{1,6}))?([+-]\d{4})?$/

/**
 * Reads a DT that is complete down to the second; without a zone it counts as UTC.
 * @returns undefined for anything else, months of 13 and days of 32 included
 */
export function parseDateTime(text: string): Date | undefined {
  const match = DATE_TIME.exec(text.trim())
  if (match === null) return undefined
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = '', zone = '+0000'] = match
  const utc = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`)
  if (Number.isNaN(utc)) return undefined
  const offsetMinutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3))
  return new Date(utc - (zone.startsWith('-') ? -1 : 1) * offsetMinutes * 60_000)
}

/** Writes a DT with fraction and zone, in UTC. */
export function formatDateTime(time: Date): string {
  const [date = '', clock = ''] = time.toISOString().split('T')
  return `${date.replaceAll('-', '')}${clock.slice(0, 8).replaceAll(':', '')}.${clock.slice(9, 12)}000+0000`
}
