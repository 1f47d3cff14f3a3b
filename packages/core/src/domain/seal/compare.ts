/**
 * Compare: what became of a sealed image: the same bytes, the same content spelled otherwise, or altered, and where.
 *
 * Cheap while nothing changed: the digest of the data set, which the DICOM signatures need anyhow, and the few
 * elements that it does not cover decide; pixels are decoded and frames digested only when it differs. What the
 * differences mean for a verdict is left to domain/verdict.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { equalBytes } from '../../bytes/text.ts'
import { type Concern, concernOf } from '../../formats/dicom/attribute-concern.ts'
import { nameOf } from '../../formats/dicom/dictionary.ts'
import { type Element, findElement, isPrivateTag, type Tag, type Vr } from '../../formats/dicom/element.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import { textAt } from '../../formats/dicom/values.ts'
import { hashTree } from '../../formats/merkle/tree.ts'
import { type Digests, digestSignature, type OtherVrs, streamContext } from '../signature/digest.ts'
import type { DecodeFrame } from '../signature/encapsulated.ts'
import { otherVrs } from '../signature/other-vrs.ts'
import { readSignatures } from '../signature/read.ts'
import { DATA_SET_TRAILING_PADDING, isSignable } from '../signature/signable.ts'
import { DERIVATION_DESCRIPTION, isCompressorNote } from './compressor-note.ts'
import { describeElements, digestElementAs, type ElementDigest, type ElementsOptions } from './elements.ts'
import type { ImageStatement } from './image-statement.ts'
import { digestPreamble, type EncapsulatedTree, type PixelTree } from './instance.ts'
import { describeLayout, describePixels, digestCodestreams, findPixelElement, readShape } from './pixels.ts'
import type { SealedInstance, SignatureReference } from './sealed-instance.ts'

/**
 * `identical`: the very bytes of the sealed file. `equivalent`: every attribute and pixel is the same, the encoding of
 * the data set or the file around it may differ. `transcoded`: the samples are the same and encoded otherwise.
 * `undecided`: the pixels are encoded otherwise and cannot be compared exactly; nothing else differs.
 * `derived`: likewise, and the attributes say so that a compressor with loss has to write.
 * `altered`: an attribute or pixel differs.
 */
export type ComparisonKind = 'identical' | 'equivalent' | 'transcoded' | 'undecided' | 'derived' | 'altered'

export type ChangeKind =
  | 'element_changed'
  | 'element_added'
  | 'element_removed'
  /** A second element with one tag: two readers may see two values. */
  | 'element_duplicated'
  /** The value is the same, its VR became UN on the way through implicit syntax. */
  | 'vr_lost'
  /** A private sequence became UN likewise: what is in it can no more be compared. */
  | 'sequence_lost'
  /** An encoder says in its own words that it lost nothing; see compressor-note.ts. */
  | 'derivation_noted'
  /** An icon, whose pixels were encoded again with those of the image, and cannot be compared. */
  | 'icon_recoded'
  /** Strings are padded otherwise than when sealed, and otherwise than the standard says. */
  | 'padding_changed'
  | 'frame_changed'
  | 'frame_removed'
  | 'frame_added'
  /** Pixels differ, and which frames do cannot be told. */
  | 'pixels_changed'
  /** The data set differs in something that no attribute's value shows, such as a byte of padding. */
  | 'encoding_changed'
  /** The fragments are cut in another way: a reader may find other frames in the same bytes. */
  | 'fragments_changed'
  | 'transfer_syntax_changed'
  /** The bytes before the prefix are neither empty nor those that were sealed. */
  | 'preamble_changed'
  | 'signature_removed'
  | 'signature_changed'

export interface Change {
  readonly what: ChangeKind
  readonly concern: Concern
  readonly tag?: Tag
  /** Name of the attribute in PS3.6. */
  readonly name?: string
  /** From 1, as in a multi-frame image: of the image at hand, for `frame_removed` of the sealed one. */
  readonly frame?: number
}

