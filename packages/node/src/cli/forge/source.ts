/** Source: what an image that is to be forged has to be, and what its ground truth says beside the images. */
import { digestOf, type HashFactory } from '@fiducial/core/bytes/hash.ts'
import { type GroundTruth, NOTICE, truthOf } from '@fiducial/core/domain/forge/ground-truth.ts'
import { hostKindOf } from '@fiducial/core/domain/forge/host-facts.ts'
import type { HostKind, Technique } from '@fiducial/core/domain/forge/technique.ts'
import { lossySource } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Adapters } from '../adapters.ts'
import { withHint } from '../failure.ts'
import type { OpenImage } from '../mark/open-image.ts'

/** A JPEG picture can be read, and not written without another loss. */
export function checkSource({ dicom, pixels }: OpenImage): void {
  if (dicom === undefined && pixels.isLossy) {
    const error = new FormatError('pixels_unsuited', 'a JPEG picture', { cause: lossySource() })
    throw withHint(error, 'forgeries are made of DICOM and PNG: convert it to PNG')
  }
}

/** What was asked for, else what the header says. */
export const kindOf = ({ dicom }: Pick<OpenImage, 'dicom'>, asked: HostKind | undefined): HostKind =>
  asked ?? (dicom === undefined ? 'other' : hostKindOf(dicom.dataSet))

/** @throws {FormatError} `pixels_unsuited` for an image that the technique is not for */
export function checkKind({ id, kinds }: Pick<Technique, 'id' | 'kinds'>, kind: HostKind): void {
  if (kinds.includes(kind)) return
  const error = new FormatError('pixels_unsuited', `${id} is for ${kinds.join(', ')}, and this image is ${kind}`)
  throw withHint(error, '--kind says what the pictures show where their headers do not')
}

export async function digestFile(path: string, adapters: Adapters, hash: HashFactory): Promise<Uint8Array> {
  using file = await adapters.openFile(path)
  return digestOf(hash, 'sha256', file.view(0, file.length))
}

export function composeTruth(
  technique: Parameters<typeof truthOf>[0],
  seed: number,
  kind: HostKind,
  made: { readonly version: string } & Pick<GroundTruth, 'images' | 'generator' | 'slices'>,
): GroundTruth {
  const { technique: named, expected } = truthOf(technique)
  const { version, images, generator, slices } = made
  return {
    ...{ notice: NOTICE, forge: { version }, technique: named, seed, kind, expected },
    ...(generator !== undefined && { generator }),
    ...(slices !== undefined && { slices }),
    images,
  }
}
