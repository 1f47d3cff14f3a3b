/**
 * MAC stream: the bytes that a digital signature digests, whatever the syntax of the file.
 *
 * Source: PS3.15 annex C, PS3.3 section C.12.1.1.3.1.2, and the choices of DCMTK where the standard leaves any
 * (docs/explanation/signatures.md lists them). Everything is spelled in explicit little endian; sequences and
 * encapsulated pixel data lose their lengths. Runs of elements that the file spells so already are passed on as
 * ranges of the file, so that the cost is that of the digest.
 */
import type { ByteSource } from '../../bytes/source.ts'
import { concatBytes } from '../../bytes/text.ts'
import type { Element, Tag, Vr } from '../../formats/dicom/element.ts'
import { encodeHeader, type NewElement, padEven, swapWords } from '../../formats/dicom/encode.ts'
import { EXPLICIT_LITTLE } from '../../formats/dicom/transfer-syntax.ts'
import { hasLongLength, isKnownVr, isTextVr, paddingOf, wordBytes } from '../../formats/dicom/vr.ts'
import { isSignable } from './signable.ts'

/** Padding of strings as the file has it, or as DCMTK rewrites it before it digests. */
export type Padding = 'as_stored' | 'normalised'

/** What an element's spelling depends on beyond the element. */
export interface StreamContext {
  readonly source: ByteSource
  /** (0028,0103): 1 for signed samples; decides `xs` in implicit files. */
  readonly isSignedPixels: boolean
  /** VRs in place of those of the file, at any depth: a file does not always say what they were when it was signed. */
  readonly vrs?: ReadonlyMap<Tag, Vr>
}

const PIXEL_DATA = 0x7fe00010
const ITEM = Uint8Array.of(0xfe, 0xff, 0x00, 0xe0)
const SEQUENCE_DELIMITER = Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0)
const STAGE_BYTES = 4096

export class MacStream {
  readonly #context: StreamContext
  readonly #sink: (bytes: Uint8Array) => void
  readonly #padding: Padding
  readonly #stage = new Uint8Array(STAGE_BYTES)
  #staged = 0
  #rangeStart = 0
  #rangeEnd = 0
  #isPaddingUnusual = false

  /** @param sink  takes the stream piece by piece; a piece is valid until the call returns */
  constructor(context: StreamContext, padding: Padding, sink: (bytes: Uint8Array) => void) {
    this.#context = context
    this.#padding = padding
    this.#sink = sink
  }

  /** Whether any string so far is padded in a way that the two kinds of padding spell differently. */
  get isPaddingUnusual(): boolean {
    return this.#isPaddingUnusual
  }

  /** Passes on what is still held back. Call it before the digest is taken. */
  flush(): void {
    this.#flushRange()
    this.#flushStage()
  }

  /** One element of the file; unsignable ones inside its items are left out. */
  element(element: Element): void {
    if (element.items !== undefined) this.#sequence(element)
    else if (element.fragments !== undefined) this.#encapsulated(element)
    else this.#value(element)
  }

  /** An element that is not in the file, such as those of the signature being made. */
  newElement(element: NewElement): void {
    if ('items' in element) {
      this.#bytes(sequenceStart(element.tag, 'SQ'))
      for (const item of element.items) {
        this.#bytes(ITEM)
        for (const inner of item) this.newElement(inner)
      }
      this.#bytes(SEQUENCE_DELIMITER)
      return
    }
    if ('fragments' in element) throw new TypeError('encapsulated pixel data is never made here')
    const value = padEven(element.value, element.vr)
    this.#bytes(encodeHeader(element.tag, element.vr, value.length, EXPLICIT_LITTLE))
    this.#bytes(value)
  }

  /** Native pixel data whose samples are handed in, for files that were compressed after signing. */
  nativePixels(vr: Vr, lengthBytes: number, frames: Iterable<Uint8Array>): void {
    this.#bytes(encodeHeader(PIXEL_DATA, vr, lengthBytes + (lengthBytes % 2), EXPLICIT_LITTLE))
    for (const frame of frames) this.#bytes(frame)
    if (lengthBytes % 2 === 1) this.#bytes(Uint8Array.of(0))
  }

