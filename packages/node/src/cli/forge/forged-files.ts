/** Forged files: what is written for one forged image: the image, its ground truth, masks and previews, together or not at all. */
import { basename } from 'node:path'
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import {
  type FrameTruth,
  formatTruth,
  type GroundTruth,
  type ImageTruth,
  TRUTH_SUFFIX,
} from '@fiducial/core/domain/forge/ground-truth.ts'
import type { SyntheticLabel } from '@fiducial/core/domain/forge/label-synthetic.ts'
import { drawPreview } from '@fiducial/core/domain/forge/preview.ts'
import { readInstanceUids } from '@fiducial/core/formats/dicom/instance-uids.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import type { ForgedFrame } from '../../services/forge/forge-frames.ts'
import type { TogetherFile } from '../../services/forge/together.ts'
import { writeDicom, writePicture } from '../../services/forge/write-forged.ts'
import type { PixelMeans } from '../../services/open-pixels.ts'
import type { OpenImage } from '../mark/open-image.ts'
import type { ForgeAdapters } from './adapters.ts'

/** An image that was forged, before it is written. */
export interface ForgedImage {
  readonly image: Pick<OpenImage, 'pixels' | 'dicom'>
  readonly frames: readonly ForgedFrame[]
  readonly target: string
  /** SHA-256 of the input. */
  readonly sha256: Uint8Array
  readonly imageSeed: number
  readonly label: SyntheticLabel
}

/** Which files go along with the image. */
export interface Accompaniment {
  readonly mask: boolean
  readonly preview?: boolean
}

export interface WrittenImage {
  readonly truth: ImageTruth
  /** Beside the image, which is the last one. */
  readonly files: readonly TogetherFile[]
  readonly masks: readonly string[]
  readonly previews: readonly string[]
}

/** @throws {FormatError} as codecs and label do */
export async function composeFiles(
  forged: ForgedImage,
  { mask, preview = false }: Accompaniment,
  means: PixelMeans & { readonly hash: HashFactory },
  adapters: ForgeAdapters,
): Promise<WrittenImage> {
  const { image, frames, target } = forged
  const bytes = await writeImage(forged, means, adapters)
  const nameOf = (kind: string, { frame }: ForgedFrame): string =>
    image.pixels.frames === 1 ? `${target}.${kind}.png` : `${target}.${kind}.${frame + 1}.png`
  const { width, height } = image.pixels
  const masks = mask
    ? frames.map((frame) => ({
        path: nameOf('mask', frame),
        grey: frame.mask.map((changed) => 255 * changed),
        width,
        height,
      }))
    : []
  const previews = preview
    ? frames.map((frame) => ({
        path: nameOf('preview', frame),
        picture: drawPreview(frame.before, viewOf(frame, image.pixels.isInverted)),
      }))
    : []
  return {
    truth: truthOfImage(forged, bytes, mask ? (frame) => basename(nameOf('mask', frame)) : () => null, means.hash),
    files: [...masks, ...previews, { path: target, bytes }],
    masks: masks.map(({ path }) => path),
    previews: previews.map(({ path }) => path),
  }
}

/** The files of an image with the ground truth among them. */
export function withTruth(files: readonly TogetherFile[], path: string, truth: GroundTruth): readonly TogetherFile[] {
  return [...files.slice(0, -1), { path, bytes: encodeUtf8(formatTruth(truth)) }, ...files.slice(-1)]
}

export const truthPath = (target: string): string => `${target}${TRUTH_SUFFIX}`

async function writeImage(
  { image, frames, label }: ForgedImage,
  means: PixelMeans,
  adapters: ForgeAdapters,
): Promise<Uint8Array> {
  const planes = new Map(frames.map((frame) => [frame.frame, frame.planes]))
  if (image.dicom !== undefined) return writeDicom(image.dicom, planes, label, means)
  return adapters.addPngTexts(writePicture(image.pixels, planes), [
    { keyword: 'Synthetic', text: 'YES' },
    { keyword: 'Comment', text: label.description },
    { keyword: 'Software', text: `Fiducial ${label.version}` },
  ])
}

function truthOfImage(
  { image, frames, target, sha256, imageSeed }: ForgedImage,
  bytes: Uint8Array,
  maskOf: (frame: ForgedFrame) => string | null,
  hash: HashFactory,
): ImageTruth {
  const isDicom = image.dicom !== undefined
  return {
    file: basename(target),
    input: { sha256: encodeHex(sha256), sopInstanceUid: image.pixels.instanceUid },
    output: {
      sha256: encodeHex(digestOf(hash, 'sha256', bytes)),
      sopInstanceUid: isDicom ? readInstanceUids(parseDicom(memorySource(bytes))).sopInstanceUid : null,
    },
    imageSeed,
    frames: frames.map(
      (frame): FrameTruth => ({
        frame: frame.frame + 1,
        ...frame.made,
        changedShare: frame.changedShare,
        mask: maskOf(frame),
      }),
    ),
  }
}

/** Samples of a forged frame as they are seen. */
function viewOf({ planes, before }: ForgedFrame, isInverted: boolean): ArrayLike<number> {
  const samples = planes[0]?.samples ?? new Uint16Array(0)
  return isInverted ? samples.map((sample) => before.white - sample) : samples
}
