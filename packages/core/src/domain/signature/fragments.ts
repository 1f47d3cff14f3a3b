/**
 * Fragments: whether encapsulated pixel data can be cut into fragments in one way only.
 *
 * The stream that a signature digests (PS3.15 annex C, mac-stream.ts) has an item tag before each fragment and no
 * length. Whoever joins two fragments, and puts the four bytes of an item tag between, changes nothing in the stream:
 * the signature holds, and a frame is hidden behind the end of another. Whoever finds those four bytes in a fragment
 * can cut it there, and they are lost. So what a signature leaves open is decided here, from the codestreams, from
 * the offset tables and from the number of frames.
 *
 * What bounds a codestream is left to formats/codec, which fragments make a frame to formats/dicom.
 */
import { FormatError } from '../../errors.ts'
import { beginsCodestream, findCodestreamEnd } from '../../formats/codec/codestream-end.ts'
import { decodeDeflated } from '../../formats/codec/deflated.ts'
import { decodeRle } from '../../formats/codec/rle.ts'
import { checkShape } from '../../formats/codec/shape.ts'
import { type Element, type Fragment, formatTag } from '../../formats/dicom/element.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import { cutFrames, readFrame, readFrameShape } from './encapsulated.ts'

export type FragmentsReason =
  /** One fragment holds two codestreams with an item tag between them: two fragments were made one. */
  | 'fragments_ambiguous'
  /** The bytes, the offset tables and the number of frames do not tell how the pixel data is to be cut. */
  | 'fragments_undecidable'
  /** A frame has no end. */
  | 'codestream_incomplete'

/** Where, counted as the standard does. */
export interface FragmentPlace {
  /** Empty for the main data set, else the sequence item that holds the pixel data, such as an icon. */
  readonly path: string
  /** 0 for the offset table, 1 for the first fragment of pixel data. */
  readonly fragment: number
  /** From 1, where it is known. */
  readonly frame?: number
}

export type FragmentsCheck =
  | { readonly outcome: 'holds' }
  | { readonly outcome: 'fails' | 'unknown'; readonly reason: FragmentsReason; readonly where: FragmentPlace }

const HOLDS: FragmentsCheck = { outcome: 'holds' }
const RLE = '1.2.840.10008.1.2.5'
const DEFLATED_FRAMES = '1.2.840.10008.1.2.8.1'

/** Item tags of one fragment that are looked into, where looking means to decode a frame. */
const DECODES_AT_MOST = 4

/**
 * Checks every encapsulated pixel data element of a file, those of icons included.
 * Cost: one look at each byte of pixel data; a frame that holds an item tag by chance may be decoded.
 *
 * @returns `holds` also for a file without any; else the first failure, else the first gap
 */
export function checkFragments({ dataSet, transferSyntaxUid }: DicomFile): FragmentsCheck {
  let gap: FragmentsCheck | undefined
  for (const { element, siblings, path } of findEncapsulated(dataSet.elements, '')) {
    const check = new PixelCheck({ ...dataSet, elements: siblings }, element, transferSyntaxUid, path).run()
    if (check.outcome === 'fails') return check
    if (check.outcome === 'unknown') gap ??= check
  }
  return gap ?? HOLDS
}

interface Place {
  readonly element: Element
  readonly siblings: readonly Element[]
  readonly path: string
}

function* findEncapsulated(siblings: readonly Element[], path: string): Generator<Place> {
  for (const element of siblings) {
    if (element.fragments !== undefined) yield { element, siblings, path }
    for (const [i, item] of (element.items ?? []).entries()) {
      yield* findEncapsulated(item.elements, `${path}${formatTag(element.tag)}[${i + 1}]`)
    }
  }
}

/** One element of encapsulated pixel data. */
class PixelCheck {
  readonly #dataSet: DataSet
  readonly #fragments: readonly Fragment[]
  readonly #decode: ((codestream: Uint8Array) => unknown) | undefined
  readonly #path: string

  constructor(dataSet: DataSet, { fragments = [] }: Element, transferSyntaxUid: string, path: string) {
    this.#dataSet = dataSet
    this.#fragments = fragments
    this.#decode = decoderFor(transferSyntaxUid, dataSet)
    this.#path = path
  }

