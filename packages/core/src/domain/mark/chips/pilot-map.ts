/**
 * Pilot map: how well the pilots fit a picture at every place of a period, for a size of cells.
 *
 * Source: docs/reference/mark.md, "Chips", "Reading": a circular correlation at two samples a cell by FFT.
 */
import { REACH } from './evidence.ts'
import { type ComplexField, createTransform } from './fft.ts'
import { type Pattern, PERIOD } from './pattern.ts'
import { type GreyPicture, sampleGrid } from './sample-grid.ts'
import { localScale, residual, weigh } from './whiten.ts'

const SIDE = 2 * PERIOD

/** A place where the pilots fit. */
export interface PilotPeak {
  /** Standard deviations; negative for an inverted picture. */
  readonly score: number
  /** Where the middle of cell 0 is, in half cells. */
  readonly x: number
  readonly y: number
}

/** The best place for each of two sizes of cells at once. */
export type PilotMap = (picture: GreyPicture, steps: readonly [number, number]) => readonly [PilotPeak, PilotPeak]

export function createPilotMap(pattern: Pattern): PilotMap {
  const transform = createTransform(SIDE)
  const template = { re: new Float64Array(SIDE * SIDE), im: new Float64Array(SIDE * SIDE) }
  for (let y = 0; y < PERIOD; y++) {
    for (let x = 0; x < PERIOD; x++) template.re[2 * y * SIDE + 2 * x] = pattern.pilots[y * PERIOD + x] as number
  }
  transform(template)
  return (picture, steps) => {
    const re = new Float64Array(SIDE * SIDE)
    const im = new Float64Array(SIDE * SIDE)
    const powers = [foldPicture(picture, steps[0], re), foldPicture(picture, steps[1], im)] as const
    correlate({ re, im }, template, transform)
    return [findPeak(re, powers[0]), findPeak(im, powers[1])]
  }
}

/** Adds up what repeats with the period; returns the sum of squares. */
function foldPicture(picture: GreyPicture, step: number, folded: Float64Array): number {
  const half = step / 2
  const columns = Math.floor(picture.width / half) + 1
  const rows = Math.floor(picture.height / half) + 1
  const samples = sampleGrid(picture, { first: 0, step: half, count: columns }, { first: 0, step: half, count: rows })
  const values = residual({ columns, rows, values: samples })
  const weighed = weigh(values, localScale({ columns, rows, values }, 2 * REACH))
  let power = 0
  for (let y = 0, i = 0; y < rows; y++) {
    const line = (y % SIDE) * SIDE
    for (let x = 0; x < columns; x++, i++) {
      const value = weighed[i] as number
      power += value * value
      folded[line + (x % SIDE)] = (folded[line + (x % SIDE)] as number) + value
    }
  }
  return power
}

/** Both parts of the field at once, as the template is real. */
function correlate({ re, im }: ComplexField, template: ComplexField, transform: (field: ComplexField) => void): void {
  transform({ re, im })
  for (let i = 0; i < re.length; i++) {
    const a = re[i] as number
    const b = im[i] as number
    const c = template.re[i] as number
    const d = template.im[i] as number
    re[i] = a * c + b * d
    im[i] = b * c - a * d
  }
  transform({ re: im, im: re })
}

/** The pilots are a quarter of a quarter of the samples. The correlation has been scaled by the number of samples. */
function findPeak(field: Float64Array, power: number): PilotPeak {
  const scale = 1 / (SIDE * SIDE * Math.sqrt(power / 16 + 1e-30))
  let best = { score: 0, x: 0, y: 0 }
  const consider = (score: number, x: number, y: number) => {
    if (Math.abs(score) > Math.abs(best.score)) best = { score, x, y }
  }
  for (let y = 0; y < SIDE; y++) {
    const below = ((y + 1) % SIDE) * SIDE
    for (let x = 0; x < SIDE; x++) {
      const right = (x + 1) % SIDE
      const here = (field[y * SIDE + x] as number) * scale
      const beside = (field[y * SIDE + right] as number) * scale
      const under = (field[below + x] as number) * scale
      const across = (field[below + right] as number) * scale
      consider(here, x, y)
      consider((here + beside) * Math.SQRT1_2, x + 0.5, y)
      consider((here + under) * Math.SQRT1_2, x, y + 0.5)
      consider((here + beside + under + across) / 2, x + 0.5, y + 0.5)
    }
  }
  return best
}
