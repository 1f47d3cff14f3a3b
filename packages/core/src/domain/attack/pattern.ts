/**
 * Pattern: what many images of one device give away of the pattern that marks them.
 *
 * Three attackers. One has marked images only and averages their residuals: what all of them share stays, the rest shrinks with
 * the root of their number. One has originals as well and averages the differences. One has a single marked image and
 * carries its residual over to another (the copy attack). What they find is subtracted to remove, or added to forge.
 */
import type { StoredPlane } from './plane-edit.ts'
import { addResidual, type Residual, residualOf } from './residual.ts'

/** A mean of residuals that grows image by image. */
export interface PatternEstimate {
  readonly mean: Residual
  readonly count: number
}

/** Known-plaintext: marked less original. @throws {RangeError} for planes of different size */
export function differenceOf(marked: StoredPlane, original: StoredPlane): Residual {
  if (marked.width !== original.width || marked.height !== original.height)
    throw new RangeError('planes differ in size')
  return Float32Array.from(marked.samples, (value, i) => value - (original.samples[i] as number))
}

/** Takes one more residual into the mean. @throws {RangeError} for residuals of different size */
export function averageIn(estimate: PatternEstimate | undefined, residual: Residual): PatternEstimate {
  if (estimate === undefined) return { mean: residual.slice(), count: 1 }
  if (estimate.mean.length !== residual.length) throw new RangeError('residuals differ in size')
  const count = estimate.count + 1
  const mean = estimate.mean.map((value, i) => value + ((residual[i] as number) - value) / count)
  return { mean, count }
}

/** The mean of several. @throws {RangeError} without any, or of different sizes */
export function averageResiduals(residuals: Iterable<Residual>): Residual {
  let estimate: PatternEstimate | undefined
  for (const residual of residuals) estimate = averageIn(estimate, residual)
  if (estimate === undefined) throw new RangeError('nothing to average')
  return estimate.mean
}

/** How alike two residuals are: cosine of the angle between them, −1 … 1; 0 where one is nothing. */
export function likeness(first: Residual, second: Residual): number {
  let [product, one, other] = [0, 0, 0]
  for (let i = 0; i < first.length; i++) {
    const [a, b] = [first[i] as number, second[i] as number]
    product += a * b
    one += a * a
    other += b * b
  }
  return one === 0 || other === 0 ? 0 : product / Math.sqrt(one * other)
}

/** Copy attack: the residual of a marked plane on another of the same size. @throws {RangeError} for other sizes */
export function transplantMark<P extends StoredPlane>(
  target: P,
  marked: StoredPlane,
  { reach, strength, most }: { readonly reach: number; readonly strength: number; readonly most: number },
): P {
  if (marked.width !== target.width || marked.height !== target.height) throw new RangeError('planes differ in size')
  return addResidual(target, residualOf(marked, reach), strength, most)
}
