/**
 * Duplicates: two places of a picture with the same grain, sample for sample. Noise never repeats itself; a copied place does.
 *
 * Every block of 4 × 4 residuals has a fingerprint, and those that the fingerprint itself chooses are compared: so both copies choose the same ones,
 * wherever they lie. A residual is blind to a constant and to slopes, so a copy that was made brighter is found too. Source: exact-match
 * copy–move detection after J. Fridrich, D. Soukal and J. Lukáš (2003), with rolling fingerprints after R. Karp and M. Rabin (1987). Blocks that
 * show few different residuals (padding, letters, saturated places) are not grain and do not count. Limits: a copy that was turned, scaled or saved
 * with loss has other samples; letters that stand twice are copies indeed, where they are larger than {@link LEAST_SIDE}.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import { REASON_SENTENCES, type ResidualRegion } from './outcome.ts'
import { LEAST_CHANCE } from './own-tail.ts'
import { spreadOf } from './robust-fit.ts'

/** Residuals to a side of a block. */
const BLOCK = 4
/** One block in so many is compared: a power of two. */
const CHOSEN = 4
/** Blocks that have to agree on a shift. */
const LEAST_VOTES = 8
/** Samples to a side, and share of its blocks, that a copied place has at least. */
const LEAST_SIDE = 14
const LEAST_SHARE = 0.015
/** Different residuals that a block must have: fewer is no grain. */
const LEAST_VALUES = 6
/** Fingerprints that more blocks share are a pattern, not a copy. */
const MOST_ALIKE = 3
const MOST_COPIES = 2
const FACTOR = 0x01000193
const FACTOR_DOWN = 0x9e3779b1

/** Noise of so many steps, in the residual, is compared in steps of {@link COARSENESS} of it: blending a copy in rounds it anew. */
const COARSE_FROM = 12
const COARSENESS = 0.5
/** One residual in so many is looked at to know the noise: a prime. */
const SAMPLED = 101

/** @param residual  high pass of the picture; compared as whole numbers where noise is low, else in steps of its own */
export function findDuplicates(view: GreyView, residual: Float32Array): ResidualRegion[] {
  const { width, height } = view
  if (Math.min(width, height) < 4 * BLOCK) return []
  const fine = countSteps(residual)
  const voters = new Map<number, number[]>()
  for (const [first, second] of alikePairs(blockPrints(fine, width, height), view, fine)) {
    const x = (second % width) - (first % width)
    const y = Math.floor(second / width) - Math.floor(first / width)
    if (Math.abs(x) < 2 * BLOCK && y < 2 * BLOCK) continue
    const key = y * 2 * width + x
    const known = voters.get(key)
    if (known === undefined) voters.set(key, [first])
    else known.push(first)
  }
  return [...voters]
    .filter(([, firsts]) => firsts.length >= LEAST_VOTES)
    .sort((a, b) => b[1].length - a[1].length)
    .flatMap(([key, firsts]) => {
      const y = Math.round(key / (2 * width))
      return bothPlaces(firsts, width, { x: key - y * 2 * width, y })
    })
    .slice(0, 2 * MOST_COPIES)
}

function countSteps(residual: Float32Array): Int32Array {
  const sampled = new Float64Array(Math.ceil(residual.length / SAMPLED))
  for (let i = 0; i < sampled.length; i++) sampled[i] = residual[i * SAMPLED] as number
  const spread = spreadOf(sampled)
  const share = spread < COARSE_FROM ? 1 : 1 / (COARSENESS * spread)
  const steps = new Int32Array(residual.length)
  for (let i = 0; i < steps.length; i++) steps[i] = Math.floor((residual[i] as number) * share + 0.5)
  return steps
}

