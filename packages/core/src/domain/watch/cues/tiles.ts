/**
 * Tiles: squares of a normal plane, and how its values differ over a few samples within them.
 *
 * Differences over a distance d (structure functions, Kolmogorov 1941) say as much about sharpness and texture as band filters do, need no buffer, and cost one
 * pass over the tile each.
 */
import type { NormalPlane } from '../normal-plane.ts'

export interface Tile {
  readonly left: number
  readonly top: number
  readonly side: number
}

/** Samples around a tile that may be looked at too. */
export const TILE_MARGIN = 8

/** Tiles side by side over the plane, those apart in which too little can be used. */
export function layTiles({ width, height, usable }: NormalPlane, side: number): readonly Tile[] {
  const tiles: Tile[] = []
  for (let top = TILE_MARGIN; top + side + TILE_MARGIN <= height; top += side) {
    for (let left = TILE_MARGIN; left + side + TILE_MARGIN <= width; left += side) {
      let count = 0
      for (let y = top; y < top + side; y += 2)
        for (let x = left; x < left + side; x += 2) count += usable[y * width + x] as number
      if (count >= 0.24 * side * side) tiles.push({ left, top, side })
    }
  }
  return tiles
}

/** Mean squares of second differences across columns and across rows, at a distance of 1 to {@link TILE_MARGIN} samples. */
export function bendEnergy(
  { width, samples }: NormalPlane,
  { left, top, side }: Tile,
  distance: number,
): readonly [across: number, down: number] {
  let [across, down] = [0, 0]
  const step = distance * width
  for (let y = top; y < top + side; y++) {
    for (let i = y * width + left; i < y * width + left + side; i++) {
      const twice = 2 * (samples[i] as number)
      const a = (samples[i - distance] as number) + (samples[i + distance] as number) - twice
      const b = (samples[i - step] as number) + (samples[i + step] as number) - twice
      across += a * a
      down += b * b
    }
  }
  return [across / (side * side), down / (side * side)]
}

export interface Slant {
  /** Mean square of first differences over twice the distance. */
  readonly energy: number
  /** How far the gradients of a tile share one direction, 0 to 1 (structure tensor, Bigün and Granlund 1987). */
  readonly coherence: number
}

export function slantOf({ width, samples }: NormalPlane, { left, top, side }: Tile, distance: number): Slant {
  let [xx, yy, xy] = [0, 0, 0]
  const step = distance * width
  for (let y = top; y < top + side; y++) {
    for (let i = y * width + left; i < y * width + left + side; i++) {
      const a = (samples[i + distance] as number) - (samples[i - distance] as number)
      const b = (samples[i + step] as number) - (samples[i - step] as number)
      xx += a * a
      yy += b * b
      xy += a * b
    }
  }
  const sum = xx + yy
  return { energy: sum / (side * side), coherence: sum < 1e-6 ? 0 : Math.sqrt((xx - yy) ** 2 + 4 * xy * xy) / sum }
}

/** Mean value of a tile. */
export function levelOf({ width, samples }: NormalPlane, { left, top, side }: Tile): number {
  let sum = 0
  for (let y = top; y < top + side; y++)
    for (let x = left; x < left + side; x++) sum += samples[y * width + x] as number
  return sum / (side * side)
}
