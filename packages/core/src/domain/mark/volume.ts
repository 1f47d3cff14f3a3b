/**
 * Volume: slices that belong together, put in order before they are marked, and checked as a set afterwards.
 *
 * Source: docs/reference/mark.md, "Record id"; PS3.3 section C.7.6.2.1.1 (position and orientation). Each slice carries its own place; that none
 * is missing, doubled, exchanged or from elsewhere only shows when all of them are looked at together.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { numberAt, readText, textAt } from '../../formats/dicom/values.ts'
import type { VolumePlace } from './keys.ts'

/** Where a slice says that it lies. */
export interface SlicePlace {
  /** Series Instance UID; null where there is none. */
  readonly series: string | null
  /** Millimetres along the normal of the slice, else Instance Number; null where neither is there. */
  readonly position: number | null
}

/** A slice that was read. */
export interface VolumeMember extends SlicePlace {
  /** What to call it. */
  readonly label: string
  /** As its tiles say. */
  readonly place: VolumePlace
}

/** What is wrong with a set of slices. */
export type VolumeFinding =
  /** Slices of these indices are not there. */
  | { readonly kind: 'missing'; readonly indices: readonly number[]; readonly count: number }
  /** Several slices have one index. */
  | { readonly kind: 'doubled'; readonly index: number; readonly labels: readonly string[] }
  /** A slice lies elsewhere than its index says: its header, or that of another, was changed. */
  | { readonly kind: 'reordered'; readonly labels: readonly string[] }
  /** A slice of another volume stands in the series. */
  | { readonly kind: 'foreign'; readonly labels: readonly string[] }

const POSITION: Tag = 0x00200032
const ORIENTATION: Tag = 0x00200037
const INSTANCE_NUMBER: Tag = 0x00200013

/** Reads from a header where a slice lies. */
export function slicePlaceOf(dataSet: DataSet): SlicePlace {
  const [x, y, z] = numbersOf(dataSet, POSITION, 3)
  const [a, b, c, d, e, f] = numbersOf(dataSet, ORIENTATION, 6)
  const series = textAt(dataSet, 0x0020000e) ?? null
  if (f === undefined || z === undefined) return { series, position: numberAt(dataSet, INSTANCE_NUMBER) ?? null }
  const [u, v, w] = [a as number, b as number, c as number]
  const [p, q] = [d as number, e as number]
  const position = (x as number) * (v * f - w * q) + (y as number) * (w * p - u * f) + z * (u * q - v * p)
  return { series, position }
}

/** Slices from the lowest position up; those without one behind the others; equal ones as they came. */
export const inSliceOrder = <S extends SlicePlace>(slices: readonly S[]): readonly S[] =>
  slices.toSorted((a, b) => (a.position ?? Number.POSITIVE_INFINITY) - (b.position ?? Number.POSITIVE_INFINITY) || 0)

/** Looks at slices as a set; images that are volumes of their own are left out. */
export function checkVolumes(members: readonly VolumeMember[]): readonly VolumeFinding[] {
  const foreign = findForeign(members)
  const own = members.filter((member) => !foreign.includes(member))
  const volumes = Map.groupBy(own, ({ place }) => `${encodeHex(place.volumeNonce)}/${place.count}`)
  const findings = [...volumes.values()].flatMap((volume) =>
    (volume[0]?.place.count ?? 1) > 1 ? checkVolume(volume) : [],
  )
  return foreign.length === 0 ? findings : [...findings, { kind: 'foreign', labels: labelsOf(foreign) }]
}

function checkVolume(members: readonly VolumeMember[]): readonly VolumeFinding[] {
  const count = members[0]?.place.count ?? 0
  const slots = Map.groupBy(members, ({ place }) => place.index)
  const missing: number[] = []
  // Whoever claims billions of slices gets a short answer.
  for (let index = 0; index < count && missing.length < INDICES_AT_MOST; index++)
    if (!slots.has(index)) missing.push(index)
  const doubled = [...slots].filter(([, slot]) => slot.length > 1)
  const reordered = findReordered(members)
  return [
    ...(missing.length === 0 ? [] : [{ kind: 'missing' as const, indices: missing, count: count - slots.size }]),
    ...doubled.map(([index, slot]) => ({ kind: 'doubled' as const, index, labels: labelsOf(slot) })),
    ...(reordered.length === 0 ? [] : [{ kind: 'reordered' as const, labels: labelsOf(reordered) }]),
  ]
}

const INDICES_AT_MOST = 1000

/** The slices whose rank by position is not their rank by index, in whichever direction the volume runs. */
function findReordered(members: readonly VolumeMember[]): readonly VolumeMember[] {
  const placed = members.filter(({ position }) => position !== null)
  const byPosition = inSliceOrder(placed)
  const byIndex = placed.toSorted((a, b) => a.place.index - b.place.index)
  return placed.filter((member) => {
    const at = byPosition.indexOf(member)
    const other = byIndex[at]
    // Slices at one position may stand either way round.
    return other !== undefined && other.position !== member.position
  })
}

/** In a series with a volume of several slices, the slices that are not of its largest volume. */
function findForeign(members: readonly VolumeMember[]): readonly VolumeMember[] {
  const series = Map.groupBy(members, (member) => member.series)
  return [...series].flatMap(([uid, slices]) => {
    if (uid === null || slices.every(({ place }) => place.count === 1)) return []
    const volumes = [...Map.groupBy(slices, ({ place }) => encodeHex(place.volumeNonce)).values()]
    const [, ...others] = volumes.toSorted((a, b) => b.length - a.length)
    return others.flat()
  })
}

const labelsOf = (members: readonly VolumeMember[]): readonly string[] => members.map(({ label }) => label)

/** The numbers of a value; none unless there are as many. */
function numbersOf({ source, elements }: DataSet, tag: Tag, count: number): readonly number[] {
  const element = findElement(elements, tag)
  const numbers = element === undefined ? [] : readText(source, element).split('\\').map(Number)
  return numbers.length === count && numbers.every(Number.isFinite) ? numbers : []
}
