/**
 * Rate limit: how often something may happen for each of a few known names (a token bucket a name).
 */

export interface RateLimitOptions {
  /** So many at once, at least 1. */
  readonly burst: number
  /** So many in the long run, above 0. */
  readonly perSecond: number
}

export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>()

  constructor(options: RateLimitOptions) {
    this.#options = options
  }

  /**
   * Takes one, if there is one.
   * @param nowMs  a clock that goes back gives nothing, and takes nothing away
   * @returns 0 if it was taken, else milliseconds until there is one again
   */
  take(name: string, nowMs: number): number {
    const { burst, perSecond } = this.#options
    const bucket = this.#buckets.get(name) ?? { tokens: burst, atMs: nowMs }
    const elapsedMs = Math.max(0, nowMs - bucket.atMs)
    const tokens = Math.min(burst, bucket.tokens + (elapsedMs * perSecond) / 1000)
    const isTaken = tokens >= 1
    this.#buckets.set(name, { tokens: isTaken ? tokens - 1 : tokens, atMs: nowMs })
    return isTaken ? 0 : Math.ceil(((1 - tokens) * 1000) / perSecond)
  }
}