export interface Comparison {
  /** Speaks of the content alone: signatures may be gone from an image that is `equivalent`, or the preamble another. */
  readonly kind: ComparisonKind
  /** In the order of the data set, signatures last; of frames at most {@link FRAMES_LISTED}. */
  readonly changes: readonly Change[]
  /** Number of frames that changed, were removed or were added. */
  readonly changedFrames: number
  /** What the changes are about, each once. */
  readonly concerns: readonly Concern[]
}

export const FRAMES_LISTED = 1000

export interface CompareOptions {
  readonly hashes: HashFactory
  /** Of this file: the digest of its data set is free where a signature over all of it was checked. */
  readonly digests: Digests
  readonly decodeFrame?: DecodeFrame
  /** The list of the seal, checked against its root; empty if there is none. */
  readonly frames: readonly Uint8Array[]
  /** SHA-256 of the file at hand, if it is known. Without it no file counts as identical. */
  readonly fileSha256?: Uint8Array
}

/** Compares a file with what was sealed. The statement is believed. */
export function compareInstance(statement: ImageStatement, file: DicomFile, options: CompareOptions): Comparison {
  if (options.fileSha256 !== undefined && equalBytes(options.fileSha256, statement.file)) {
    return { kind: 'identical', changes: [], changedFrames: 0, concerns: [] }
  }
  const content = new ContentComparison(statement, file, options).compare()
  const around = [
    ...comparePreamble(statement, file, options.hashes),
    ...compareSignatures(statement, file, options.hashes),
  ]
  const changes = [...content.changes, ...around]
  return { ...content, changes, concerns: [...new Set(changes.map(({ concern }) => concern))] }
}

const PIXEL_DATA: Tag = 0x7fe00010
const PHOTOMETRIC_INTERPRETATION: Tag = 0x00280004
const PLANAR_CONFIGURATION: Tag = 0x00280006
/** Extended Offset Table, its lengths, and the total length of the encapsulated value. */
const TABLES: ReadonlySet<Tag> = new Set([0x7fe00001, 0x7fe00002, 0x7fe00003])
/**
 * What a compressor with loss writes: image type, instance, derivation, source, and that there was loss (PS3.3 section
 * C.7.6.1.1.5); and how the samples it made are stored and shown, since it may scale them to what its codestream holds.
 */
const LOSS: ReadonlySet<Tag> = new Set([
  0x00080008, 0x00080018, 0x00082111, 0x00082112, 0x00089215, 0x00282110, 0x00282112, 0x00282114, 0x00280002,
  0x00280004, 0x00280006, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280106, 0x00280107, 0x00280108,
  0x00280109, 0x00280120, 0x00280121, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281054, 0x00281055,
  0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203, 0x00283000, 0x00283010,
])

type Content = Omit<Comparison, 'concerns'>

interface PixelComparison {
  readonly state: 'same' | 'other' | 'undecided'
  /** What was held against each other: decoded samples, codestreams, or nothing. */
  readonly by: 'samples' | 'codestreams' | 'nothing'
  readonly changes: readonly Change[]
  readonly changedFrames: number
}

class ContentComparison {
  readonly #statement: SealedInstance
  readonly #file: DicomFile
  readonly #options: CompareOptions
  readonly #pixelTag: Tag | undefined
  readonly #isEncapsulated: boolean
  /** Then as now: no codec stands between the samples and their attributes. */
  readonly #isNative: boolean
  /** What the seal lists. */
  readonly #sealed: ReadonlyMap<Tag, ElementDigest>
  /** The elements that the digest of the data set took in. */
  readonly #signable: readonly Element[]

