/**
 * Mirror: how far the left half repeats the right, in the large and in detail.
 *
 * Source: Radiology, March 2026, "symmetric lungs"; docs/explanation/watchdog.md. The axis is an upright line, found in the large and then to half a
 * sample in detail. In a true picture the large agrees and detail does not; agreement of detail is repetition, whatever is shown.
 */
import type { FeatureFamily } from '../feature.ts'
import { CORRELATION, defineFeatures, REAL, SHARE } from './define.ts'
import type { Study } from './study.ts'

const PAPER = 'Radiology, March 2026; docs/explanation/watchdog.md'
/** Samples that make one of the coarse search. */
const COARSE = 8
/** The axis is looked for so far off the middle, as a share of the width. */
const OFF = 0.15
/** Squares that agreement is told in. */
const CELL = 32
/** Agreement of detail that real anatomy does not reach. */
const REPEATED = 0.4

export const MIRROR: FeatureFamily = {
  features: [
    ...defineFeatures('mirror', { paper: PAPER, ...CORRELATION }, ['large', 'coarse', 'middle', 'fine']),
    ...defineFeatures('mirror', { paper: PAPER, ...REAL }, ['middle-peak']),
    ...defineFeatures('mirror', { paper: PAPER, ...SHARE }, ['repeated']),
  ],
  measure(study, into, at) {
    const large = findLarge(study)
    const detail = findDetail(study, large.axis)
    const layer = (samples: Float32Array): number => agree({ ...study, samples }, detail.axis, 2)
    into.set(
      [
        large.agreement,
        layer(study.coarse),
        layer(study.middle),
        layer(study.fine),
        detail.agreement - detail.others,
        repeatedShare(study, detail.axis),
      ],
      at,
    )
  },
}

interface Rows {
  readonly width: number
  readonly height: number
  readonly samples: Float32Array
}

/** An axis is told as the sum of the two columns that it brings together. */
interface Found {
  readonly axis: number
  readonly agreement: number
}

function findLarge({ width, height, smooth }: Study): Found {
  const small = { width: Math.floor(width / COARSE), height: Math.floor(height / COARSE), samples: new Float32Array(0) }
  small.samples = Float32Array.from({ length: small.width * small.height }, (_, i) => {
    const from = (Math.floor(i / small.width) * COARSE + COARSE / 2) * width + (i % small.width) * COARSE + COARSE / 2
    return ((smooth[from - 1] as number) + (smooth[from] as number)) / 2
  })
  const reach = Math.round(2 * OFF * small.width)
  const best = search(small, small.width - 1 - reach, small.width - 1 + reach, 1)
  return { axis: COARSE * best.axis + COARSE - 1, agreement: best.agreement }
}

function findDetail({ width, height, middle }: Study, around: number): Found & { readonly others: number } {
  return search({ width, height, samples: middle }, around - COARSE, around + COARSE, 6)
}

function search(rows: Rows, from: number, to: number, step: number): Found & { readonly others: number } {
  let [axis, agreement, sum] = [from, Number.NEGATIVE_INFINITY, 0]
  for (let candidate = from; candidate <= to; candidate++) {
    const own = agree(rows, candidate, step)
    sum += own
    if (own > agreement) [axis, agreement] = [candidate, own]
  }
  return { axis, agreement, others: (sum - agreement) / Math.max(1, to - from) }
}

/** Pearson's correlation of what lies left and right of an axis, in every `step`th row; 0 where nothing varies. */
function agree({ width, height, samples }: Rows, axis: number, step: number): number {
  const last = Math.ceil(axis / 2) - 1
  const first = Math.max(0, axis - width + 1)
  let [count, x, y, xx, xy, yy] = [0, 0, 0, 0, 0, 0]
  for (let row = 0; row < height; row += step) {
    for (
      let left = row * width + first, right = row * width + axis - first, i = first;
      i <= last;
      i++, left++, right--
    ) {
      const a = samples[left] as number
      const b = samples[right] as number
      x += a
      y += b
      xx += a * a
      xy += a * b
      yy += b * b
    }
    count += Math.max(0, last - first + 1)
  }
  const spread = (xx - (x * x) / count) * (yy - (y * y) / count)
  return count > 1 && spread > 1e-6 ? Math.max(-1, Math.min(1, (xy - (x * y) / count) / Math.sqrt(spread))) : 0
}

/** Share of squares left of the axis whose detail comes back mirrored. */
function repeatedShare({ width, height, middle }: Study, axis: number): number {
  const first = Math.max(0, axis - width + 1)
  let [repeated, all] = [0, 0]
  for (let top = 0; top + CELL <= height; top += CELL) {
    for (let left = first; left + CELL <= axis / 2; left += CELL) {
      all++
      let [xx, xy, yy] = [1e-6, 0, 1e-6]
      for (let row = top; row < top + CELL; row += 2) {
        for (let i = row * width + left, j = row * width + axis - left; i < row * width + left + CELL; i++, j--) {
          const a = middle[i] as number
          const b = middle[j] as number
          xx += a * a
          xy += a * b
          yy += b * b
        }
      }
      if (xy > REPEATED * Math.sqrt(xx * yy)) repeated++
    }
  }
  return all === 0 ? 0.5 : repeated / all
}
