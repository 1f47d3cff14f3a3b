/**
 * JPEG codestream: its segments, read once from start to end, for the JPEG and JPEG-LS families.
 *
 * Source: ITU-T T.81 annex B, T.87 annex C. Tables are checked and entropy-coded data cut at restart markers here, so
 * that the decoders behind it meet no marker. What comes between marker segments is not interpreted.
 */
import { HuffmanTable } from './jpeg-huffman.ts'
import { checkPadding } from './padding.ts'
import { failed, unsupported } from './shape.ts'

const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda
const DQT = 0xdb
const DNL = 0xdc
const DRI = 0xdd
const DHT = 0xc4
const DAC = 0xcc
const JPG = 0xc8
const SOF55 = 0xf7

/** Progressive streams use ten scans or so; each scan may cost a pass over the picture. */
const SCANS_AT_MOST = 128

export interface JpegComponent {
  readonly id: number
  /** Horizontal and vertical sampling factors, 1 to 4. */
  readonly h: number
  readonly v: number
  readonly quantisation: number
}

export interface JpegFrame {
  /** Second byte of the start-of-frame marker: C0 to CF, or F7 for JPEG-LS. */
  readonly marker: number
  readonly precision: number
  readonly rows: number
  readonly columns: number
  readonly components: readonly JpegComponent[]
}

export interface ScanComponent {
  /** Index into the frame's components. */
  readonly index: number
  readonly dc: number
  readonly ac: number
}

/** One scan with the tables that are in force where it starts. */
export interface JpegScan {
  readonly components: readonly ScanComponent[]
  /** Ss: first coefficient, or the predictor of lossless JPEG, or NEAR of JPEG-LS. */
  readonly spectralStart: number
  /** Se: last coefficient, or the interleave mode of JPEG-LS. */
  readonly spectralEnd: number
  /** Ah and Al: successive approximation; Al is the point transform of lossless JPEG. */
  readonly high: number
  readonly low: number
  /** MCUs between restart markers, 0 for none. */
  readonly restartInterval: number
  /** Entropy-coded data between restart markers, bytes still stuffed. */
  readonly intervals: readonly Uint8Array[]
  readonly dcTables: readonly (HuffmanTable | undefined)[]
  readonly acTables: readonly (HuffmanTable | undefined)[]
  /** 64 values each in zigzag order. */
  readonly quantisations: readonly (Uint16Array | undefined)[]
}

export interface JpegStream {
  readonly frame: JpegFrame
  readonly scans: readonly JpegScan[]
}

/**
 * Reads a whole codestream.
 *
 * @throws {FormatError} `codec_failed` if it is damaged, ends early, or has data behind its end;
 *                       `codec_unsupported` for arithmetic coding and for a height that stands behind the first scan
 */
export function parseJpeg(bytes: Uint8Array): JpegStream {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) throw failed('the codestream does not begin like JPEG')
  const tables: Tables = { dc: [], ac: [], quantisations: [], restartInterval: 0 }
  const scans: JpegScan[] = []
  let frame: JpegFrame | undefined
  let at = 2
  for (;;) {
    at = hopFill(bytes, at)
    const marker = bytes[at + 1] as number
    if (marker === EOI) break
    const segment = segmentAt(bytes, at)
    at += 4 + segment.length
    if (isStartOfFrame(marker)) {
      if (frame !== undefined) throw failed('the codestream has two frame headers')
      frame = readFrame(marker, segment)
    } else if (marker === SOS) {
      if (frame === undefined) throw failed('a scan before the frame header')
      if (scans.length >= SCANS_AT_MOST) throw failed(`the codestream has more than ${SCANS_AT_MOST} scans`)
      const { intervals, end } = cutIntervals(bytes, at, frame.marker === SOF55)
      scans.push({ ...readScan(segment, frame), ...snapshot(tables), intervals })
      at = end
    } else readTables(marker, segment, tables)
  }
  checkPadding(bytes, at + 2)
  if (frame === undefined || scans.length === 0) throw failed('the codestream has no picture')
  return { frame, scans }
}

interface Tables {
  readonly dc: (HuffmanTable | undefined)[]
  readonly ac: (HuffmanTable | undefined)[]
  readonly quantisations: (Uint16Array | undefined)[]
  restartInterval: number
}

function snapshot({ dc, ac, quantisations, restartInterval }: Tables) {
  return { dcTables: dc.slice(), acTables: ac.slice(), quantisations: quantisations.slice(), restartInterval }
}

/** Any number of FF bytes may stand before a marker: T.81 section B.1.1.2. Returns the offset of the last one. */
function hopFill(bytes: Uint8Array, start: number): number {
  let at = start
  if (bytes[at] !== 0xff)
    throw failed(at >= bytes.length ? 'the codestream ends early' : 'no marker where a segment should start')
  while (bytes[at + 1] === 0xff) at++
  if (at + 1 >= bytes.length) throw failed('the codestream ends early')
  return at
}

/** What follows the length of the marker segment at an offset. */
function segmentAt(bytes: Uint8Array, at: number): Uint8Array {
  const marker = bytes[at + 1] as number
  if (marker < 0xc0 || (marker >= 0xd0 && marker <= SOI)) throw failed('a marker out of place')
  const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)
  if (length < 2) throw failed('a marker segment is malformed')
  if (at + 2 + length > bytes.length) throw failed('the codestream ends early')
  return bytes.subarray(at + 4, at + 2 + length)
}

