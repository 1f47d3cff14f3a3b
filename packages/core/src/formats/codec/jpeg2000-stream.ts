/**
 * JPEG 2000 codestream: its size, its kind and its end, for JPEG 2000 and High-Throughput JPEG 2000.
 *
 * Source: ITU-T T.800 annex A and section I.4 (boxes of a JP2 file), T.814 annex A (High Throughput). Coded data are
 * hopped over; decoding them is left to OpenJPEG and OpenJPH.
 */
import { checkPadding } from './padding.ts'
import { type CodestreamSize, failed, unsupported } from './shape.ts'

const SOC = 0xff4f
const CAP = 0xff50
const SIZ = 0xff51
const COD = 0xff52
const COC = 0xff53
const SOT = 0xff90
const SOD = 0xff93
const EOC = 0xffd9

/** Where the components' precision stands: the size segment always follows the start of the codestream. */
const COMPONENTS_AT = 42

/** What the headers of a codestream tell. */
export interface Jpeg2000Stream extends CodestreamSize {
  /** SOC up to EOC: without the boxes of a JP2 file around it and padding behind it. */
  readonly bytes: Uint8Array
  /** Every component is signed; mixtures are refused. */
  readonly isSigned: boolean
  /** Every component of every tile uses the reversible 5-3 transform. */
  readonly isReversible: boolean
  /** The components went through a colour transform (RCT or ICT). */
  readonly hasColourTransform: boolean
  /** Coded by T.814. */
  readonly isHighThroughput: boolean
}

/**
 * Reads the main header and hops through the tile parts.
 *
 * @throws {FormatError} `codec_failed` for a damaged or incomplete codestream, or data behind its end;
 *                       `codec_unsupported` for subsampled components, offsets or mixed components
 */
export function parseJpeg2000(input: Uint8Array): Jpeg2000Stream {
  const whole = findCodestream(input)
  const view = new DataView(whole.buffer, whole.byteOffset, whole.length)
  if (u16(view, 0) !== SOC || u16(view, 2) !== SIZ) throw failed('the codestream does not begin like JPEG 2000')
  const size = readSize(view)
  const coding: Coding = {
    size,
    isReversible: true,
    hasColourTransform: false,
    isHighThroughput: false,
    hasDefault: false,
  }
  let at = 2
  for (;;) {
    const marker = u16(view, at)
    if (marker === EOC) break
    if (marker === SOT) {
      at = hopTilePart(view, at, coding)
      continue
    }
    readCoding(view, at, coding)
    at = endOfSegment(view, at)
  }
  if (!coding.hasDefault) throw failed('the codestream has no coding style')
  const end = at + 2
  checkPadding(whole, end)
  const { isReversible, hasColourTransform, isHighThroughput } = coding
  return { ...size, bytes: whole.subarray(0, end), isReversible, hasColourTransform, isHighThroughput }
}

/**
 * A copy of a signed codestream that says its samples are unsigned: decoders then give each sample plus half of the
 * range. The libraries' wrappers cut negative 8-bit samples off at zero; this way no sample is negative.
 */
export function withoutSign(stream: Jpeg2000Stream): Uint8Array {
  const bytes = stream.bytes.slice()
  for (let component = 0; component < stream.samplesPerPixel; component++) {
    const at = COMPONENTS_AT + 3 * component
    bytes[at] = (bytes[at] as number) & 0x7f
  }
  return bytes
}

/** Undoes {@link withoutSign} on the samples: back to the two's complement pattern in the stream's precision. */
export function restoreSign<S extends Uint8Array | Uint16Array>(samples: S, precision: number): S {
  const half = 1 << (precision - 1)
  for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] as number) ^ half
  return samples
}

interface Coding {
  readonly size: CodestreamSize
  isReversible: boolean
  hasColourTransform: boolean
  isHighThroughput: boolean
  hasDefault: boolean
}

/** A frame should be a bare codestream; some encoders leave the boxes of a JP2 file around it. */
function findCodestream(input: Uint8Array): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  if (input.length < 12 || u32(view, 0) !== 12 || u32(view, 4) !== 0x6a502020) return input
  for (let at = 0; at + 8 <= input.length; ) {
    const length = u32(view, at)
    const isCodestream = u32(view, at + 4) === 0x6a703263
    if (isCodestream) return input.subarray(at + 8, length === 0 ? input.length : Math.min(at + length, input.length))
    if (length < 8) break
    at += length
  }
  throw failed('a JP2 file without a codestream')
}

