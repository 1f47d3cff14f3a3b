/**
 * Marked copy: whether a sealed file is what marking made of another one, so that a run that was cut off can go on.
 *
 * What the seal says of every attribute has to fit the other file, and the samples have to be the same once the mark is off.
 */
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { deriveImageKey, deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import { takeChipsOff } from '@fiducial/core/domain/mark/mark-frame.ts'
import { openDicomPixels } from '@fiducial/core/domain/pixels/dicom-pixels.ts'
import type { ImagePixels, Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { type Change, compareInstance } from '@fiducial/core/domain/seal/compare.ts'
import type { AcquisitionStatement } from '@fiducial/core/domain/seal/statement.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { DicomFile } from '@fiducial/core/formats/dicom/parse.ts'
import { loadDecoder } from '../pixel-decoding.ts'
import { readRecord } from './find-mark.ts'
import { locateFrame, type MarkOfImage } from './locate.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'

export interface MarkedCopy {
  readonly original: DicomFile
  /** As its seal says that it was written. */
  readonly copy: DicomFile
  /** Of the seal of the copy, whose signatures hold. */
  readonly statement: AcquisitionStatement
  readonly device: MarkDevice
}

/**
 * Cost: both files are decoded, and the mark is taken off in memory.
 * @throws {StoreError} as the records do
 */
export async function isMarkedCopy(
  { original, copy, statement, device }: MarkedCopy,
  means: MarkMeans,
): Promise<boolean> {
  const { mark } = statement
  if (mark === null || !equalBytes(mark.publicKey, device.publicKey) || !isSameHeader(original, statement, means)) {
    return false
  }
  const { recordId, publicKey } = mark
  const record = await readRecord(recordId, means)
  const imageKey = deriveImageKey(means.hash, device.markKey, recordId)
  try {
    const pixels = await open(copy, means)
    const chips = deriveMarkKeys(means.hash, device.markKey).chips
    const carried = { mark: { imageKey, recordId, record, device, publicKey }, chips }
    return isSamePixels(await open(original, means), pixels, carried, means)
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

async function open(file: DicomFile, { codecs }: MarkMeans): Promise<ImagePixels> {
  const decode = await loadDecoder(file, codecs)
  return openDicomPixels(file, decode === undefined ? {} : { decode })
}

/** What an encoder may have had to change beside the samples: the colour transform, and tables of offsets. */
const ENCODED = [0x00280004, 0x7fe00001, 0x7fe00002]

function isSameHeader(file: DicomFile, statement: AcquisitionStatement, { hash }: MarkMeans): boolean {
  const digests = new Digests(file.dataSet, hash)
  const { changes } = compareInstance(statement, file, { hashes: hash, digests, frames: [] })
  const isOfMarking = ({ what, concern, tag = 0 }: Change): boolean =>
    concern === 'pixels' || what === 'signature_removed' || ENCODED.includes(tag)
  return changes.every(isOfMarking)
}

/** The mark of the copy, and the key of its chips. */
interface Carried {
  readonly mark: MarkOfImage
  readonly chips: Uint8Array
}

function isSamePixels(original: ImagePixels, copy: ImagePixels, { mark, chips }: Carried, means: MarkMeans): boolean {
  if (original.frames !== copy.frames || original.components !== copy.components) return false
  for (let frame = 0; frame < copy.frames; frame++) {
    const readings = locateFrame(copy.read(frame), frame, copy, mark, means).map(({ reading }) => reading)
    const bare = readings.map(({ restored }) => restored)
    const restored = takeChipsOff(bare, chips, readings[0]?.side ?? NO_SIDE)
    if (!isSameFrame(original.read(frame), restored)) return false
  }
  return true
}

const NO_SIDE = new Uint8Array(0)

const isSameFrame = (a: Planes, b: Planes): boolean =>
  a.every(({ samples }, i) => {
    const other = b[i]?.samples
    return other?.length === samples.length && samples.every((sample, at) => sample === other[at])
  })
