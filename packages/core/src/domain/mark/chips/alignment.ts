/**
 * Alignment: where the cells lie on a picture, and how a guess is made better.
 *
 * Source: docs/reference/mark.md, "Chips", "Reading".
 */
import { type CellPlace, type Phase, pilotScore, readCells } from './evidence.ts'
import type { Pattern } from './pattern.ts'
import type { GreyPicture } from './sample-grid.ts'

/** A guess: which cell is in the middle of the picture, and how large cells are. */
export interface Alignment {
  /** Cell coordinates of the middle of the picture, modulo the period. */
  readonly x: number
  readonly y: number
  /** Pixels of a cell. */
  readonly wide: number
  readonly high: number
  /** Radians by which the picture has to be turned back. */
  readonly angle: number
}

/** The cells of an alignment that lie on the picture whole, and the number of the first. */
export function placeCells(
  { width, height }: GreyPicture,
  { x, y, wide, high }: Alignment,
): { place: CellPlace; phase: Phase } {
  const left = width / 2 - x * wide
  const top = height / 2 - y * high
  const phase = { x: Math.ceil(-left / wide - 0.02), y: Math.ceil(-top / high - 0.02) }
  const first = { left: left + phase.x * wide, top: top + phase.y * high }
  const columns = Math.max(0, Math.floor((width - first.left) / wide + 0.02))
  const rows = Math.max(0, Math.floor((height - first.top) / high + 0.02))
  return { place: { ...first, wide, high, columns, rows }, phase }
}

/** How well the pilots fit an alignment of a picture that has been turned already. */
export function scoreAlignment(picture: GreyPicture, alignment: Alignment, pattern: Pattern): number {
  const { place, phase } = placeCells(picture, alignment)
  return pilotScore(readCells(picture, place), place, pattern, phase)
}

/** A picture turned about its middle, edges continued. @param angle  radians: what was at this angle comes to lie straight */
export function turnPicture(picture: GreyPicture, angle: number): GreyPicture {
  const { width, height, samples } = picture
  const out = new Float32Array(width * height)
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const clamp = (value: number, most: number) => (value < 0 ? 0 : value > most ? most : value)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = x - (width - 1) / 2
      const dy = y - (height - 1) / 2
      const px = clamp((width - 1) / 2 + dx * cos - dy * sin, width - 1.001)
      const py = clamp((height - 1) / 2 + dx * sin + dy * cos, height - 1.001)
      const i = Math.floor(py) * width + Math.floor(px)
      const fx = px - Math.floor(px)
      const fy = py - Math.floor(py)
      const top = (samples[i] as number) * (1 - fx) + (samples[i + 1] as number) * fx
      const bottom = (samples[i + width] as number) * (1 - fx) + (samples[i + width + 1] as number) * fx
      out[y * width + x] = top * (1 - fy) + bottom * fy
    }
  }
  return { width, height, samples: out }
}

/** A better alignment, and its score. */
export interface Refined {
  readonly alignment: Alignment
  readonly score: number
  /** The picture as the alignment's angle turns it. */
  readonly turned: GreyPicture
}

const ROUNDS = 4
/** A guess that does not get this far after two rounds is given up. */
const HOPE = 4.2

/** Climbs to the best alignment near a guess. */
export function refineAlignment(picture: GreyPicture, guess: Alignment, pattern: Pattern): Refined {
  let turned = guess.angle === 0 ? picture : turnPicture(picture, guess.angle)
  let best = guess
  let score = Math.abs(scoreAlignment(turned, guess, pattern))
  const steps = { x: 0.15, y: 0.15, wide: guess.wide * 0.004, high: guess.high * 0.004, angle: 0.005 }
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['x', 'y', 'wide', 'high', 'angle'] as const) {
      if (name === 'angle' && (round === 0 || score < HOPE)) continue
      for (const step of [steps[name], -steps[name]]) {
        const tried = { ...best, [name]: best[name] + step }
        const seen = name === 'angle' ? turnPicture(picture, tried.angle) : turned
        const found = Math.abs(scoreAlignment(seen, tried, pattern))
        if (found <= score) continue
        best = tried
        score = found
        turned = seen
        break
      }
    }
    if (round === 1 && score < HOPE) break
    if (round > 0) for (const name of ['x', 'y', 'wide', 'high', 'angle'] as const) steps[name] /= 2
  }
  return { alignment: best, score, turned }
}
