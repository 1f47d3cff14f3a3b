/**
 * Describe image: an image as events name it: its UIDs, and the digests that survive honest work.
 *
 * The same digests as in a seal's statement (docs/reference/log-events.md), so that an event finds its image again
 * whether or not that was sealed.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { Hash, HashFactory } from '@fiducial/core/bytes/hash.ts'
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { ContentDigests, EventInstance } from '@fiducial/core/domain/log/event-parts.ts'
import { digestDataSet } from '@fiducial/core/domain/seal/instance.ts'
import { describePixels, findPixelElement, readShape } from '@fiducial/core/domain/seal/pixels.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import type { DecodeFrame } from '@fiducial/core/domain/signature/encapsulated.ts'
import { digestFile } from '@fiducial/core/domain/verdict/file-marks.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import { readInstanceUids } from '@fiducial/core/formats/dicom/instance-uids.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { hashTree } from '@fiducial/core/formats/merkle/tree.ts'
import { loadDecoder } from '../pixel-decoding.ts'

/** Which image an event is about. */
export interface DescribedImage {
  readonly instance: EventInstance
  /** `pixels` and `frames` are null where the samples cannot be had exactly: lossy, damaged, or none. */
  readonly digests: ContentDigests
}

export interface DescribeMeans {
  readonly crypto: Crypto
  readonly codecs: Codecs
}

/**
 * Describes an image.
 *
 * Cost: a pass over the file, one over its data set, and one over its pixels, decoded.
 * @throws {FormatError} `dicom_not_dicom` and other codes of `parseDicom`
 */
export async function describeImage(source: ByteSource, { crypto, codecs }: DescribeMeans): Promise<DescribedImage> {
  const file = parseDicom(source)
  const decodeFrame = await loadDecoder(file, codecs)
  return describeFile(file, crypto.hash, {
    digests: new Digests(file.dataSet, crypto.hash),
    ...(decodeFrame && { decodeFrame }),
  })
}

export interface DescribeFileOptions {
  /** Of this file; shares the pass over the data set. */
  readonly digests: Digests
  readonly decodeFrame?: DecodeFrame
  /** SHA-256 of all bytes, where it is known already. */
  readonly sha256?: Uint8Array
}

/** Describes a file that was read already. Cost: as {@link describeImage}, but for what is known. */
export function describeFile(file: DicomFile, hashes: HashFactory, options: DescribeFileOptions): DescribedImage {
  const { digests, decodeFrame, sha256 } = options
  return {
    instance: readInstanceUids(file),
    digests: {
      file: sha256 ?? digestFile(file, hashes),
      dataset: digestDataSet(file, digests),
      ...digestPixels(file, hashes, decodeFrame),
    },
  }
}

/** Of the decoded frames: the digest of all of them together, and the tree over those of each. */
function digestPixels(
  file: DicomFile,
  hashes: HashFactory,
  decode: DecodeFrame | undefined,
): Pick<ContentDigests, 'pixels' | 'frames'> {
  const whole = hashes('sha256')
  const isNative = findPixelElement(file.dataSet)?.fragments === undefined
  const decoding: DecodeFrame | undefined =
    decode &&
    ((...given) => {
      const frame = decode(...given)
      whole.update(frame.bytes)
      return frame
    })
  // One frame needs nobody to listen: its digest is that of all of them.
  const isSingle = readShape(file.dataSet).numberOfFrames === 1
  const described = isSingle
    ? describePixels(file, hashes, decode)
    : describePixels(file, isNative ? listening(hashes, whole) : hashes, decoding)
  if (described === undefined) return { pixels: null, frames: null }
  const { frames } = described
  return {
    // Frames that do not end on a byte are digested as one, as native pixel data would hold them.
    pixels: frames.length === 1 ? (frames[0] as Uint8Array) : isSingle ? null : whole.digest(),
    frames: { count: BigInt(frames.length), root: hashTree(hashes, frames) },
  }
}

/** Hashes of which another one sees each byte: native frames are digested one after the other, and nothing besides. */
function listening(hashes: HashFactory, whole: Hash): HashFactory {
  return (name) => {
    const hash = hashes(name)
    return {
      update(bytes) {
        hash.update(bytes)
        whole.update(bytes)
      },
      copy: () => hash.copy(),
      digest: () => hash.digest(),
    }
  }
}
