/**
 * Open pixels: a DICOM file as planes, with the codecs that its transfer syntax needs.
 *
 * Syntaxes that hold lossless and lossy codestreams are written by the encoder of their lossless sibling: what that makes is
 * allowed in both.
 */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { openDicomPixels } from '@fiducial/core/domain/pixels/dicom-pixels.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { transcode } from '@fiducial/core/domain/transcode/transcode.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Codecs } from '@fiducial/core/formats/codec/codec.ts'
import type { EncodeFrame, Encoders } from '@fiducial/core/formats/codec/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { EXPLICIT_LITTLE_ENDIAN, isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { loadDecoder } from './pixel-decoding.ts'

const JPEG = '1.2.840.10008.1.2.4.'
const LOSSLESS_SIBLINGS: Readonly<Record<string, string>> = {
  [`${JPEG}81`]: `${JPEG}80`,
  [`${JPEG}91`]: `${JPEG}90`,
  [`${JPEG}203`]: `${JPEG}201`,
}

export interface PixelMeans {
  readonly codecs: Codecs
  readonly encoders: Encoders
}

/** @throws {FormatError} as {@link openDicomPixels} */
export async function openPixels(file: DicomFile, { codecs, encoders }: PixelMeans): Promise<ImagePixels> {
  const decode = await loadDecoder(file, codecs)
  const encode = await loadEncoder(file, encoders)
  return openDicomPixels(file, { ...(decode !== undefined && { decode }), ...(encode !== undefined && { encode }) })
}

/** The same image with its pixels uncompressed: for those that cannot be written in their own syntax. */
export async function uncompressed(file: DicomFile, { codecs }: PixelMeans): Promise<DicomFile> {
  const decode = await loadDecoder(file, codecs)
  const made = transcode(file, EXPLICIT_LITTLE_ENDIAN, decode === undefined ? {} : { decode })
  return made === undefined ? file : parseDicom(memorySource(joinBytes([...piecesOf(made.segments)])))
}

/** Undefined for native pixels and for syntaxes that nobody writes here. */
async function loadEncoder({ transferSyntaxUid }: DicomFile, encoders: Encoders): Promise<EncodeFrame | undefined> {
  if (isNativeSyntax(transferSyntaxUid)) return undefined
  try {
    return await encoders.load(LOSSLESS_SIBLINGS[transferSyntaxUid] ?? transferSyntaxUid)
  } catch (error) {
    if (error instanceof FormatError && error.code === 'codec_unsupported') return undefined
    throw error
  }
}
