/**
 * Plane edits: changes of stored samples by somebody who wants them not to show.
 *
 * Over planes of up to 16 bits, as sensors store them. A plane is never changed; a copy is given back.
 */
import type { Area } from './crop.ts'

/** Stored samples, up to 16 bits. */
export interface StoredPlane {
  /** Columns, at least 1. */
  readonly width: number
  /** Rows, at least 1. */
  readonly height: number
  /** width × height samples in row order. */
  readonly samples: Uint16Array
}

/** Upper left corner. */
export interface Place {
  readonly left: number
  readonly top: number
}

/** Adds `change` to sample number `index`; it is the caller's to stay in range. */
export function changeSample<P extends StoredPlane>(plane: P, index: number, change: number): P {
  const samples = plane.samples.slice()
  samples[index] = (samples[index] as number) + change
  return { ...plane, samples }
}

/** Gives each sample of an area another value. @param edit  from the old value and the place within the area */
export function editArea<P extends StoredPlane>(
  plane: P,
  { left, top, width, height }: Area,
  edit: (value: number, column: number, row: number) => number,
): P {
  const samples = plane.samples.slice()
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = (top + row) * plane.width + left + column
      samples[at] = edit(samples[at] as number, column, row)
    }
  }
  return { ...plane, samples }
}

/**
 * Copy-move and collage: an area of `source`, which may be the same plane or another of the same device, lands at `place`. With whole
 * tiles on the same grid everything within a tile stays true; only where it lies is false.
 */
export function pasteArea<P extends StoredPlane>(plane: P, source: StoredPlane, area: Area, place: Place): P {
  return editArea(
    plane,
    { ...place, width: area.width, height: area.height },
    (_, column, row) => source.samples[(area.top + row) * source.width + area.left + column] as number,
  )
}
