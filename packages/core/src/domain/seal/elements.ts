/**
 * Elements: the exact list of attributes of a data set, each with a short digest, so that a seal shows which one
 * changed, was added or was taken away.
 *
 * Source: the byte order is that of the MAC stream (domain/signature/mac-stream.ts) with normalised padding. Unlike
 * the stream, which leaves out what no signature may cover, the list takes in everything: UN as raw bytes, and
 * unsignable elements inside items. What a sealer itself adds, the signatures, is left out.
 */
import type { Hash, HashFactory } from '../../bytes/hash.ts'
import { memorySource } from '../../bytes/source.ts'
import { type Element, groupOf, type Tag, type Vr } from '../../formats/dicom/element.ts'
import { encodeElement, encodeHeader, type NewElement } from '../../formats/dicom/encode.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE } from '../../formats/dicom/transfer-syntax.ts'
import { readUint32s } from '../../formats/dicom/values.ts'
import { type OtherVrs, streamContext } from '../signature/digest.ts'
import { MacStream, type StreamContext } from '../signature/mac-stream.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, isSignable, MAC_PARAMETERS_SEQUENCE } from '../signature/signable.ts'
import { findPixelElement } from './pixels.ts'

export const SALT_BYTES = 16
/** Of a SHA-256: the list is long, and nobody gains from two values with one digest of his own making. */
export const ELEMENT_DIGEST_BYTES = 16

/** One top-level attribute of a data set. */
export interface ElementDigest {
  readonly tag: Tag
  /** As spelled in explicit little endian. */
  readonly vr: Vr
  /**
   * First 16 bytes of SHA-256 over the salt and the element. Absent for the pixel data, which the digests of the
   * frames cover, and for a group length that states the right number.
   */
  readonly digest?: Uint8Array
  /** Whether a DICOM signature may cover the element. */
  readonly isSignable: boolean
}

export interface ElementsOptions {
  readonly hashes: HashFactory
  /** 16 bytes; equal values in two seals have different digests. */
  readonly salt: Uint8Array
  /**
   * Tags of the signable elements that a digest of the data set takes in, for a verifier that knows it to be right: they
   * get no digest of their own where that one covers their every byte. Default: none.
   */
  readonly known?: ReadonlySet<Tag>
  /** How else the elements may have been spelled; see domain/signature/other-vrs.ts. Default: as they are. */
  readonly spelling?: OtherVrs
}

/** The list of a data set, in its own order. Cost: a pass over everything but the pixels. */
export function describeElements(dataSet: DataSet, options: ElementsOptions): readonly ElementDigest[] {
  const digester = new ElementDigester(dataSet, options)
  const pixels = findPixelElement(dataSet)
  return dataSet.elements.filter(isListed).map((element) => {
    const { tag } = element
    const entry = { tag, vr: spelledVr(element, digester.context), isSignable: isSignable(element) }
    const isCovered = element === pixels || isRightGroupLength(element, dataSet.elements, dataSet)
    const isKnown = options.known?.has(tag) === true && entry.isSignable && element.items === undefined
    return isCovered || isKnown ? entry : { ...entry, digest: digester.digest(element) }
  })
}

/**
 * Digest of an element as if it had another VR: for a value whose VR was lost on the way through implicit syntax.
 * @returns undefined unless the element is a plain value
 */
export function digestElementAs(
  dataSet: DataSet,
  element: Element,
  vr: Vr,
  options: ElementsOptions,
): Uint8Array | undefined {
  if (element.items !== undefined || element.fragments !== undefined || !element.encoding.isLittleEndian)
    return undefined
  const respelled = { ...element, vr, encoding: { isLittleEndian: true, isExplicit: false } }
  return new ElementDigester(dataSet, options).digest(respelled)
}

