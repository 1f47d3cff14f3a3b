/**
 * Image file: an image of any kind that can be looked at, as planes: PNG, JPEG, or else DICOM, known by its first bytes.
 */
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { isJpeg, openJpeg } from '@fiducial/core/domain/pixels/jpeg-picture.ts'
import { openPicturePixels } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { openPixels, type PixelMeans } from '../services/open-pixels.ts'
import { openPng } from '../storage/mark/png-file.ts'

export type PictureMeans = PixelMeans

const PNG_START = [0x89, 0x50, 0x4e, 0x47]

/** @throws {FormatError} for a file that is no image, or one that cannot be decoded */
export async function openImageFile(
  file: ByteSource,
  means: PictureMeans,
): Promise<{ readonly pixels: ImagePixels; readonly dicom: DicomFile | undefined }> {
  const start = file.view(0, Math.min(PNG_START.length, file.length))
  if (isJpeg(start)) {
    const picture = await openJpeg(file.view(0, file.length), means.codecs)
    const refuse = (): never => {
      throw new FormatError('codec_unsupported', 'no encoder for JPEG')
    }
    return { pixels: openPicturePixels(picture, refuse), dicom: undefined }
  }
  if (PNG_START.every((byte, i) => start[i] === byte)) {
    const png = openPng(file.view(0, file.length))
    return { pixels: openPicturePixels(png.picture, (bytes) => [png.encode(bytes)]), dicom: undefined }
  }
  const dicom = parseDicom(file)
  return { pixels: await openPixels(dicom, means), dicom }
}
