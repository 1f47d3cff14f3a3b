/** Samples: the stored values of an uncompressed grey image of 16 bits, to look at and to paint on. */
import type { Element, Tag } from '../../formats/dicom/element.ts'
import { toByteOrder } from '../../formats/dicom/encode.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { numberAt, textAt, uint16At } from '../../formats/dicom/values.ts'
import { elementOf, openImage, replaceRange } from './edit.ts'

export const PIXEL_DATA: Tag = 0x7fe00010

export interface GreyImage {
  readonly rows: number
  readonly columns: number
  readonly bitsStored: number
  /** MONOCHROME1: small values are shown bright. */
  readonly isInverted: boolean
  /** Stored values of the first frame, row-major. */
  readonly samples: Uint16Array | Int16Array
  /** The first window of the data set, over modality values. */
  readonly window: { readonly center: number; readonly width: number }
  readonly rescale: { readonly slope: number; readonly intercept: number }
}

/** @throws {RangeError} for a file that is no uncompressed grey image of 16 bits */
export function readGrey(file: Uint8Array): GreyImage {
  const image = openImage(file)
  return { ...describe(image), samples: readSamples(image, elementOf(image, PIXEL_DATA)) }
}

/** The values of one Pixel Data element: of the second one, in a file with two. */
export function readSamples(
  { dataSet }: DicomFile,
  { valueStart, valueEnd, fragments, encoding }: Element,
): Uint16Array | Int16Array {
  if (fragments !== undefined || uint16At(dataSet, 0x00280100) !== 16) {
    throw new RangeError('not an uncompressed image of 16 bits')
  }
  const rows = uint16At(dataSet, 0x00280010) ?? 0
  const columns = uint16At(dataSet, 0x00280011) ?? 0
  const end = Math.min(valueEnd, valueStart + 2 * rows * columns)
  const bytes = toByteOrder(dataSet.source.view(valueStart, end), 'OW', encoding).slice()
  const isSigned = uint16At(dataSet, 0x00280103) === 1
  return isSigned ? new Int16Array(bytes.buffer) : new Uint16Array(bytes.buffer)
}

/** The bytes of a Pixel Data value. */
export const sampleBytes = ({ buffer, byteOffset, byteLength }: Uint16Array | Int16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** The file with other stored values. @throws {RangeError} for one that is deflated or big endian */
export function setSamples(file: Uint8Array, samples: Uint16Array | Int16Array): Uint8Array {
  const image = openImage(file)
  const { valueStart, encoding } = elementOf(image, PIXEL_DATA)
  if (image.isDeflated || !encoding.isLittleEndian) throw new RangeError('samples are set in little endian files only')
  return replaceRange(file, valueStart, valueStart + samples.byteLength, sampleBytes(samples))
}

function describe({ dataSet }: DicomFile): Omit<GreyImage, 'samples'> {
  const bitsStored = uint16At(dataSet, 0x00280101) ?? 16
  return {
    rows: uint16At(dataSet, 0x00280010) ?? 0,
    columns: uint16At(dataSet, 0x00280011) ?? 0,
    bitsStored,
    isInverted: textAt(dataSet, 0x00280004) === 'MONOCHROME1',
    window: {
      center: numberAt(dataSet, 0x00281050) ?? 2 ** (bitsStored - 1),
      width: numberAt(dataSet, 0x00281051) ?? 2 ** bitsStored,
    },
    rescale: { slope: numberAt(dataSet, 0x00281053) ?? 1, intercept: numberAt(dataSet, 0x00281052) ?? 0 },
  }
}
