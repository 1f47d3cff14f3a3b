/**
 * Stream: what the tiles of a plane carry together, with parity so that a part of them may be lost.
 *
 * Source: docs/reference/mark.md, "Stream" and "Parity".
 */
import { concatBytes } from '../../../bytes/text.ts'
import { HEADER_BYTES } from '../header.ts'
import { CODEWORD_LIMIT, encodeParity, fillErasures } from './reed-solomon.ts'

export const SIGNATURE_BYTES = 64
/** Planes of fewer tiles have no parity: one lost tile is too large a part of them. */
const TILES_WITH_PARITY = 4

/** How a stream lies in tiles. */
export interface StreamLayout {
  readonly tiles: number
  /** Bytes in each. */
  readonly bytesPerTile: number
  /** Header, signature and side information. */
  readonly dataBytes: number
}

/** The parts of a stream. */
export interface StreamParts {
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly side: Uint8Array
}

/** @param sideBytes  length of the side information of the chips, 0 without */
export function layStream(tiles: number, sideBytes: number): StreamLayout {
  const dataBytes = HEADER_BYTES + SIGNATURE_BYTES + sideBytes
  const wanted = tiles < TILES_WITH_PARITY ? dataBytes : Math.ceil((4 * dataBytes) / 3)
  return { tiles, bytesPerTile: Math.ceil(wanted / tiles), dataBytes }
}

/** The bytes of all tiles, tile by tile. */
export function encodeStream(parts: StreamParts, layout: StreamLayout): Uint8Array {
  const stream = new Uint8Array(layout.tiles * layout.bytesPerTile)
  stream.set(concatBytes(parts.header, parts.signature, parts.side))
  for (const codeword of codewordsOf(layout)) {
    const data = Uint8Array.from({ length: codeword.data }, (_, i) => stream[codeword.at(i)] as number)
    const parity = encodeParity(data, codeword.length - codeword.data)
    parity.forEach((symbol, i) => {
      stream[codeword.at(codeword.data + i)] = symbol
    })
  }
  return stream
}

/**
 * The parts of a stream of which some tiles may be lost.
 * @param stream  as from the tiles; not changed
 * @param held    1 for each tile whose bytes are known, 0 for the others
 * @returns undefined if too much is lost
 */
export function decodeStream(stream: Uint8Array, layout: StreamLayout, held: Uint8Array): StreamParts | undefined {
  const filled = stream.slice()
  for (const codeword of codewordsOf(layout)) {
    const symbols = Uint8Array.from({ length: codeword.length }, (_, i) => stream[codeword.at(i)] as number)
    const lost: number[] = []
    for (let i = 0; i < symbols.length; i++) {
      if (held[Math.floor(codeword.at(i) / layout.bytesPerTile)] !== 1) lost.push(i)
    }
    if (lost.every((place) => place >= codeword.data)) continue
    if (!fillErasures(symbols, codeword.length - codeword.data, lost)) return undefined
    for (let i = 0; i < codeword.data; i++) filled[codeword.at(i)] = symbols[i] as number
  }
  return {
    header: filled.slice(0, HEADER_BYTES),
    signature: filled.slice(HEADER_BYTES, HEADER_BYTES + SIGNATURE_BYTES),
    side: filled.slice(HEADER_BYTES + SIGNATURE_BYTES, layout.dataBytes),
  }
}

interface Codeword {
  readonly length: number
  /** Symbols of data, which come first. */
  readonly data: number
  /** Where a symbol lies in the stream. */
  at(symbol: number): number
}

function codewordsOf({ tiles, bytesPerTile, dataBytes }: StreamLayout): readonly Codeword[] {
  const length = tiles * bytesPerTile
  const count = Math.ceil(length / CODEWORD_LIMIT)
  return Array.from({ length: count }, (_, first) => ({
    length: Math.ceil((length - first) / count),
    data: Math.max(0, Math.ceil((dataBytes - first) / count)),
    at: (symbol) => symbol * count + first,
  }))
}
