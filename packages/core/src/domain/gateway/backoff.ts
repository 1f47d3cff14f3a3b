/**
 * Back-off: when to try again what has failed, and when to give it up.
 *
 * Each wait is twice as long as the one before, up to a longest one. A part of it is left to chance, so that what failed
 * together does not come back together. Pure: randomness is handed in.
 */

export interface Backoff {
  /** The wait after the first failure. */
  readonly firstMs: number
  readonly longestMs: number
  /** Share of a wait that is left to chance, 0 to 1: with 0.5, a wait of a minute takes 30 to 60 seconds. */
  readonly jitter: number
  /** Failures after which it is given up; null for never. */
  readonly attemptsLimit: number | null
  /** Time after which it is given up; null for never. */
  readonly giveUpAfterMs: number | null
}

/** From seconds to minutes; a copy that a destination refuses twelve times, for about an hour, is given up. */
export const DELIVERY_BACKOFF: Backoff = {
  firstMs: 5_000,
  longestMs: 600_000,
  jitter: 0.5,
  attemptsLimit: 12,
  giveUpAfterMs: null,
}

/** For a destination that does not answer at all: it is asked again as long as there is anything for it. */
export const OUTAGE_BACKOFF: Backoff = {
  firstMs: 1_000,
  longestMs: 60_000,
  jitter: 0.5,
  attemptsLimit: null,
  giveUpAfterMs: null,
}

export interface Failures {
  /** How often it has failed, this time included: 1 or more. */
  readonly count: number
  /** Since it could have succeeded for the first time. */
  readonly sinceMs: number
}

/**
 * The wait before the next try, in milliseconds; null where it is given up.
 * @param chance  0 up to, not including, 1: the larger, the shorter the wait
 */
export function nextWaitMs(backoff: Backoff, { count, sinceMs }: Failures, chance: number): number | null {
  const { firstMs, longestMs, jitter, attemptsLimit, giveUpAfterMs } = backoff
  if (attemptsLimit !== null && count >= attemptsLimit) return null
  if (giveUpAfterMs !== null && sinceMs >= giveUpAfterMs) return null
  const doubled = firstMs * 2 ** Math.min(Math.max(count, 1) - 1, DOUBLINGS)
  return Math.round(Math.min(doubled, longestMs) * (1 - jitter * chance))
}

/**
 * The waits after each failure, in milliseconds, until it is given up; however often it may fail, no more than `limit` of them.
 * @param chance  as of {@link nextWaitMs}
 */
export function waitsUntilGivenUp(backoff: Backoff, chance: number, limit: number): readonly number[] {
  const waits: number[] = []
  while (waits.length < limit) {
    const waitMs = nextWaitMs(backoff, { count: waits.length + 1, sinceMs: 0 }, chance)
    if (waitMs === null) break
    waits.push(waitMs)
  }
  return waits
}

/** More would leave the numbers that are exact. */
const DOUBLINGS = 30
