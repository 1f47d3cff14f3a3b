/**
 * Write forged: the file around forged planes, which says of itself that it is synthetic.
 *
 * DICOM keeps its transfer syntax where planes can be written in it without loss, and becomes uncompressed where they cannot. Known flaw: the
 * file is held in memory.
 */
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { encodeUtf8, joinBytes } from '@fiducial/core/bytes/text.ts'
import {
  labelSynthetic,
  type OtherChanges,
  type SyntheticLabel,
  uidOf,
} from '@fiducial/core/domain/forge/label-synthetic.ts'
import { toNativePixels } from '@fiducial/core/domain/forge/native-pixels.ts'
import type { ImagePixels, Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { readInstanceUids } from '@fiducial/core/formats/dicom/instance-uids.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { openPixels, type PixelMeans } from '../open-pixels.ts'

/** Forged planes by frame, from 0; other frames stay. */
export type ForgedPlanes = ReadonlyMap<number, Planes>

/** Joined copies: a piece is valid only until the next is asked for. */
const collect = (pieces: Iterable<Uint8Array>): Uint8Array => joinBytes(Array.from(pieces, (piece) => piece.slice()))

/** A picture with other planes. @throws {FormatError} as its encoder does */
export const writePicture = (pixels: ImagePixels, forged: ForgedPlanes): Uint8Array =>
  collect(pixels.write((frame, planes) => forged.get(frame) ?? planes))

/**
 * A DICOM file with other planes and its label.
 * @throws {FormatError} as {@link labelSynthetic} and the codecs do
 */
export async function writeDicom(
  file: DicomFile,
  forged: ForgedPlanes,
  label: SyntheticLabel,
  means: PixelMeans,
): Promise<Uint8Array> {
  const labelled = relabel(file, label)
  try {
    return writePicture(await openPixels(labelled, means), forged)
  } catch (error) {
    if (!isUnwritable(error)) throw error
    const native = relabel(file, label, await uncompress(file, means))
    return writePicture(await openPixels(native, means), forged)
  }
}

const relabel = (file: DicomFile, label: SyntheticLabel, other?: OtherChanges): DicomFile =>
  parseDicom(memorySource(collect(piecesOf(labelSynthetic(file, label, other)))))

/** Lossy codestreams are not written again, and some syntaxes have no encoder here. */
const isUnwritable = (error: unknown): boolean =>
  error instanceof FormatError && (error.code === 'mark_lossy_source' || error.code === 'codec_unsupported')

async function uncompress(file: DicomFile, means: PixelMeans): Promise<OtherChanges> {
  const pixels = await openPixels(file, means)
  if (pixels.components !== 1)
    throw new FormatError('pixels_unsuited', 'compressed colour that cannot be written again')
  const planes = Array.from({ length: pixels.frames }, (_, frame) => pixels.read(frame).slice(0, 1)).flat()
  return { changes: toNativePixels(file.dataSet, planes), transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN }
}

/** What UIDs and label of a forged instance are made from. */
export interface LabelOrder {
  readonly technique: string
  readonly title: string
  readonly seed: number
  /** Of everything else that decides what is made: parameters, frame, donor. */
  readonly details: string
  readonly version: string
  /** Digest of what was made: a generator draws another picture each time, and each is an instance of its own. */
  readonly pixels: Uint8Array
}

/** The same order for the same file gives the same UIDs; images of one series stay in one. */
export function labelOf(
  hash: HashFactory,
  file: DicomFile | undefined,
  sha256: Uint8Array,
  order: LabelOrder,
): SyntheticLabel {
  const { technique, title, seed, details, version, pixels } = order
  const made = encodeUtf8(`fiducial forge ${technique} ${seed} ${details}\n`)
  const series = encodeUtf8(file === undefined ? '' : (readInstanceUids(file).seriesInstanceUid ?? ''))
  return {
    sopInstanceUid: uidOf(digestOf(hash, 'sha256', made, encodeUtf8('instance\n'), sha256, pixels)),
    seriesInstanceUid: uidOf(digestOf(hash, 'sha256', made, encodeUtf8('series\n'), series)),
    description: `SYNTHETIC, made for tests and drills: forged by Fiducial ${version}, technique ${technique} (${plain(title)}), seed ${seed}`,
    version,
  }
}

/** SHA-256 of all planes, in the order of the frames. */
export function digestPlanes(hash: HashFactory, frames: readonly { readonly planes: Planes }[]): Uint8Array {
  const pieces = frames.flatMap(({ planes }) => planes.slice(0, 1)).map(({ samples }) => samples)
  return digestOf(
    hash,
    'sha256',
    ...pieces.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
  )
}

/** ASCII without what DICOM reads as a separator. */
const plain = (text: string): string => text.replace(/[^ -~]|\\/g, '?').slice(0, 200)
