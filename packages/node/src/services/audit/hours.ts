/**
 * Hours: times of the day, by the clock on the wall, between which a sweep reads or at which it begins.
 */

/** A time of the day, local. */
export interface TimeOfDay {
  /** 0 to 23. */
  readonly hour: number
  /** 0 to 59. */
  readonly minute: number
}

/** From the first time, inclusive, to the second one, exclusive; over midnight where that is earlier. */
export interface HourWindow {
  readonly from: TimeOfDay
  readonly to: TimeOfDay
}

const TIME = /^([01]?\d|2[0-3]):([0-5]\d)$/

/** `2:00` and `02:00`; undefined for anything else. */
export function parseTimeOfDay(text: string): TimeOfDay | undefined {
  const [, hour, minute] = TIME.exec(text) ?? []
  return hour === undefined || minute === undefined ? undefined : { hour: Number(hour), minute: Number(minute) }
}

/** `22:00-06:00`; undefined for anything else, and for a window of no length. */
export function parseHourWindow(text: string): HourWindow | undefined {
  const [from, to, more] = text.split('-').map(parseTimeOfDay)
  if (from === undefined || to === undefined || more !== undefined || text.split('-').length !== 2) return undefined
  return minutesOf(from) === minutesOf(to) ? undefined : { from, to }
}

const minutesOf = ({ hour, minute }: TimeOfDay): number => 60 * hour + minute

/** Milliseconds until a window opens; 0 while it is open. */
export function msUntilOpen({ from, to }: HourWindow, now: Date): number {
  const at = 60 * now.getHours() + now.getMinutes()
  const [start, end] = [minutesOf(from), minutesOf(to)]
  const isOpen = start < end ? at >= start && at < end : at >= start || at < end
  return isOpen ? 0 : nextTime(from, now).getTime() - now.getTime()
}

/** The next moment after now at which the clock on the wall shows a time; a day of 23 or 25 hours is counted as it is. */
export function nextTime({ hour, minute }: TimeOfDay, now: Date): Date {
  const next = new Date(now)
  next.setHours(hour, minute, 0, 0)
  if (next <= now) next.setDate(next.getDate() + 1)
  return next
}
