/**
 * Oracle attack: somebody may ask a reader as often as they like and looks for the least change that makes it say no.
 *
 * Source: the sensitivity attack (I. Cox and J.-P. Linnartz 1998) in the form that the BOWS contests made popular. From a picture
 * in which nothing is read any more the attacker goes back towards the marked one: first along the straight line, by
 * bisection; then area by area, giving back whatever can be given back without the mark being read again.
 */
import { createPicture, type Picture } from './picture.ts'
import { createRandom } from './random.ts'

/** What the attacker may ask: whether a mark is read in a picture. */
export type MarkOracle = (picture: Picture) => boolean

export interface OracleOrder {
  /** A picture of the same size in which no mark is read, such as the marked one after strong blur. */
  readonly ruined: Picture
  /** Questions that may be asked at most. */
  readonly queries: number
  /** Sides of the areas that are given back, from large to small. */
  readonly areas?: readonly number[]
  readonly seed?: number
}

export interface OracleOutcome {
  /** The picture nearest to the marked one that was found in which no mark is read. */
  readonly picture: Picture
  readonly queries: number
  /** Mean squared difference from the marked picture, after each step that made it smaller: what a query buys. */
  readonly progress: readonly { readonly queries: number; readonly error: number }[]
}

/**
 * @throws {RangeError} if the oracle reads a mark in the ruined picture: there is nothing to begin with
 */
export function removeByOracle(marked: Picture, oracle: MarkOracle, order: OracleOrder): OracleOutcome {
  const { ruined, queries: most, areas = [64, 32, 16], seed = 0 } = order
  let queries = 0
  const isRead = (picture: Picture): boolean => {
    queries++
    return oracle(picture)
  }
  if (isRead(ruined)) throw new RangeError('a mark is read in the ruined picture')
  let best = ruined
  const progress = [{ queries, error: errorBetween(marked, best) }]
  const accept = (picture: Picture): void => {
    best = picture
    progress.push({ queries, error: errorBetween(marked, best) })
  }

  let [low, high] = [0, 1]
  for (let i = 0; i < 7 && queries < most; i++) {
    const share = (low + high) / 2
    const between = mix(marked, ruined, share)
    if (isRead(between)) low = share
    else {
      high = share
      accept(between)
    }
  }
  const random = createRandom(seed)
  for (const side of areas) {
    for (const place of shuffled(placesOf(marked, side), random.integer)) {
      if (queries >= most) break
      const given = giveBack(best, marked, place, side)
      if (!isRead(given)) accept(given)
    }
  }
  return { picture: best, queries, progress }
}

/** Mean squared difference in grey levels. */
export function errorBetween(first: Picture, second: Picture): number {
  let sum = 0
  for (let i = 0; i < first.samples.length; i++) {
    sum += ((first.samples[i] as number) - (second.samples[i] as number)) ** 2
  }
  return sum / first.samples.length
}

/** `share` of the second, the rest of the first. */
function mix(first: Picture, second: Picture, share: number): Picture {
  const result = createPicture(first.width, first.height)
  for (let i = 0; i < first.samples.length; i++) {
    const value = first.samples[i] as number
    result.samples[i] = value + share * ((second.samples[i] as number) - value) + 0.5
  }
  return result
}

function giveBack(picture: Picture, from: Picture, place: number, side: number): Picture {
  const samples = picture.samples.slice()
  const [left, top] = [place % picture.width, Math.floor(place / picture.width)]
  const right = Math.min(picture.width, left + side)
  for (let row = top; row < Math.min(picture.height, top + side); row++) {
    const at = row * picture.width
    samples.set(from.samples.subarray(at + left, at + right), at + left)
  }
  return { ...picture, samples }
}

/** Indexes of the upper left samples of the areas that cover a picture. */
function placesOf({ width, height }: Picture, side: number): number[] {
  const places: number[] = []
  for (let y = 0; y < height; y += side) for (let x = 0; x < width; x += side) places.push(y * width + x)
  return places
}

function shuffled(values: number[], below: (count: number) => number): number[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = below(i + 1)
    const value = values[i] as number
    values[i] = values[j] as number
    values[j] = value
  }
  return values
}
