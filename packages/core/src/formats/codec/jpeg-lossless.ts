/**
 * Lossless JPEG: process 14 of T.81, any predictor.
 *
 * Source: ITU-T T.81 annex H. Samples of 2 to 16 bits, one to four components in one scan or in several.
 */
import { BitReader, type HuffmanTable } from './jpeg-huffman.ts'
import type { JpegScan, JpegStream } from './jpeg-stream.ts'
import { failed, unsupported } from './shape.ts'

/** Start of frame of lossless JPEG with Huffman codes: T.81 table B.1. */
export const SOF3 = 0xc3

/**
 * Decodes a codestream whose size has been checked.
 *
 * @returns samples in row order, colour by pixel
 * @throws {FormatError} `codec_failed`, `codec_unsupported`
 */
export function decodeLossless({ frame, scans }: JpegStream): Uint8Array | Uint16Array {
  const { precision, rows, columns, components } = frame
  if (precision < 2 || precision > 16) throw failed(`lossless JPEG of ${precision} bits`)
  if (components.some(({ h, v }) => h !== 1 || v !== 1)) throw unsupported('lossless JPEG with subsampled components')
  const length = rows * columns * components.length
  // Each sample costs a bit: a small codestream cannot make us allocate a large frame.
  if (length > 8 * coded(scans)) throw failed('the codestream is too short for the frame')

  const samples = precision <= 8 ? new Uint8Array(length) : new Uint16Array(length)
  const seen = new Set<number>()
  for (const scan of scans) {
    for (const { index } of scan.components) {
      if (seen.has(index)) throw failed('a component comes in two scans')
      seen.add(index)
    }
    decodeScan(scan, { samples, rows, columns, stride: components.length, precision })
  }
  if (seen.size !== components.length) throw failed('a component comes in no scan')
  return samples
}

interface Picture {
  readonly samples: Uint8Array | Uint16Array
  readonly rows: number
  readonly columns: number
  readonly stride: number
  readonly precision: number
}

/** What decoding of a row needs of each component in the scan. */
interface Channel {
  readonly index: number
  readonly table: HuffmanTable
}

const coded = (scans: readonly JpegScan[]): number =>
  scans.reduce((sum, { intervals }) => sum + intervals.reduce((all, { length }) => all + length, 0), 0)

function decodeScan(scan: JpegScan, picture: Picture): void {
  const { spectralStart: predictor, low: shift, restartInterval, intervals } = scan
  const { rows, columns, precision } = picture
  if (predictor < 1 || predictor > 7) throw failed(`predictor ${predictor}`)
  if (shift >= precision) throw failed(`point transform ${shift}`)
  if (restartInterval % columns !== 0) throw failed('a restart interval that is no whole number of rows')
  const channels = scan.components.map(({ index, dc }): Channel => {
    const table = scan.dcTables[dc]
    if (table === undefined) throw failed('a Huffman table is missing')
    return { index, table }
  })
  const rowsAtOnce = restartInterval === 0 ? rows : restartInterval / columns
  if (intervals.length !== Math.ceil(rows / rowsAtOnce)) throw failed('the number of restart intervals does not fit')

  const first = 1 << (precision - shift - 1)
  for (const [i, interval] of intervals.entries()) {
    const reader = new BitReader(interval)
    const start = i * rowsAtOnce
    const end = Math.min(start + rowsAtOnce, rows)
    for (let row = start; row < end; row++) {
      decodeRow(reader, channels, picture, { row, predictor, initial: row === start ? first : undefined })
      reader.check()
    }
  }
  if (shift > 0) applyShift(picture, channels, shift)
}

interface Row {
  readonly row: number
  readonly predictor: number
  /** The prediction of the first sample where nothing before the row counts, else undefined. */
  readonly initial: number | undefined
}

/** Decodes one row of each channel, sample by sample in turn. */
function decodeRow(
  reader: BitReader,
  channels: readonly Channel[],
  { samples, columns, stride }: Picture,
  { row, predictor, initial }: Row,
): void {
  const line = columns * stride
  const start = row * line
  for (let column = 0; column < columns; column++) {
    for (const { index, table } of channels) {
      const at = start + column * stride + index
      let prediction: number
      if (initial !== undefined) prediction = column === 0 ? initial : (samples[at - stride] as number)
      else if (column === 0) prediction = samples[at - line] as number
      else prediction = predict(predictor, samples, at, stride, line)
      const length = reader.symbol(table)
      if (length > 16) throw failed('a difference of more than 16 bits')
      // Length 16 stands for the difference 32768, without bits of its own: T.81 table H.2. Storing takes the sum modulo 2^16.
      samples[at] = prediction + (length === 0 ? 0 : length === 16 ? 32768 : reader.signed(length))
    }
  }
}

/** T.81 table H.1: a is the sample to the left, b above, c above to the left. */
function predict(
  predictor: number,
  samples: Uint8Array | Uint16Array,
  at: number,
  stride: number,
  line: number,
): number {
  const a = samples[at - stride] as number
  if (predictor === 1) return a
  const b = samples[at - line] as number
  if (predictor === 2) return b
  const c = samples[at - line - stride] as number
  switch (predictor) {
    case 3:
      return c
    case 4:
      return a + b - c
    case 5:
      return a + ((b - c) >> 1)
    case 6:
      return b + ((a - c) >> 1)
    default:
      return (a + b) >> 1
  }
}

/** Undoes the point transform once all is predicted: the lost bits are zeros. */
function applyShift({ samples, stride }: Picture, channels: readonly Channel[], shift: number): void {
  for (const { index } of channels) {
    for (let at = index; at < samples.length; at += stride) samples[at] = (samples[at] as number) << shift
  }
}
