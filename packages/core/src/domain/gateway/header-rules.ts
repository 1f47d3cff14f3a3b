/**
 * Header rules: what an honest header would not say.
 *
 * Each rule has a code and looks at one thing that can be seen without knowing anything but the file. None of them is proof
 * of anything: cameras forget attributes, and old exporters write odd ones. Routes decide what follows from a code.
 */
import { type Element, findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet, DicomFile } from '../../formats/dicom/parse.ts'
import { readText, textAt } from '../../formats/dicom/values.ts'
import { findPixelElement, readShape } from '../seal/pixels.ts'
import { MODALITIES } from './modalities.ts'

/** In words, for whoever looks at an instance. They hold no value of its header. */
export const HEADER_RULES = {
  sop_class_missing: 'The data set does not say of which SOP Class it is.',
  sop_instance_missing: 'The data set has no SOP Instance UID.',
  study_missing: 'The data set has no Study Instance UID.',
  sop_class_mismatch: 'The sender or the meta information names another SOP Class than the data set.',
  sop_instance_mismatch: 'The sender or the meta information names another SOP Instance UID than the data set.',
  transfer_syntax_mismatch: 'The sender named another transfer syntax than the file.',
  uid_invalid: 'A UID of the instance, its series, its study or its frame of reference is not spelled as UIDs are.',
  modality_mismatch: 'The modality is not one that makes objects of this SOP Class.',
  synthetic_stated: 'The file says of itself that it is synthetic (0008,001C).',
  synthetic_equipment: 'Equipment that makes synthetic data contributed to it (0018,A001).',
  date_in_future: 'A date of the study, series, acquisition or content lies in the future.',
  pixel_length_mismatch: 'The pixel data is longer or shorter than rows, columns, samples, bits and frames ask for.',
  bits_inconsistent: 'Bits allocated, bits stored and high bit contradict each other.',
  encoding_ambiguous: 'Two readers may see two different objects in these bytes.',
  preamble_executable: 'The preamble is the header of an executable file.',
} as const satisfies Readonly<Record<string, string>>

export type HeaderRule = keyof typeof HEADER_RULES

/** What the sender said of the object before it came; null where its protocol does not say. */
export interface StatedObject {
  readonly sopClassUid: string | null
  readonly sopInstanceUid: string | null
  readonly transferSyntaxUid: string | null
}

interface Subject {
  readonly file: DicomFile
  readonly stated: StatedObject
  readonly now: Date
}

/** The rules that a file breaks, in the order of {@link HEADER_RULES}. Cost: small; no pixel is read. */
export function checkHeader(file: DicomFile, stated: StatedObject, now: Date): readonly HeaderRule[] {
  const subject = { file, stated, now }
  return (Object.keys(CHECKS) as HeaderRule[]).filter((rule) => CHECKS[rule](subject))
}

const CHECKS: Readonly<Record<HeaderRule, (subject: Subject) => boolean>> = {
  sop_class_missing: ({ file }) => textAt(file.dataSet, SOP_CLASS) === undefined,
  sop_instance_missing: ({ file }) => textAt(file.dataSet, SOP_INSTANCE) === undefined,
  study_missing: ({ file }) => textAt(file.dataSet, STUDY) === undefined,
  sop_class_mismatch: ({ file, stated }) => differs(file, SOP_CLASS, META_CLASS, stated.sopClassUid),
  sop_instance_mismatch: ({ file, stated }) => differs(file, SOP_INSTANCE, META_INSTANCE, stated.sopInstanceUid),
  transfer_syntax_mismatch: ({ file, stated }) =>
    stated.transferSyntaxUid !== null && stated.transferSyntaxUid !== file.transferSyntaxUid,
  uid_invalid: ({ file }) => UIDS.some((tag) => !isUidOrAbsent(textAt(file.dataSet, tag))),
  modality_mismatch: ({ file: { dataSet } }) => {
    const allowed = MODALITIES.get(textAt(dataSet, SOP_CLASS) ?? '')
    const modality = textAt(dataSet, MODALITY)
    return allowed !== undefined && modality !== undefined && !allowed.includes(modality)
  },
  synthetic_stated: ({ file }) => textAt(file.dataSet, SYNTHETIC_DATA) === 'YES',
  synthetic_equipment: ({ file }) => purposesOf(file.dataSet).includes(SYNTHESIZING_EQUIPMENT),
  date_in_future: ({ file, now }) => {
    const tomorrow = dateOf(new Date(now.getTime() + ZONES_MS))
    return DATES.some((tag) => isLater(textAt(file.dataSet, tag), tomorrow))
  },
  pixel_length_mismatch: ({ file }) => !isLengthRight(file.dataSet),
  bits_inconsistent: ({ file }) => !areBitsConsistent(file.dataSet),
  encoding_ambiguous: ({ file }) => file.findings.some(({ code }) => code !== 'dicom_preamble_executable'),
  preamble_executable: ({ file }) => file.preamble === 'executable',
}

