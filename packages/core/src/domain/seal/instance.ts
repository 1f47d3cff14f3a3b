/**
 * Instance: everything that an acquisition statement says about an image, measured from its bytes.
 *
 * The signatures that sealing adds, (4FFE,0001) and (FFFA,FFFA), are left out, and nothing else: described before
 * and after sealing, a file gives the same value. Which signatures there are and who made them is left to the
 * statement.
 */
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { Tag } from '../../formats/dicom/element.ts'
import { type InstanceUids, readInstanceUids, uidOrNull } from '../../formats/dicom/instance-uids.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { textAt } from '../../formats/dicom/values.ts'
import { MerkleTree } from '../../formats/merkle/tree.ts'
import type { Digests } from '../signature/digest.ts'
import type { DecodeFrame } from '../signature/encapsulated.ts'
import { isSignable } from '../signature/signable.ts'
import { describeElements, type ElementDigest } from './elements.ts'
import { describeLayout, describePixels, digestCodestreams, findPixelElement, readShape } from './pixels.ts'

/** What names the image, and the shape of its pixels. */
export interface InstanceIdentity extends InstanceUids {
  /** (0008,0017), or one made for the occasion. */
  readonly acquisitionUid: string
  /** Null for an object without pixels. */
  readonly image: ImageShape | null
}

/** Attributes of group 0028; 0 where absent. */
export interface ImageShape {
  readonly rows: number
  readonly columns: number
  readonly samplesPerPixel: number
  readonly bitsAllocated: number
  readonly bitsStored: number
}

/** A list of digests by its Merkle root. */
export interface FrameTree {
  readonly count: bigint
  /** RFC 6962 tree over the SHA-256 of each frame. */
  readonly root: Uint8Array
}

export interface PixelTree extends FrameTree {
  readonly photometricInterpretation: string
  readonly samplesPerPixel: number
  readonly bitsAllocated: number
}

export interface EncapsulatedTree extends FrameTree {
  readonly fragments: number
  /** See {@link import('./pixels.ts').FragmentLayout}. */
  readonly layout: Uint8Array
}

/** When the header says that the image was made, as written there. */
export interface AcquisitionTime {
  /** Where it stands, such as `0008002a`. */
  readonly attribute: string
  /** DT or DA. */
  readonly date: string
  /** TM, for a date of VR DA. */
  readonly time: string | null
  /** Timezone Offset From UTC (0008,0201). */
  readonly zone: string | null
}

export interface InstanceDescription {
  readonly instance: InstanceIdentity
  /** SHA-256 of the MAC stream over all signable top-level elements, padding normalised. */
  readonly dataset: Uint8Array
  /** The same with padding as stored, where some is unusual; null where both are the same. */
  readonly datasetAsStored: Uint8Array | null
  /** SHA-256 of the 128 bytes before the prefix; null where those are empty or not there. */
  readonly preamble: Uint8Array | null
  /** 16 bytes. */
  readonly salt: Uint8Array
  readonly elements: readonly ElementDigest[]
  /** Decoded frames; null where there are none to be had exactly. */
  readonly pixels: PixelTree | null
  /** Frames as encoded; null where pixels are native or absent. */
  readonly encapsulated: EncapsulatedTree | null
  readonly acquiredAt: AcquisitionTime | null
  /** The entries of the tree of `pixels`, or where that is null, of `encapsulated`; empty without both. */
  readonly frames: readonly Uint8Array[]
}

export interface DescribeOptions {
  /** Of this file; shares the pass over the data set with the signatures. */
  readonly digests: Digests
  readonly decodeFrame?: DecodeFrame
  /** SHA-256 of the one frame of native pixels, where it was measured before; ignored for all others. */
  readonly knownFrame?: Uint8Array
  /** 16 bytes that nobody could foresee, for an Acquisition UID where the file has none. */
  readonly random: Uint8Array
}

/**
 * Describes an image.
 *
 * Cost: one pass over the pixels beside that of `digests`, which is free where a signature over all signable elements
 * was made or checked; encapsulated pixels are passed over once encoded and once decoded.
 * @param salt  16 bytes that nobody could foresee
 */
