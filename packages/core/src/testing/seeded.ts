/** Numbers for tests that try many inputs: the same for the same seed, on every machine. */

/** A generator of whole numbers below a bound (linear congruential, upper 24 bits). */
export function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % below
  }
}
