/**
 * PNG text: words in a PNG file, for whoever opens it without what lies beside it.
 *
 * Source: ISO/IEC 15948 section 11.3.3.2 (tEXt): a keyword, a zero and Latin-1. The chunks stand behind the header; every other byte stays.
 */
import { crc32 } from 'node:zlib'
import { encodeLatin1 } from '@fiducial/core/bytes/text.ts'
import { FormatError } from '@fiducial/core/errors.ts'

/** Signature, and the one header that every PNG file begins with. */
const HEADER_END = 33

export interface PngText {
  /** 1 to 79 characters of ASCII. */
  readonly keyword: string
  /** Latin-1. */
  readonly text: string
}

/** @throws {FormatError} `picture_malformed` for a file too short for a header */
export function addPngTexts(file: Uint8Array, texts: readonly PngText[]): Uint8Array {
  if (file.length < HEADER_END) throw new FormatError('picture_malformed', 'PNG: no header')
  const chunks = texts.map(({ keyword, text }) => textChunk(encodeLatin1(`${keyword}\0${text}`)))
  return new Uint8Array(Buffer.concat([file.subarray(0, HEADER_END), ...chunks, file.subarray(HEADER_END)]))
}

function textChunk(data: Uint8Array): Uint8Array {
  const chunk = Buffer.alloc(12 + data.length)
  chunk.writeUInt32BE(data.length)
  chunk.write('tEXt', 4, 'latin1')
  chunk.set(data, 8)
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length)
  return chunk
}
