/**
 * Frames: which fragments of encapsulated pixel data make which frame.
 *
 * Source: PS3.5 annex A.4, PS3.3 section C.7.6.3.1.8 (extended offset table). Only one reading is ever accepted: two
 * fragments taken for one could hide a frame. What a fragment holds is left to formats/codec.
 */
import { FormatError } from '../../errors.ts'
import type { Fragment } from './element.ts'

/** Encapsulated pixel data, as far as frames are concerned. */
export interface Encapsulated {
  /** All fragments of the element; fragment 0 is the basic offset table. */
  readonly fragments: readonly Fragment[]
  /** Value of the basic offset table: {@link parseOffsets} with 4 bytes; empty where the table is. */
  readonly basicOffsets: readonly number[]
  /** Value of (7FE0,0001), {@link parseOffsets} with 8 bytes. */
  readonly extendedOffsets?: readonly number[]
  /** Value of (7FE0,0002), likewise. */
  readonly extendedLengths?: readonly number[]
  /** (0028,0008), 1 where absent. */
  readonly numberOfFrames: number
  /**
   * The payload of a fragment. Asked for only where no table says where frames begin, and then the first and last
   * bytes of each fragment decide.
   */
  readonly read: (fragment: Fragment) => Uint8Array
}

/**
 * Reads the little-endian numbers of an offset or length table.
 *
 * @param size  bytes of each: 4 in the basic offset table, 8 in the extended ones
 * @throws {FormatError} `dicom_fragments_malformed` for a table of another length or with a number above 2^53
 */
export function parseOffsets(bytes: Uint8Array, size: 4 | 8): number[] {
  if (bytes.length % size !== 0) throw malformed(`an offset table of ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / size }, (_, i) => {
    if (size === 4) return view.getUint32(4 * i, true)
    const value = Number(view.getBigUint64(8 * i, true))
    if (!Number.isSafeInteger(value)) throw malformed('an offset above 2^53')
    return value
  })
}

/**
 * Finds the fragments of each frame.
 *
 * An offset table decides where there is one. Without a table, as many fragments as frames are one each, a single
 * frame has all fragments, and else each frame must begin and end like a codestream of the JPEG families.
 *
 * @returns for each frame the indices of its fragments, ascending; together all fragments but the table
 * @throws {FormatError} `dicom_fragments_malformed` if the tables, the fragments and the number of frames do not
 *                       agree, or do not say how
 */
export function splitFrames(pixels: Encapsulated): readonly (readonly number[])[] {
  const { fragments, basicOffsets, extendedOffsets, extendedLengths, numberOfFrames } = pixels
  if (!Number.isInteger(numberOfFrames) || numberOfFrames < 1) throw malformed(`${numberOfFrames} frames`)
  const count = fragments.length - 1
  if (count < 1) throw malformed('encapsulated pixel data without fragments')
  if (count < numberOfFrames) throw malformed(`${count} fragments for ${numberOfFrames} frames`)

  if (extendedOffsets !== undefined) {
    if (basicOffsets.length > 0) throw malformed('both a basic and an extended offset table')
    const frames = splitByOffsets(pixels, extendedOffsets)
    checkLengths(frames, pixels, extendedLengths)
    return frames
  }
  if (extendedLengths !== undefined) throw malformed('extended lengths without extended offsets')
  if (basicOffsets.length > 0) return splitByOffsets(pixels, basicOffsets)
  if (count === numberOfFrames) return Array.from({ length: count }, (_, i) => [i + 1])
  if (numberOfFrames === 1) return [Array.from({ length: count }, (_, i) => i + 1)]
  return splitByContent(pixels)
}

/** Each offset counts from the Item tag of the first fragment to the Item tag of a frame's first one. */
function splitByOffsets({ fragments, numberOfFrames }: Encapsulated, offsets: readonly number[]): number[][] {
  if (offsets.length !== numberOfFrames) throw malformed(`${offsets.length} offsets for ${numberOfFrames} frames`)
  const origin = (fragments[1] as Fragment).start
  const frames: number[][] = []
  for (const [index, { start }] of fragments.entries()) {
    if (index === 0) continue
    if (start - origin === offsets[frames.length]) frames.push([])
    // The first offset is not 0 where there is no frame yet.
    const current = frames.at(-1)
    if (current === undefined) break
    current.push(index)
  }
  if (frames.length !== numberOfFrames)
    throw malformed(`offset ${offsets[frames.length]} is not where a fragment starts`)
  return frames
}

/** With the extended table each frame is one fragment, whose length may be stated without its padding. */
function checkLengths(
  frames: readonly (readonly number[])[],
  { fragments }: Encapsulated,
  lengths: readonly number[] | undefined,
): void {
  if (lengths === undefined) throw malformed('extended offsets without extended lengths')
  if (lengths.length !== frames.length) throw malformed(`${lengths.length} lengths for ${frames.length} frames`)
  for (const [i, frame] of frames.entries()) {
    const { valueStart, end } = fragments[frame[0] as number] as Fragment
    const length = lengths[i] as number
    if (frame.length !== 1)
      throw malformed(`frame ${i + 1} has ${frame.length} fragments under an extended offset table`)
    if (length !== end - valueStart && length + 1 !== end - valueStart)
      throw malformed(`frame ${i + 1} is not of the length stated`)
  }
}

function splitByContent({ fragments, numberOfFrames, read }: Encapsulated): number[][] {
  const frames: number[][] = []
  let isComplete = true
  for (const [index, fragment] of fragments.entries()) {
    if (index === 0) continue
    const payload = read(fragment)
    if (isComplete !== beginsCodestream(payload))
      throw malformed(`fragment ${index} does not tell which frame it belongs to`)
    if (isComplete) frames.push([])
    ;(frames.at(-1) as number[]).push(index)
    isComplete = endsCodestream(payload)
  }
  if (!isComplete) throw malformed('the last frame is incomplete')
  if (frames.length !== numberOfFrames) throw malformed(`${frames.length} codestreams for ${numberOfFrames} frames`)
  return frames
}

/** SOI and a marker (T.81, T.87), or SOC and SIZ (T.800). */
function beginsCodestream([a, b, c, d]: Uint8Array): boolean {
  return a === 0xff && ((b === 0xd8 && c === 0xff) || (b === 0x4f && c === 0xff && d === 0x51))
}

/** EOI or EOC, which is one spelling, and padding. */
function endsCodestream(payload: Uint8Array): boolean {
  let end = payload.length
  while (end > 0 && payload[end - 1] === 0) end--
  return end >= 2 && payload[end - 1] === 0xd9 && payload[end - 2] === 0xff
}

function malformed(message: string): FormatError {
  return new FormatError('dicom_fragments_malformed', message)
}
