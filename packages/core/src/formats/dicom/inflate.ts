/** Inflate: the deflated data set of PS3.5 annex A.5, a raw RFC 1951 stream, within a limit. */
import { Deflate, Inflate } from 'pako'
import type { ByteSource } from '../../bytes/source.ts'
import { concatBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'

/**
 * Inflates everything from `start` to the end of the source.
 * @throws {FormatError} `dicom_truncated` for a stream that is damaged or ends early, `dicom_limit_exceeded` over `limitBytes`
 */
export function inflateDataSet(source: ByteSource, start: number, limitBytes: number): Uint8Array {
  const inflate = new Inflate({ raw: true })
  const pieces: Uint8Array[] = []
  let length = 0
  inflate.onData = (piece: Uint8Array): void => {
    length += piece.length
    if (length > limitBytes) throw new FormatError('dicom_limit_exceeded', `the data set inflates to more than ${limitBytes} bytes`, { offset: start })
    pieces.push(piece)
  }
  for (const chunk of source.chunks(start, source.length)) {
    inflate.push(chunk, false)
    if (inflate.err !== 0 || inflate.ended) break
  }
  if (inflate.err !== 0 || !inflate.ended) {
    throw new FormatError('dicom_truncated', 'the deflated data set is damaged or ends early', { offset: start })
  }
  return concatBytes(...pieces)
}

/** Deflates pieces into one raw stream of even length, with the settings of zlib's default level. */
export function deflateDataSet(pieces: Iterable<Uint8Array>): Uint8Array {
  const deflate = new Deflate({ raw: true })
  for (const piece of pieces) deflate.push(piece, false)
  deflate.push(new Uint8Array(0), true)
  const bytes = deflate.result as Uint8Array
  return bytes.length % 2 === 0 ? bytes : concatBytes(bytes, new Uint8Array(1))
}
