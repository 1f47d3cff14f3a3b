/**
 * Maps: what one layer of a network hands to the next, several planes of one size.
 */
import { type Field, mirrorIndex } from '../field.ts'

export interface Maps {
  readonly channels: number
  /** Columns of each plane. */
  readonly width: number
  /** Rows of each plane. */
  readonly height: number
  /** channels × height × width values, plane after plane. */
  readonly values: Float32Array
}

export function createMaps(channels: number, width: number, height: number): Maps {
  return { channels, width, height, values: new Float32Array(channels * width * height) }
}

/** One plane whose sides are multiples of `multiple`; what is added at the right and below is mirrored. */
export function mapOfField({ width, height, samples }: Field, multiple: number): Maps {
  const up = (side: number): number => Math.ceil(side / multiple) * multiple
  const maps = createMaps(1, up(width), up(height))
  for (let y = 0; y < maps.height; y++) {
    const from = mirrorIndex(y, height) * width
    const to = y * maps.width
    maps.values.set(samples.subarray(from, from + width), to)
    for (let x = width; x < maps.width; x++) maps.values[to + x] = samples[from + mirrorIndex(x, width)] as number
  }
  return maps
}

/** The upper left part of the first plane. */
export function fieldOfMap({ width: pitch, values }: Maps, width: number, height: number): Field {
  const samples = new Float32Array(width * height)
  for (let y = 0; y < height; y++) samples.set(values.subarray(y * pitch, y * pitch + width), y * width)
  return { width, height, samples }
}
