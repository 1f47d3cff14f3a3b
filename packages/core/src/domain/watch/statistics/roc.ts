/**
 * ROC: how well a score keeps two kinds apart, over all thresholds at once.
 *
 * Source: Bamber 1975 (area as the chance that a pair stands in the right order, ties half); bootstrap over clusters
 * (Davison and Hinkley 1997, section 3.8). A patient's true image and the forgeries made from it are drawn together:
 * they are one piece of evidence.
 */
import type { Random } from '../../attack/random.ts'
import type { Interval } from './proportion.ts'
import { quantileOf } from './rank.ts'

export interface Scored {
  readonly score: number
  /** The patient. */
  readonly group: string
}

export interface Area extends Interval {
  /** 0 to 1, ½ for chance. */
  readonly area: number
  readonly negatives: number
  readonly positives: number
}

interface Point {
  readonly score: number
  readonly isPositive: boolean
  readonly group: number
}

/**
 * The chance that a positive scores above a negative, ties half.
 * @returns ½ where one side is empty
 */
export function areaUnderCurve(negatives: ArrayLike<number>, positives: ArrayLike<number>): number {
  const points = [
    ...Array.from(negatives, (score) => ({ score, isPositive: false, group: 0 })),
    ...Array.from(positives, (score) => ({ score, isPositive: true, group: 0 })),
  ].sort(byScore)
  return weightedArea(points, Float64Array.of(1))
}

interface Draws {
  readonly random: Random
  /** Replicates; 400 is enough for two digits. */
  readonly draws?: number
}

/** True images and forgeries that are to be told apart. */
export interface Comparison {
  readonly negatives: readonly Scored[]
  readonly positives: readonly Scored[]
}

/** The area with an interval of 95 % by drawing patients with replacement. */
export const bootstrapArea = (negatives: readonly Scored[], positives: readonly Scored[], draws: Draws): Area =>
  bootstrapMeanArea([{ negatives, positives }], draws)

/**
 * The mean of several areas, each counting alike, with an interval of 95 %: the same drawn patients stand in all of them.
 * @param comparisons  one or more
 */
export function bootstrapMeanArea(comparisons: readonly Comparison[], { random, draws = 400 }: Draws): Area {
  const groups = new Map<string, number>()
  const sides = comparisons.map((comparison) => pointsOf(comparison, groups))
  const meanBy = (weights: Float64Array): number =>
    sides.reduce((sum, points) => sum + weightedArea(points, weights), 0) / sides.length
  const areas = new Float64Array(draws)
  for (let draw = 0; draw < draws; draw++) {
    const weights = new Float64Array(groups.size)
    for (let i = 0; i < groups.size; i++) {
      const drawn = random.integer(groups.size)
      weights[drawn] = (weights[drawn] as number) + 1
    }
    areas[draw] = meanBy(weights)
  }
  areas.sort()
  const isKnown = draws > 0 && comparisons.every(({ negatives, positives }) => negatives.length * positives.length > 0)
  return {
    area: meanBy(new Float64Array(groups.size).fill(1)),
    low: isKnown ? quantileOf(areas, 0.025) : 0,
    high: isKnown ? quantileOf(areas, 0.975) : 1,
    negatives: comparisons.reduce((sum, { negatives }) => sum + negatives.length, 0),
    positives: comparisons.reduce((sum, { positives }) => sum + positives.length, 0),
  }
}

/** In the order of their scores. @param groups  numbers of patients; gets those that are new */
function pointsOf({ negatives, positives }: Comparison, groups: Map<string, number>): readonly Point[] {
  const pointOf = ({ score, group }: Scored, isPositive: boolean): Point => {
    const known = groups.get(group) ?? groups.size
    groups.set(group, known)
    return { score, isPositive, group: known }
  }
  return [...negatives.map((one) => pointOf(one, false)), ...positives.map((one) => pointOf(one, true))].sort(byScore)
}

/** A point of the curve: shares of true images and of forgeries with a score of at least `score`. */
export interface RocPoint {
  readonly falseAlarms: number
  readonly hits: number
}

/** The curve from (0, 0) to (1, 1), at most `most` points. */
export function rocCurve(negatives: ArrayLike<number>, positives: ArrayLike<number>, most = 101): readonly RocPoint[] {
  const low = Float64Array.from(negatives).sort()
  const high = Float64Array.from(positives).sort()
  const steps = Math.max(1, Math.min(most - 1, low.length))
  const points: RocPoint[] = [{ falseAlarms: 0, hits: 0 }]
  let above = high.length
  for (let step = 1; step < steps; step++) {
    // The threshold is the score of a true image: that image has an alarm as well.
    const rank = Math.round((step * low.length) / steps)
    const threshold = low[low.length - rank] as number
    while (above > 0 && (high[above - 1] as number) >= threshold) above--
    points.push({ falseAlarms: rank / low.length, hits: high.length === 0 ? 0 : 1 - above / high.length })
  }
  points.push({ falseAlarms: 1, hits: 1 })
  return points
}

const byScore = (a: Point, b: Point): number => a.score - b.score

function weightedArea(sorted: readonly Point[], weights: Float64Array): number {
  let [below, positives, ordered] = [0, 0, 0]
  for (let start = 0; start < sorted.length; ) {
    const { score } = sorted[start] as Point
    let [low, high, end] = [0, 0, start]
    for (; end < sorted.length && sorted[end]?.score === score; end++) {
      const { isPositive, group } = sorted[end] as Point
      if (isPositive) high += weights[group] as number
      else low += weights[group] as number
    }
    ordered += high * (below + low / 2)
    below += low
    positives += high
    start = end
  }
  return below === 0 || positives === 0 ? 0.5 : ordered / (below * positives)
}
