/**
 * Decode cells: from what cells say to the id that they carry.
 *
 * Source: docs/reference/mark.md, "Chips", "Reading".
 */
import { messageOf, rankedInputs } from './code.ts'
import { type CellPlace, codedEvidence, type Phase, pilotScore } from './evidence.ts'
import { idOf, type Pattern } from './pattern.ts'

/**
 * Where the marked picture lies on the one that was read: lengths are shares of the marked picture's shorter side. After a search,
 * left and top are known modulo 128 cells, more than most pictures have.
 */
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

interface Decoding {
  readonly place: CellPlace
  readonly pattern: Pattern
  readonly key: Uint8Array
  readonly phase: Phase & { readonly across: number }
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
