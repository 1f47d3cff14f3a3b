/**
 * Compare: where a picture differs from the thumbnail of the image that its id leads to.
 *
 * The chips say where the picture lies; the place is made exact, the tone curve between the two is found, and what does not fit is
 * held against what does not fit elsewhere on this picture. Windows of 1, 2 and 3 cells are looked at, so that a faint change
 * shows that is spread over a few cells, too. How often it errs, and what it misses: docs/explanation/mark-attacks.md.
 */
import type { ChipTransform } from '../chips/read-chips.ts'
import { alignPlace, misfit, shiftPlace } from './align.ts'
import { expectSpread, restlessnessOf } from './noise-model.ts'
import { type AreaTable, type GreyPicture, makeAreaTable, type Place, placeOf, readCellMeans } from './place.ts'
import { isolateRegions, type Region } from './regions.ts'
import { surroundingsOf } from './surroundings.ts'
import { LEAST_DIFFERENCE, WINDOW_LIMITS } from './thresholds.ts'
import type { Thumbnail } from './thumbnail.ts'
import { fitToneCurve, medianOf, robustSpread, type ToneCurve } from './tone-curve.ts'

/** What a cell shows. */
export const CELL_STATES = { unseen: 0, same: 1, differs: 2 } as const

export interface ThumbnailComparison {
  /** `unclear`: too little of the image is seen, or it fits nowhere, so that nothing can be said. */
  readonly outcome: 'same' | 'differs' | 'unclear'
  readonly columns: number
  readonly rows: number
  /** {@link CELL_STATES} of each cell, row by row. */
  readonly states: Uint8Array
  /** Cells wholly on the picture. */
  readonly visible: number
  /** Neighbouring cells that differ, the largest first. */
  readonly regions: readonly Region[]
  /** The picture is a negative of the image. */
  readonly isInverted: boolean
  /** Grey levels by which half of the cells are off: below 1 after JPEG 75. */
  readonly typicalDifference: number
  /** Where the cells lie on the picture. */
  readonly place: Place
}

/** Cells that must be seen for an answer. */
const VISIBLE_LEAST = 400
/**
 * Grey levels: half of the cells of a picture are off by less than 2 after anything that leaves its content alone. One that is off by
 * more everywhere is of another image, or not where it is said to be, and its own noise would hide whatever was altered.
 */
const TYPICAL_MOST = 4
/** Levels in a group of the tone curve, from rough to fine. */
const BANDS = [32, 16, 8, 4] as const
/** Cells around each that are looked at, at most. */
const REACH_MOST = 4
const IDENTITY = Float32Array.from({ length: 256 }, (_, level) => level)

/**
 * @param transform  as the chips give it; half a cell of the thumbnail off at most
 * Cost: some 0.1 s for a megapixel, 8 bytes a pixel.
 */
export function compareThumbnail(
  picture: GreyPicture,
  transform: ChipTransform,
  thumbnail: Thumbnail,
): ThumbnailComparison {
  const fit = fitPicture(picture, placeOf(transform, picture), thumbnail)
  const { columns, rows } = thumbnail
  const { differences } = fit
  const seen = differences.filter((difference) => !Number.isNaN(difference))
  const typicalDifference = seen.length > 0 ? medianOf(seen.map(Math.abs)) : Number.POSITIVE_INFINITY
  const found = {
    columns,
    rows,
    visible: seen.length,
    isInverted: fit.curve.isInverted,
    typicalDifference,
    place: fit.place,
  }
  if (seen.length < VISIBLE_LEAST || typicalDifference > TYPICAL_MOST) {
    return { ...found, outcome: 'unclear', states: new Uint8Array(columns * rows), regions: [] }
  }
  const states = judgeCells(fit)
  const regions = isolateRegions({ columns, rows, states }, CELL_STATES.differs)
  return { ...found, outcome: regions.length > 0 ? 'differs' : 'same', states, regions }
}

