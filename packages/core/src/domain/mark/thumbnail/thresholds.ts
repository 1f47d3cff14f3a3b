/**
 * Thresholds: from which score on a window of cells is said to differ.
 *
 * Source: bench/results/mark-thumbnail.md, chosen on images that no figure is reported on, for 1 false cell in 1000 at most.
 */

/** Sides of the windows in cells, and the score in robust standard deviations above which one differs. */
export const WINDOW_LIMITS: readonly (readonly [side: number, limit: number])[] = [
  [1, 6],
  [2, 5],
  [3, 6],
]

/** Grey levels: a mean that is off by less scores less, however quiet the picture is. */
export const LEAST_DIFFERENCE = 2
