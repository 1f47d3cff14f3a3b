/** Inflate: the deflated data set of PS3.5 annex A.5, a raw RFC 1951 stream, within a limit. */
import { Deflate, Z_BUF_ERROR, Z_NO_FLUSH, Z_OK, Z_STREAM_END, ZStream, zlibInflate, zlibInflateInit2 } from 'pako'
import type { ByteSource } from '../../bytes/source.ts'
import { concatBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'

/** A raw stream with the largest window, in the spelling of zlib. */
const RAW_WINDOW_BITS = -15
const FIRST_BYTES = 1 << 16

/**
 * Inflates what begins at `start`. Cost: the memory of the result, grown in place where the runtime can.
 *
 * @returns the bytes, and the offset in the source behind the stream's last byte
 * @throws {FormatError} `dicom_truncated` for a stream that is damaged or ends early, `dicom_limit_exceeded` over `limitBytes`
 */
export function inflateDataSet(
  source: ByteSource,
  start: number,
  limitBytes: number,
): { bytes: Uint8Array; end: number } {
  const stream = new ZStream()
  zlibInflateInit2(stream, RAW_WINDOW_BITS)
  stream.output = new Uint8Array(Math.min(FIRST_BYTES, limitBytes))
  stream.avail_out = stream.output.length
  for (const chunk of source.chunks(start, source.length)) {
    stream.input = chunk
    stream.next_in = 0
    stream.avail_in = chunk.length
    if (inflateChunk(stream, limitBytes, start)) {
      return { bytes: shrink(stream.output, stream.next_out), end: start + stream.total_in }
    }
  }
  throw new FormatError('dicom_truncated', 'the deflated data set ends early', { offset: start })
}

/** Takes all of the input that the stream has, or what is left of the deflated data. @returns whether that has ended */
function inflateChunk(stream: ZStream, limitBytes: number, offset: number): boolean {
  while (true) {
    const status = zlibInflate(stream, Z_NO_FLUSH)
    if (status === Z_STREAM_END) return true
    if (status !== Z_OK && status !== Z_BUF_ERROR) {
      throw new FormatError('dicom_truncated', 'the deflated data set is damaged', { offset })
    }
    // Room that is left over means that the input is used up.
    if (stream.avail_out > 0) return false
    grow(stream, limitBytes, offset)
  }
}

function grow(stream: ZStream, limitBytes: number, offset: number): void {
  const { length } = stream.output
  if (length >= limitBytes) {
    throw new FormatError('dicom_limit_exceeded', `the data set inflates to more than ${limitBytes} bytes`, { offset })
  }
  stream.output = new Uint8Array(stream.output.buffer.transfer(Math.min(2 * length, limitBytes)))
  stream.avail_out = stream.output.length - length
}

const shrink = (bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array =>
  new Uint8Array(bytes.buffer.transfer(length))

/**
 * Whether the bytes are the trailer that some writers put behind the stream: the checksum and length of RFC 1952
 * section 2.3.1, as gzip has them. No reader needs it.
 */
export function isGzipTrailer(trailer: Uint8Array, inflated: Uint8Array): boolean {
  if (trailer.length !== 8) return false
  const view = new DataView(trailer.buffer, trailer.byteOffset, 8)
  return view.getUint32(4, true) === inflated.length % 2 ** 32 && view.getUint32(0, true) === crc32(inflated)
}

/** The checksum of RFC 1952 section 8. */
function crc32(bytes: Uint8Array): number {
  const table = Int32Array.from({ length: 256 }, (_, value) => {
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    return value
  })
  let checksum = -1
  for (const byte of bytes) checksum = (checksum >>> 8) ^ (table[(checksum ^ byte) & 0xff] as number)
  return ~checksum >>> 0
}

/** Deflates pieces into one raw stream of even length, with the settings of zlib's default level. */
export function deflateDataSet(pieces: Iterable<Uint8Array>): Uint8Array {
  const deflate = new Deflate({ raw: true })
  for (const piece of pieces) deflate.push(piece, false)
  deflate.push(new Uint8Array(0), true)
  const bytes = deflate.result as Uint8Array
  return bytes.length % 2 === 0 ? bytes : concatBytes(bytes, new Uint8Array(1))
}