/** The place and its copy; none where the blocks that agree lie too close, or too far, for a place. */
function bothPlaces(
  firsts: readonly number[],
  width: number,
  shift: { readonly x: number; readonly y: number },
): ResidualRegion[] {
  const [left, right] = middleOf(firsts.map((at) => at % width))
  const [top, bottom] = middleOf(firsts.map((at) => Math.floor(at / width)))
  if (Math.min(right - left, bottom - top) + BLOCK < LEAST_SIDE) return []
  if (firsts.length < (LEAST_SHARE * (right - left) * (bottom - top)) / CHOSEN) return []
  const place = (x: number, y: number, sign: number): ResidualRegion => ({
    left: left + x,
    top: top + y,
    right: right + x + BLOCK,
    bottom: bottom + y + BLOCK,
    p: LEAST_CHANCE,
    why: 'duplicate',
    sentence: REASON_SENTENCES.duplicate,
    shift: { x: sign * shift.x, y: sign * shift.y },
  })
  return [place(0, 0, 1), place(shift.x, shift.y, -1)]
}

/** Range without the outermost twentieth at each end, which chance may have put there. */
function middleOf(values: number[]): readonly [number, number] {
  values.sort((a, b) => a - b)
  const cut = Math.floor(values.length / 20)
  return [values[cut] as number, values[values.length - 1 - cut] as number]
}

/** A fingerprint of the block right of and below each residual. */
function blockPrints(fine: Int32Array, width: number, height: number): Int32Array {
  const across = new Int32Array(fine.length)
  let leading = FACTOR
  for (let k = 1; k < BLOCK; k++) leading = Math.imul(leading, FACTOR)
  for (let y = 0; y < height; y++) {
    let print = 0
    const start = y * width
    for (let x = 0; x < width; x++) {
      const i = start + x
      print = (Math.imul(print, FACTOR) + (fine[i] as number)) | 0
      if (x < BLOCK - 1) continue
      if (x >= BLOCK) print = (print - Math.imul(fine[i - BLOCK] as number, leading)) | 0
      across[i - BLOCK + 1] = print
    }
  }
  const prints = new Int32Array(fine.length)
  for (let i = (height - BLOCK) * width - 1; i >= 0; i--) {
    let print = 0
    for (let k = 0, at = i; k < BLOCK; k++, at += width)
      print = Math.imul(print ^ (print >>> 13), FACTOR_DOWN) + (across[at] as number)
    // Mixes high bits into the low ones that choose.
    prints[i] = Math.imul(print ^ (print >>> 15), FACTOR_DOWN) >>> 1
  }
  return prints
}

/** First and later block of the same fingerprint. */
function alikePairs(prints: Int32Array, view: GreyView, fine: Int32Array): (readonly [number, number])[] {
  const { width, height } = view
  const size = 2 ** Math.ceil(Math.log2((4 * prints.length) / CHOSEN))
  const table = new Int32Array(size).fill(-1)
  const alike = new Uint8Array(size)
  const pairs: (readonly [number, number])[] = []
  for (let y = 2; y < height - BLOCK - 2; y++) {
    for (let i = y * width + 2, end = (y + 1) * width - BLOCK - 2; i < end; i++) {
      const print = prints[i] as number
      if ((print & (CHOSEN - 1)) !== 0) continue
      let slot = (print >>> 2) & (size - 1)
      while ((table[slot] as number) >= 0 && prints[table[slot] as number] !== print) slot = (slot + 1) & (size - 1)
      const first = table[slot] as number
      if (first < 0) table[slot] = i
      else if ((alike[slot] as number) < MOST_ALIKE) {
        alike[slot] = (alike[slot] as number) + 1
        if (isGrain(first, view, fine) && isGrain(i, view, fine)) pairs.push([first, i])
      }
    }
  }
  return pairs
}

/** Enough different residuals, and no saturated sample. */
function isGrain(start: number, { width, samples, white }: GreyView, fine: Int32Array): boolean {
  const values = new Set<number>()
  for (let v = 0; v < BLOCK; v++) {
    for (let u = 0; u < BLOCK; u++) {
      const value = samples[start + v * width + u] as number
      if (value <= 0 || value >= white) return false
      values.add(fine[start + v * width + u] as number)
    }
  }
  return values.size >= LEAST_VALUES
}
