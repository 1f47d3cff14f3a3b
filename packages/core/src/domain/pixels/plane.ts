/**
 * Plane: the samples that one mark covers, one component of one frame, in the canonical domain.
 *
 * Source: docs/reference/mark.md, "Planes". How planes come out of files and go back is left to pixels/.
 */

/** One component of one frame. */
export interface Plane {
  /** Columns, 2 to 65,535. */
  readonly width: number
  /** Rows, 2 to 65,535. */
  readonly height: number
  /** Bits Stored, 4 to 16. */
  readonly bits: number
  /** width × height values from 0 to 2^bits − 1, row by row: stored value less the lowest that could be stored. */
  readonly samples: Uint16Array
}

/** Samples of a plane at most. */
export const PLANE_LIMIT = 2 ** 28
/** Bits Stored that can be marked. */
export const BITS = { least: 4, most: 16 } as const

/** The largest value that a sample can have. */
export const maximumOf = ({ bits }: Pick<Plane, 'bits'>): number => 2 ** bits - 1

/**
 * Makes sure that a plane is what its type says.
 * @throws {RangeError} for sides, bits or samples out of range: a mistake of the caller
 */
export function checkPlane(plane: Plane): void {
  const { width, height, bits, samples } = plane
  const isSide = (side: number) => Number.isInteger(side) && side >= 2 && side <= 65_535
  if (!isSide(width) || !isSide(height) || width * height > PLANE_LIMIT) throw new RangeError('sides of a plane')
  if (!Number.isInteger(bits) || bits < BITS.least || bits > BITS.most) throw new RangeError('bits of a plane')
  if (samples.length !== width * height) throw new RangeError('samples do not fill the plane')
  // The largest value has all bits set: one bit above it is in the union of all samples, or in none of them.
  let union = 0
  for (let i = 0; i < samples.length; i++) union |= samples[i] as number
  if (union > maximumOf(plane)) throw new RangeError('a sample is out of range')
}