  #sequence(element: Element): void {
    this.#bytes(sequenceStart(element.tag, 'SQ'))
    for (const item of element.items ?? []) {
      this.#bytes(ITEM)
      for (const inner of item.elements) if (isSignable(inner)) this.element(inner)
    }
    this.#bytes(SEQUENCE_DELIMITER)
  }

  #encapsulated(element: Element): void {
    this.#bytes(sequenceStart(element.tag, element.vr === 'OW' ? 'OB' : element.vr))
    for (const fragment of element.fragments ?? []) {
      this.#bytes(ITEM)
      this.#range(fragment.valueStart, fragment.end)
      if ((fragment.end - fragment.valueStart) % 2 === 1) this.#bytes(Uint8Array.of(0))
    }
    this.#bytes(SEQUENCE_DELIMITER)
  }

  #value(element: Element): void {
    const { encoding, valueStart, valueEnd } = element
    const length = valueEnd - valueStart
    const vr = this.#vrOf(element)
    const kept = this.#keptLength(vr, valueStart, valueEnd)
    const isPlain = encoding.isExplicit && encoding.isLittleEndian && isKnownVr(vr) && !hasLongLength(vr)
    if (isPlain && kept === length && length % 2 === 0) return this.#range(element.start, element.end)

    const padded = kept + (kept % 2)
    this.#bytes(header(element.tag, vr, padded))
    if (encoding.isLittleEndian || wordBytes(vr) === 1) this.#range(valueStart, valueStart + kept)
    else this.#swapped(valueStart, valueStart + kept, wordBytes(vr))
    if (padded > kept) this.#bytes(Uint8Array.of(paddingOf(vr)))
  }

  #vrOf(element: Element): Vr {
    const other = this.#context.vrs?.get(element.tag)
    if (other !== undefined) return other
    if (element.vr === 'xs') return this.#context.isSignedPixels ? 'SS' : 'US'
    return element.tag === PIXEL_DATA && !element.encoding.isExplicit ? 'OW' : element.vr
  }

  /** Bytes of a value that count: all of them, or without the padding that DCMTK drops. */
  #keptLength(vr: Vr, start: number, end: number): number {
    const length = end - start
    if (length === 0 || !(isTextVr(vr) || vr === 'UI')) return length
    const tail = this.#context.source.view(Math.max(start, end - 2), end)
    const isPadding = (byte: number | undefined): boolean => byte === paddingOf(vr) || (vr === 'UI' && byte === 0x20)
    const last = tail[tail.length - 1]
    if (!isPadding(last)) return length
    const isUsual = last === paddingOf(vr) && length % 2 === 0 && !isPadding(tail[0])
    if (isUsual) return length
    this.#isPaddingUnusual = true
    if (this.#padding === 'as_stored') return length
    const value = this.#context.source.view(start, end)
    let kept = length
    while (kept > 0 && isPadding(value[kept - 1])) kept--
    return kept
  }

  #swapped(start: number, end: number, width: number): void {
    let rest: Uint8Array = new Uint8Array(0)
    for (const chunk of this.#context.source.chunks(start, end)) {
      const joined = rest.length === 0 ? chunk : concatBytes(rest, chunk)
      const whole = joined.length - (joined.length % width)
      this.#bytes(swapWords(joined.subarray(0, whole), width))
      rest = joined.slice(whole)
    }
    this.#bytes(rest)
  }

  #range(start: number, end: number): void {
    if (start === this.#rangeEnd && this.#rangeEnd > this.#rangeStart) {
      this.#rangeEnd = end
      return
    }
    this.#flushRange()
    this.#rangeStart = start
    this.#rangeEnd = end
  }

  #bytes(bytes: Uint8Array): void {
    this.#flushRange()
    if (bytes.length > STAGE_BYTES - this.#staged) this.#flushStage()
    if (bytes.length > STAGE_BYTES) return this.#sink(bytes)
    this.#stage.set(bytes, this.#staged)
    this.#staged += bytes.length
  }

  #flushRange(): void {
    const [start, end] = [this.#rangeStart, this.#rangeEnd]
    this.#rangeStart = this.#rangeEnd = 0
    if (start === end) return
    if (end - start <= STAGE_BYTES / 8) return this.#bytes(this.#context.source.view(start, end))
    this.#flushStage()
    for (const chunk of this.#context.source.chunks(start, end)) this.#sink(chunk)
  }

  #flushStage(): void {
    if (this.#staged > 0) this.#sink(this.#stage.subarray(0, this.#staged))
    this.#staged = 0
  }
}

/** Tag, VR and two reserved bytes: sequences and encapsulated pixels have no length in the stream. */
function sequenceStart(tag: Tag, vr: Vr): Uint8Array {
  return encodeHeader(tag, vr, 0, EXPLICIT_LITTLE).subarray(0, 8)
}

/** A value over 64 KiB under a VR with a 16-bit length is spelled as UN, as DCMTK does. */
function header(tag: Tag, vr: Vr, length: number): Uint8Array {
  const spelled = !hasLongLength(vr) && length > 0xffff ? 'UN' : vr
  return encodeHeader(tag, spelled, length, EXPLICIT_LITTLE)
}
