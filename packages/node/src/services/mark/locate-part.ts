/**
 * Locate part: where a picture that was cut out of a marked image, turned, mirrored or inverted without loss lies in it, and which of
 * its tiles hold.
 *
 * Only the first frame of grey images is looked at: the record says which image it should be.
 */

import type { MarkRecord } from '@fiducial/core/domain/mark/record.ts'
import { gridOf, type Tile } from '@fiducial/core/domain/mark/tiles/grid.ts'
import { findPlacement, type Placement, type Pose } from '@fiducial/core/domain/mark/tiles/placement.ts'
import { readPlane } from '@fiducial/core/domain/mark/tiles/read-plane.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import type { MarkMeans } from './ports.ts'

/** A part of a marked image. */
export interface LocatedPart {
  /** What brings the part back to how it was marked. */
  readonly pose: Pose
  /** Where it begins in the image, once it is in its pose. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** Tiles that lie wholly in the part. */
  readonly tiles: number
  /** Those of them that do not hold, in places of the image. */
  readonly altered: readonly Tile[]
}

/**
 * Cost: some seconds for tiles of 32, a minute for those of 64: a tile is looked for at each of its places, in 16 poses.
 * @returns undefined where no tile of the image is found
 * @throws {FormatError} as {@link ImagePixels.read}
 */
export function locatePart(
  pixels: ImagePixels,
  { record, imageKey }: { readonly record: MarkRecord; readonly imageKey: Uint8Array },
  means: MarkMeans,
): LocatedPart | undefined {
  const [part] = pixels.read(0)
  const [layout] = record.planes
  if (part === undefined || layout === undefined || pixels.bits !== record.bits) return undefined
  const { columns, rows } = gridOf(record, layout.tileSize)
  const placement = findPlacement(part, { imageKey, plane: 0, layout, whole: { columns, rows } })
  if (placement === undefined) return undefined
  const whole = paste(placement, record)
  const { grid, held } = readPlane(whole, { imageKey, plane: 0, sideBytes: 0, layout }, means)
  const inside = grid.tiles
    .map((tile, i) => ({ tile, isHeld: held[i] === 1 }))
    .filter(({ tile }) => isInside(tile, placement))
  const { pose, x, y, plane } = placement
  const altered = inside.filter(({ isHeld }) => !isHeld).map(({ tile }) => tile)
  return { pose, x, y, width: plane.width, height: plane.height, tiles: inside.length, altered }
}

/** The part in its place on an empty image. */
function paste({ x, y, plane }: Placement, { width, height, bits }: MarkRecord): Plane {
  const samples = new Uint16Array(width * height)
  for (let row = Math.max(0, -y); row < Math.min(plane.height, height - y); row++) {
    const left = Math.max(0, -x)
    const right = Math.min(plane.width, width - x)
    const from = row * plane.width
    samples.set(plane.samples.subarray(from + left, from + right), (y + row) * width + x + left)
  }
  return { width, height, bits, samples }
}

const isInside = (tile: Tile, { x, y, plane }: Placement): boolean =>
  tile.x >= x && tile.y >= y && tile.x + tile.width <= x + plane.width && tile.y + tile.height <= y + plane.height