export function describeInstance(
  file: DicomFile,
  hashes: HashFactory,
  salt: Uint8Array,
  options: DescribeOptions,
): InstanceDescription {
  const decoded = describePixels(file, hashes, options.decodeFrame, 'sign', options.knownFrame)
  const layout = describeLayout(file, hashes)
  const codestreams = layout === undefined ? undefined : digestCodestreams(file, layout, hashes)
  return {
    instance: identify(file, options.random),
    dataset: digestDataSet(file, options.digests),
    datasetAsStored: digestUnusualPadding(file, options.digests),
    preamble: digestPreamble(file, hashes),
    salt,
    elements: describeElements(file.dataSet, { hashes, salt }),
    pixels: decoded === undefined ? null : { ...treeOf(hashes, decoded.frames), ...meaningOf(decoded) },
    encapsulated:
      layout === undefined || codestreams === undefined
        ? null
        : { ...treeOf(hashes, codestreams), fragments: layout.fragments, layout: layout.digest },
    acquiredAt: acquisitionTime(file),
    frames: decoded?.frames ?? codestreams ?? [],
  }
}

/** SHA-256 over all signable top-level elements; free where a signature over the same was made or checked. */
export const digestDataSet = ({ dataSet }: DicomFile, digests: Digests): Uint8Array =>
  digests.digestElements('sha256', dataSet.elements.filter(isSignable), 'normalised')

/** The same with padding as stored; null where no string is padded in an unusual way. */
function digestUnusualPadding({ dataSet }: DicomFile, digests: Digests): Uint8Array | null {
  const signable = dataSet.elements.filter(isSignable)
  return digests.isPaddingUnusual('sha256', signable) ? digests.digestElements('sha256', signable, 'as_stored') : null
}

/** The preamble is no part of the data set, and may hold the header of another format, such as TIFF. */
export function digestPreamble({ source, preamble }: DicomFile, hashes: HashFactory): Uint8Array | null {
  return preamble === 'absent' || preamble === 'empty'
    ? null
    : digestOf(hashes, 'sha256', source.view(0, PREAMBLE_BYTES))
}

const PREAMBLE_BYTES = 128

/** An UID from 16 random bytes, under the root for UUIDs (PS3.5 annex B.2). */
export function uidFromRandom(random: Uint8Array): string {
  if (random.length !== 16) throw new RangeError(`${random.length} random bytes`)
  const uuid = random.slice()
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x40
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80
  return `2.25.${BigInt(`0x${encodeHex(uuid)}`)}`
}

function identify(file: DicomFile, random: Uint8Array): InstanceIdentity {
  return {
    ...readInstanceUids(file),
    acquisitionUid: uidOrNull(textAt(file.dataSet, 0x00080017)) ?? uidFromRandom(random),
    image: findPixelElement(file.dataSet) === undefined ? null : imageShape(file),
  }
}

function imageShape({ dataSet }: DicomFile): ImageShape {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored } = readShape(dataSet)
  return { rows, columns, samplesPerPixel, bitsAllocated, bitsStored }
}

/** Acquisition DateTime, or the first of acquisition, content and study date that is there, each with its time. */
function acquisitionTime({ dataSet }: DicomFile): AcquisitionTime | null {
  const written = (tag: Tag): string | null => {
    const value = textAt(dataSet, tag)
    return value !== undefined && DATE_OR_TIME.test(value) ? value : null
  }
  const zone = written(0x00080201)
  for (const [dateTag, timeTag] of TIMES) {
    const date = written(dateTag)
    if (date === null) continue
    const attribute = dateTag.toString(16).padStart(8, '0')
    return { attribute, date, time: timeTag === undefined ? null : written(timeTag), zone }
  }
  return null
}

/** What VRs DA, TM and DT are made of, with the separators of old files. */
export const DATE_OR_TIME = /^[0-9.:+-]{1,32}$/
const TIMES: readonly (readonly [Tag, Tag?])[] = [
  [0x0008002a],
  [0x00080022, 0x00080032],
  [0x00080023, 0x00080033],
  [0x00080020, 0x00080030],
]

const treeOf = (hashes: HashFactory, frames: readonly Uint8Array[]): FrameTree => {
  const { size, root } = new MerkleTree(hashes, frames)
  return { count: size, root }
}

function meaningOf({
  photometricInterpretation,
  samplesPerPixel,
  bitsAllocated,
}: Omit<PixelTree, keyof FrameTree>): Omit<PixelTree, keyof FrameTree> {
  return { photometricInterpretation, samplesPerPixel, bitsAllocated }
}
