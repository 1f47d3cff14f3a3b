/**
 * Digest: which elements a signature covers, in which byte order, and their digest.
 *
 * Source: PS3.3 section C.12.1.1.3.1.2. Signatures that cover the same elements share one pass over them: each
 * continues from a copy of the state with the few elements of its own item.
 */

import type { Hash, HashFactory, HashName } from '../../bytes/hash.ts'
import type { ByteSource } from '../../bytes/source.ts'
import type { Element, Tag, Vr } from '../../formats/dicom/element.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { uint16At } from '../../formats/dicom/values.ts'
import { MacStream, type Padding, type StreamContext } from './mac-stream.ts'
import { type DigitalSignature, TAGS } from './read.ts'
import { isSignable, isSignableTag } from './signable.ts'

const PIXEL_DATA: Tag = 0x7fe00010

/** Elements of a signature's own item that its digest leaves out: what the digest is an input of. */
const NOT_IN_DIGEST: ReadonlySet<Tag> = new Set([TAGS.certificate, TAGS.signature, TAGS.timestampType, TAGS.timestamp])

/** Samples that stand in for encapsulated pixel data, for a file that was compressed after it was signed. */
export interface NativePixels {
  readonly vr: Vr
  readonly lengthBytes: number
  /** Frames in order, little endian; asked for anew for every pass. */
  readonly frames: () => Iterable<Uint8Array>
  /** Elements as they were before compression, in place of those that it changed: colour and planes. Default: none. */
  readonly restored?: readonly NewElement[]
}

/** VRs that a file may have had when it was signed, where its own encoding leaves that open. */
export type OtherVrs = Pick<StreamContext, 'isSignedPixels' | 'vrs'>

/** What stands in for something of the file. */
export type Substitute = NativePixels | OtherVrs

/** A pass over elements. Its state is copied, and never continued itself. */
interface Pass {
  readonly state: Hash
  readonly isPaddingUnusual: boolean
}

/** Passes that were made over a data set: of use to whoever reads the same bytes again. */
export type Passes = ReadonlyMap<string, Pass>

/** The digests of one data set. Each distinct set of elements costs one pass, however many signatures cover it. */
export class Digests {
  readonly #context: StreamContext
  readonly #hashes: HashFactory
  readonly #states: Map<string, Pass>
  readonly #substitutes: Substitute[] = []

  /** @param passes  over the same bytes, made before. Default: none */
  constructor(dataSet: DataSet, hashes: HashFactory, passes: Passes = new Map()) {
    this.#context = streamContext(dataSet)
    this.#hashes = hashes
    this.#states = new Map(passes)
  }

  /** Those so far, but for passes over what stood in for something of the file. */
  get passes(): Passes {
    return new Map([...this.#states].filter(([key]) => key.split(' ')[2] === '0'))
  }

  /** Digest over elements of the file followed by those of a signature's item, which is made or read. */
  digest(
    name: HashName,
    elements: readonly Element[],
    own: readonly Element[] | readonly NewElement[],
    padding: Padding,
    substitute?: Substitute,
  ): Uint8Array {
    const hash = this.#state(name, elements, padding, substitute).state.copy()
    const stream = new MacStream(this.#context, padding, (bytes) => hash.update(bytes))
    for (const element of own) 'start' in element ? stream.element(element) : stream.newElement(element)
    stream.flush()
    return hash.digest()
  }

  /** Digest over the elements alone. */
  digestElements(name: HashName, elements: readonly Element[], padding: Padding, substitute?: Substitute): Uint8Array {
    return this.#state(name, elements, padding, substitute).state.copy().digest()
  }

  /** Whether the elements hold strings that the two kinds of padding spell differently. */
  isPaddingUnusual(name: HashName, elements: readonly Element[]): boolean {
    return this.#state(name, elements, 'as_stored').isPaddingUnusual
  }

  #state(name: HashName, elements: readonly Element[], padding: Padding, substitute?: Substitute): Pass {
    // Elements are told apart by where they start: two items may hold the same tags.
    const key = `${name} ${padding} ${this.#numberOf(substitute)} ${elements.map(({ start }) => start).join(',')}`
    const known = this.#states.get(key)
    if (known !== undefined) return known
    const state = this.#hashes(name)
    const pixels = substitute !== undefined && 'frames' in substitute ? substitute : undefined
    const context = pixels === undefined ? { ...this.#context, ...substitute } : this.#context
    const stream = new MacStream(context, padding, (bytes) => state.update(bytes))
    for (const element of elements) {
      const restored = pixels?.restored?.find(({ tag }) => tag === element.tag)
      if (restored !== undefined) stream.newElement(restored)
      else if (pixels !== undefined && element.tag === PIXEL_DATA)
        stream.nativePixels(pixels.vr, pixels.lengthBytes, pixels.frames())
      else stream.element(element)
    }
    stream.flush()
    const result = { state, isPaddingUnusual: stream.isPaddingUnusual }
    this.#states.set(key, result)
    // Where both kinds of padding spell the same, one pass answers for both.
    const twin = padding === 'as_stored' ? ' normalised ' : ' as_stored '
    if (!stream.isPaddingUnusual) this.#states.set(key.replace(` ${padding} `, twin), result)
    return result
  }

  /** Tells substitutes apart: two of them may have the same VR and length. */
  #numberOf(substitute: Substitute | undefined): number {
    if (substitute === undefined) return 0
    const known = this.#substitutes.indexOf(substitute)
    return known < 0 ? this.#substitutes.push(substitute) : known + 1
  }
}

/**
 * SHA-256 over a signature's item and its MAC parameters, certificate, value and timestamp included: what nobody can
 * touch without a trace once it is stated elsewhere. Group lengths, which some writers add, do not count.
 */
export function digestSignature(
  context: StreamContext,
  hashes: HashFactory,
  macParameters: readonly (Element | NewElement)[],
  item: readonly (Element | NewElement)[],
): Uint8Array {
  const hash = hashes('sha256')
  const stream = new MacStream(context, 'as_stored', (bytes) => hash.update(bytes))
  for (const element of [...macParameters, ...item]) {
    if (!isSignableTag(element.tag)) continue
    'start' in element ? stream.element(element) : stream.newElement(element)
  }
  stream.flush()
  return hash.digest()
}

/** What the stream of a data set depends on. */
export const streamContext = (dataSet: DataSet): StreamContext => ({
  source: dataSet.source,
  isSignedPixels: uint16At(dataSet, 0x00280103) === 1,
})

/** The elements that a signature lists and that are there, in their order in the data set. */
export function coveredElements({ elements, signedTags }: DigitalSignature): readonly Element[] {
  const listed = new Set(signedTags)
  return elements.filter(({ tag }) => listed.has(tag))
}

/** The elements of a signature's own item that its digest takes in. */
export const ownElements = ({ item }: DigitalSignature): readonly Element[] =>
  item.elements.filter((element) => isSignable(element) && !NOT_IN_DIGEST.has(element.tag))

/** The bytes of the MAC stream, for comparison with other implementations; held in memory. */
export function macStreamBytes(
  source: ByteSource,
  dataSet: DataSet,
  signature: DigitalSignature,
  padding: Padding,
): Uint8Array[] {
  const pieces: Uint8Array[] = []
  const stream = new MacStream({ ...streamContext(dataSet), source }, padding, (bytes) => pieces.push(bytes.slice()))
  for (const element of coveredElements(signature)) stream.element(element)
  for (const element of ownElements(signature)) stream.element(element)
  stream.flush()
  return pieces
}
