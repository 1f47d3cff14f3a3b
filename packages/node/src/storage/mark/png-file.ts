/**
 * PNG file: its samples for the mark, and the same file with other samples.
 *
 * Source: ISO/IEC 15948. Samples are fast-png's part. Of the file, every chunk stays but those of the image data, and the mention of
 * interlacing, which is not written.
 */

import { crc32 } from 'node:zlib'
import type { Picture } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { PLANE_LIMIT } from '@fiducial/core/domain/pixels/plane.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type DecodedPng, decode, encode } from 'fast-png'

export interface PngFile {
  readonly picture: Picture
  /** The file with other samples. @param bytes  as in the picture */
  encode(bytes: Uint8Array): Uint8Array
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const
/** Length of a chunk's data, its type, and behind it the checksum. */
const CHUNK = { header: 8, checksum: 4 } as const
const INTERLACE_OFFSET = 12

/** Whether bytes begin as a PNG file does. */
export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte)

/**
 * @throws {FormatError} `picture_malformed`; `pixels_unsuited` for palettes, movements, transparent colours and samples below 8 bits;
 *   `dicom_limit_exceeded` for more pixels than can be marked
 */
export function openPng(file: Uint8Array): PngFile {
  const chunks = readChunks(file)
  checkKind(chunks)
  const { width, height, depth, channels, data } = decodeSamples(file)
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return {
    picture: { width, height, depth, channels, bytes, isLossy: false },
    encode: (made) => {
      const samples = depth === 16 ? new Uint16Array(made.slice().buffer) : made
      const coded = readChunks(encode({ width, height, data: samples, depth, channels }))
      return spliceChunks(chunks, coded)
    },
  }
}

interface Chunk {
  readonly type: string
  /** Length, type, data and checksum. */
  readonly bytes: Uint8Array
}

function readChunks(file: Uint8Array): readonly Chunk[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const chunks: Chunk[] = []
  for (let at: number = SIGNATURE.length; at < file.length; ) {
    if (at + CHUNK.header > file.length) throw malformed('a chunk ends early')
    const end = at + CHUNK.header + view.getUint32(at) + CHUNK.checksum
    if (end > file.length) throw malformed('a chunk ends early')
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8))
    chunks.push({ type, bytes: file.subarray(at, end) })
    at = end
    // What stands behind the end is no part of the picture, and kept with it.
    if (type === 'IEND') {
      if (at < file.length) chunks.push({ type: '', bytes: file.subarray(at) })
      break
    }
  }
  return chunks
}

const COLOUR_KINDS: ReadonlySet<number> = new Set([0, 2, 4, 6])

function checkKind([first, ...others]: readonly Chunk[]): void {
  if (first?.type !== 'IHDR' || first.bytes.length !== CHUNK.header + 13 + CHUNK.checksum) throw malformed('no header')
  const view = new DataView(first.bytes.buffer, first.bytes.byteOffset + CHUNK.header)
  if (view.getUint32(0) * view.getUint32(4) > PLANE_LIMIT)
    throw new FormatError('dicom_limit_exceeded', 'the picture has too many pixels')
  if (view.getUint8(8) < 8 || !COLOUR_KINDS.has(view.getUint8(9))) throw unsuited('a palette, or below 8 bits')
  if (others.some(({ type }) => type === 'acTL' || type === 'tRNS')) throw unsuited('movement or transparent colours')
}

function decodeSamples(file: Uint8Array): DecodedPng {
  try {
    return decode(file, { checkCrc: true })
  } catch (cause) {
    throw malformed('it cannot be decoded', cause)
  }
}

function spliceChunks(kept: readonly Chunk[], coded: readonly Chunk[]): Uint8Array {
  const image = coded.filter(({ type }) => type === 'IDAT').map(({ bytes }) => bytes)
  const first = kept.findIndex(({ type }) => type === 'IDAT')
  const pieces = kept.flatMap(({ type, bytes }, i) => {
    if (type === 'IHDR') return [withoutInterlace(bytes)]
    if (type !== 'IDAT') return [bytes]
    return i === first ? image : []
  })
  return Buffer.concat([Uint8Array.from(SIGNATURE), ...pieces])
}

function withoutInterlace(header: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(header)
  copy[CHUNK.header + INTERLACE_OFFSET] = 0
  const end = copy.length - CHUNK.checksum
  new DataView(copy.buffer).setUint32(end, crc32(copy.subarray(4, end)))
  return copy
}

const malformed = (what: string, cause?: unknown): FormatError =>
  new FormatError('picture_malformed', `PNG: ${what}`, cause === undefined ? {} : { cause })
const unsuited = (what: string): FormatError => new FormatError('pixels_unsuited', `a picture with ${what}`)
