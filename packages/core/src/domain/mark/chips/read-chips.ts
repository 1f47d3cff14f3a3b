/**
 * Read chips: the record id that a picture carries, whatever became of the picture on its way.
 *
 * Source: docs/reference/mark.md, "Chips", "Reading".
 */
import { messageOf, rankedInputs } from './code.ts'
import { type CellPlace, codedEvidence, type Phase, pilotScore, readCells } from './evidence.ts'
import { ALL_ACROSS } from './geometry.ts'
import { idOf, makePattern, type Pattern } from './pattern.ts'
import type { GreyPicture } from './sample-grid.ts'
import { searchCells } from './search.ts'

/** Where the marked picture lies on the one that was read: all lengths are shares of the marked picture's shorter side. */
export interface ChipTransform {
  /** Where pixel (x, y) was: (left + across·x′, top + down·y′), (x′, y′) turned back by the angle about the picture's middle. */
  readonly left: number
  readonly top: number
  readonly across: number
  readonly down: number
  /** Radians, clockwise. */
  readonly angle: number
}

export interface ChipReading {
  /** 8 bytes. */
  readonly id: Uint8Array
  /** The picture is a negative of the marked one. */
  readonly isInverted: boolean
  readonly transform: ChipTransform
  /** How well the pilots agree, in standard deviations. */
  readonly score: number
}

export interface ReadOptions {
  /** False to look only for pictures that are neither cropped nor turned. */
  readonly isSearching?: boolean
}

/**
 * Looks for chips made with a key.
 * @param key  32 bytes
 * @returns undefined if there are none to be found; a picture without any gives an id with a chance below 1 in 10⁵
 */
export function readChips(picture: GreyPicture, key: Uint8Array, options: ReadOptions = {}): ChipReading | undefined {
  if (Math.min(picture.width, picture.height) < 32) return undefined
  const pattern = makePattern(key)
  for (const across of ALL_ACROSS) {
    const reading = readWhole(picture, key, pattern, across)
    if (reading !== undefined) return reading
  }
  if (options.isSearching === false) return undefined
  return searchCells(picture, key, pattern)
}

function readWhole(picture: GreyPicture, key: Uint8Array, pattern: Pattern, across: number): ChipReading | undefined {
  const side = Math.min(picture.width, picture.height)
  const step = side / across
  if (step < 1.5) return undefined
  const place = {
    left: 0,
    top: 0,
    wide: step,
    high: step,
    columns: Math.floor((picture.width * across) / side + 1e-3),
    rows: Math.floor((picture.height * across) / side + 1e-3),
  }
  const decoding = { place, pattern, key, phase: { x: 0, y: 0 }, paths: PATHS_WHOLE }
  const found =
    decodeCells(readCells(picture, place), decoding) ?? decodeCells(readCells(picture, place, true), decoding)
  if (found === undefined) return undefined
  return { ...found, transform: { left: 0, top: 0, across: 1 / side, down: 1 / side, angle: 0 } }
}

/** Paths that are tried where the place of the cells is known. */
const PATHS_WHOLE = 64

interface Decoding {
  readonly place: CellPlace
  readonly pattern: Pattern
  readonly key: Uint8Array
  readonly phase: Phase
  /** How many of the likeliest paths are tried. */
  readonly paths: number
}

/** The id that cells carry at a phase. */
export function decodeCells(
  cells: Float32Array,
  { place, pattern, key, phase, paths }: Decoding,
): Omit<ChipReading, 'transform'> | undefined {
  const score = pilotScore(cells, place, pattern, phase)
  const evidence = codedEvidence(cells, place, pattern, phase)
  for (const isInverted of Math.abs(score) > 3 ? [score < 0] : [false, true]) {
    const id = likeliestId(key, isInverted ? evidence.map((value) => -value) : evidence, paths)
    if (id !== undefined) return { id, isInverted, score }
  }
  return undefined
}

/** The id of the first of the likeliest paths whose check is right. */
function likeliestId(key: Uint8Array, evidence: Float64Array, paths: number): Uint8Array | undefined {
  const seen = new Set<string>()
  let count = 0
  for (const inputs of rankedInputs(evidence)) {
    const bits = messageOf(inputs)
    const name = bits.join('')
    if (!seen.has(name)) {
      seen.add(name)
      const id = idOf(key, bits)
      if (id !== undefined) return id
    }
    if (++count === paths) return undefined
  }
  return undefined
}
