/**
 * Search: finds the chips of a picture that was cropped, scaled, stretched or turned.
 *
 * Source: docs/reference/mark.md, "Chips", "Reading": stretched whole pictures, then every size of cells, then angles up to 3°.
 */
import { type Alignment, placeCells, type Refined, refineAlignment, scoreAlignment, turnPicture } from './alignment.ts'
import { type ChipReading, type ChipTransform, decodeCells } from './decode-cells.ts'
import { type CellPlace, type Phase, readCells } from './evidence.ts'
import { ALL_ACROSS } from './geometry.ts'
import { type Pattern, PERIOD, SIGN_PERIOD } from './pattern.ts'
import { createPilotMap } from './pilot-map.ts'
import { type GreyPicture, sampleGrid } from './sample-grid.ts'

/** Pixels of the shorter side to which a picture is brought for the search. */
const WORKING_SIDE = 384
/** Cells along the shorter side: of half the smallest grid, up to the largest whole one. */
const FEWEST_CELLS = 23.5
const MOST_CELLS = 97
const SIZE_STEP = 1.01
const STRETCH_STEP = 1.006
const LARGEST_STRETCH = 1.26
const DEGREE = Math.PI / 180
const ANGLES = [1, -1, 2, -2, 3, -3].map((degrees) => degrees * DEGREE)
/** A turned picture has lost its corners only: fewer sizes are tried. */
const FEWEST_TURNED = 36

/** Pilots that agree this well belong to a picture with chips. */
const SURE_SCORE = 5.5
const PATHS_SURE = 32

interface Candidate {
  readonly alignment: Alignment
  readonly score: number
}

interface Search {
  /** The picture that was asked about. */
  readonly full: GreyPicture
  /** The same, smaller. */
  readonly picture: GreyPicture
  /** Pixels of the picture that was asked about for one of the working picture. */
  readonly scale: { readonly x: number; readonly y: number }
  readonly key: Uint8Array
  readonly pattern: Pattern
}

/** Looks for chips in a picture that is not the whole marked one. */
export function searchCells(picture: GreyPicture, key: Uint8Array, pattern: Pattern): ChipReading | undefined {
  const working = shrink(picture)
  const scale = { x: picture.width / working.width, y: picture.height / working.height }
  const search = { full: picture, picture: working, scale, key, pattern }
  return (
    tryCandidates(search, stretchedCandidates(search), 3) ??
    tryCandidates(search, sizedCandidates(search, [0], FEWEST_CELLS), 14) ??
    tryCandidates(search, sizedCandidates(search, ANGLES, FEWEST_TURNED), 10)
  )
}

function shrink(picture: GreyPicture): GreyPicture {
  const factor = Math.max(1, Math.min(picture.width, picture.height) / WORKING_SIDE)
  const width = Math.round(picture.width / factor)
  const height = Math.round(picture.height / factor)
  const axis = (from: number, to: number) => ({ first: from / to / 2, step: from / to, count: to })
  return { width, height, samples: sampleGrid(picture, axis(picture.width, width), axis(picture.height, height)) }
}

/** Whole pictures of which one side was stretched. */
function stretchedCandidates({ picture, pattern }: Search): Candidate[] {
  const { width, height } = picture
  const candidates: Candidate[] = []
  for (const across of ALL_ACROSS) {
    for (let stretch = 1 / LARGEST_STRETCH; stretch < LARGEST_STRETCH; stretch *= STRETCH_STEP) {
      for (const isWide of [true, false]) {
        const wide = isWide ? width / across : (height / across) * stretch
        const high = isWide ? (width / across) * stretch : height / across
        const alignment = { x: width / 2 / wide, y: height / 2 / high, wide, high, angle: 0 }
        candidates.push({ alignment, score: Math.abs(scoreAlignment(picture, alignment, pattern)) })
      }
    }
  }
  return candidates
}

/** Pictures of which a part is left, at any size, turned by one of the angles. */
function sizedCandidates({ picture, pattern }: Search, angles: readonly number[], fewest: number): Candidate[] {
  const side = Math.min(picture.width, picture.height)
  const map = createPilotMap(pattern)
  const candidates: Candidate[] = []
  for (const angle of angles) {
    const turned = angle === 0 ? picture : turnPicture(picture, angle)
    for (let cells = fewest; cells < MOST_CELLS; cells *= SIZE_STEP ** 2) {
      const steps = [side / cells, side / cells / SIZE_STEP] as const
      for (const [i, peak] of map(turned, steps).entries()) {
        const step = steps[i] as number
        const x = picture.width / 2 / step - peak.x / 2 + 0.5
        const y = picture.height / 2 / step - peak.y / 2 + 0.5
        candidates.push({ alignment: { x, y, wide: step, high: step, angle }, score: Math.abs(peak.score) })
      }
    }
  }
  return candidates
}

function tryCandidates(search: Search, candidates: Candidate[], count: number): ChipReading | undefined {
  candidates.sort((a, b) => b.score - a.score)
  for (const { alignment } of candidates.slice(0, count)) {
    const refined = refineAlignment(search.picture, alignment, search.pattern)
    if (refined.score < 4.2) continue
    const reading = decodeAlignment(search, refined)
    if (reading !== undefined) return reading
  }
  return undefined
}

/** Tries the places in the longer period of the signs, and every number of cells; if the pilots are sure, with more paths. */
function decodeAlignment(search: Search, { turned, alignment, score }: Refined): ChipReading | undefined {
  const { place, phase } = placeCells(turned, alignment)
  const cells = alignment.angle === 0 ? readFull(search, place) : readCells(turned, place)
  for (const paths of score > SURE_SCORE ? [1, PATHS_SURE] : [1]) {
    for (const at of phasesFrom(phase)) {
      const found = decodeCells(cells, { ...search, place, phase: at, paths })
      if (found !== undefined) return { ...found, transform: transformOf(search, alignment, at) }
    }
  }
  return undefined
}

/** Cells of the picture that was asked about, finer than the working picture. */
function readFull({ full, scale }: Search, place: CellPlace): Float32Array {
  return readCells(full, {
    ...place,
    left: place.left * scale.x,
    top: place.top * scale.y,
    wide: place.wide * scale.x,
    high: place.high * scale.y,
  })
}

function phasesFrom(phase: Phase): (Phase & { readonly across: number })[] {
  const starts = Array.from({ length: SIGN_PERIOD / PERIOD }, (_, i) => i * PERIOD)
  return ALL_ACROSS.flatMap((across) =>
    starts.flatMap((y) => starts.map((x) => ({ x: phase.x + x, y: phase.y + y, across }))),
  )
}

function transformOf(
  { scale, picture }: Search,
  alignment: Alignment,
  at: Phase & { readonly across: number },
): ChipTransform {
  const { place } = placeCells(picture, alignment)
  const { wide, high, angle } = alignment
  const wrap = (value: number) => ((value % SIGN_PERIOD) + SIGN_PERIOD) % SIGN_PERIOD
  return {
    left: (wrap(at.x) - place.left / wide) / at.across,
    top: (wrap(at.y) - place.top / high) / at.across,
    across: 1 / (wide * scale.x * at.across),
    down: 1 / (high * scale.y * at.across),
    angle,
  }
}
