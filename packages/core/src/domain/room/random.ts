/**
 * Random: the one source of chance in the room, repeatable from a text.
 *
 * Source: sfc32, the 32-bit generator of the PractRand test suite (three words of state and a counter); the polar
 * method for normal deviates (Marsaglia and Bray 1964). The text is spread over the state by 32-bit FNV-1a from four
 * starting values. Not for keys: whoever knows the seed knows everything.
 */

const TEXT_BASES = [0x811c9dc5, 0x01234567, 0x9e3779b9, 0x5bd1e995] as const
const FNV_PRIME = 0x01000193
/** From this mean on a Poisson deviate is drawn from the normal law; their distribution functions differ by < 1 %. */
const NORMAL_FROM_MEAN = 64

export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number
  /** Uniform in [low, high). */
  between(low: number, high: number): number
  /** A whole number 0 … count − 1. */
  integer(count: number): number
  /** 32 random bits. */
  bits(): number
  normal(mean: number, deviation: number): number
  /** A normal deviate kept within two deviations: for bodies, where nobody is five deviations tall. */
  around(mean: number, deviation: number): number
  /** Number of rare events; `mean` ≥ 0. */
  poisson(mean: number): number
  pick<T>(choices: readonly [T, ...T[]]): T
  /** An independent stream; the same label gives the same stream, whatever was drawn here before. */
  fork(label: string): Random
}

/** A generator whose whole future is decided by `seed`. */
export function createRandom(seed: string): Random {
  const bits = createWords(seed)
  const uniform = (): number => bits() / 0x1_0000_0000
  const standard = createNormal(uniform)
  const random: Random = {
    bits,
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    integer: (count) => Math.floor(uniform() * count),
    normal: (mean, deviation) => mean + deviation * standard(),
    around: (mean, deviation) => mean + deviation * Math.max(-2, Math.min(2, standard())),
    poisson: (mean) =>
      mean < NORMAL_FROM_MEAN
        ? countArrivals(mean, uniform)
        : Math.max(0, Math.round(mean + Math.sqrt(mean) * standard())),
    pick: (choices) => choices[Math.floor(uniform() * choices.length)] ?? choices[0],
    fork: (label) => createRandom(`${seed}/${label}`),
  }
  return random
}

function createWords(seed: string): () => number {
  let [a, b, c, counter] = TEXT_BASES.map((base) => hashText(seed, base)) as [number, number, number, number]
  const next = (): number => {
    const word = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + word) | 0
    return word >>> 0
  }
  // The first words still show the hash; twenty rounds mix it well.
  for (let i = 0; i < 20; i++) next()
  return next
}

function hashText(text: string, base: number): number {
  let hash = base
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME)
  return hash ^ (hash >>> 15)
}

function createNormal(uniform: () => number): () => number {
  let spare = Number.NaN
  return () => {
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
}

/** Counts how many uniform factors fit before their product falls below e^−mean. */
function countArrivals(mean: number, uniform: () => number): number {
  const floor = Math.exp(-mean)
  let product = uniform()
  let count = 0
  while (product > floor) {
    product *= uniform()
    count++
  }
  return count
}
