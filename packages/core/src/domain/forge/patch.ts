/**
 * Patch: a box of a picture that is changed, its feathered outline, what fills it, and the grain that makes it look like its neighbourhood.
 *
 * Source: Pérez, Gangnet and Blake (2003) for seamless filling: the harmonic function that continues the values at the outline.
 */
import type { Random } from '../attack/random.ts'
import { blurField, type Field } from './field.ts'
import { FINE, type Grain, makeGrain, measureGrain, residualField } from './grain.ts'
import type { Place } from './place.ts'
import type { Spot } from './technique.ts'

/** Samples around a patch that its neighbourhood is measured in. */
export const MARGIN = 12

export interface Ellipse extends Place {
  readonly across: number
  readonly down: number
  /** Of the axis `across`, radians from the row. */
  readonly turn: number
}

/** The samples of a box, which lies within the field. */
export function cutField({ width, samples }: Field, { left, top, right, bottom }: Spot): Field {
  const cut = new Float32Array((right - left) * (bottom - top))
  for (let y = top, to = 0; y < bottom; y++, to += right - left) {
    cut.set(samples.subarray(y * width + left, y * width + right), to)
  }
  return { width: right - left, height: bottom - top, samples: cut }
}

/** The field's samples with those of `part` wherever `weight` is above 0: a copy. */
export function pasteField(
  { width, samples }: Field,
  { left, top }: Spot,
  part: Field,
  weight: Float32Array,
): Float32Array {
  const pasted = samples.slice()
  for (let i = 0; i < weight.length; i++) {
    if ((weight[i] as number) <= 0) continue
    const x = i % part.width
    pasted[(top + (i - x) / part.width) * width + left + x] = part.samples[i] as number
  }
  return pasted
}

/** The box of samples up to `reach` away, cut at the borders. */
export function boxAround({ x, y }: Place, reach: number, { width, height }: Field): Spot {
  const far = Math.ceil(reach)
  return {
    left: Math.max(0, Math.floor(x) - far),
    top: Math.max(0, Math.floor(y) - far),
    right: Math.min(width, Math.floor(x) + far + 1),
    bottom: Math.min(height, Math.floor(y) + far + 1),
  }
}

/** 1 within, 0 at the ellipse and beyond, falling over its outer `feather` (share of the radius). Row by row over the box. */
export function weighEllipse(
  { x, y, across, down, turn }: Ellipse,
  feather: number,
  { left, top, right, bottom }: Spot,
): Float32Array {
  const weight = new Float32Array((right - left) * (bottom - top))
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  for (let v = top, i = 0; v < bottom; v++) {
    for (let u = left; u < right; u++, i++) {
      const along = (u - x) * cos + (v - y) * sin
      const aside = (v - y) * cos - (u - x) * sin
      const t = Math.min(1, Math.max(0, (1 - Math.hypot(along / across, aside / down)) / feather))
      weight[i] = t * t * (3 - 2 * t)
    }
  }
  return weight
}

/** The bounds of what weighs more than 0, in the picture's samples. */
export function spotOf(weight: Float32Array, { left, top, right }: Spot): Spot {
  const width = right - left
  let spot: Spot | undefined
  for (let i = 0; i < weight.length; i++) {
    if ((weight[i] as number) <= 0) continue
    const x = left + (i % width)
    const y = top + Math.floor(i / width)
    spot ??= { left: x, top: y, right: x + 1, bottom: y + 1 }
    spot = {
      left: Math.min(spot.left, x),
      top: spot.top,
      right: Math.max(spot.right, x + 1),
      bottom: y + 1,
    }
  }
  return spot ?? { left, top, right: left, bottom: top }
}

/**
 * Continues the values outside into what weighs more than 0 (Laplace's equation, by over-relaxation).
 *
 * @returns as many values as the field has, those outside as they were
 */
export function fillHarmonic({ width, height, samples }: Field, weight: Float32Array): Float32Array {
  const filled = samples.slice()
  const inside: number[] = []
  let mean = 0
  for (let i = 0; i < filled.length; i++) {
    const isEdge = i % width === 0 || i % width === width - 1 || i < width || i >= filled.length - width
    if ((weight[i] as number) > 0 && !isEdge) inside.push(i)
    else mean += samples[i] as number
  }
  for (const i of inside) filled[i] = mean / Math.max(1, filled.length - inside.length)
  const across = Math.min(width, height)
  const push = 2 / (1 + Math.sin(Math.PI / across))
  for (let pass = 0; pass < 3 * across; pass++) {
    for (const i of inside) {
      const around =
        (filled[i - 1] as number) +
        (filled[i + 1] as number) +
        (filled[i - width] as number) +
        (filled[i + width] as number)
      filled[i] = (filled[i] as number) + push * (around / 4 - (filled[i] as number))
    }
  }
  return filled
}

/** The grain of what weighs nothing, measured where it is flatter than its median: edges are no grain. */
export function grainAround(part: Field, weight: Float32Array): Grain {
  const { width } = part
  const smooth = blurField(part, 2 * FINE).samples
  const slopeAt = (i: number): number =>
    Math.abs((smooth[i + 1] ?? Infinity) - (smooth[i - 1] ?? 0)) +
    Math.abs((smooth[i + width] ?? Infinity) - (smooth[i - width] ?? 0))
  const slopes: number[] = []
  for (let i = 0; i < weight.length; i++) if (weight[i] === 0) slopes.push(slopeAt(i))
  const middle = slopes.sort((first, second) => first - second)[slopes.length >> 1] ?? 0
  return measureGrain(residualField(part), (i) => weight[i] === 0 && slopeAt(i) <= middle)
}

/**
 * A share of a part's grain exchanged for new grain of the kind around it; the level stays, since shares add as squares.
 *
 * @param share  0 keeps the part's own, 1 where the weight is 1 exchanges all of it
 */
export function exchangeGrain(part: Field, weight: Float32Array, share: number, random: Random): Float32Array {
  const smooth = blurField(part, FINE)
  const grain = grainAround(part, weight)
  // What stays under the grain has a little of it too, and that much less is laid on.
  const under = measureGrain(residualField(smooth), (i) => weight[i] === 0).level
  const level = Math.sqrt(Math.max(0, grain.level ** 2 - under ** 2))
  const fresh = makeGrain(part.width, part.height, { ...grain, level }, random)
  return part.samples.map((value, i) => {
    const angle = (Math.PI / 2) * share * (weight[i] as number)
    const residual = value - (smooth.samples[i] as number)
    return value + (Math.cos(angle) - 1) * residual + Math.sin(angle) * (fresh[i] as number)
  })
}
