/**
 * From the planes of a lossy JPEG picture to pixels: sampling and colour.
 *
 * Source: ITU-T T.871 section 7 (YCbCr to RGB), PS3.3 section C.7.6.3.1.2. T.81 leaves it open how subsampled
 * components are brought up again; here as the Independent JPEG Group's decoder does by default.
 */
import type { Plane } from './jpeg-dct.ts'

/** Size of the picture; precision in bits. */
export interface Picture {
  readonly rows: number
  readonly columns: number
  readonly precision: number
}

/**
 * Joins planes into samples, colour by pixel.
 *
 * @param isYbr  the three planes are Y, CB and CR, and RGB is wanted
 */
export function joinPlanes(planes: readonly Plane[], picture: Picture, isYbr: boolean): Uint8Array | Uint16Array {
  const { rows, columns, precision } = picture
  const length = rows * columns * planes.length
  const samples = precision <= 8 ? new Uint8Array(length) : new Uint16Array(length)
  for (const [component, plane] of planes.entries()) {
    spread(plane, picture, { samples, first: component, step: planes.length })
  }
  if (isYbr) toRgb(samples, precision)
  return samples
}

/** Every `step`-th sample from `first` on. */
interface Target {
  readonly samples: Uint8Array | Uint16Array
  readonly first: number
  readonly step: number
}

function spread(plane: Plane, { rows, columns }: Picture, { samples, first, step }: Target): void {
  const readRow = chooseRow(plane)
  const line = new Int32Array(plane.columns * plane.scaleX)
  for (let row = 0, to = first; row < rows; row++) {
    readRow(plane, row, line)
    for (let column = 0; column < columns; column++, to += step) samples[to] = line[column] as number
  }
}

/** Gives one row of the frame in the frame's own columns. */
type ReadRow = (plane: Plane, row: number, line: Int32Array) => void

/** Chroma at half of the columns is interpolated if it has three columns or more; all else is repeated. */
function chooseRow({ scaleX, scaleY, columns }: Plane): ReadRow {
  if (scaleX !== 2 || scaleY > 2 || columns < 3) return repeat
  return scaleY === 1 ? interpolateColumns : interpolateBoth
}

function repeat({ samples, stride, columns, scaleX, scaleY }: Plane, row: number, line: Int32Array): void {
  const from = Math.floor(row / scaleY) * stride
  for (let column = 0, to = 0; column < columns; column++) {
    for (let x = 0; x < scaleX; x++) line[to++] = samples[from + column] as number
  }
}

/** Each sample stands for two columns, a quarter of the way to its neighbours; rounding alternates. */
function interpolateColumns({ samples, stride, columns }: Plane, row: number, line: Int32Array): void {
  const from = row * stride
  const last = columns - 1
  for (let column = 0; column < columns; column++) {
    const here = 3 * (samples[from + column] as number)
    line[2 * column] = column === 0 ? here / 3 : (here + (samples[from + column - 1] as number) + 1) >> 2
    line[2 * column + 1] = column === last ? here / 3 : (here + (samples[from + column + 1] as number) + 2) >> 2
  }
}

/** The same in both directions: rows first, without rounding between. */
function interpolateBoth({ samples, stride, rows, columns }: Plane, row: number, line: Int32Array): void {
  const near = row >> 1
  const far = Math.min(Math.max((row & 1) === 0 ? near - 1 : near + 1, 0), rows - 1)
  const sum = (column: number): number =>
    3 * (samples[near * stride + column] as number) + (samples[far * stride + column] as number)
  const last = columns - 1
  let before = sum(0)
  let here = before
  for (let column = 0; column < columns; column++) {
    const after = column === last ? here : sum(column + 1)
    line[2 * column] = (3 * here + before + 8) >> 4
    line[2 * column + 1] = (3 * here + after + 7) >> 4
    before = here
    here = after
  }
}

const fixed = (value: number): number => Math.round(value * 65536)
const R_OF_CR = fixed(1.402)
const G_OF_CB = fixed(0.344136286)
const G_OF_CR = fixed(0.714136286)
const B_OF_CB = fixed(1.772)

/** In place, with 16 bits behind the point, rounded. */
function toRgb(samples: Uint8Array | Uint16Array, precision: number): void {
  const half = 1 << (precision - 1)
  const top = (1 << precision) - 1
  const clamp = (value: number): number => (value < 0 ? 0 : value > top ? top : value)
  for (let at = 0; at < samples.length; at += 3) {
    const y = samples[at] as number
    const cb = (samples[at + 1] as number) - half
    const cr = (samples[at + 2] as number) - half
    samples[at] = clamp(y + ((R_OF_CR * cr + 32768) >> 16))
    samples[at + 1] = clamp(y + ((-G_OF_CB * cb - G_OF_CR * cr + 32768) >> 16))
    samples[at + 2] = clamp(y + ((B_OF_CB * cb + 32768) >> 16))
  }
}
