/**
 * Naming: whether an image says whose it is, by what and when it was made.
 *
 * Our acquisition policy asks for patient, operator, device, acquisition, date and time, and geometry; the seal may
 * name what an old modality leaves out, but never the patient.
 */
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { readText } from '../../formats/dicom/values.ts'
import { isTextVr } from '../../formats/dicom/vr.ts'
import { describeTag } from '../signature/coverage.ts'

interface Demand {
  /** One of these attributes has to have a value. */
  readonly anyOf: readonly Tag[]
  readonly isInSeal: boolean
}

const PATIENT: Demand = { anyOf: [0x00100020, 0x00100010], isInSeal: false }
const PROVENANCE: readonly Demand[] = [
  { anyOf: [0x00081070, 0x00081072], isInSeal: true },
  { anyOf: [0x00181000, 0x00181002, 0x00081010], isInSeal: true },
  { anyOf: [0x00080017], isInSeal: true },
  { anyOf: [0x0008002a, 0x00080022, 0x00080023, 0x00080021, 0x00080020], isInSeal: true },
]
const GEOMETRY: readonly Demand[] = [
  { anyOf: [0x00280010], isInSeal: false },
  { anyOf: [0x00280011], isInSeal: false },
]
const STUDY_INSTANCE_UID: Tag = 0x0020000d
const PIXEL_DATA: readonly Tag[] = [0x7fe00010, 0x7fe00008, 0x7fe00009]

/**
 * The attributes that are missing, one for each demand that neither the file nor the seal meets.
 * @param isSealed  whether a seal that is believed names operator, device, acquisition and time
 */
export function missingNames(dataSet: DataSet, isSealed: boolean): readonly string[] {
  const has = (tag: Tag): boolean => findElement(dataSet.elements, tag) !== undefined
  const isImage = PIXEL_DATA.some(has)
  // Objects outside any study, such as colour palettes, are nobody's.
  if (!isImage && !has(STUDY_INSTANCE_UID)) return []
  const demands = [PATIENT, ...PROVENANCE, ...(isImage ? GEOMETRY : [])]
  return demands
    .filter(({ anyOf, isInSeal }) => !(isInSeal && isSealed) && !anyOf.some((tag) => hasValue(dataSet, tag)))
    .map(({ anyOf }) => describeTag(anyOf[0] as Tag))
}

/** Spaces, and the separators of a name without any part, name nobody. */
function hasValue({ source, elements }: DataSet, tag: Tag): boolean {
  const element = findElement(elements, tag)
  if (element === undefined) return false
  return isTextVr(element.vr) ? /[^\s^=\\]/.test(readText(source, element)) : element.valueEnd > element.valueStart
}
