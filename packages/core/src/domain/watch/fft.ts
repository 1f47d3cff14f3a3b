/**
 * FFT: spectra of 64 × 64 real samples, two at a time, in place and without allocation.
 *
 * Source: Cooley and Tukey 1965; two real inputs as the parts of one complex input. The factors come from halved angles, products and square roots
 * alone, so that all engines agree to the last bit.
 */

/** Samples along a side. */
export const SIDE = 64
const STAGES = 6
const HALF = SIDE / 2

/** Cosines and sines of 2π·k/64 for k below 32. */
const { cosines, sines } = makeFactors()
const REVERSED = Uint8Array.from({ length: SIDE }, (_, i) => {
  let reversed = 0
  for (let bit = 0; bit < STAGES; bit++) if ((i & (1 << bit)) !== 0) reversed |= HALF >> bit
  return reversed
})

/** Two real patches of 64 × 64 before, one complex spectrum after. */
export interface PatchPair {
  readonly real: Float64Array
  readonly imaginary: Float64Array
}

export const createPatchPair = (): PatchPair => ({
  real: new Float64Array(SIDE * SIDE),
  imaginary: new Float64Array(SIDE * SIDE),
})

/** Transforms rows, then columns, without a factor; element (v, u) stands at v·64 + u. */
export function transformPair({ real, imaginary }: PatchPair): void {
  for (let row = 0; row < SIDE; row++) transformRow(real, imaginary, row * SIDE)
  transformColumns(real, imaginary)
}

/**
 * Takes the spectra of a transformed pair apart: squared magnitudes of both patches.
 * @param one    power of what was in `real`, 4096 values, overwritten
 * @param other  power of what was in `imaginary`, likewise
 */
export function splitPower({ real, imaginary }: PatchPair, one: Float64Array, other: Float64Array): void {
  for (let v = 0, at = 0; v < SIDE; v++) {
    const mirrored = ((SIDE - v) & (SIDE - 1)) * SIDE
    for (let u = 0; u < SIDE; u++, at++) {
      const opposite = mirrored + ((SIDE - u) & (SIDE - 1))
      const a = real[at] as number
      const b = imaginary[at] as number
      const c = real[opposite] as number
      const d = imaginary[opposite] as number
      one[at] = ((a + c) * (a + c) + (b - d) * (b - d)) / 4
      other[at] = ((b + d) * (b + d) + (a - c) * (a - c)) / 4
    }
  }
}

function transformRow(real: Float64Array, imaginary: Float64Array, from: number): void {
  for (let i = 0; i < SIDE; i++) {
    const j = REVERSED[i] as number
    if (j > i) swap(real, imaginary, from + i, from + j)
  }
  for (let half = 1, step = HALF; half < SIDE; half <<= 1, step >>= 1) {
    for (let k = 0; k < half; k++) {
      const c = cosines[k * step] as number
      const s = sines[k * step] as number
      for (let i = from + k; i < from + SIDE; i += half << 1) butterfly(real, imaginary, i, i + half, c, s)
    }
  }
}

/** All columns side by side, so that memory is read in its order. */
function transformColumns(real: Float64Array, imaginary: Float64Array): void {
  for (let i = 0; i < SIDE; i++) {
    const j = REVERSED[i] as number
    if (j > i) for (let x = 0; x < SIDE; x++) swap(real, imaginary, i * SIDE + x, j * SIDE + x)
  }
  for (let half = 1, step = HALF; half < SIDE; half <<= 1, step >>= 1) {
    for (let k = 0; k < half; k++) {
      const c = cosines[k * step] as number
      const s = sines[k * step] as number
      for (let i = k; i < SIDE; i += half << 1) {
        const upper = i * SIDE
        const lower = upper + half * SIDE
        for (let x = 0; x < SIDE; x++) butterfly(real, imaginary, upper + x, lower + x, c, s)
      }
    }
  }
}

/** Inlined by every engine; the turn is by −angle. */
function butterfly(real: Float64Array, imaginary: Float64Array, i: number, j: number, c: number, s: number): void {
  const x = real[j] as number
  const y = imaginary[j] as number
  const a = x * c + y * s
  const b = y * c - x * s
  real[j] = (real[i] as number) - a
  imaginary[j] = (imaginary[i] as number) - b
  real[i] = (real[i] as number) + a
  imaginary[i] = (imaginary[i] as number) + b
}

function swap(real: Float64Array, imaginary: Float64Array, i: number, j: number): void {
  const x = real[i] as number
  const y = imaginary[i] as number
  real[i] = real[j] as number
  imaginary[i] = imaginary[j] as number
  real[j] = x
  imaginary[j] = y
}

function makeFactors(): { cosines: Float64Array; sines: Float64Array } {
  const cosines = new Float64Array(HALF).fill(1)
  const sines = new Float64Array(HALF)
  // From a quarter turn down to one step; each angle is a sum of those.
  let [cosine, sine] = [0, 1]
  for (let bit = HALF / 2; bit >= 1; bit >>= 1) {
    for (let k = 0; k < HALF; k++) {
      if ((k & bit) === 0) continue
      const [c, s] = [cosines[k] as number, sines[k] as number]
      cosines[k] = c * cosine - s * sine
      sines[k] = s * cosine + c * sine
    }
    ;[cosine, sine] = [Math.sqrt((1 + cosine) / 2), sine / Math.sqrt(2 * (1 + cosine))]
  }
  return { cosines, sines }
}