function readSize(view: DataView): CodestreamSize & { readonly isSigned: boolean } {
  const [columns, rows, left, top] = [u32(view, 8), u32(view, 12), u32(view, 16), u32(view, 20)]
  const [tileColumns, tileRows] = [u32(view, 24), u32(view, 28)]
  const samplesPerPixel = u16(view, 40)
  if (left !== 0 || top !== 0 || u32(view, 32) !== 0 || u32(view, 36) !== 0)
    throw unsupported('JPEG 2000 with an image offset')
  if (u16(view, 4) !== 38 + 3 * samplesPerPixel || samplesPerPixel === 0) throw failed('the size segment is malformed')
  if (tileColumns === 0 || tileRows === 0) throw failed('the codestream has empty tiles')
  // At most 65535 tiles, each with headers of 14 bytes.
  const tiles = Math.ceil(columns / tileColumns) * Math.ceil(rows / tileRows)
  if (tiles > Math.min(65535, view.byteLength / 14)) throw failed('the codestream has too many tiles')
  const first = u8(view, COMPONENTS_AT)
  for (let component = 0; component < samplesPerPixel; component++) {
    const at = COMPONENTS_AT + 3 * component
    if (u8(view, at) !== first) throw unsupported('JPEG 2000 with components of different precision')
    if (u8(view, at + 1) !== 1 || u8(view, at + 2) !== 1) throw unsupported('JPEG 2000 with subsampled components')
  }
  const precision = (first & 0x7f) + 1
  if (precision > 16) throw unsupported(`JPEG 2000 with samples of ${precision} bits`)
  return { rows, columns, samplesPerPixel, precision, isSigned: first > 0x7f }
}

/** Returns the offset behind a tile part. */
function hopTilePart(view: DataView, start: number, coding: Coding): number {
  const length = u32(view, start + 6)
  let at = endOfSegment(view, start)
  while (u16(view, at) !== SOD) {
    readCoding(view, at, coding)
    at = endOfSegment(view, at)
  }
  // Length 0: the last tile part, up to the end of the codestream, which padding may follow.
  const end = length === 0 ? findEnd(view, at) : start + length
  if (end < at + 2 || end > view.byteLength) throw failed('a tile part ends early')
  return end
}

/** Coded data hold no two bytes above FF8F: the first that look like the end are the end (T.800 section A.1.1). */
function findEnd(view: DataView, from: number): number {
  for (let at = from; at + 2 <= view.byteLength; at++) if (view.getUint16(at) === EOC) return at
  throw failed('the codestream has no end')
}

function readCoding(view: DataView, at: number, coding: Coding): void {
  const marker = u16(view, at)
  if (marker === CAP) coding.isHighThroughput ||= (u32(view, at + 4) & 0x00020000) !== 0
  if (marker === COD) {
    coding.hasDefault = true
    coding.hasColourTransform ||= u8(view, at + 8) !== 0
    readTransform(view, at + 9, coding)
    checkPackets(view, at, coding)
  }
  // One or two bytes for the component, by the number of components; there are at most four here.
  if (marker === COC) readTransform(view, at + 6, coding)
}

/** Levels, code-block width and height, code-block style, transform. */
function readTransform(view: DataView, at: number, coding: Coding): void {
  coding.isHighThroughput ||= (u8(view, at + 3) & 0x40) !== 0
  coding.isReversible &&= u8(view, at + 4) === 1
}

/**
 * Each layer of each precinct has a packet of a byte at least: more precincts than bytes would be no picture but a
 * way to make a decoder allocate. Tiles can only add to the precincts counted here.
 */
function checkPackets(view: DataView, at: number, { size }: Coding): void {
  const hasPrecincts = (u8(view, at + 4) & 1) === 1
  const layers = u16(view, at + 6)
  const levels = u8(view, at + 9)
  let packets = 0
  for (let resolution = 0; resolution <= levels; resolution++) {
    const exponents = hasPrecincts ? u8(view, at + 14 + resolution) : 0xff
    const scale = 2 ** (levels - resolution)
    const across = Math.ceil(Math.ceil(size.columns / scale) / 2 ** (exponents & 15))
    const down = Math.ceil(Math.ceil(size.rows / scale) / 2 ** (exponents >> 4))
    packets += across * down * layers
  }
  if (packets > view.byteLength) throw failed('the codestream is too short for its precincts')
}

function endOfSegment(view: DataView, at: number): number {
  const marker = u16(view, at)
  if (marker < 0xff00) throw failed('no marker where a segment should start')
  // Markers without a segment: T.800 table A.1.
  if (marker === SOC || (marker >= 0xff30 && marker <= 0xff3f)) return at + 2
  const length = u16(view, at + 2)
  if (length < 2) throw failed('a marker segment is malformed')
  return at + 2 + length
}

function u8(view: DataView, at: number): number {
  if (at + 1 > view.byteLength) throw failed('the codestream ends early')
  return view.getUint8(at)
}

function u16(view: DataView, at: number): number {
  if (at + 2 > view.byteLength) throw failed('the codestream ends early')
  return view.getUint16(at)
}

function u32(view: DataView, at: number): number {
  if (at + 4 > view.byteLength) throw failed('the codestream ends early')
  return view.getUint32(at)
}