  constructor(statement: SealedInstance, file: DicomFile, options: CompareOptions) {
    const element = findPixelElement(file.dataSet)
    this.#statement = statement
    this.#file = file
    this.#options = options
    this.#pixelTag = element?.tag
    this.#isEncapsulated = element?.fragments !== undefined
    this.#isNative = statement.encapsulated === null && !this.#isEncapsulated
    this.#sealed = new Map(statement.elements.map((entry) => [entry.tag, entry]))
    // A dictionary may know the VR of what was UN when it was sealed, and such an element is not in the digest.
    this.#signable = file.dataSet.elements.filter(
      (element) => isSignable(element) && this.#sealed.get(element.tag)?.isSignable === true,
    )
  }

  compare(): Content {
    const spelling = this.#findSpelling()
    if (spelling === 'none') return this.#judge(this.#elements({}), this.#pixels())
    const known = new Set(this.#signable.map(({ tag }) => tag))
    const elements = this.#elements({ known, ...(spelling && { spelling }) })
    // The digest takes in the fragments, but not where one ends and the next begins.
    const isSameLayout = this.#isSameLayout(describeLayout(this.#file, this.#options.hashes)?.digest)
    const changes = isSameLayout ? elements : [...elements, pixelChange('fragments_changed')]
    if (!changes.every(isNote)) return { kind: 'altered', changes, changedFrames: 0 }
    const kind = changes.some(isOfEncoder) ? 'transcoded' : 'equivalent'
    return { kind, changes: [...changes, ...this.#padding(spelling)], changedFrames: 0 }
  }

  /** How the elements have to be spelled to give the digest that was sealed; undefined for as they are. */
  #findSpelling(): OtherVrs | undefined | 'none' {
    const { dataset } = this.#statement
    const isIt = (spelling?: OtherVrs): boolean =>
      equalBytes(this.#options.digests.digestElements('sha256', this.#signable, 'normalised', spelling), dataset)
    return isIt() ? undefined : (otherVrs(this.#file).find(isIt) ?? 'none')
  }

  /** A hop may make unusual padding usual; the other way round, or from one kind to another, somebody changed bytes. */
  #padding(spelling: OtherVrs | undefined): readonly Change[] {
    const { digests } = this.#options
    if (!digests.isPaddingUnusual('sha256', this.#signable)) return []
    const stored = digests.digestElements('sha256', this.#signable, 'as_stored', spelling)
    const sealed = this.#statement.datasetAsStored
    const isSame = sealed !== null && equalBytes(stored, sealed)
    return isSame ? [] : [{ what: 'padding_changed', concern: 'other' }]
  }

  /** The data set differs, so the pixels were looked at. */
  #judge(elements: readonly Change[], pixels: PixelComparison): Content {
    const { changedFrames, state } = pixels
    const isRecoded = this.#file.transferSyntaxUid !== this.#statement.instance.transferSyntaxUid
    const excused = elements.filter((change) => this.#isExcused(change, pixels))
    const rest = elements.filter((change) => !excused.includes(change))
    const changes = [...rest, ...(isRecoded ? [pixelChange('transfer_syntax_changed')] : []), ...pixels.changes]
    const isNative = this.#isNative
    const isReencoded = isRecoded || pixels.by === 'samples'
    // Nothing of all that differs, and the digest of it does: somebody changed what no value shows.
    if (changes.length === 0 && excused.length === 0 && (isNative || !isReencoded)) {
      return { kind: 'altered', changes: [{ what: 'encoding_changed', concern: 'other' }], changedFrames }
    }
    // What other encoders say of themselves is told, and is nothing that was sealed.
    const isPixelNote = ({ what, tag }: Change): boolean =>
      tag === DERIVATION_DESCRIPTION && what === 'element_added' && isReencoded && !isNative
    const altered = rest.filter((change) => !isNote(change) && !isPixelNote(change))
    const isLossy = this.#isEncapsulated && isRecoded && isMarkedLossy(this.#file.dataSet)
    if (state === 'undecided' && altered.length > 0 && isLossy && altered.every(isLoss))
      return { kind: 'derived', changes, changedFrames }
    if (state === 'other' || altered.length > 0) return { kind: 'altered', changes, changedFrames }
    if (state === 'undecided') return { kind: 'undecided', changes, changedFrames }
    const isTranscoded =
      excused.length > 0 || rest.some(isOfEncoder) || pixels.changes.length > 0 || (isReencoded && !isNative)
    return { kind: isTranscoded ? 'transcoded' : 'equivalent', changes, changedFrames }
  }

  /** Whether a change had to come with the encoding of pixels that are still the same, or cannot be compared. */
  #isExcused({ what, tag }: Change, { state, by }: PixelComparison): boolean {
    if (tag === undefined || what === 'element_duplicated') return false
    // The VR alone: values of pixel data are not in the list, and are looked at by themselves.
    if (tag === this.#pixelTag) return what === 'element_changed'
    if (state === 'other' || (by === 'nothing' && state !== 'undecided')) return false
    if (TABLES.has(tag)) return true
    // Decoding gave samples of the meaning that was sealed, whatever these two now say.
    if (by === 'codestreams') return false
    if (tag === PLANAR_CONFIGURATION) return true
    return tag === PHOTOMETRIC_INTERPRETATION && what === 'element_changed' && !this.#isNative
  }

  #elements(more: Pick<ElementsOptions, 'known' | 'spelling'>): readonly Change[] {
    const options: ElementsOptions = { hashes: this.#options.hashes, salt: this.#statement.salt, ...more }
    const found = describeElements(this.#file.dataSet, options)
    const sealed = new Map(this.#sealed)
    const seen = new Set<Tag>()
    const changes: Change[] = []
    for (const element of found) {
      const { tag } = element
      const before = sealed.get(tag)
      const isFirst = !seen.has(tag)
      const what = isFirst ? this.#changedKind(before, element, options) : 'element_duplicated'
      if (what !== undefined) changes.push(elementChange(what, tag))
      seen.add(tag)
    }
    for (const tag of seen) sealed.delete(tag)
    for (const { tag } of sealed.values()) if (!isGroupLength(tag)) changes.push(elementChange('element_removed', tag))
    return changes.sort((a, b) => (a.tag ?? 0) - (b.tag ?? 0))
  }

  #changedKind(
    before: ElementDigest | undefined,
    now: ElementDigest,
    options: ElementsOptions,
  ): ChangeKind | undefined {
    // A right group length says nothing that the elements do not say.
    if (isGroupLength(now.tag) && now.digest === undefined) return undefined
    const isNoted = now.tag === DERIVATION_DESCRIPTION && isCompressorNote(this.#file.dataSet, before, options)
    if (before === undefined) return isNoted ? 'derivation_noted' : 'element_added'
    const isKnown = options.known?.has(now.tag) === true && now.isSignable && now.digest === undefined
    const isSame = isKnown || isSameDigest(before.digest, now.digest)
    if (isSame && before.vr === now.vr && before.isSignable === now.isSignable) return undefined
    if (isNoted) return 'derivation_noted'
    const element = findElement(this.#file.dataSet.elements, now.tag)
    if (element === undefined || before.digest === undefined) return 'element_changed'
    const { dataSet } = this.#file
    const isWithVr = (vr: Vr): boolean => isSameDigest(before.digest, digestElementAs(dataSet, element, vr, options))
    const isImplicit = !element.encoding.isExplicit
    // The file says no VR, and a dictionary knows it that was not at hand when the image was sealed.
    if (isImplicit && before.vr === 'UN' && isWithVr('UN')) return undefined
    if (now.vr === 'UN' && isWithVr(before.vr)) return 'vr_lost'
    if (now.vr === 'UN' && before.vr === 'SQ' && isImplicit && isPrivateTag(now.tag)) return 'sequence_lost'
    return before.vr === 'SQ' && this.#isEncapsulated && hasFragments(element) ? 'icon_recoded' : 'element_changed'
  }

  #pixels(): PixelComparison {
    const { encapsulated, pixels, instance } = this.#statement
    // Pixels that came or went show in the list of elements.
    if (this.#pixelTag === undefined || instance.image === null) return UNCOMPARED
    const isSameSyntax = this.#file.transferSyntaxUid === instance.transferSyntaxUid
    if (encapsulated !== null && this.#isEncapsulated && isSameSyntax) return this.#codestreams(encapsulated)
    return pixels === null ? UNDECIDED : this.#samples(pixels)
  }

  #samples(sealed: PixelTree): PixelComparison {
    const { hashes, decodeFrame, frames } = this.#options
    const decoded = describePixels(this.#file, hashes, decodeFrame)
    if (decoded === undefined) return UNDECIDED
    const compared = this.#frames('samples', decoded.frames, sealed.root, frames)
    if (compared.state === 'other') return this.#zeroExtended(sealed) ?? compared
    return isSameMeaning(decoded, sealed)
      ? compared
      : { ...compared, state: 'other', changes: [pixelChange('pixels_changed')] }
  }

  /** Bits above a signed sample carry its sign after decoding; the native value may have had zeros there. */
  #zeroExtended(sealed: PixelTree): PixelComparison | undefined {
    const { hashes, decodeFrame } = this.#options
    const { isSigned, bitsStored, bitsAllocated } = readShape(this.#file.dataSet)
    if (!this.#isEncapsulated || !isSigned || bitsStored >= bitsAllocated) return undefined
    const decoded = describePixels(this.#file, hashes, decodeFrame, 'zeros')
    if (decoded === undefined || !isSameMeaning(decoded, sealed)) return undefined
    const compared = this.#frames('samples', decoded.frames, sealed.root, [])
    return compared.state === 'same' ? compared : undefined
  }

  /** The same syntax as when sealed: the frames as encoded decide. */
  #codestreams(sealed: EncapsulatedTree): PixelComparison {
    const { hashes, frames } = this.#options
    const { pixels } = this.#statement
    const layout = describeLayout(this.#file, hashes)
    if (layout === undefined) return { ...UNCOMPARED, state: 'other', changes: [pixelChange('pixels_changed')] }
    const cut = this.#isSameLayout(layout.digest) ? [] : [pixelChange('fragments_changed')]
    if (layout.isAmbiguous && cut.length > 0) return { ...UNCOMPARED, state: 'other', changes: cut }
    // The seal lists decoded frames where there are any, and those cannot be held against codestreams.
    const codestreams = digestCodestreams(this.#file, layout, hashes)
    const compared = this.#frames('codestreams', codestreams, sealed.root, pixels === null ? frames : [])
    if (compared.state === 'same') return { ...compared, changes: cut }
    // Other codestreams may hold the same samples: somebody encoded them again.
    const decoded = pixels === null ? UNDECIDED : this.#samples(pixels)
    const located = decoded.state === 'undecided' ? compared : decoded
    return { ...located, changes: [...located.changes, ...cut] }
  }

  #frames(
    by: PixelComparison['by'],
    found: readonly Uint8Array[],
    root: Uint8Array,
    list: readonly Uint8Array[],
  ): PixelComparison {
    const { hashes } = this.#options
    if (equalBytes(hashTree(hashes, found), root)) return { state: 'same', by, changes: [], changedFrames: 0 }
    const changes = list.length === 0 ? [] : compareFrames(list.map(encodeHex), found.map(encodeHex))
    const shown = changes.length === 0 ? [pixelChange('pixels_changed')] : changes.slice(0, FRAMES_LISTED)
    return { state: 'other', by, changes: shown, changedFrames: changes.length }
  }

  #isSameLayout(layout: Uint8Array | undefined): boolean {
    const { encapsulated } = this.#statement
    if (encapsulated === null || layout === undefined) return encapsulated === null && layout === undefined
    return equalBytes(encapsulated.layout, layout)
  }
}

/**
 * Frames by their digests. As many as before: those at whose place another stands. Else those that are gone from the
 * list, and those that were not in it.
 */
function compareFrames(sealed: readonly string[], found: readonly string[]): readonly Change[] {
  if (sealed.length === found.length) {
    return found.flatMap((digest, i) => (digest === sealed[i] ? [] : [pixelChange('frame_changed', i + 1)]))
  }
  const removed = missingFrom(sealed, found).map((i) => pixelChange('frame_removed', i + 1))
  const added = missingFrom(found, sealed).map((i) => pixelChange('frame_added', i + 1))
  return [...removed, ...added]
}

/** Indices of the entries of one list that the other lacks; equal entries are counted. */
function missingFrom(list: readonly string[], other: readonly string[]): readonly number[] {
  const left = new Map<string, number>()
  for (const digest of other) left.set(digest, (left.get(digest) ?? 0) + 1)
  return list.flatMap((digest, i) => {
    const count = left.get(digest) ?? 0
    left.set(digest, count - 1)
    return count > 0 ? [] : [i]
  })
}

/** Most programs leave the preamble empty, and nothing is lost by that. */
function comparePreamble({ preamble }: SealedInstance, file: DicomFile, hashes: HashFactory): readonly Change[] {
  const found = digestPreamble(file, hashes)
  const isSame = found === null || (preamble !== null && equalBytes(preamble, found))
  return isSame ? [] : [{ what: 'preamble_changed', concern: 'other' }]
}

/** The DICOM signatures that the statement names, by UID and value; who made them is checked where they are verified. */
function compareSignatures(
  { signatures }: ImageStatement,
  { dataSet }: DicomFile,
  hashes: HashFactory,
): readonly Change[] {
  const found = readSignatures(dataSet).signatures.filter(({ path }) => path === '')
  const context = streamContext(dataSet)
  const compare = (sealed: SignatureReference, concern: Concern): readonly Change[] => {
    const signature = found.find(({ uid }) => uid === sealed.uid)
    if (signature === undefined) return [{ what: 'signature_removed', concern }]
    const digest = digestSignature(context, hashes, signature.macParameters, signature.item.elements)
    return equalBytes(sealed.sha256, digest) ? [] : [{ what: 'signature_changed', concern }]
  }
  if ('gateway' in signatures) return signatures.gateway === null ? [] : compare(signatures.gateway, 'other')
  return [
    ...compare(signatures.device, 'device'),
    ...(signatures.operator === null ? [] : compare(signatures.operator, 'operator')),
  ]
}

const isGroupLength = (tag: Tag): boolean => (tag & 0xffff) === 0

const isSameDigest = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : equalBytes(a, b)

const elementChange = (what: ChangeKind, tag: Tag): Change => ({
  what,
  concern: concernOf(tag),
  tag,
  name: nameOf(tag),
})

const pixelChange = (what: ChangeKind, frame?: number): Change => ({
  what,
  concern: 'pixels',
  tag: PIXEL_DATA,
  name: nameOf(PIXEL_DATA),
  ...(frame === undefined ? {} : { frame }),
})

/** What encoders do beside the pixels. */
const isOfEncoder = ({ what }: Change): boolean => what === 'derivation_noted' || what === 'icon_recoded'

/**
 * Changes that touch nothing an image says: those of encoders, a value whose VR is forgotten, padding behind the data
 * that is dropped.
 */
const isNote = (change: Change): boolean =>
  isOfEncoder(change) ||
  change.what === 'vr_lost' ||
  change.what === 'sequence_lost' ||
  (change.what === 'element_removed' && change.tag === DATA_SET_TRAILING_PADDING)

/** Lossy Image Compression (0028,2110) says 01: the file owns that samples were lost. */
const isMarkedLossy = (dataSet: DataSet): boolean => textAt(dataSet, 0x00282110) === '01'

const isLoss = ({ what, tag }: Change): boolean => what !== 'element_duplicated' && tag !== undefined && LOSS.has(tag)

const hasFragments = ({ items = [] }: Element): boolean =>
  items.some(({ elements }) => elements.some((inner) => inner.fragments !== undefined || hasFragments(inner)))

const isSameMeaning = (a: Meaning, b: Meaning): boolean =>
  a.photometricInterpretation === b.photometricInterpretation &&
  a.samplesPerPixel === b.samplesPerPixel &&
  a.bitsAllocated === b.bitsAllocated

type Meaning = Pick<PixelTree, 'photometricInterpretation' | 'samplesPerPixel' | 'bitsAllocated'>

const UNCOMPARED: PixelComparison = { state: 'same', by: 'nothing', changes: [], changedFrames: 0 }
const UNDECIDED: PixelComparison = { state: 'undecided', by: 'nothing', changes: [], changedFrames: 0 }
