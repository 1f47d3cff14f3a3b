/**
 * Locate: where an image was altered since it was marked, and what was there before.
 *
 * What is found is evidence, and no error: each plane is read, and what its tiles say of themselves is compared with what the
 * record and the keys say.
 */

import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { chipSideLength } from '@fiducial/core/domain/mark/chips/geometry.ts'
import type { MarkHeader } from '@fiducial/core/domain/mark/header.ts'
import { deriveMarkKeys, deriveRecordId } from '@fiducial/core/domain/mark/keys.ts'
import type { MarkRecord } from '@fiducial/core/domain/mark/record.ts'
import { checkRecordedSignature } from '@fiducial/core/domain/mark/recorded-signature.ts'
import { type PlaneReading, readPlane, type TilesOutcome } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import { type Repair, type Repaired, repairPlane } from '@fiducial/core/domain/mark/tiles/repair.ts'
import type { ImagePixels, Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { findExpected, findMark } from './find-mark.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'

/** With what to look. */
export interface LocateOrder {
  /** Keys of the site. */
  readonly devices: readonly MarkDevice[]
  /** Key of this one image, as its device has disclosed it: 32 bytes. */
  readonly imageKey?: Uint8Array
}

/** In what a plane contradicts the record, or itself. */
export type Contradiction =
  /** The tiles name another record than that of their key. */
  | 'record_id'
  /** The tiles are those of another plane, or of an image with more or fewer. */
  | 'plane'
  /** The place in the volume is not the one that the record id was made of. */
  | 'volume'
  /** The device did not sign these samples. */
  | 'signature'

/** What a plane shows, without its samples. */
export interface PlaneFinding {
  readonly frame: number
  readonly component: number
  readonly reading: Omit<PlaneReading, 'restored'>
  readonly contradictions: readonly Contradiction[]
  /** Samples that were changed alone in their tile, as the record tells. */
  readonly repairs: readonly Repair[]
}

/** The same with what was there before. */
export interface PlaneLocation extends PlaneFinding {
  readonly reading: PlaneReading
}

export interface Location {
  /** `absent`: no tile of any plane holds, nor one but for a single sample. The record is then that of the instance, if there is one. */
  readonly outcome: TilesOutcome
  readonly imageKey: Uint8Array | undefined
  /** Undefined where nothing was found. */
  readonly recordId: Uint8Array | undefined
  /** Undefined where none is known here. */
  readonly record: MarkRecord | undefined
  readonly device: MarkDevice | undefined
  /** What the tiles say, where a plane has kept it. */
  readonly header: MarkHeader | undefined
  readonly planes: readonly PlaneFinding[]
}

/** What to read an image with. */
export interface MarkOfImage {
  readonly imageKey: Uint8Array
  /** The one that the key belongs to; undefined where only the key is known. */
  readonly recordId: Uint8Array | undefined
  readonly record: MarkRecord | undefined
  readonly device: MarkDevice | undefined
  /** Ed25519, 32 bytes, as a seal names it; where it is absent, that of the device counts before that of the record. */
  readonly publicKey?: Uint8Array
}

/**
 * Reads the tiles of all planes.
 * @throws {FormatError} as {@link ImagePixels.read}; {StoreError} as the records do
 */
export async function locateChanges(pixels: ImagePixels, order: LocateOrder, means: MarkMeans): Promise<Location> {
  const mark = await markOf(pixels, order, means)
  if (mark === undefined) return nothing
  const planes = Array.from({ length: pixels.frames }, (_, frame) =>
    locateFrame(pixels.read(frame), frame, pixels, mark, means).map(withoutSamples),
  ).flat()
  const header = planes.find(({ reading }) => reading.header !== undefined)?.reading.header
  return {
    ...mark,
    outcome: outcomeOf(planes),
    recordId: mark.recordId ?? header?.recordId,
    header,
    planes,
  }
}

/** All frames at once would be the whole image once more. */
function withoutSamples({ reading: { restored: _restored, ...reading }, ...plane }: PlaneLocation): PlaneFinding {
  return { ...plane, reading }
}

/** The key and record of an image. @returns undefined where nothing is found */
export async function markOf(
  pixels: ImagePixels,
  { devices, imageKey }: LocateOrder,
  means: MarkMeans,
): Promise<MarkOfImage | undefined> {
  if (imageKey !== undefined) return { imageKey, recordId: undefined, record: undefined, device: undefined }
  return (await findMark(pixels, { devices }, means)) ?? findExpected(pixels, { devices }, means)
}

/** Reads the planes of one frame. */
export function locateFrame(
  planes: Planes,
  frame: number,
  pixels: ImagePixels,
  mark: MarkOfImage,
  means: MarkMeans,
): readonly PlaneLocation[] {
  return planes.map((plane, component) => {
    const number = frame * planes.length + component
    const reading = readNumbered(plane, number, component === 0 ? chipSideLength(plane) : 0, mark, means)
    const contradictions = contradictionsOf(reading, number, pixels, mark, means)
    return {
      frame,
      component,
      reading,
      contradictions,
      repairs: repairsOf(plane, number, reading, mark, means).repairs,
    }
  })
}

function readNumbered(
  plane: Plane,
  number: number,
  sideBytes: number,
  mark: MarkOfImage,
  means: MarkMeans,
): PlaneReading {
  const { imageKey, record } = mark
  const publicKey = mark.publicKey ?? mark.device?.publicKey ?? record?.publicKey
  const reading = readPlane(
    plane,
    { imageKey, plane: number, sideBytes, layout: record?.planes[number], publicKey },
    means,
  )
  const hasOwn = reading.outcome !== 'holds' || reading.bytesPerTile > 0
  if (hasOwn || record === undefined || publicKey === undefined) return reading
  const { restored } = reading
  return { ...reading, signature: checkRecordedSignature({ record, number, restored, publicKey }, means.crypto) }
}

/** The plane with its single changed samples put right, where a record tells how. */
export function repairsOf(
  plane: Plane,
  number: number,
  reading: PlaneReading,
  { imageKey, record }: MarkOfImage,
  means: MarkMeans,
): Repaired {
  const kept = record?.planes[number]
  if (reading.outcome === 'holds' || kept === undefined) return { plane, repairs: [] }
  return repairPlane(plane, reading, { imageKey, plane: number, syndromes: kept.syndromes }, means)
}

function contradictionsOf(
  { header, signature }: PlaneReading,
  number: number,
  { frames, components }: ImagePixels,
  { recordId, device }: MarkOfImage,
  { hash }: MarkMeans,
): readonly Contradiction[] {
  const found: Contradiction[] = signature === 'fails' ? ['signature'] : []
  if (header === undefined) return found
  if (header.plane !== number || header.planes !== frames * components) found.push('plane')
  if (recordId !== undefined && !equalBytes(header.recordId, recordId)) found.push('record_id')
  if (device === undefined) return found
  const id = deriveRecordId(hash, deriveMarkKeys(hash, device.markKey).id, header)
  if (!equalBytes(id, header.recordId)) found.push('volume')
  return found
}

function outcomeOf(planes: readonly PlaneFinding[]): TilesOutcome {
  // A tile that holds but for one sample is there.
  if (planes.every(({ reading, repairs }) => reading.outcome === 'absent' && repairs.length === 0)) return 'absent'
  const isWhole = planes.every(
    ({ reading, contradictions }) => reading.outcome === 'holds' && contradictions.length === 0,
  )
  return isWhole ? 'holds' : 'altered'
}

const nothing: Location = {
  outcome: 'absent',
  imageKey: undefined,
  recordId: undefined,
  record: undefined,
  device: undefined,
  header: undefined,
  planes: [],
}
