/**
 * Sample grid: a picture averaged over a grid of equal boxes that need not fall on pixels.
 *
 * Source: docs/reference/mark.md, "Chips", "Samples". One pass over the pixels, row by row.
 */
import { createRowSums, type SumRows } from '../kernel/row-sums.ts'

/** A picture of one component. */
export interface GreyPicture {
  readonly width: number
  readonly height: number
  readonly samples: Uint8Array | Float32Array
}

/** Boxes along an axis: number k reaches from first + (k − ½)·step to first + (k + ½)·step, in pixels. */
export interface Boxes {
  readonly first: number
  readonly step: number
  readonly count: number
}

/** Pictures with fewer pixels are added up before a kernel is made. */
const LARGE_PIXELS = 1 << 18

/**
 * The mean of the picture over each box, row by row; boxes that reach over the edge count what is inside. A box with nothing
 * inside gets the nearest edge's value.
 */
export function sampleGrid(picture: GreyPicture, across: Boxes, down: Boxes): Float32Array {
  const { width, height, samples } = picture
  const out = new Float32Array(across.count * down.count)
  const sums = new Float64Array(width)
  const edges = edgePlaces(across, width)
  const sum = samples instanceof Uint8Array && samples.length >= LARGE_PIXELS ? createRowSums() : undefined
  for (let row = 0; row < down.count; row++) {
    const top = clampEdge(down.first + (row - 0.5) * down.step, height)
    const bottom = Math.max(clampEdge(down.first + (row + 0.5) * down.step, height), top)
    const thin = bottom - top < 1e-3
    const from = thin ? Math.min(Math.max(top - 0.5, 0), height - 1) : top
    const to = thin ? from + 1 : bottom
    if (sum !== undefined && samples instanceof Uint8Array) sumBytes({ width, samples, sum }, sums, from, to)
    else sumRows({ width, height, samples }, sums, from, to)
    averageBoxes(sums, edges, to - from, out.subarray(row * across.count, (row + 1) * across.count))
  }
  return out
}

const clampEdge = (place: number, length: number): number => (place < 0 ? 0 : place > length ? length : place)

function edgePlaces({ first, step, count }: Boxes, width: number): Float64Array {
  return Float64Array.from({ length: count + 1 }, (_, k) => clampEdge(first + (k - 0.5) * step, width))
}

function sumRows({ width, height, samples }: GreyPicture, sums: Float64Array, from: number, to: number): void {
  sums.fill(0)
  const last = Math.min(height - 1, Math.ceil(to) - 1)
  for (let y = Math.floor(from); y <= last; y++) {
    const weight = Math.min(to, y + 1) - Math.max(from, y)
    if (weight <= 0) continue
    const offset = y * width
    if (weight === 1) for (let x = 0; x < width; x++) sums[x] = (sums[x] as number) + (samples[offset + x] as number)
    else for (let x = 0; x < width; x++) sums[x] = (sums[x] as number) + weight * (samples[offset + x] as number)
  }
}

/** The same for bytes, whose whole rows the kernel adds up. */
function sumBytes(
  { width, samples, sum }: { readonly width: number; readonly samples: Uint8Array; readonly sum: SumRows },
  sums: Float64Array,
  from: number,
  to: number,
): void {
  const first = Math.ceil(from)
  const end = Math.max(first, Math.floor(to))
  sums.set(sum(samples.subarray(first * width, end * width), width))
  // Of the rows at both edges a part, of one row if both lie in it.
  const above = Math.min(first, to) - from
  const below = end < to ? to - end : 0
  if (above > 0) addRow(sums, samples.subarray((first - 1) * width, first * width), above)
  if (below > 0) addRow(sums, samples.subarray(end * width, (end + 1) * width), below)
}

function addRow(sums: Float64Array, row: Uint8Array, weight: number): void {
  for (let x = 0; x < sums.length; x++) sums[x] = (sums[x] as number) + weight * (row[x] as number)
}

function averageBoxes(sums: Float64Array, edges: Float64Array, tall: number, out: Float32Array): void {
  const width = sums.length
  let x = 0
  let before = 0
  let left = 0
  for (let k = 0; k <= out.length; k++) {
    const edge = edges[k] as number
    const whole = Math.min(Math.floor(edge), width)
    while (x < whole) before += sums[x++] as number
    const right = before + (whole < width ? (edge - whole) * (sums[whole] as number) : 0)
    if (k > 0) {
      const wide = edge - (edges[k - 1] as number)
      const nearest = sums[Math.min(width - 1, whole)] as number
      out[k - 1] = wide < 1e-3 ? nearest / tall : (right - left) / (wide * tall)
    }
    left = right
  }
}