const META_CLASS: Tag = 0x00020002
const META_INSTANCE: Tag = 0x00020003
const SOP_CLASS: Tag = 0x00080016
const SOP_INSTANCE: Tag = 0x00080018
const SYNTHETIC_DATA: Tag = 0x0008001c
const MODALITY: Tag = 0x00080060
const STUDY: Tag = 0x0020000d
/** SOP Instance, study, series and frame of reference. */
const UIDS: readonly Tag[] = [SOP_INSTANCE, STUDY, 0x0020000e, 0x00200052]
/** Study, series, acquisition, content and acquisition with its time. */
const DATES: readonly Tag[] = [0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002a]
const CONTRIBUTING_EQUIPMENT: Tag = 0x0018a001
const PURPOSE_OF_REFERENCE: Tag = 0x0040a170
const CODE_VALUE: Tag = 0x00080100
const SYNTHESIZING_EQUIPMENT = '109100'
/** Local dates run ahead of ours by up to 14 hours; clocks go wrong by some minutes. */
const ZONES_MS = 15 * 3_600_000

/** PS3.5 section 9.1: components without leading zeros, 64 characters in all. */
const isUidOrAbsent = (value: string | undefined): boolean =>
  value === undefined || (value.length <= 64 && /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+$/.test(value))

function differs(file: DicomFile, tag: Tag, metaTag: Tag, stated: string | null): boolean {
  const own = textAt(file.dataSet, tag)
  if (own === undefined) return false
  const meta = findElement(file.meta, metaTag)
  const inMeta = meta === undefined ? '' : readText(file.source, meta).trim()
  return (inMeta !== '' && inMeta !== own) || (stated !== null && stated !== own)
}

/** Code values of the purposes for which equipment contributed. */
function purposesOf({ source, elements }: DataSet): readonly string[] {
  const inner = (found: readonly Element[], tag: Tag): readonly Element[] =>
    (findElement(found, tag)?.items ?? []).flatMap((item) => item.elements)
  const equipment = findElement(elements, CONTRIBUTING_EQUIPMENT)?.items ?? []
  return equipment
    .flatMap((item) => inner(item.elements, PURPOSE_OF_REFERENCE))
    .filter(({ tag }) => tag === CODE_VALUE)
    .map((element) => readText(source, element).trim())
}

const dateOf = (moment: Date): string => moment.toISOString().slice(0, 10).replaceAll('-', '')

/** Of VR DA or DT; what is no date is not later than anything. */
function isLater(value: string | undefined, day: string): boolean {
  const date = /^\d{4}\.?\d{2}\.?\d{2}/.exec(value ?? '')?.[0].replaceAll('.', '')
  return date !== undefined && date > day
}

/** Whether native pixels have the length that their attributes ask for, and compressed ones a fragment for each frame. */
function isLengthRight(dataSet: DataSet): boolean {
  const element = findPixelElement(dataSet)
  if (element === undefined) return true
  const shape = readShape(dataSet)
  const { rows, columns, samplesPerPixel, bitsAllocated, numberOfFrames, photometricInterpretation } = shape
  // The offset table is the first of the fragments.
  if (element.fragments !== undefined) return element.fragments.length - 1 >= Math.max(1, numberOfFrames)
  const length = element.valueEnd - element.valueStart
  return samplesOnAverage(samplesPerPixel, photometricInterpretation).some((samples) => {
    const bytes = Math.ceil((rows * columns * samples * bitsAllocated * numberOfFrames) / 8)
    return bytes > 0 && (length === bytes || (length === bytes + 1 && bytes % 2 === 1))
  })
}

/** Native pixels of the subsampled interpretations share their colour (PS3.3 section C.7.6.3.1.2). */
function samplesOnAverage(samplesPerPixel: number, photometricInterpretation: string): readonly number[] {
  if (photometricInterpretation.endsWith('_422')) return [samplesPerPixel, 2]
  return photometricInterpretation.endsWith('_420') ? [samplesPerPixel, 1.5] : [samplesPerPixel]
}

/** PS3.5 section 8.1.1; float pixels have none of the three but the first. */
function areBitsConsistent(dataSet: DataSet): boolean {
  const element = findPixelElement(dataSet)
  if (element === undefined || element.tag !== PIXEL_DATA) return true
  const { bitsAllocated, bitsStored } = readShape(dataSet)
  const highBit = findElement(dataSet.elements, HIGH_BIT)
  if (bitsStored < 1 || bitsStored > bitsAllocated) return false
  if (highBit === undefined || highBit.valueEnd - highBit.valueStart !== 2) return true
  const high = uint16(dataSet, highBit)
  return high < bitsAllocated && high >= bitsStored - 1
}

const PIXEL_DATA: Tag = 0x7fe00010
const HIGH_BIT: Tag = 0x00280102

function uint16({ source }: DataSet, { valueStart, encoding }: Element): number {
  const bytes = source.view(valueStart, valueStart + 2)
  return new DataView(bytes.buffer, bytes.byteOffset, 2).getUint16(0, encoding.isLittleEndian)
}