function isStartOfFrame(marker: number): boolean {
  return marker === SOF55 || (marker >= 0xc0 && marker <= 0xcf && marker !== DHT && marker !== JPG && marker !== DAC)
}

function readFrame(marker: number, segment: Uint8Array): JpegFrame {
  const [precision = 0, rowsHigh = 0, rowsLow = 0, columnsHigh = 0, columnsLow = 0, count = 0] = segment
  if (count === 0 || segment.length !== 6 + 3 * count) throw failed('the frame header is malformed')
  const rows = (rowsHigh << 8) | rowsLow
  if (rows === 0) throw unsupported('JPEG that tells its height behind the first scan')
  const components = Array.from({ length: count }, (_, i): JpegComponent => {
    const [id = 0, sampling = 0, quantisation = 0] = segment.subarray(6 + 3 * i)
    const [h, v] = [sampling >> 4, sampling & 15]
    if (h < 1 || h > 4 || v < 1 || v > 4) throw failed('a sampling factor is malformed')
    return { id, h, v, quantisation }
  })
  if (new Set(components.map(({ id }) => id)).size !== count) throw failed('two components have one name')
  return { marker, precision, rows, columns: (columnsHigh << 8) | columnsLow, components }
}

function readScan(segment: Uint8Array, frame: JpegFrame) {
  const count = segment[0] ?? 0
  if (count < 1 || count > 4 || segment.length !== 4 + 2 * count) throw failed('a scan header is malformed')
  const components = Array.from({ length: count }, (_, i): ScanComponent => {
    const [id, selector = 0] = segment.subarray(1 + 2 * i)
    const index = frame.components.findIndex((component) => component.id === id)
    if (index < 0) throw failed('a scan names a component that the frame does not have')
    return { index, dc: selector >> 4, ac: selector & 15 }
  })
  if (new Set(components.map(({ index }) => index)).size !== count) throw failed('a scan names a component twice')
  const [spectralStart = 0, spectralEnd = 0, approximation = 0] = segment.subarray(1 + 2 * count)
  return { components, spectralStart, spectralEnd, high: approximation >> 4, low: approximation & 15 }
}

function readTables(marker: number, segment: Uint8Array, tables: Tables): void {
  if (marker === DHT) readHuffman(segment, tables)
  else if (marker === DQT) readQuantisation(segment, tables)
  else if (marker === DRI) {
    if (segment.length !== 2) throw failed('a restart interval is malformed')
    tables.restartInterval = ((segment[0] as number) << 8) | (segment[1] as number)
  } else if (marker === DAC) throw unsupported('JPEG with arithmetic coding')
  else if (marker === DNL) throw unsupported('JPEG that tells its height behind the first scan')
}

function readHuffman(segment: Uint8Array, tables: Tables): void {
  for (let at = 0; at < segment.length; ) {
    const selector = segment[at] as number
    const counts = segment.subarray(at + 1, at + 17)
    const total = counts.reduce((sum, count) => sum + count, 0)
    const symbols = segment.subarray(at + 17, at + 17 + total)
    if (selector > 0x1f || (selector & 15) > 3 || counts.length !== 16 || symbols.length !== total) {
      throw failed('a Huffman table is malformed')
    }
    const group = selector >> 4 === 0 ? tables.dc : tables.ac
    group[selector & 15] = new HuffmanTable(counts, symbols)
    at += 17 + total
  }
}

function readQuantisation(segment: Uint8Array, tables: Tables): void {
  for (let at = 0; at < segment.length; ) {
    const selector = segment[at] as number
    const size = selector >> 4 === 0 ? 1 : 2
    const values = segment.subarray(at + 1, at + 1 + 64 * size)
    if (selector > 0x1f || (selector & 15) > 3 || values.length !== 64 * size)
      throw failed('a quantisation table is malformed')
    tables.quantisations[selector & 15] = Uint16Array.from({ length: 64 }, (_, i) =>
      size === 1 ? (values[i] as number) : ((values[2 * i] as number) << 8) | (values[2 * i + 1] as number),
    )
    at += 1 + 64 * size
  }
}

/** Finds the end of a scan's data, which is the next marker that is not RST0 to RST7, and cuts at those. */
function cutIntervals(bytes: Uint8Array, start: number, isJpegLs: boolean) {
  const intervals: Uint8Array[] = []
  // After FF, JPEG stuffs a zero byte, JPEG-LS a zero bit.
  const dataBelow = isJpegLs ? 0x80 : 1
  let from = start
  let at = start
  for (;;) {
    at = bytes.indexOf(0xff, at)
    const next = at < 0 ? undefined : bytes[at + 1]
    if (next === undefined) throw failed('the codestream ends early')
    if (next < dataBelow) at += 2
    else if (next >= 0xd0 && next <= 0xd7) {
      if (next !== 0xd0 + (intervals.length & 7)) throw failed('restart markers are out of order')
      intervals.push(bytes.subarray(from, at))
      at += 2
      from = at
    } else break
  }
  intervals.push(bytes.subarray(from, at))
  return { intervals, end: at }
}
