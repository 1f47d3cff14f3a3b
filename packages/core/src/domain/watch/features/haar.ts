/**
 * Haar: energies of a wavelet pyramid, their tails, and how scales go together.
 *
 * Source: Haar 1910; Mallat 1989; Lyu and Farid 2005 (statistics of wavelets tell photographs from made pictures). Four scales; squares that hold
 * unusable samples take no part.
 */
import type { FeatureFamily } from '../feature.ts'
import { CORRELATION, defineFeatures, REAL } from './define.ts'
import { logOf } from './moments.ts'
import type { Study } from './study.ts'

const PAPER = 'Lyu and Farid 2005; Mallat 1989'
const SCALES = 4
const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}-${i + 1}`)

export const HAAR: FeatureFamily = {
  features: [
    ...defineFeatures('haar', { paper: PAPER, ...REAL }, [
      ...numbered('fall', SCALES - 1),
      ...numbered('diagonal', SCALES),
      'across',
      ...numbered('tails', 2),
      ...numbered('diagonal-tails', 2),
    ]),
    ...defineFeatures('haar', { paper: PAPER, ...CORRELATION }, numbered('scales', SCALES - 1)),
  ],
  measure(study, into, at) {
    const scales = makeScales(study)
    const edges = scales.map(({ across, down }) => logOf((across.second + down.second) / 2))
    const tails = ({ second, fourth }: Power): number => (second > 1e-6 ? Math.log(fourth / (3 * second * second)) : 0)
    into.set(
      [
        ...edges.slice(1).map((edge, i) => (edges[i] as number) - edge),
        ...scales.map(({ diagonal }, i) => logOf(diagonal.second) - (edges[i] as number)),
        ...scales.slice(0, 1).map(({ across, down }) => logOf(across.second) - logOf(down.second)),
        ...scales.slice(0, 2).map(({ across, down }) => (tails(across) + tails(down)) / 2),
        ...scales.slice(0, 2).map(({ diagonal }) => tails(diagonal)),
        ...scales.slice(1).map((scale, i) => correlateScales(scales[i] as Scale, scale)),
      ],
      at,
    )
  },
}

interface Power {
  /** Mean of squares and of fourth powers. */
  readonly second: number
  readonly fourth: number
}

interface Scale {
  readonly width: number
  readonly height: number
  /** Means of squares, for the next scale. */
  readonly means: Float32Array
  /** 1 where the whole square is usable. */
  readonly usable: Uint8Array
  /** |across| + |down|. */
  readonly sizes: Float32Array
  readonly across: Power
  readonly down: Power
  readonly diagonal: Power
}

function makeScales({ width, height, samples, usable }: Study): readonly Scale[] {
  const scales: Scale[] = []
  let from: Pick<Scale, 'width' | 'height' | 'means' | 'usable'> = { width, height, means: samples, usable }
  for (let scale = 0; scale < SCALES; scale++) {
    const next = makeScale(from)
    scales.push(next)
    from = next
  }
  return scales
}

function makeScale(from: Pick<Scale, 'width' | 'height' | 'means' | 'usable'>): Scale {
  const [width, height] = [from.width >> 1, from.height >> 1]
  const means = new Float32Array(width * height)
  const usable = new Uint8Array(width * height)
  const sizes = new Float32Array(width * height)
  const sums = new Float64Array(6)
  let count = 0
  for (let y = 0, to = 0; y < height; y++) {
    let at = 2 * y * from.width
    for (let x = 0; x < width; x++, to++, at += 2) {
      const below = at + from.width
      const a = from.means[at] as number
      const b = from.means[at + 1] as number
      const c = from.means[below] as number
      const d = from.means[below + 1] as number
      means[to] = (a + b + c + d) / 4
      const own =
        (from.usable[at] as number) &
        (from.usable[at + 1] as number) &
        (from.usable[below] as number) &
        (from.usable[below + 1] as number)
      usable[to] = own
      const across = (a - b + c - d) / 4
      const down = (a + b - c - d) / 4
      sizes[to] = Math.abs(across) + Math.abs(down)
      if (own === 0) continue
      count++
      const diagonal = (a - b - c + d) / 4
      addPowers(sums, 0, across * across)
      addPowers(sums, 2, down * down)
      addPowers(sums, 4, diagonal * diagonal)
    }
  }
  const power = (i: number): Power => ({
    second: (sums[i] as number) / Math.max(1, count),
    fourth: (sums[i + 1] as number) / Math.max(1, count),
  })
  return { width, height, means, usable, sizes, across: power(0), down: power(2), diagonal: power(4) }
}

function addPowers(sums: Float64Array, i: number, square: number): void {
  sums[i] = (sums[i] as number) + square
  sums[i + 1] = (sums[i + 1] as number) + square * square
}

/** How far sizes at a scale go with those above them, as logarithms would but without: correlation of square roots. */
function correlateScales(child: Scale, parent: Scale): number {
  let [count, x, y, xx, xy, yy] = [0, 0, 0, 0, 0, 0]
  for (let row = 0, at = 0; row < parent.height; row++) {
    for (let column = 0; column < parent.width; column++, at++) {
      if (parent.usable[at] === 0) continue
      const below = 2 * row * child.width + 2 * column
      const a = Math.sqrt(parent.sizes[at] as number)
      const b = Math.sqrt(
        (child.sizes[below] as number) +
          (child.sizes[below + 1] as number) +
          (child.sizes[below + child.width] as number) +
          (child.sizes[below + child.width + 1] as number),
      )
      count++
      x += a
      y += b
      xx += a * a
      xy += a * b
      yy += b * b
    }
  }
  const spread = (xx - (x * x) / count) * (yy - (y * y) / count)
  return count > 1 && spread > 1e-9 ? (xy - (x * y) / count) / Math.sqrt(spread) : 0
}
