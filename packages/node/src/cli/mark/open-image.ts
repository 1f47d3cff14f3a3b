/**
 * Open image: a file of any kind that can carry a mark, as its planes.
 *
 * A file is known by its first bytes: PNG, JPEG, or else DICOM. Raw frames say nothing about themselves; an option says what they are.
 */
import { type ImagePixels, lossySource } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { isJpeg, openJpeg } from '@fiducial/core/domain/pixels/jpeg-picture.ts'
import { openPicturePixels } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { openRawPixels, parseRawShape, type RawShape } from '@fiducial/core/domain/pixels/raw-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import type { MarkMeans } from '../../services/mark/ports.ts'
import { openPixels } from '../../services/open-pixels.ts'
import type { Adapters, OpenFile } from '../adapters.ts'
import { UsageError } from '../usage-error.ts'

export interface RawOption {
  readonly raw?: string
}

/** An image that was opened, until it is disposed of. */
export interface OpenImage extends Disposable {
  readonly pixels: ImagePixels
  /** Of a DICOM file. */
  readonly dicom: DicomFile | undefined
  readonly lengthBytes: number
}

/** @throws {UsageError} for a shape that is none */
export function readRawOption({ raw }: RawOption): RawShape | undefined {
  const shape = raw === undefined ? undefined : parseRawShape(raw)
  if (raw !== undefined && shape === undefined)
    throw new UsageError(`--raw ${raw} is no shape`, 'such as 640x480x16le: columns, rows, bits, order of the bytes')
  return shape
}

export interface OpenOptions {
  readonly raw: RawShape | undefined
  readonly adapters: Adapters
  readonly means: MarkMeans
  /** Refuses a DICOM file that two programs could read differently. */
  readonly isStrict?: boolean
}

/** @throws {FormatError} {StoreError} */
export async function openImage(path: string, options: OpenOptions): Promise<OpenImage> {
  const file = await options.adapters.openFile(path)
  try {
    return {
      ...(await readImage(file, options)),
      lengthBytes: file.length,
      [Symbol.dispose]: () => file[Symbol.dispose](),
    }
  } catch (error) {
    file[Symbol.dispose]()
    throw error
  }
}

const PNG_START = [0x89, 0x50, 0x4e, 0x47]

async function readImage(
  file: OpenFile,
  { raw, adapters, means, isStrict = false }: OpenOptions,
): Promise<Pick<OpenImage, 'pixels' | 'dicom'>> {
  if (raw !== undefined) return { pixels: openRawPixels(file, raw), dicom: undefined }
  const start = file.view(0, Math.min(PNG_START.length, file.length))
  if (isJpeg(start)) return { pixels: await openJpegPixels(file.view(0, file.length), means), dicom: undefined }
  if (PNG_START.every((byte, i) => start[i] === byte))
    return { pixels: await adapters.mark.openPng(file.view(0, file.length)), dicom: undefined }
  const dicom = parseDicom(file)
  const [finding] = isStrict ? dicom.findings : []
  if (finding !== undefined) throw new FormatError(finding.code, finding.message, { offset: finding.offset })
  return { pixels: await openPixels(dicom, means), dicom }
}

/** A picture that can be read, and not marked. */
async function openJpegPixels(file: Uint8Array, { codecs }: MarkMeans): Promise<ImagePixels> {
  return openPicturePixels(await openJpeg(file, codecs), () => {
    throw lossySource()
  })
}
