/**
 * Lossy JPEG: sequential and progressive DCT, samples of 8 and 12 bits.
 *
 * Source: ITU-T T.81 annexes F and G (processes 1, 2, 4, 6, 8, 10 and 12). Here the coefficients are decoded; the
 * transform back is jpeg-idct.ts, sampling and colour are jpeg-colour.ts.
 */
import { BitReader, type HuffmanTable } from './jpeg-huffman.ts'
import { inverseTransform } from './jpeg-idct.ts'
import type { JpegFrame, JpegScan, JpegStream } from './jpeg-stream.ts'
import { failed, unsupported } from './shape.ts'

const SOF0 = 0xc0
const SOF1 = 0xc1
const SOF2 = 0xc2

/** Whether a start of frame is of a process that {@link decodeDct} decodes. */
export const isDctFrame = (marker: number): boolean => marker === SOF0 || marker === SOF1 || marker === SOF2

/** The samples of one component at its own sampling, each 0 up to 2^precision. */
export interface Plane {
  readonly samples: Uint8Array | Uint16Array
  /** Samples from one row to the next; those behind `columns` are padding. */
  readonly stride: number
  readonly rows: number
  readonly columns: number
  /** How many of the frame's columns and rows one sample stands for: 1, 2 or 4, or 3. */
  readonly scaleX: number
  readonly scaleY: number
}

/** Position of each coefficient of the zigzag order: T.81 figure A.6. */
const ZIGZAG = zigzagOrder()

interface Channel {
  readonly h: number
  readonly v: number
  /** Blocks that hold samples of the picture, as scans of this component alone count them. */
  readonly blockColumns: number
  readonly blockRows: number
  /** Blocks from one row of blocks to the next, those that fill up the last MCU included. */
  readonly stride: number
  /** 64 coefficients a block, in row order within the block. */
  readonly coefficients: Int16Array
  quantisation: Uint16Array | undefined
  prediction: number
}

/**
 * Decodes a codestream whose size has been checked.
 *
 * @returns one plane a component
 * @throws {FormatError} `codec_failed`, `codec_unsupported`
 */
export function decodeDct({ frame, scans }: JpegStream): Plane[] {
  if (frame.precision !== 8 && frame.precision !== 12) throw unsupported(`lossy JPEG of ${frame.precision} bits`)
  const channels = layOut(frame, scans)
  for (const scan of scans) decodeScan(scan, frame, channels)
  return channels.map((channel) => toPlane(channel, frame))
}

function layOut(frame: JpegFrame, scans: readonly JpegScan[]): Channel[] {
  const mostH = Math.max(...frame.components.map(({ h }) => h))
  const mostV = Math.max(...frame.components.map(({ v }) => v))
  const mcuColumns = Math.ceil(frame.columns / (8 * mostH))
  const mcuRows = Math.ceil(frame.rows / (8 * mostV))
  const blocks = frame.components.reduce((sum, { h, v }) => sum + mcuColumns * h * mcuRows * v, 0)
  const coded = scans.reduce((sum, { intervals }) => sum + intervals.reduce((all, { length }) => all + length, 0), 0)
  // Each block costs a bit in the scan that starts it: a small codestream cannot make us allocate a large frame.
  if (blocks > 8 * coded + 64) throw failed('the codestream is too short for the frame')
  return frame.components.map(({ h, v }): Channel => {
    if (mostH % h !== 0 || mostV % v !== 0) throw unsupported('JPEG with sampling factors that do not divide')
    return {
      h,
      v,
      blockColumns: Math.ceil(Math.ceil((frame.columns * h) / mostH) / 8),
      blockRows: Math.ceil(Math.ceil((frame.rows * v) / mostV) / 8),
      stride: mcuColumns * h,
      coefficients: new Int16Array(64 * mcuColumns * h * mcuRows * v),
      quantisation: undefined,
      prediction: 0,
    }
  })
}

/** One component of a scan, with its tables. */
interface Track {
  readonly channel: Channel
  readonly dc: HuffmanTable | undefined
  readonly ac: HuffmanTable | undefined
}

/** State of a scan that outlives a block. */
interface Run {
  readonly reader: BitReader
  readonly scan: JpegScan
  /** Blocks still to come that this scan leaves as they are: EOBRUN. */
  blocks: number
}

type DecodeBlock = (run: Run, track: Track, at: number) => void

