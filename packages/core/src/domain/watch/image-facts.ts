/**
 * Image facts: what a header says of where an image comes from and what it shows, as far as strata and cues need it.
 *
 * Source: PS3.3 sections C.7.3.1 (Modality, Body Part Examined), C.7.5.1 (General Equipment), C.7.3.1.1.1 and C.8.11.5 (View Position).
 * An attacker writes headers at will: facts choose what an image is compared with, and prove nothing.
 */
import type { Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { textAt } from '../../formats/dicom/values.ts'
import type { WatchKind } from './body-part.ts'
import type { ImageFacts, Selector } from './model/watch-model.ts'

const TAGS = {
  modality: 0x00080060,
  manufacturer: 0x00080070,
  modelName: 0x00081090,
  stationName: 0x00081010,
  view: 0x00185101,
  bodyPart: 0x00180015,
} as const satisfies Record<keyof Selector, Tag>

const CHEST = /^(?:CHEST|THORAX|RIBS?|LUNGS?)/
const LIMB =
  /^(?:HAND|WRIST|FOREARM|ELBOW|HUMERUS|ARM|SHOULDER|CLAVICLE|FINGER|THUMB|HIP|FEMUR|KNEE|LEG|TIBIA|FIBULA|ANKLE|FOOT|TOE|CALCANEUS|EXTREMITY|UP_EXM|LOW_EXM)/
const PROJECTION = new Set(['CR', 'DX', 'RG', 'RF'])

/** Values are trimmed and in capitals; those that are empty are left out. @param dataSet  undefined for a picture that is no DICOM */
export function factsOf(
  dataSet: DataSet | undefined,
  shape: Pick<ImageFacts, 'rows' | 'columns' | 'bits'>,
): ImageFacts {
  const words = Object.entries(TAGS).flatMap(([name, tag]) => {
    const value = dataSet === undefined ? undefined : textAt(dataSet, tag)?.trim().toUpperCase()
    return value === undefined || value === '' ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(words), ...shape }
}

/** What an image shows by its modality and body part; `other` where they do not say. */
export function kindOf({ modality, bodyPart }: Pick<Selector, 'modality' | 'bodyPart'>): WatchKind {
  if (modality === 'CT') return 'ct'
  if (modality === 'MR') return 'mr'
  if (modality === undefined || bodyPart === undefined || !PROJECTION.has(modality)) return 'other'
  if (CHEST.test(bodyPart)) return 'chest'
  return LIMB.test(bodyPart) ? 'limb' : 'other'
}

/** What several images all say of themselves; their sizes and bits as limits. @throws {RangeError} without any */
export function sharedFacts(all: readonly ImageFacts[]): {
  readonly selector: Selector
  readonly rows: Limits
  readonly columns: Limits
  readonly bits: readonly number[]
} {
  const [first] = all
  if (first === undefined) throw new RangeError('no images')
  const names = Object.keys(TAGS) as (keyof Selector)[]
  const shared = names.filter((name) => first[name] !== undefined && all.every((facts) => facts[name] === first[name]))
  return {
    selector: Object.fromEntries(shared.map((name) => [name, first[name]])),
    rows: limitsOf(all.map(({ rows }) => rows)),
    columns: limitsOf(all.map(({ columns }) => columns)),
    bits: [...new Set(all.map(({ bits }) => bits))].sort((a, b) => a - b),
  }
}

type Limits = readonly [least: number, most: number]

const limitsOf = (values: readonly number[]): Limits => [
  values.reduce((a, b) => Math.min(a, b)),
  values.reduce((a, b) => Math.max(a, b)),
]
