/** Tags that header rules read, and numbers of a list of values. Source: PS3.6. */
import type { DataSet } from '../../../formats/dicom/parse.ts'
import { textAt } from '../../../formats/dicom/values.ts'

export const TAGS = {
  sopClass: 0x00080016,
  sopInstance: 0x00080018,
  imageType: 0x00080008,
  modality: 0x00080060,
  conversion: 0x00080064,
  manufacturer: 0x00080070,
  bodyPart: 0x00180015,
  exposureTime: 0x00181150,
  exposure: 0x00181152,
  imagerSpacing: 0x00181164,
  magnification: 0x00181114,
  photometric: 0x00280004,
  samplesPerPixel: 0x00280002,
  pixelSpacing: 0x00280030,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  lossy: 0x00282110,
} as const

/** Modality in capitals; empty where it is not said. */
export const modalityOf = (dataSet: DataSet): string => (textAt(dataSet, TAGS.modality) ?? '').toUpperCase()

/** Both numbers of a spacing, rows before columns; null where they are not there, or are not over zero. */
export function pairAt(dataSet: DataSet, tag: number): readonly [number, number] | null {
  const [first, second] = (textAt(dataSet, tag) ?? '').split('\\').map(Number)
  return first !== undefined && second !== undefined && first > 0 && second > 0 && first < 1e4 && second < 1e4
    ? [first, second]
    : null
}

/** Images of a device that projects X-rays. */
export const PROJECTIONS: ReadonlySet<string> = new Set(['CR', 'DX', 'MG', 'RG', 'IO', 'PX'])
/** Modalities whose images are grey by their IOD. */
export const GREY_ONLY: ReadonlySet<string> = new Set(['CT', 'MR', 'CR', 'DX', 'MG', 'RG', 'IO', 'PX', 'XA', 'RF'])
