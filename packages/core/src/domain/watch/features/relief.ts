/**
 * Relief: detail on bright ridges against detail in dark furrows, as ribs and the spaces between them.
 *
 * Source: Radiology, March 2026, "smooth bone"; docs/explanation/watchdog.md. Ridges and furrows of a radiograph see nearly the same dose, so
 * their grain is alike, and bone adds trabeculae. Detail that is weaker or more ordered on one side was smoothed there. What is a ridge is told
 * by structures of 8 to 32 samples, in any body part.
 */
import type { FeatureFamily } from '../feature.ts'
import { defineFeatures, REAL, SIZE } from './define.ts'
import { logOf, medianOf } from './moments.ts'
import type { Study } from './study.ts'

const PAPER = 'Radiology, March 2026; docs/explanation/watchdog.md'
const BLOCK = 8
/** Deviations of the relief from which a block counts as ridge or furrow. */
const OUT = 0.4

export const RELIEF: FeatureFamily = {
  features: [
    ...defineFeatures('relief', { paper: PAPER, ...REAL }, ['fine', 'middle', 'order', 'fine-low', 'skew']),
    ...defineFeatures('relief', { paper: PAPER, ...SIZE }, ['ridge-order']),
  ],
  measure(study, into, at) {
    const { ridges, furrows, skew } = measureRelief(study)
    const apart = (key: keyof Detail): number =>
      medianOf(ridges.map((detail) => detail[key])) - medianOf(furrows.map((detail) => detail[key]))
    const low = (details: readonly Detail[]): number => {
      const middle = medianOf(details.map(({ fine }) => fine))
      return medianOf(details.map(({ fine }) => fine).filter((fine) => fine < middle))
    }
    const isFull = ridges.length > 8 && furrows.length > 8
    into.set(
      isFull
        ? [
            apart('fine'),
            apart('middle'),
            apart('order'),
            low(ridges) - low(furrows),
            skew,
            medianOf(ridges.map(({ order }) => order)),
          ]
        : new Float64Array(6),
      at,
    )
  },
}

interface Detail {
  /** Logarithms of power in the layers. */
  readonly fine: number
  readonly middle: number
  /** Coherence of the structure tensor of fine and middle together, 0 to 1. */
  readonly order: number
}

interface Relief {
  readonly ridges: readonly Detail[]
  readonly furrows: readonly Detail[]
  /** Of the heights of blocks. */
  readonly skew: number
}

function measureRelief(study: Study): Relief {
  const { width, height, usable } = study
  const places: number[] = []
  const heights: number[] = []
  for (let y = BLOCK; y + BLOCK < height; y += BLOCK) {
    for (let x = BLOCK; x + BLOCK < width; x += BLOCK) {
      const from = y * width + x
      if (usable[from] === 0 || usable[from + (BLOCK - 1) * (width + 1)] === 0 || usable[from + 4 * width + 4] === 0)
        continue
      places.push(from)
      heights.push(heightOf(study, from))
    }
  }
  let [second, third] = [0, 0]
  for (const value of heights) {
    second += (value * value) / heights.length
    third += (value * value * value) / heights.length
  }
  const deviation = Math.sqrt(second)
  const where = (isIn: (value: number) => boolean): readonly Detail[] =>
    places.filter((_, i) => isIn(heights[i] as number)).map((from) => measureDetail(study, from))
  return {
    ridges: where((value) => value > OUT * deviation),
    furrows: where((value) => value < -OUT * deviation),
    skew: deviation > 1e-3 ? third / (deviation * deviation * deviation) : 0,
  }
}

/** Mean of the coarse and wide layers at four places of a block: they hardly change between. */
function heightOf({ width, coarse, wide }: Study, from: number): number {
  let sum = 0
  for (let i = 0; i < 4; i++) {
    const at = from + (2 + (i & 1) * 4) + (2 + (i >> 1) * 4) * width
    sum += (coarse[at] as number) + (wide[at] as number)
  }
  return sum / 4
}

function measureDetail({ width, fine, middle }: Study, from: number): Detail {
  let [fines, middles, xx, xy, yy] = [0, 0, 0, 0, 1e-6]
  for (let row = 0, i = from; row < BLOCK; row++, i += width - BLOCK) {
    for (let column = 0; column < BLOCK; column++, i++) {
      const f = fine[i] as number
      const m = middle[i] as number
      const gx =
        (fine[i + 1] as number) + (middle[i + 1] as number) - (fine[i - 1] as number) - (middle[i - 1] as number)
      const gy =
        (fine[i + width] as number) +
        (middle[i + width] as number) -
        (fine[i - width] as number) -
        (middle[i - width] as number)
      fines += f * f
      middles += m * m
      xx += gx * gx
      xy += gx * gy
      yy += gy * gy
    }
  }
  const count = BLOCK * BLOCK
  return {
    fine: logOf(fines / count),
    middle: logOf(middles / count),
    order: Math.sqrt((xx - yy) * (xx - yy) + 4 * xy * xy) / (xx + yy),
  }
}