  run(): FragmentsCheck {
    const merged = this.#fragments.findIndex((_, index) =>
      this.#isMerged(readFrame(this.#dataSet, this.#fragments, [index]), index),
    )
    if (merged >= 0)
      return { outcome: 'fails', reason: 'fragments_ambiguous', where: { path: this.#path, fragment: merged } }
    const cut = cutFrames(this.#dataSet, this.#fragments)
    if (cut === undefined) return this.#gap('fragments_undecidable', { fragment: 0 })
    const { frames, hasOffsets, hasLengths } = cut
    for (const [i, indices] of frames.entries()) {
      // A table counts each frame by the beginning of the next.
      const isCounted = hasLengths || (hasOffsets && i + 1 < frames.length)
      const reason = this.#judge(indices, isCounted)
      if (reason !== undefined) return this.#gap(reason, { fragment: indices[0] as number, frame: i + 1 })
    }
    return HOLDS
  }

  #gap(reason: FragmentsReason, place: Omit<FragmentPlace, 'path'>): FragmentsCheck {
    return { outcome: 'unknown', reason, where: { path: this.#path, ...place } }
  }

  /** Whether one frame ends and another begins within a fragment, with an item tag between. */
  #isMerged(bytes: Uint8Array, index: number): boolean {
    let decodes = 0
    for (const at of itemTags(bytes)) {
      // An offset of 3.7 GB is none: the table was joined with what follows it.
      if (index === 0) return true
      const rest = bytes.subarray(at + 4)
      if (endsCodestream(bytes, at) && beginsCodestream(rest)) return true
      if (this.#decode === undefined || ++decodes > DECODES_AT_MOST) continue
      if (this.#decodes(bytes.subarray(0, at))) return true
    }
    return false
  }

  #decodes(codestream: Uint8Array): boolean {
    try {
      this.#decode?.(codestream)
      return true
    } catch (error) {
      if (error instanceof FormatError) return false
      throw error
    }
  }

  /** Why a frame could be made of other fragments than it is; undefined where it could not. */
  #judge(indices: readonly number[], isCounted: boolean): FragmentsReason | undefined {
    const bytes = readFrame(this.#dataSet, this.#fragments, indices)
    // No other cut is possible where there is one fragment and no bytes that could be taken for the tag of a second.
    let isOne = indices.length === 1 && itemTags(bytes).next().done === true
    if (beginsCodestream(bytes)) {
      const found = findCodestreamEnd(bytes)
      if (found === undefined) return 'codestream_incomplete'
      if (!isPadding(bytes, found.end)) return 'fragments_undecidable'
      isOne ||= found.isCounted
    } else if (this.#decode !== undefined && indices.length === 1 && !isOne && !isCounted) {
      isOne = this.#decodes(bytes)
    }
    return isOne || isCounted ? undefined : 'fragments_undecidable'
  }
}

/** RLE and deflate have no markers: where a frame ends shows only when it is decoded. */
function decoderFor(transferSyntaxUid: string, dataSet: DataSet): ((codestream: Uint8Array) => unknown) | undefined {
  const decode =
    transferSyntaxUid === RLE ? decodeRle : transferSyntaxUid === DEFLATED_FRAMES ? decodeDeflated : undefined
  if (decode === undefined) return undefined
  const shape = readFrameShape(dataSet)
  return (codestream) => {
    checkShape(shape)
    return decode(codestream, shape)
  }
}

/** Offsets of the bytes FE FF 00 E0, an item tag in little endian. */
function* itemTags(bytes: Uint8Array): Generator<number> {
  for (let at = bytes.indexOf(0xe0, 3); at >= 0; at = bytes.indexOf(0xe0, at + 1)) {
    if (bytes[at - 3] === 0xfe && bytes[at - 2] === 0xff && bytes[at - 1] === 0) yield at - 3
  }
}

/** Whether the bytes before an offset are the end of a codestream of the JPEG families, and padding. */
function endsCodestream(bytes: Uint8Array, end: number): boolean {
  let at = end
  while (at > 0 && end - at < 8 && bytes[at - 1] === 0) at--
  return bytes[at - 2] === 0xff && bytes[at - 1] === 0xd9
}

/** Encoders pad a frame with zeros, or with the fill bytes of T.81. */
function isPadding(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < bytes.length; at++) if (bytes[at] !== 0 && bytes[at] !== 0xff) return false
  return true
}