function decodeScan(scan: JpegScan, frame: JpegFrame, channels: readonly Channel[]): void {
  const decodeBlock = chooseDecoder(scan, frame)
  const tracks = scan.components.map(({ index, dc, ac }): Track => {
    const channel = channels[index] as Channel
    // The table that is in force where a component first appears is the one it keeps: T.81 section B.2.4.1.
    channel.quantisation ??= scan.quantisations[(frame.components[index] as { quantisation: number }).quantisation]
    if (channel.quantisation === undefined) throw failed('a quantisation table is missing')
    return { channel, dc: scan.dcTables[dc], ac: scan.acTables[ac] }
  })
  const grid = scanGrid(tracks)
  const units = grid.columns * grid.rows
  const unitsAtOnce = scan.restartInterval === 0 ? units : scan.restartInterval
  if (scan.intervals.length !== Math.ceil(units / unitsAtOnce))
    throw failed('the number of restart intervals does not fit')
  for (const [i, interval] of scan.intervals.entries()) {
    const run: Run = { reader: new BitReader(interval), scan, blocks: 0 }
    for (const { channel } of tracks) channel.prediction = 0
    const end = Math.min((i + 1) * unitsAtOnce, units)
    for (let unit = i * unitsAtOnce; unit < end; unit++) {
      decodeUnit(run, tracks, unit % grid.columns, Math.floor(unit / grid.columns), decodeBlock)
      run.reader.check()
    }
  }
}

/** A scan of one component goes block by block, one of several goes MCU by MCU: T.81 section A.2. */
function scanGrid(tracks: readonly Track[]) {
  const { channel } = tracks[0] as Track
  if (tracks.length === 1) return { columns: channel.blockColumns, rows: channel.blockRows }
  return { columns: channel.stride / channel.h, rows: channel.coefficients.length / 64 / channel.stride / channel.v }
}

function decodeUnit(run: Run, tracks: readonly Track[], column: number, row: number, decodeBlock: DecodeBlock): void {
  const [only] = tracks
  if (tracks.length === 1 && only !== undefined) {
    decodeBlock(run, only, 64 * (row * only.channel.stride + column))
    return
  }
  for (const track of tracks) {
    const { h, v, stride } = track.channel
    for (let y = 0; y < v; y++) {
      for (let x = 0; x < h; x++) decodeBlock(run, track, 64 * ((row * v + y) * stride + column * h + x))
    }
  }
}

function chooseDecoder(scan: JpegScan, frame: JpegFrame): DecodeBlock {
  const { spectralStart, spectralEnd, high, low } = scan
  // A sequential scan has all coefficients, whatever it says of its band; some encoders say 0 to 0.
  if (frame.marker !== SOF2) return decodeSequential
  const isDc = spectralStart === 0
  if (isDc ? spectralEnd !== 0 : spectralEnd < spectralStart || spectralEnd > 63 || scan.components.length !== 1) {
    throw failed('a progressive scan has a malformed band')
  }
  if (low > 13 || (high !== 0 && high !== low + 1)) throw failed('a progressive scan has a malformed approximation')
  if (isDc) return high === 0 ? decodeDcFirst : refineDc
  return high === 0 ? decodeAcFirst : refineAc
}

/** T.81 section F.2.2. */
function decodeSequential({ reader }: Run, { channel, dc, ac }: Track, at: number): void {
  if (dc === undefined || ac === undefined) throw failed('a Huffman table is missing')
  const { coefficients } = channel
  channel.prediction += difference(reader, dc)
  coefficients[at] = channel.prediction
  for (let k = 1; k < 64; k++) {
    const symbol = reader.symbol(ac)
    const length = symbol & 15
    if (length === 0) {
      if (symbol !== 0xf0) return
      k += 15
      continue
    }
    k += symbol >> 4
    if (k > 63) throw failed('a run of coefficients leaves its block')
    coefficients[at + (ZIGZAG[k] as number)] = reader.signed(length)
  }
}

/** T.81 section G.1.2.1. */
function decodeDcFirst({ reader, scan }: Run, { channel, dc }: Track, at: number): void {
  if (dc === undefined) throw failed('a Huffman table is missing')
  channel.prediction += difference(reader, dc)
  channel.coefficients[at] = channel.prediction << scan.low
}

function refineDc({ reader, scan }: Run, { channel }: Track, at: number): void {
  if (reader.bits(1) === 1) channel.coefficients[at] = (channel.coefficients[at] as number) | (1 << scan.low)
}

