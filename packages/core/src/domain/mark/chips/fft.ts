/**
 * FFT: the discrete Fourier transform of square fields whose side is a power of two.
 *
 * Source: Cooley and Tukey 1965, radix 2, decimation in time. Not scaled either way.
 */

/** Real and imaginary parts, row by row. */
export interface ComplexField {
  readonly re: Float64Array
  readonly im: Float64Array
}

export type Transform = (field: ComplexField) => void

/** A transform in place of fields of one side; the inverse is the same with re and im exchanged. @param side  a power of two */
export function createTransform(side: number): Transform {
  const cosines = Float64Array.from({ length: side / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / side))
  const sines = Float64Array.from({ length: side / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / side))
  const reversed = bitReversed(side)
  const re = new Float64Array(side)
  const im = new Float64Array(side)
  const line = (field: ComplexField, start: number, step: number) => {
    for (let i = 0; i < side; i++) {
      const from = start + (reversed[i] as number) * step
      re[i] = field.re[from] as number
      im[i] = field.im[from] as number
    }
    transformLine(re, im, cosines, sines)
    for (let i = 0; i < side; i++) {
      field.re[start + i * step] = re[i] as number
      field.im[start + i * step] = im[i] as number
    }
  }
  return (field) => {
    for (let y = 0; y < side; y++) line(field, y * side, 1)
    for (let x = 0; x < side; x++) line(field, x, side)
  }
}

function bitReversed(side: number): Uint16Array {
  const out = new Uint16Array(side)
  for (let i = 0, j = 0; i < side; i++) {
    out[i] = j
    let bit = side >> 1
    while (bit >= 1 && (j & bit) !== 0) {
      j ^= bit
      bit >>= 1
    }
    j |= bit
  }
  return out
}

function transformLine(re: Float64Array, im: Float64Array, cosines: Float64Array, sines: Float64Array): void {
  const side = re.length
  for (let size = 2; size <= side; size <<= 1) {
    const half = size >> 1
    const stride = side / size
    for (let start = 0; start < side; start += size) {
      for (let k = 0; k < half; k++) {
        const c = cosines[k * stride] as number
        const s = sines[k * stride] as number
        const a = start + k
        const b = a + half
        const x = (re[b] as number) * c - (im[b] as number) * s
        const y = (re[b] as number) * s + (im[b] as number) * c
        re[b] = (re[a] as number) - x
        im[b] = (im[a] as number) - y
        re[a] = (re[a] as number) + x
        im[a] = (im[a] as number) + y
      }
    }
  }
}
