/**
 * Host facts: what a header says of a picture that a forgery is made of: what it shows, and how far its samples lie apart.
 *
 * Source: PS3.3 sections C.7.3.1 (Modality), C.8.7.1 and C.7.6.1 (Body Part Examined, whose terms are in PS3.16 annex L), C.7.6.2 and
 * 10.7 (Pixel Spacing, Imager Pixel Spacing). Nothing is guessed from the pixels.
 */
import type { Tag } from '../../formats/dicom/element.ts'
import { findElement } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { readText, textAt } from '../../formats/dicom/values.ts'
import type { HostKind } from './technique.ts'

export const HOST_KINDS = ['chest', 'limb', 'ct', 'mr', 'other'] as const satisfies readonly HostKind[]

const MODALITY: Tag = 0x00080060
const BODY_PART: Tag = 0x00180015
const PIXEL_SPACING: Tag = 0x00280030
const IMAGER_SPACING: Tag = 0x00181164
const PROJECTIONS: ReadonlySet<string> = new Set(['CR', 'DX', 'RG', 'RF', 'OT', 'SC'])
const CHEST: ReadonlySet<string> = new Set(['CHEST', 'THORAX', 'LUNG', 'LUNGS', 'RIB', 'RIBS', 'CHESTABDOMEN'])
const LIMB =
  /^(?:HAND|WRIST|FINGER|THUMB|FOREARM|ARM|ELBOW|HUMERUS|UPPERARM|SHOULDER|CLAVICLE|EXTREMITY|LEG|KNEE|ANKLE|FOOT|TOE|CALCANEUS|FEMUR|THIGH|TIBIA|FIBULA|PATELLA|RADIUS|ULNA|TIBIAFIBULA|RADIUSULNA|HEEL|CALF|LOWERLEG|FEET)S?$/

/** What an image shows; `other` where its header does not say. */
export function hostKindOf(dataSet: DataSet): HostKind {
  const modality = textAt(dataSet, MODALITY)?.trim() ?? ''
  if (modality === 'CT') return 'ct'
  if (modality === 'MR') return 'mr'
  if (!PROJECTIONS.has(modality)) return 'other'
  const part = (textAt(dataSet, BODY_PART) ?? '').toUpperCase().replace(/[^A-Z]/g, '')
  if (CHEST.has(part)) return 'chest'
  return LIMB.test(part) ? 'limb' : 'other'
}

/** Millimetres between rows, at the patient where that is known, else at the detector; null where nobody says. */
export function spacingOf({ source, elements }: DataSet): number | null {
  for (const tag of [PIXEL_SPACING, IMAGER_SPACING]) {
    const element = findElement(elements, tag)
    const spacing =
      element === undefined ? Number.NaN : Number(readText(source, element).split('\\')[0]?.trim() || 'none')
    if (Number.isFinite(spacing) && spacing > 0) return spacing
  }
  return null
}
