/**
 * Random: chance for attacks, repeatable from a number and quick enough for one draw a pixel.
 *
 * Source: mulberry32 (a Weyl sequence with a multiply-xorshift finaliser); the polar method for normal deviates (Marsaglia and
 * Bray 1964). Not for keys.
 */

export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number
  /** Uniform in [low, high). */
  between(low: number, high: number): number
  /** A whole number 0 … count − 1. */
  integer(count: number): number
  /** Mean 0, deviation 1. */
  normal(): number
}

/** A generator whose whole future is decided by `seed`, a whole number of 32 bits. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) | 0
  let spare = Number.NaN
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const normal = (): number => {
    if (!Number.isNaN(spare)) {
      const value = spare
      spare = Number.NaN
      return value
    }
    for (;;) {
      const x = 2 * uniform() - 1
      const y = 2 * uniform() - 1
      const square = x * x + y * y
      if (square >= 1 || square === 0) continue
      const factor = Math.sqrt((-2 * Math.log(square)) / square)
      spare = y * factor
      return x * factor
    }
  }
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    integer: (count) => Math.floor(uniform() * count),
    normal,
  }
}
