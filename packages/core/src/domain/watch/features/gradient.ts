/**
 * Gradient: where edges point, how rare they are, and how ordered the ground between them is.
 *
 * Source: Bigün and Granlund 1987 (structure tensor); Huang and Mumford 1999 (gradients of real scenes have heavy tails). Central differences of the
 * picture without its fine layer, in blocks of 8 × 8.
 */
import type { FeatureFamily } from '../feature.ts'
import { quantileOf, sortedOf } from '../statistics/rank.ts'
import { CORRELATION, defineFeatures, REAL, SHARE } from './define.ts'
import { fitLine, logOf, medianOf } from './moments.ts'
import type { Study } from './study.ts'

const PAPER = 'Bigün and Granlund 1987; Huang and Mumford 1999'
const BLOCK = 8

export const GRADIENT: FeatureFamily = {
  features: [
    ...defineFeatures('gradient', { paper: PAPER, ...REAL }, ['axis', 'across', 'tails', 'block-tails', 'edge-detail']),
    ...defineFeatures('gradient', { paper: PAPER, ...SHARE }, ['order', 'order-high', 'order-calm']),
    ...defineFeatures('gradient', { paper: PAPER, ...CORRELATION }, ['order-with-size']),
  ],
  measure(study, into, at) {
    const { sectors, tails, blocks } = measureGradients(study)
    const [across, rising, down, falling] = sectors.map((sum) => logOf(sum)) as [number, number, number, number]
    const sizes = sortedOf(blocks.sizes)
    const isEmpty = sizes.length === 0
    const calmBelow = isEmpty ? 0 : quantileOf(sizes, 0.3)
    const edgesFrom = isEmpty ? 0 : quantileOf(sizes, 0.9)
    const where = (values: readonly number[], isIn: (size: number) => boolean): number =>
      medianOf(values.filter((_, i) => isIn(blocks.sizes[i] as number)))
    into.set(
      [
        (across + down - rising - falling) / 2,
        across - down,
        tails,
        isEmpty ? 0 : edgesFrom - quantileOf(sizes, 0.5),
        where(blocks.details, (size) => size >= edgesFrom) - where(blocks.details, (size) => size < edgesFrom),
        isEmpty ? 0.5 : medianOf(blocks.orders),
        isEmpty ? 0.5 : quantileOf(sortedOf(blocks.orders), 0.9),
        isEmpty ? 0.5 : where(blocks.orders, (size) => size <= calmBelow),
        fitLine(blocks.sizes, blocks.orders).correlation,
      ],
      at,
    )
  },
}

interface Blocks {
  /** Logarithms of mean squared gradients. */
  readonly sizes: number[]
  /** Coherence of the structure tensor, 0 to 1. */
  readonly orders: number[]
  /** Logarithms of fine over whole. */
  readonly details: number[]
}

interface Gradients {
  /** Squared gradients that point across, rising, down, falling; relative to all. */
  readonly sectors: readonly number[]
  /** Logarithm of the fourth moment over the square of the second. */
  readonly tails: number
  readonly blocks: Blocks
}

function measureGradients(study: Study): Gradients {
  const { width, height, usable } = study
  const blocks: Blocks = { sizes: [], orders: [], details: [] }
  const sums = new Float64Array(9)
  const sectors = [0, 0, 0, 0]
  let [second, fourth, count] = [0, 0, 0]
  for (let y = BLOCK; y + BLOCK < height; y += BLOCK) {
    for (let x = BLOCK; x + BLOCK < width; x += BLOCK) {
      const from = y * width + x
      if (usable[from] === 0 || usable[from + (BLOCK - 1) * (width + 1)] === 0 || usable[from + 4 * width + 4] === 0)
        continue
      sumBlock(study, from, sums)
      const [xx, xy, yy, squares, fine] = sums as unknown as [number, number, number, number, number]
      const whole = xx + yy
      blocks.sizes.push(logOf(whole / (BLOCK * BLOCK)))
      blocks.orders.push(whole > 1e-6 ? Math.sqrt((xx - yy) * (xx - yy) + 4 * xy * xy) / whole : 0.5)
      blocks.details.push(logOf(fine / (BLOCK * BLOCK)) - logOf(whole / (BLOCK * BLOCK)))
      for (let i = 0; i < 4; i++) sectors[i] = (sectors[i] as number) + (sums[5 + i] as number) / (whole + 1e-3)
      second += whole
      fourth += squares
      count++
    }
  }
  const total = Math.max(1, count)
  const mean = second / (total * BLOCK * BLOCK)
  const tails = mean > 1e-6 ? Math.log(fourth / (total * BLOCK * BLOCK * mean * mean)) : 0
  return { sectors: sectors.map((sum) => sum / total), tails, blocks }
}

/** xx, xy, yy of gradients, squares of their squared sizes, squares of the fine layer, and squared sizes by sector. */
function sumBlock({ width, blurred, fine }: Study, from: number, sums: Float64Array): void {
  let [xx, xy, yy, fourth, detail, across, rising, down, falling] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
  for (let row = 0, i = from; row < BLOCK; row++, i += width - BLOCK) {
    for (let column = 0; column < BLOCK; column++, i++) {
      const gx = ((blurred[i + 1] as number) - (blurred[i - 1] as number)) / 2
      const gy = ((blurred[i + width] as number) - (blurred[i - width] as number)) / 2
      const ax = gx * gx
      const ay = gy * gy
      const square = ax + ay
      xx += ax
      xy += gx * gy
      yy += ay
      fourth += square * square
      detail += (fine[i] as number) * (fine[i] as number)
      // Bounds at 22.5 and 67.5 degrees: squares of their tangents.
      if (ay < 0.1715728752538099 * ax) across += square
      else if (ax < 0.1715728752538099 * ay) down += square
      else if (gx * gy > 0) falling += square
      else rising += square
    }
  }
  sums[0] = xx
  sums[1] = xy
  sums[2] = yy
  sums[3] = fourth
  sums[4] = detail
  sums[5] = across
  sums[6] = rising
  sums[7] = down
  sums[8] = falling
}