/** T.81 section G.1.2.2. */
function decodeAcFirst(run: Run, { channel, ac }: Track, at: number): void {
  if (run.blocks > 0) {
    run.blocks--
    return
  }
  if (ac === undefined) throw failed('a Huffman table is missing')
  const { reader, scan } = run
  for (let k = scan.spectralStart; k <= scan.spectralEnd; k++) {
    const symbol = reader.symbol(ac)
    const length = symbol & 15
    const zeros = symbol >> 4
    if (length === 0) {
      if (zeros < 15) {
        run.blocks = (1 << zeros) + reader.bits(zeros) - 1
        return
      }
      k += 15
      continue
    }
    k += zeros
    if (k > scan.spectralEnd) throw failed('a run of coefficients leaves its band')
    channel.coefficients[at + (ZIGZAG[k] as number)] = reader.signed(length) * (1 << scan.low)
  }
}

/** T.81 section G.1.2.3: correction bits for what is known, and new coefficients of one more bit. */
function refineAc(run: Run, { channel, ac }: Track, at: number): void {
  const { reader, scan } = run
  const { coefficients } = channel
  let k = scan.spectralStart
  while (k <= scan.spectralEnd && run.blocks === 0) {
    if (ac === undefined) throw failed('a Huffman table is missing')
    const symbol = reader.symbol(ac)
    const zeros = symbol >> 4
    let value = 0
    if ((symbol & 15) !== 0) {
      if ((symbol & 15) !== 1) throw failed('a refined coefficient of more than one bit')
      value = reader.bits(1) === 1 ? 1 << scan.low : -1 << scan.low
    } else if (zeros < 15) {
      // This block is the first of the run: what is left of it is refined below.
      run.blocks = (1 << zeros) + reader.bits(zeros)
      break
    }
    k = refineBand(run, coefficients, at, k, zeros)
    if (value !== 0) {
      if (k > scan.spectralEnd) throw failed('a run of coefficients leaves its band')
      coefficients[at + (ZIGZAG[k] as number)] = value
    }
    k++
  }
  if (run.blocks > 0) {
    refineBand(run, coefficients, at, k, 64)
    run.blocks--
  }
}

/** Refines from `k` on, past `zeros` coefficients that are zero; returns the place of the next zero, or the band's end. */
function refineBand({ reader, scan }: Run, coefficients: Int16Array, at: number, start: number, zeros: number): number {
  let left = zeros
  let k = start
  for (; k <= scan.spectralEnd; k++) {
    const place = at + (ZIGZAG[k] as number)
    const known = coefficients[place] as number
    if (known === 0) {
      if (left === 0) break
      left--
    } else if (reader.bits(1) === 1 && (Math.abs(known) & (1 << scan.low)) === 0) {
      coefficients[place] = known + (known < 0 ? -1 << scan.low : 1 << scan.low)
    }
  }
  return k
}

function difference(reader: BitReader, table: HuffmanTable): number {
  const length = reader.symbol(table)
  if (length > 15) throw failed('a difference of more than 15 bits')
  return length === 0 ? 0 : reader.signed(length)
}

function toPlane(channel: Channel, frame: JpegFrame): Plane {
  const { blockColumns, blockRows, coefficients, quantisation, h, v } = channel
  if (quantisation === undefined) throw failed('a component comes in no scan')
  const steps = new Int32Array(64)
  for (const [k, value] of quantisation.entries()) steps[ZIGZAG[k] as number] = value
  const stride = 8 * blockColumns
  const samples =
    frame.precision === 8
      ? new Uint8Array(64 * blockColumns * blockRows)
      : new Uint16Array(64 * blockColumns * blockRows)
  const workspace = new Int32Array(64)
  for (let row = 0; row < blockRows; row++) {
    for (let column = 0; column < blockColumns; column++) {
      const from = 64 * (row * channel.stride + column)
      const target = { samples, at: 8 * (row * stride + column), stride, precision: frame.precision }
      inverseTransform({ coefficients, from, steps, workspace }, target)
    }
  }
  const scaleX = Math.max(...frame.components.map((component) => component.h)) / h
  const scaleY = Math.max(...frame.components.map((component) => component.v)) / v
  return {
    samples,
    stride,
    rows: Math.ceil(frame.rows / scaleY),
    columns: Math.ceil(frame.columns / scaleX),
    scaleX,
    scaleY,
  }
}

function zigzagOrder(): Uint8Array {
  const order = new Uint8Array(64)
  let k = 0
  for (let diagonal = 0; diagonal < 15; diagonal++) {
    for (let i = 0; i <= diagonal; i++) {
      const [row, column] = diagonal % 2 === 0 ? [diagonal - i, i] : [i, diagonal - i]
      if (row < 8 && column < 8) order[k++] = 8 * row + column
    }
  }
  return order
}
