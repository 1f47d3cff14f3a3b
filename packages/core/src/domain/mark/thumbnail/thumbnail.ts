/**
 * Thumbnail: what is kept of an image so that a picture torn from its file can be held against it.
 *
 * A grid of 128 square cells along the shorter side, each the mean of what a view shows there, in 8 bits. It shows the patient,
 * coarsely: whoever keeps it encrypts it. Made of the marked image, it is the nearer to the pictures that will come.
 */
import { FormatError } from '../../../errors.ts'
import type { Plane } from '../../pixels/plane.ts'
import { renderGrey, type View } from '../chips/look.ts'
import { sampleGrid } from '../chips/sample-grid.ts'

/** Cells along the shorter side of the image. */
export const CELLS_ACROSS = 128
/** Along the longer side at most: images sixteen times as long as wide. */
const CELLS_AT_MOST = 2048
const HEAD_BYTES = 4

export interface Thumbnail {
  readonly columns: number
  readonly rows: number
  /** columns × rows means, row by row, 0 is black; the last of a row or column may be cut off by the edge of the image. */
  readonly samples: Uint8Array
}

/**
 * @param planes  1, or 3 of colour, which are taken as their luma
 * @throws {RangeError} for sides that differ by more than 16 times, or a view that shows nothing
 */
export function makeThumbnail(planes: readonly Plane[], view: View): Thumbnail {
  const [first] = planes
  if (first === undefined || !(view[1] > view[0])) throw new RangeError('there is nothing to be seen')
  const { width, height } = first
  const step = Math.min(width, height) / CELLS_ACROSS
  const [columns, rows] = [cellsAlong(width, step), cellsAlong(height, step)]
  if (Math.max(columns, rows) > CELLS_AT_MOST) throw new RangeError('sides of a thumbnail')
  const boxes = (count: number) => ({ first: step / 2, step, count })
  const means = sampleGrid({ width, height, samples: renderGrey(planes, view) }, boxes(columns), boxes(rows))
  return { columns, rows, samples: Uint8Array.from(means, (mean) => mean + 0.5) }
}

/** Two bytes for the columns, two for the rows, then the samples. */
export function formatThumbnail({ columns, rows, samples }: Thumbnail): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + samples.length)
  bytes.set([columns >> 8, columns & 255, rows >> 8, rows & 255])
  bytes.set(samples, HEAD_BYTES)
  return bytes
}

/** @throws {FormatError} `mark_record_malformed` for everything that {@link formatThumbnail} does not write */
export function parseThumbnail(bytes: Uint8Array): Thumbnail {
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  const [columns, rows] = [256 * a + b, 256 * c + d]
  const isGrid = Math.min(columns, rows) === CELLS_ACROSS && Math.max(columns, rows) <= CELLS_AT_MOST
  if (!isGrid || bytes.length !== HEAD_BYTES + columns * rows) {
    throw new FormatError('mark_record_malformed', 'bytes are no thumbnail')
  }
  return { columns, rows, samples: bytes.slice(HEAD_BYTES) }
}

function cellsAlong(length: number, step: number): number {
  return Math.ceil(length / step - 1e-6)
}
