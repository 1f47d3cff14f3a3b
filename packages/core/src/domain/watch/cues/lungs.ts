/**
 * Lungs: for each row the run of dark samples on either side of the midline of a frontal chest radiograph.
 *
 * A rough outline, for ratios and boxes; no segmentation that an organ's size may be read from. Lungs that are white with disease come out small.
 */
import type { Grid } from './grid.ts'
import type { Midline } from './midline.ts'

export interface Lung {
  /** Samples of the coarse grid that belong to it. */
  readonly area: number
  /** Mean value in it. */
  readonly level: number
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** Shares of the height between which lungs are looked for, and shares of the width from the midline. */
const ROWS = [0.08, 0.85] as const
const NEAR = 0.06
const FAR = 0.3

/** What is left of the midline in the picture (the patient's right), and what is right of it; null where a side shows none. */
export function outlineLungs(grid: Grid, midline: Midline): readonly [Lung | null, Lung | null] {
  return [outlineLung(grid, midline, -1), outlineLung(grid, midline, 1)]
}

function outlineLung({ width, height, samples }: Grid, midline: Midline, side: 1 | -1): Lung | null {
  let [area, sum, top, bottom, inner, outer] = [0, 0, height, 0, 0, 0]
  for (let y = Math.round(ROWS[0] * height); y < ROWS[1] * height; y++) {
    const axis = midline.offset + midline.slope * (y - midline.top)
    const valueAt = (distance: number): number =>
      samples[y * width + clamp(Math.round(axis + side * distance), width)] as number
    const run = findRun(valueAt, width)
    if (run === null) continue
    for (let i = run.from; i <= run.to; i++) sum += valueAt(i)
    const length = run.to - run.from + 1
    area += length
    inner += run.from * length
    outer += run.to * length
    top = Math.min(top, y)
    bottom = y + 1
  }
  if (area < 0.01 * width * height) return null
  const middle = midline.offset + midline.slope * ((top + bottom) / 2 - midline.top)
  const ends = [middle + (side * inner) / area, middle + (side * outer) / area].map((x) => clamp(Math.round(x), width))
  return { area, level: sum / area, left: Math.min(...ends), right: Math.max(...ends), top, bottom }
}

/** The samples around the darkest one that are nearer to its value than to the brighter of its two surroundings. */
function findRun(
  valueAt: (distance: number) => number,
  width: number,
): { readonly from: number; readonly to: number } | null {
  const [near, far] = [Math.round(NEAR * width), Math.round(FAR * width)]
  let darkest = near
  for (let i = near; i <= far; i++) if (valueAt(i) < valueAt(darkest)) darkest = i
  const low = valueAt(darkest)
  let [inside, outside] = [low, low]
  for (let i = 0; i < darkest; i++) inside = Math.max(inside, valueAt(i))
  for (let i = darkest; i < FAR * 1.5 * width; i++) outside = Math.max(outside, valueAt(i))
  const limit = low + (Math.min(inside, outside) - low) / 2
  if (limit - low < 6) return null
  let [from, to] = [darkest, darkest]
  while (from > 0 && valueAt(from - 1) < limit) from--
  while (to < 0.45 * width && valueAt(to + 1) < limit) to++
  return { from, to }
}

const clamp = (x: number, width: number): number => Math.max(0, Math.min(width - 1, x))