/** Digest of an element that is not in the file. */
export function digestNewElement(element: NewElement, options: ElementsOptions): Uint8Array {
  const bytes = encodeElement(element, EXPLICIT_LITTLE)
  const valueStart = encodeHeader(element.tag, element.vr, 0, EXPLICIT_LITTLE).length
  const read: Element = {
    tag: element.tag,
    vr: element.vr,
    encoding: EXPLICIT_LITTLE,
    start: 0,
    valueStart,
    valueEnd: bytes.length,
    end: bytes.length,
    hasUndefinedLength: false,
  }
  const dataSet = {
    source: memorySource(bytes),
    start: 0,
    end: bytes.length,
    encoding: EXPLICIT_LITTLE,
    elements: [read],
  }
  return new ElementDigester(dataSet, options).digest(read)
}

/** Everything but what a sealer adds. */
const isListed = ({ tag }: Element): boolean => tag !== MAC_PARAMETERS_SEQUENCE && tag !== DIGITAL_SIGNATURES_SEQUENCE

const PIXEL_DATA: Tag = 0x7fe00010
const ITEM = Uint8Array.of(0xfe, 0xff, 0x00, 0xe0)
const SEQUENCE_DELIMITER = Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0)

class ElementDigester {
  readonly context: StreamContext
  readonly #hashes: HashFactory
  readonly #salt: Uint8Array
  readonly #dataSet: DataSet
  readonly #normalised: MacStream
  readonly #asStored: MacStream
  #stream: MacStream
  #hash: Hash

  constructor(dataSet: DataSet, { hashes, salt, spelling }: ElementsOptions) {
    if (salt.length !== SALT_BYTES) throw new RangeError(`a salt of ${salt.length} bytes`)
    this.context = { ...streamContext(dataSet), ...spelling }
    this.#dataSet = dataSet
    this.#hashes = hashes
    this.#salt = salt
    this.#hash = hashes('sha256')
    const sink = (bytes: Uint8Array): void => this.#hash.update(bytes)
    this.#normalised = new MacStream(this.context, 'normalised', sink)
    this.#asStored = new MacStream(this.context, 'as_stored', sink)
    this.#stream = this.#normalised
  }

  digest(element: Element): Uint8Array {
    this.#hash = this.#hashes('sha256')
    // The padding of what no signature covers is known only from here.
    this.#stream = isSignable(element) ? this.#normalised : this.#asStored
    this.#hash.update(this.#salt)
    this.#feed(element)
    this.#stream.flush()
    return this.#hash.digest().slice(0, ELEMENT_DIGEST_BYTES)
  }

  #feed(element: Element): void {
    if (element.items === undefined) return this.#stream.element(element)
    // An UN that turned out to hold items is a sequence here, as in every syntax that spells it so.
    this.#bytes(encodeHeader(element.tag, 'SQ', 0, EXPLICIT_LITTLE).subarray(0, 8))
    for (const item of element.items) {
      this.#bytes(ITEM)
      for (const inner of item.elements) if (!isRightGroupLength(inner, item.elements, this.#dataSet)) this.#feed(inner)
    }
    this.#bytes(SEQUENCE_DELIMITER)
  }

  #bytes(bytes: Uint8Array): void {
    this.#stream.flush()
    this.#hash.update(bytes)
  }
}

/** The VR that the stream spells, save for values over 64 KiB. */
function spelledVr({ tag, vr, encoding, items }: Element, { isSignedPixels, vrs }: StreamContext): Vr {
  if (items !== undefined) return 'SQ'
  const other = vrs?.get(tag)
  if (other !== undefined) return other
  if (vr === 'xs') return isSignedPixels ? 'SS' : 'US'
  return tag === PIXEL_DATA && !encoding.isExplicit ? 'OW' : vr
}

/** A group length says how many bytes of its group follow: different in each encoding, and no news where it is right. */
function isRightGroupLength(element: Element, siblings: readonly Element[], { source }: DataSet): boolean {
  if ((element.tag & 0xffff) !== 0 || element.valueEnd - element.valueStart !== 4) return false
  const group = groupOf(element.tag)
  const last = siblings.findLast(({ tag }) => groupOf(tag) === group) ?? element
  return readUint32s(source, element)[0] === last.end - element.end
}
