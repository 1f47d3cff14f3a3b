/**
 * Duplicates: two places of a picture with the same grain, sample for sample. Noise never repeats itself; a copied place does.
 *
 * Every block of 6 × 6 residuals has a fingerprint, and those that the fingerprint itself chooses are compared: so both copies choose the same ones,
 * wherever they lie. A residual is blind to a constant and to slopes along one axis, so a copy that was made brighter is found too. Source: exact-match
 * copy–move detection after J. Fridrich, D. Soukal and J. Lukáš (2003), with rolling fingerprints after R. Karp and M. Rabin (1987). Blocks that
 * show few different residuals (padding, letters, saturated places) are not grain and do not count.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import { REASON_SENTENCES, type ResidualRegion } from './outcome.ts'
import { LEAST_CHANCE } from './own-tail.ts'

/** Residuals to a side of a block. */
const BLOCK = 6
/** One block in so many is compared. */
const CHOSEN = 8
/** Blocks that have to agree on a shift. */
const LEAST_VOTES = 6
/** Different residuals that a block must have: fewer is no grain. */
const LEAST_VALUES = 7
/** Fingerprints that more blocks share are a pattern, not a copy. */
const MOST_ALIKE = 4
const MOST_COPIES = 4
const FACTOR = 0x01000193
const FACTOR_DOWN = 0x9e3779b1

/** @param fine  residual of the picture; compared as whole numbers */
export function findDuplicates(view: GreyView, fine: Float32Array): ResidualRegion[] {
  const { width, height } = view
  if (Math.min(width, height) < 4 * BLOCK) return []
  const prints = blockPrints(fine, width, height)
  const votes = new Map<number, { count: number; left: number; top: number; right: number; bottom: number }>()
  for (const [first, second] of alikePairs(prints, view, fine)) {
    const x = (second % width) - (first % width)
    const y = Math.floor(second / width) - Math.floor(first / width)
    if (Math.abs(x) < BLOCK && Math.abs(y) < BLOCK) continue
    const vote = votes.get(y * 2 * width + x)
    const [u, v] = [first % width, Math.floor(first / width)]
    if (vote === undefined) votes.set(y * 2 * width + x, { count: 1, left: u, top: v, right: u, bottom: v })
    else {
      vote.count++
      vote.left = Math.min(vote.left, u)
      vote.right = Math.max(vote.right, u)
      vote.bottom = Math.max(vote.bottom, v)
    }
  }
  return [...votes]
    .filter(([, { count }]) => count >= LEAST_VOTES)
    .sort((a, b) => b[1].count - a[1].count)
    .slice(0, MOST_COPIES)
    .flatMap(([key, box]) => {
      const y = Math.round(key / (2 * width))
      return bothPlaces(box, { x: key - y * 2 * width, y })
    })
}

function bothPlaces(
  { left, top, right, bottom }: { left: number; top: number; right: number; bottom: number },
  shift: { readonly x: number; readonly y: number },
): ResidualRegion[] {
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

/** A fingerprint of the block right of and below each residual. */
function blockPrints(fine: Float32Array, width: number, height: number): Int32Array {
  const across = new Int32Array(fine.length)
  let leading = 1
  for (let k = 1; k < BLOCK; k++) leading = Math.imul(leading, FACTOR)
  for (let y = 0; y < height; y++) {
    let print = 0
    for (let x = 0; x < width; x++) {
      const i = y * width + x
      if (x >= BLOCK) print = (print - Math.imul(wordOf(fine[i - BLOCK] as number), leading)) | 0
      print = (Math.imul(print, FACTOR) + wordOf(fine[i] as number)) | 0
      if (x >= BLOCK - 1) across[i - BLOCK + 1] = print
    }
  }
  const prints = new Int32Array(fine.length)
  for (let i = (height - BLOCK) * width - 1; i >= 0; i--) {
    let print = 0
    for (let k = 0; k < BLOCK; k++) print = (Math.imul(print, FACTOR_DOWN) + (across[i + k * width] as number)) | 0
    // Mixes high bits into the low ones that choose.
    prints[i] = print ^ (print >>> 15)
  }
  return prints
}

const wordOf = (value: number): number => Math.round(value) + 0x8000

function* alikePairs(
  prints: Int32Array,
  { width, height, samples, white }: GreyView,
  fine: Float32Array,
): Generator<readonly [number, number]> {
  const places = new Map<number, number[]>()
  for (let y = 2; y < height - BLOCK - 2; y++) {
    for (let x = 2; x < width - BLOCK - 2; x++) {
      const i = y * width + x
      const print = prints[i] as number
      if ((print & (CHOSEN - 1)) !== 0) continue
      const alike = places.get(print)
      if (alike === undefined) places.set(print, [i])
      else if (alike.length <= MOST_ALIKE) alike.push(i)
    }
  }
  for (const alike of places.values()) {
    if (alike.length < 2 || alike.length > MOST_ALIKE) continue
    const grainy = alike.filter((i) => isGrain(i, { width, samples, white }, fine))
    for (let a = 0; a < grainy.length; a++)
      for (let b = a + 1; b < grainy.length; b++) yield [grainy[a] as number, grainy[b] as number]
  }
}

/** Enough different residuals, and no saturated sample. */
function isGrain(
  start: number,
  { width, samples, white }: Pick<GreyView, 'width' | 'samples' | 'white'>,
  fine: Float32Array,
): boolean {
  const values = new Set<number>()
  for (let v = 0; v < BLOCK; v++) {
    for (let u = 0; u < BLOCK; u++) {
      const value = samples[start + v * width + u] as number
      if (value <= 0 || value >= white) return false
      values.add(Math.round(fine[start + v * width + u] as number))
    }
  }
  return values.size >= LEAST_VALUES
}
