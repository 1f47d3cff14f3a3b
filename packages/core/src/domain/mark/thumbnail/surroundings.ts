/**
 * Surroundings: the darkest and the lightest cell around each cell of a thumbnail.
 *
 * What an edge nearby can spill into a cell, by blocks of JPEG, filters of scaling or a place that is not exact, is bounded
 * by them.
 */
import type { Thumbnail } from './thumbnail.ts'

export interface Surroundings {
  /** Levels 0 … 255 for each cell. */
  readonly darkest: Uint8Array
  readonly lightest: Uint8Array
}

/** @param reach  cells to every side */
export function surroundingsOf({ columns, rows, samples }: Thumbnail, reach: number): Surroundings {
  const extreme = (choose: (a: number, b: number) => number): Uint8Array => {
    const along = slide(samples, { step: 1, count: columns, reach }, choose)
    return slide(along, { step: columns, count: rows, reach }, choose)
  }
  return { darkest: extreme(Math.min), lightest: extreme(Math.max) }
}

interface Line {
  /** From one cell of a line to the next. */
  readonly step: number
  /** Cells in a line. */
  readonly count: number
  readonly reach: number
}

function slide(values: Uint8Array, { step, count, reach }: Line, choose: (a: number, b: number) => number): Uint8Array {
  return values.map((value, i) => {
    const at = Math.floor(i / step) % count
    let best = value
    for (let k = Math.max(0, at - reach); k <= Math.min(count - 1, at + reach); k++) {
      best = choose(best, values[i + (k - at) * step] as number)
    }
    return best
  })
}
