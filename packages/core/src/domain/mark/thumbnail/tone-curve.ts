/**
 * Tone curve: how bright a picture shows what a thumbnail holds at a level, whatever window, gamma or inversion came between.
 *
 * Source: medians over groups of cells of nearly one level, so that what was altered does not bend the curve, made monotone by
 * pooling adjacent violators (Ayer et al. 1955); rising, or falling where that fits better.
 */

/** For each level 0 … 255 of the thumbnail, the level that the picture shows for it. */
export interface ToneCurve {
  readonly levels: Float32Array
  readonly isInverted: boolean
}

/** Cells in a group at least. */
const GROUP = 12
/** Cells that make a group of their own, in a curve of bands as fine as these or finer. */
const PLENTY = 400
const FINE = 8
/** Groups that say how steep the curve goes on beyond the last of them. */
const END = 6

export interface ToneQuestion {
  /** Levels of the thumbnail. */
  readonly levels: Uint8Array
  /** Means of the picture in the same cells; NaN where nothing is seen. */
  readonly shown: Float32Array
  /** How much goes on around each cell; the calmer half of each group decides, since it suffers least from a place that is not exact. */
  readonly steepness: Float32Array
}

/** @param band  levels in a group at least; many give a curve that is true where the place is still rough */
export function fitToneCurve(question: ToneQuestion, band: number): ToneCurve {
  const medians = groupMedians(question, band)
  const rising = poolViolators(medians)
  const falling = poolViolators(medians.map((group) => ({ ...group, shown: -group.shown })))
  const isInverted = falling.error < rising.error
  const values = isInverted ? falling.values.map((value) => -value) : rising.values
  return {
    levels: drawThrough(
      medians.map(({ level }) => level),
      values,
    ),
    isInverted,
  }
}

interface Group {
  readonly level: number
  readonly shown: number
  readonly count: number
}

/** Groups of cells in the order of their level; those of one level stay together. */
function groupMedians({ levels, shown, steepness }: ToneQuestion, band: number): Group[] {
  const byLevel = Array.from({ length: 256 }, (): number[] => [])
  for (let i = 0; i < levels.length; i++) {
    if (Number.isNaN(shown[i])) continue
    byLevel[levels[i] as number]?.push(i)
  }
  const found: Group[] = []
  let members: number[] = []
  for (const [level, more] of byLevel.entries()) {
    members = members.concat(more)
    const isEnough = level === 255 ? members.length >= GROUP / 2 : members.length >= GROUP
    const isEnd = (level + 1) % band === 0 || (band <= FINE && members.length >= PLENTY)
    if (!isEnough || !isEnd) continue
    const calm = members.sort((i, j) => (steepness[i] as number) - (steepness[j] as number))
    const kept = calm.slice(0, Math.max(Math.ceil(GROUP / 2), calm.length / 2))
    const mean = kept.reduce((sum, i) => sum + (levels[i] as number), 0) / kept.length
    found.push({ level: mean, shown: medianOf(kept.map((i) => shown[i] as number)), count: kept.length })
    members = []
  }
  return found
}

function poolViolators(groups: readonly Group[]): { readonly values: number[]; readonly error: number } {
  const pools: { mean: number; weight: number; members: number }[] = []
  for (const { shown, count } of groups) {
    let pool = { mean: shown, weight: count, members: 1 }
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      const weight = last.weight + pool.weight
      pool = {
        mean: (last.mean * last.weight + pool.mean * pool.weight) / weight,
        weight,
        members: last.members + pool.members,
      }
      pools.pop()
    }
    pools.push(pool)
  }
  const values = pools.flatMap(({ mean, members }) => new Array<number>(members).fill(mean))
  const error = groups.reduce((sum, { shown, count }, i) => sum + count * (shown - (values[i] as number)) ** 2, 0)
  return { values, error }
}

/** Straight between the points; beyond them as steep as over the last few, within black and white. */
function drawThrough(at: readonly number[], values: readonly number[]): Float32Array {
  const levels = new Float32Array(256)
  const last = at.length - 1
  const [low, high] = [slopeBetween(0, Math.min(END, last)), slopeBetween(Math.max(0, last - END), last)]
  function slopeBetween(i: number, j: number): number {
    const run = (at[j] ?? 0) - (at[i] ?? 0)
    return run > 0 ? ((values[j] as number) - (values[i] as number)) / run : 0
  }
  for (let level = 0, next = 0; level < 256; level++) {
    while (next < last && (at[next] as number) < level) next++
    const base = next > 0 && level <= (at[next] as number) ? next - 1 : next
    const slope = level < (at[0] ?? 0) ? low : level > (at[last] ?? 0) ? high : slopeBetween(base, next)
    const value = (values[base] ?? 0) + slope * (level - (at[base] ?? 0))
    levels[level] = Math.max(0, Math.min(255, value))
  }
  return levels
}

export function medianOf(values: readonly number[] | Float32Array): number {
  const sorted = Float32Array.from(values).sort()
  return sorted[sorted.length >> 1] ?? Number.NaN
}

/**
 * Standard deviation of values about 0, by their median size or by the size that four fifths do not exceed, whichever says more: where
 * many are exactly 0, the median says nothing of the others. Alterations of a fifth of the values do not move it.
 */
export function robustSpread(values: readonly number[] | Float32Array): number {
  const sorted = Float32Array.from(values, Math.abs).sort()
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? Number.NaN
  return Math.max(1.4826 * at(0.5), at(0.8) / 1.2816)
}
