/** Trace changes: from where the tiles were copied that do not hold where they stand, where they are tiles of images of the site. */

import type { Tile } from '@fiducial/core/domain/mark/tiles/grid.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { candidatesFor, type KnownKeys } from './find-mark.ts'
import type { TileOrigin } from './gathered-planes.ts'
import type { Location, PlaneFinding } from './locate.ts'
import type { MarkMeans } from './ports.ts'
import { TileTracer } from './tile-tracer.ts'

/** A tile that was copied. */
export interface CopiedTile extends TileOrigin {
  readonly frame: number
  readonly component: number
  /** Where it stands now. */
  readonly tile: Tile
}

/**
 * Cost: bounded; see {@link TileTracer}.
 * @throws {FormatError} as {@link ImagePixels.read}; {StoreError} as the records do
 */
export async function traceChanges(
  pixels: ImagePixels,
  { imageKey, recordId, record, device, planes }: Location,
  { devices }: KnownKeys,
  means: MarkMeans,
): Promise<readonly CopiedTile[]> {
  const lost = planes.filter(({ reading }) => reading.outcome === 'altered')
  if (imageKey === undefined || lost.length === 0) return []
  const mark = { imageKey, recordId, record, device }
  const tracer = new TileTracer({ mark, known: await candidatesFor(pixels, means), devices }, means)
  const copied: CopiedTile[] = []
  for (const frame of new Set(lost.map((plane) => plane.frame))) {
    const locations = planes.filter((plane) => plane.frame === frame)
    const origins = await tracer.trace(pixels.read(frame), locations)
    for (const [i, { component, reading }] of locations.entries()) {
      for (const [number, origin] of origins[i] ?? [])
        copied.push({ ...origin, frame, component, tile: tileAt(reading, number) })
    }
  }
  return copied
}

const tileAt = ({ grid }: PlaneFinding['reading'], number: number): Tile => grid.tiles[number] as Tile
