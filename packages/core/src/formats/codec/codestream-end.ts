/**
 * Codestream end: where a picture of the JPEG and JPEG 2000 families ends, by its markers alone.
 *
 * Source: ITU-T T.81 annex B, T.87 annex C, T.800 annex A. Nothing is decoded and hardly anything is checked: whether
 * the codestream is any good is left to the decoders, whom this costs a hundredth of their time.
 */

const SOF55 = 0xf7
const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda
const TEM = 0x01
const SOT = 0x90

export interface CodestreamEnd {
  /** Offset behind the end marker. */
  readonly end: number
  /** Every byte up to there is counted by a length in the codestream: none can have come in or gone. */
  readonly isCounted: boolean
}

/** Whether bytes begin like a codestream: SOI and a marker, or SOC and SIZ. */
export function beginsCodestream([a, b, c, d]: Uint8Array): boolean {
  return a === 0xff && ((b === SOI && c === 0xff) || (b === 0x4f && c === 0xff && d === 0x51))
}

/**
 * Finds the end of the codestream that starts with the bytes.
 * Cost: one look at each byte of entropy-coded data of the JPEG family, a few hops in JPEG 2000.
 *
 * @returns undefined for what does not begin like a codestream, and for one that has no end
 */
export function findCodestreamEnd(bytes: Uint8Array): CodestreamEnd | undefined {
  if (!beginsCodestream(bytes)) return undefined
  return bytes[1] === SOI ? endOfJpeg(bytes) : endOfJpeg2000(bytes)
}

function endOfJpeg(bytes: Uint8Array): CodestreamEnd | undefined {
  // After FF, JPEG stuffs a zero byte, JPEG-LS a zero bit.
  let dataBelow = 1
  let at = 2
  for (;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++
    const marker = bytes[at + 1]
    if (bytes[at] !== 0xff || marker === undefined || marker === SOI) return undefined
    if (marker === EOI) return { end: at + 2, isCounted: false }
    if (marker === SOF55) dataBelow = 0x80
    at += 2
    if (isRestart(marker) || marker === TEM) continue
    const length = uint16(bytes, at)
    if (length < 2) return undefined
    at += length
    if (marker === SOS) at = endOfScan(bytes, at, dataBelow)
  }
}

/** The next marker that ends entropy-coded data; the end of the bytes where there is none. */
function endOfScan(bytes: Uint8Array, start: number, dataBelow: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at)) {
    const next = bytes[at + 1]
    if (next === undefined) break
    if (next === 0xff) at++
    else if (next < dataBelow || isRestart(next)) at += 2
    else return at
  }
  return bytes.length
}

function endOfJpeg2000(bytes: Uint8Array): CodestreamEnd | undefined {
  let isCounted = true
  let at = 2
  for (;;) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1]
    if (marker === EOI) return { end: at + 2, isCounted }
    if (marker !== SOT) {
      const length = uint16(bytes, at + 2)
      if (length < 2) return undefined
      at += 2 + length
      continue
    }
    const length = uint16(bytes, at + 6) * 0x10000 + uint16(bytes, at + 8)
    // Length 0: the last tile part, up to the end marker, which coded data cannot hold.
    if (length === 0) isCounted = false
    else if (length < 14) return undefined
    at = length === 0 ? findEndMarker(bytes, at + 12) : at + length
  }
}

function findEndMarker(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === EOI) return at
  }
  return bytes.length
}

const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7

/** NaN where the bytes end: no comparison with it holds, and an offset made of it leads nowhere. */
const uint16 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? Number.NaN) * 0x100 + (bytes[at + 1] ?? Number.NaN)
