/** Pictures for the tests of this folder. */
import { createPicture, type Picture } from '../picture.ts'
import { createRandom } from '../random.ts'

/** Eight by six, chosen by hand: ramps, edges, a quiet row. */
export const SMALL: Picture = pictureOf([
  [10, 200, 30, 90, 250, 0, 128, 60],
  [0, 0, 255, 255, 12, 34, 56, 78],
  [5, 15, 25, 35, 45, 55, 65, 75],
  [250, 240, 230, 0, 10, 20, 130, 140],
  [9, 99, 199, 19, 29, 39, 49, 59],
  [1, 2, 3, 5, 8, 13, 21, 34],
])

export function pictureOf(rows: readonly (readonly number[])[]): Picture {
  return { width: rows[0]?.length ?? 0, height: rows.length, samples: Uint8Array.from(rows.flat()) }
}

export function rowsOf({ width, height, samples }: Picture): number[][] {
  return Array.from({ length: height }, (_, row) => [...samples.subarray(row * width, (row + 1) * width)])
}

/** Slow waves with a little noise on them. */
export function texture(width: number, height: number, seed = 1): Picture {
  const picture = createPicture(width, height)
  const random = createRandom(seed)
  for (let i = 0; i < picture.samples.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)]
    picture.samples[i] = 128 + 60 * Math.sin(x / 7) + 30 * Math.cos(y / 5) + 20 * random.uniform()
  }
  return picture
}

/** The largest difference between two pictures of one size. */
export function farthest(first: Picture, second: Picture): number {
  return first.samples.reduce((most, value, i) => Math.max(most, Math.abs(value - (second.samples[i] as number))), 0)
}