interface Fit {
  readonly columns: number
  readonly rows: number
  /** Shown less expected, in grey levels; NaN where nothing is seen. */
  readonly differences: Float32Array
  /** Standard deviation of what is to be expected there. */
  readonly spread: Float32Array
  readonly place: Place
  readonly curve: ToneCurve
}

function fitPicture(picture: GreyPicture, start: Place, thumbnail: Thumbnail): Fit {
  const table: AreaTable = makeAreaTable(picture)
  const { columns, rows, samples: levels } = thumbnail
  const read = (place: Place): Float32Array => readCellMeans(table, picture, place, thumbnail).means
  // As far as a block of JPEG on this picture reaches.
  const cellSide = Math.min(Math.hypot(start.a, start.d), Math.hypot(start.b, start.e))
  const reach = Math.min(REACH_MOST, Math.max(1, Math.ceil(8 / cellSide)))
  const surroundings = surroundingsOf(thumbnail, reach)
  const steepness = restlessnessOf(surroundings, IDENTITY).steepness
  const expect = (shown: Float32Array, band: number) => {
    const curve = fitToneCurve({ levels, shown, steepness }, band)
    return { curve, expected: Float32Array.from(levels, (level) => curve.levels[level] as number) }
  }
  let place = shiftPlace(start, (tried) => {
    const shown = read(tried)
    return misfit({ columns, rows, expected: expect(shown, 4).expected }, shown)
  })
  let shown = read(place)
  let model = expect(shown, BANDS[0])
  for (const band of BANDS) {
    place = alignPlace(place, { columns, rows, expected: model.expected, read })
    shown = read(place)
    model = expect(shown, band)
  }
  const { expected } = model
  const differences = shown.map((mean, i) => mean - (expected[i] as number))
  const spread = expectSpread({ differences, expected, cellSide }, restlessnessOf(surroundings, model.curve.levels))
  return { columns, rows, differences, spread, place, curve: model.curve }
}

function judgeCells(fit: Fit): Uint8Array {
  const states = Uint8Array.from(fit.differences, (difference) => {
    return Number.isNaN(difference) ? CELL_STATES.unseen : CELL_STATES.same
  })
  for (const [side, limit] of WINDOW_LIMITS) {
    const scores = scoreWindows(fit, side)
    const known = scores.filter((score) => !Number.isNaN(score))
    const scale = Math.max(1, robustSpread(known))
    for (let i = 0; i < scores.length; i++) {
      const score = (scores[i] as number) / scale
      if (Math.abs(score) > limit) markWindow(fit, states, { at: i, side, sign: Math.sign(score) })
    }
  }
  return states
}

/** For the window whose upper left cell each is: how far its mean is off, in standard deviations; NaN where it is not all seen. */
function scoreWindows({ columns, rows, differences, spread }: Fit, side: number): Float32Array {
  const scores = new Float32Array(differences.length).fill(Number.NaN)
  for (let row = 0; row + side <= rows; row++) {
    for (let column = 0; column + side <= columns; column++) {
      let [sum, weights] = [0, 0]
      for (let k = 0; k < side * side; k++) {
        const i = (row + Math.floor(k / side)) * columns + column + (k % side)
        const weight = 1 / (spread[i] as number) ** 2
        sum += weight * (differences[i] as number)
        weights += weight
      }
      if (Math.abs(sum / weights) < LEAST_DIFFERENCE) sum *= Math.abs(sum / weights) / LEAST_DIFFERENCE
      scores[row * columns + column] = sum / Math.sqrt(weights)
    }
  }
  return scores
}

interface Window {
  /** Its upper left cell. */
  readonly at: number
  readonly side: number
  /** Whether the picture is lighter (1) or darker (−1) there. */
  readonly sign: number
}

/** Of a window that differs, the cells that are off to the same side. */
function markWindow({ columns, differences, spread }: Fit, states: Uint8Array, { at, side, sign }: Window): void {
  for (let k = 0; k < side * side; k++) {
    const i = at + Math.floor(k / side) * columns + (k % side)
    const isOff = side === 1 || (sign * (differences[i] as number)) / (spread[i] as number) > 1.5
    if (isOff) states[i] = CELL_STATES.differs
  }
}
