/**
 * Read mark: whose picture this is, whatever has become of it on its way, and where it shows something else.
 *
 * Tiles are looked for first: where they are left, they tell more. Else chips give the record id, and where the image lies on the
 * picture; the thumbnail in its record is held against what the picture shows. A picture is shown through its first view.
 */
import { cellGrid } from '@fiducial/core/domain/mark/chips/geometry.ts'
import { renderGrey } from '@fiducial/core/domain/mark/chips/look.ts'
import { type ChipReading, type ChipTransform, readChips } from '@fiducial/core/domain/mark/chips/read-chips.ts'
import { deriveImageKey, deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import { type MarkRecord, openThumbnail } from '@fiducial/core/domain/mark/record.ts'
import { compareThumbnail, type ThumbnailComparison } from '@fiducial/core/domain/mark/thumbnail/compare.ts'
import type { GreyPicture } from '@fiducial/core/domain/mark/thumbnail/place.ts'
import { parseThumbnail, type Thumbnail } from '@fiducial/core/domain/mark/thumbnail/thumbnail.ts'
import type { ImagePixels, Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { readRecord } from './find-mark.ts'
import { type Location, locateChanges } from './locate.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'
import { viewsOf } from './views.ts'

/** What a picture was held against. */
export interface ThumbnailMatch extends ThumbnailComparison {
  /** Of the image, from 0. */
  readonly frame: number
}

export type MarkFound =
  /** Nothing that can be read. */
  | { readonly by: 'nothing' }
  /** Tiles are left. */
  | { readonly by: 'tiles'; readonly location: Location }
  | {
      readonly by: 'chips'
      readonly device: MarkDevice
      readonly reading: ChipReading
      /** Undefined where none is known here: then nobody can say what the picture should show. */
      readonly record: MarkRecord | undefined
      /** With the frame that fits best; undefined where the record has no thumbnail. */
      readonly match: ThumbnailMatch | undefined
    }

export interface ReadOrder {
  readonly devices: readonly MarkDevice[]
  /** False to look only at pictures that are neither cropped nor turned: quick. */
  readonly isSearching?: boolean
}

/** @throws {FormatError} as {@link ImagePixels.read}; {StoreError} as the records do */
export async function readMark(pixels: ImagePixels, order: ReadOrder, means: MarkMeans): Promise<MarkFound> {
  const { devices, isSearching = true } = order
  if (!pixels.isLossy) {
    const location = await locateChanges(pixels, { devices }, means)
    if (location.outcome !== 'absent') return { by: 'tiles', location }
  }
  const picture = pictureOf(pixels.read(0), pixels)
  // Looking at all keys in place costs less than one search.
  for (const searches of isSearching ? [false, true] : [false]) {
    for (const device of devices) {
      const key = deriveMarkKeys(means.hash, device.markKey).chips
      const reading = readChips(picture, key, { isSearching: searches })
      if (reading === undefined) continue
      const record = await readRecord(reading.id, means)
      return {
        by: 'chips',
        device,
        reading,
        record,
        match: record && bestMatch(picture, reading, record, device, means),
      }
    }
  }
  return { by: 'nothing' }
}

function pictureOf(planes: Planes, pixels: ImagePixels): GreyPicture {
  const { width, height, isInverted } = pixels
  const [view] = viewsOf(planes, pixels)
  const grey = renderGrey(planes, view)
  return { width, height, samples: Uint8Array.from(grey, (value) => (isInverted ? 255 - value : value) + 0.5) }
}

/** The frame whose thumbnail the picture differs least from. */
function bestMatch(
  picture: GreyPicture,
  { transform }: ChipReading,
  record: MarkRecord,
  device: MarkDevice,
  means: MarkMeans,
): ThumbnailMatch | undefined {
  let best: ThumbnailMatch | undefined
  for (const { frame, thumbnail } of thumbnailsOf(record, device, means)) {
    for (const placed of transformsOf(transform, record)) {
      const match = { ...compareThumbnail(picture, placed, thumbnail), frame }
      if (best === undefined || match.typicalDifference < best.typicalDifference) best = match
    }
  }
  return best
}

/** A search counts lengths in cells, since only the record tells how many make the shorter side of the image. */
function transformsOf(transform: ChipTransform, record: MarkRecord): readonly ChipTransform[] {
  const cells = cellGrid(record)?.across
  if (cells === undefined) return [transform]
  const { left, top, across, down } = transform
  return [transform, { ...transform, left: left / cells, top: top / cells, across: across / cells, down: down / cells }]
}

/** Those that open under the key of the image: what somebody else has put there is left out. */
function* thumbnailsOf(
  record: MarkRecord,
  { markKey }: MarkDevice,
  { hash }: MarkMeans,
): Generator<{ readonly frame: number; readonly thumbnail: Thumbnail }> {
  const { recordId } = record
  const imageKey = deriveImageKey(hash, markKey, recordId)
  for (const sealed of record.thumbnails) {
    const bytes = openThumbnail(hash, imageKey, { ...sealed, recordId })
    const thumbnail = bytes === undefined ? undefined : tryParse(bytes)
    if (thumbnail !== undefined) yield { frame: sealed.frame, thumbnail }
  }
}

function tryParse(bytes: Uint8Array): Thumbnail | undefined {
  try {
    return parseThumbnail(bytes)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
