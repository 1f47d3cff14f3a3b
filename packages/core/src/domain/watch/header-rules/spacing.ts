/**
 * Spacing: whether the matrix times the distance of its samples makes a field that a device of this kind can see.
 *
 * Source: PS3.3 sections 10.7 (Pixel Spacing, Imager Pixel Spacing and their calibration) and C.8.11.4; fields of detectors, gantries and coils are generous bounds. A part
 * that was cut out is smaller than the bounds allow and is called odd wrongly.
 */
import type { DataSet } from '../../../formats/dicom/parse.ts'
import { textAt } from '../../../formats/dicom/values.ts'
import { type HeaderRule, unknown } from './rule.ts'
import { modalityOf, PROJECTIONS, pairAt, TAGS } from './tags.ts'

/** Longer side of the field in millimetres, least and most. */
const FIELDS: Readonly<Record<string, readonly [number, number]>> = {
  CT: [30, 1000],
  MR: [20, 700],
  CR: [20, 600],
  DX: [20, 1300],
  MG: [20, 400],
  IO: [10, 120],
  PX: [60, 500],
}
/** Chests of adults and children, millimetres. */
const CHEST_FIELD = [100, 700] as const
/** No device makes fewer rows and columns than this: smaller ones are parts that were cut out. */
const LEAST_SIDE = 64
/** How much nearer to the patient than to the detector, at most: magnification. */
const MAGNIFICATION = [0.98, 3] as const

export const checkSpacing: HeaderRule = (dataSet, { width, height }) => {
  if (Math.max(width, height) < LEAST_SIDE) return unknown('spacing', 'The image is a small part of one.')
  const modality = modalityOf(dataSet)
  const calibrated = pairAt(dataSet, TAGS.pixelSpacing)
  const detector = pairAt(dataSet, TAGS.imagerSpacing)
  const spacing = PROJECTIONS.has(modality) ? (detector ?? calibrated) : calibrated
  const bounds = boundsOf(dataSet, modality)
  if (spacing === null || bounds === undefined)
    return unknown('spacing', 'The header gives no spacing, or nothing is known of its kind of device.')
  const [down, across] = [height * spacing[0], width * spacing[1]]
  const field = Math.max(down, across)
  const magnification = calibrated !== null && detector !== null ? detector[0] / calibrated[0] : 1
  const facts = {
    fieldMm: Math.round(field),
    magnification: Math.round(magnification * 1000) / 1000,
    least: bounds[0],
    most: bounds[1],
  }
  if (field < bounds[0] || field > bounds[1]) {
    const sentence = `Matrix and spacing make a field of ${facts.fieldMm} mm; ${bounds[0]} to ${bounds[1]} mm are usual. A part cut out, or a picture scaled without its header, can be why.`
    return { rule: 'spacing', outcome: 'odd', sentence, facts }
  }
  if (magnification < MAGNIFICATION[0] || magnification > MAGNIFICATION[1]) {
    const sentence =
      'Pixel spacing and imager pixel spacing do not fit one another: a patient lies in front of the detector and is magnified by it, seldom more than threefold.'
    return { rule: 'spacing', outcome: 'odd', sentence, facts }
  }
  return {
    rule: 'spacing',
    outcome: 'consistent',
    sentence: `Matrix and spacing make a field of ${facts.fieldMm} mm, as is usual.`,
    facts,
  }
}

function boundsOf(dataSet: DataSet, modality: string): readonly [number, number] | undefined {
  return PROJECTIONS.has(modality) && isChest(dataSet) ? CHEST_FIELD : FIELDS[modality]
}

const isChest = (dataSet: DataSet): boolean => /^(?:CHEST|THORAX)$/i.test(textOf(dataSet))
const textOf = (dataSet: DataSet): string => textAt(dataSet, TAGS.bodyPart) ?? ''
