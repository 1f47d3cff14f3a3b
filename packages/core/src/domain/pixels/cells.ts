/**
 * Cells: between the words of a native frame and planes in the canonical domain.
 *
 * Source: docs/reference/mark.md, "Planes"; PS3.5 section 8.1.1 (cells), PS3.3 section C.7.6.3.1.3 (planar configuration).
 */
import { viewSamples16 } from '../../formats/codec/samples.ts'
import { unsuited } from './image-pixels.ts'
import type { Plane } from './plane.ts'

/** How one frame lies in its bytes, 16-bit cells in little endian. */
export interface CellLayout {
  readonly width: number
  readonly height: number
  /** Bits Stored. */
  readonly bits: number
  /** Bits of a cell below the sample: High Bit + 1 − Bits Stored. */
  readonly shift: number
  readonly isSigned: boolean
  readonly cellBytes: 1 | 2
  /** Cells of one pixel. */
  readonly channels: number
  /** The first of them that are planes; others, such as opacity, are kept. */
  readonly components: number
  /** One channel behind the other, instead of pixel by pixel. */
  readonly isByPlane: boolean
}

type Cells = Uint8Array | Uint16Array

/** Bytes of a frame. */
export const frameBytesOf = ({ width, height, channels, cellBytes }: CellLayout): number =>
  width * height * channels * cellBytes

/** The planes of a frame. @param bytes  {@link frameBytesOf} of them */
export function readCells(bytes: Uint8Array, layout: CellLayout): Plane[] {
  const cells = viewCells(bytes, layout)
  return Array.from({ length: layout.components }, (_, channel) => readChannel(cells, channel, layout))
}

/**
 * A copy of a frame with other samples; what else its cells hold is kept.
 * @throws {FormatError} `pixels_unsuited` where a reader would take unused bits for something else afterwards
 */
export function writeCells(bytes: Uint8Array, layout: CellLayout, planes: readonly Plane[]): Uint8Array {
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  const cells = viewCells(copy, layout)
  for (const [channel, plane] of planes.entries()) writeChannel(cells, channel, layout, plane.samples)
  if (layout.cellBytes === 1 || cells.buffer === copy.buffer) return copy
  // The machine's own order is another one.
  for (const [i, cell] of cells.entries()) copy.set([cell & 0xff, cell >> 8], 2 * i)
  return copy
}

const viewCells = (bytes: Uint8Array, { cellBytes }: CellLayout): Cells =>
  cellBytes === 1 ? bytes : viewSamples16(bytes)

/** Where the cells of a channel lie: the first of them, and how far it is to the next. */
function strideOf(channel: number, { width, height, channels, isByPlane }: CellLayout) {
  return isByPlane ? { first: channel * width * height, step: 1 } : { first: channel, step: channels }
}

function readChannel(cells: Cells, channel: number, layout: CellLayout): Plane {
  const { width, height, bits, shift, isSigned } = layout
  const { first, step } = strideOf(channel, layout)
  const mask = 2 ** bits - 1
  const sign = isSigned ? 1 << (bits - 1) : 0
  const samples = new Uint16Array(width * height)
  for (let i = 0, at = first; i < samples.length; i++, at += step)
    samples[i] = (((cells[at] as number) >> shift) & mask) ^ sign
  return { width, height, bits, samples }
}

function writeChannel(cells: Cells, channel: number, layout: CellLayout, samples: Uint16Array): void {
  const { bits, shift, isSigned, cellBytes } = layout
  const { first, step } = strideOf(channel, layout)
  const mask = 2 ** bits - 1
  const sign = isSigned ? 1 << (bits - 1) : 0
  const upper = (2 ** (8 * cellBytes) - 1) & ~(2 ** (shift + bits) - 1)
  const isExtended = isSignExtended(cells, channel, layout)
  const kept = ~(mask << shift) & (isExtended ? ~upper : -1)
  for (let i = 0, at = first; i < samples.length; i++, at += step) {
    const raw = (samples[i] as number) ^ sign
    const fill = isExtended && (raw & sign) !== 0 ? upper : 0
    cells[at] = ((cells[at] as number) & kept) | (raw << shift) | fill
  }
  if (isExtended !== isSignExtended(cells, channel, layout)) throw unsuited('unused bits that would look like a sign')
}

/** Whether the unused bits above every sample of a channel are its sign; false where there are none. */
function isSignExtended(cells: Cells, channel: number, layout: CellLayout): boolean {
  const { width, height, bits, shift, isSigned, cellBytes } = layout
  const upper = (2 ** (8 * cellBytes) - 1) & ~(2 ** (shift + bits) - 1)
  if (!isSigned || upper === 0) return false
  const { first, step } = strideOf(channel, layout)
  const sign = 1 << (shift + bits - 1)
  for (let i = 0, at = first; i < width * height; i++, at += step) {
    const cell = cells[at] as number
    if ((cell & upper) !== ((cell & sign) === 0 ? 0 : upper)) return false
  }
  return true
}
