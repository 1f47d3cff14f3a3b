/**
 * Restore: takes the mark off, so that the image is what the device acquired, bit for bit.
 *
 * The mark is read first, and taken off only where every tile holds or can be put right, unless it is asked otherwise: then altered tiles
 * stay as they are.
 */
import { deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import { takeChipsOff } from '@fiducial/core/domain/mark/mark-frame.ts'
import type { ImagePixels, Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { FormatError, KeyError } from '@fiducial/core/errors.ts'
import {
  type LocateOrder,
  type Location,
  locateChanges,
  locateFrame,
  type MarkOfImage,
  type PlaneFinding,
  type PlaneLocation,
  repairsOf,
} from './locate.ts'
import type { MarkMeans } from './ports.ts'

export interface RestoreOrder extends LocateOrder {
  /** Takes off what is left of a mark, also where the image was altered. */
  readonly isForced?: boolean
}

export interface PreparedRestore {
  readonly location: Location
  /** `repaired`: every change was that of a single sample of a tile, and is undone; `partly`: altered tiles stay as they are. */
  readonly state: 'exact' | 'repaired' | 'partly'
  /** The bytes of the restored file, made as they are asked for. @throws {FormatError} as {@link ImagePixels.write} */
  pieces(): Iterable<Uint8Array>
}

/**
 * Makes ready to take a mark off.
 * @throws {FormatError} `mark_absent`, `mark_altered`; as {@link locateChanges}
 */
export async function prepareRestore(
  pixels: ImagePixels,
  order: RestoreOrder,
  means: MarkMeans,
): Promise<PreparedRestore> {
  const location = await locateChanges(pixels, order, means)
  const { outcome, imageKey } = location
  if (outcome === 'absent' || imageKey === undefined)
    throw new FormatError('mark_absent', 'the image carries no mark of the keys at hand')
  const state = outcome === 'holds' ? 'exact' : location.planes.every(isRepairable) ? 'repaired' : 'partly'
  if (state === 'partly' && order.isForced !== true)
    throw new FormatError('mark_altered', 'the image was altered since it was marked')
  const mark: MarkOfImage = { ...location, imageKey }
  return {
    location,
    state,
    pieces: () => pixels.write((frame, planes) => restoreFrame(planes, frame, pixels, mark, means)),
  }
}

/** Whether a plane is whole, or becomes so by putting single samples right. */
function isRepairable({ reading, contradictions, repairs }: PlaneFinding): boolean {
  const lost = reading.held.filter((one) => one === 0).length
  return contradictions.length === 0 && repairs.length === lost
}

/** The planes of one frame without what holds of a mark. @throws {KeyError} `key_missing` for chips without the keys of their device */
export function restoreFrame(
  planes: Planes,
  frame: number,
  pixels: ImagePixels,
  mark: MarkOfImage,
  means: MarkMeans,
): Planes {
  const found = locateFrame(planes, frame, pixels, mark, means)
  const repaired = planes.map((plane, component) => {
    const { reading } = found[component] as PlaneLocation
    return repairsOf(plane, frame * planes.length + component, reading, mark, means).plane
  })
  const readings = locateFrame(repaired, frame, pixels, mark, means).map(({ reading }) => reading)
  const restored = readings.map((reading) => reading.restored)
  const side = readings[0]?.side ?? new Uint8Array(0)
  if (side.length === 0) return restored
  if (mark.device === undefined)
    throw new KeyError('key_missing', 'the image carries chips, which only the keys of its device take off')
  return takeChipsOff(restored, deriveMarkKeys(means.hash, mark.device.markKey).chips, side)
}
