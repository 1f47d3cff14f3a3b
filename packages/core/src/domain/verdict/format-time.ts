/** Format time: a moment as sentences for people name it. */

const MONTHS = 'January February March April May June July August September October November December'.split(' ')

/** `3 March 2026 at 10:14 UTC`. */
export function formatTime(time: Date): string {
  const clock = time.toISOString().slice(11, 16)
  return `${time.getUTCDate()} ${MONTHS[time.getUTCMonth()]} ${time.getUTCFullYear()} at ${clock} UTC`
}
