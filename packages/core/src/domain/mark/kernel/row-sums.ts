/**
 * Row sums: what the chips do with every pixel of a picture, by the kernel, or by plain code where there is none.
 *
 * Source: docs/reference/mark.md, "Chips". The kernel's side is packages/kernel/assembly/mark-pixels.ts.
 */
import { createKernel, findBuild, type Kernel, reserve } from './wasm.ts'

/**
 * Sums of the columns of some rows of a picture.
 * @param rows  bytes, row by row; a whole number of rows, fewer than 2^24
 * @returns one sum for each column; valid until the next call
 * @throws {RangeError} for rows that are not whole
 */
export type SumRows = (rows: Uint8Array, width: number) => Uint32Array

/** Vectors are loaded and stored whole. */
const SLACK_BYTES = 64

/** The fastest that this runtime can run: some thousand million pixels a second with vectors. */
export function createRowSums(): SumRows {
  const build = findBuild()
  return build === undefined ? sumRowsPlainly : createKernelRowSums(createKernel(build))
}

/** By a kernel, whose memory is used from its beginning on. */
export function createKernelRowSums(kernel: Kernel): SumRows {
  return (rows, width) => {
    const count = countRows(rows, width)
    const sums = Math.ceil((rows.length + SLACK_BYTES) / 16) * 16
    reserve(kernel, sums + 4 * width + SLACK_BYTES)
    new Uint8Array(kernel.memory.buffer, 0, rows.length).set(rows)
    kernel.sumRows(0, width, count, sums)
    return new Uint32Array(kernel.memory.buffer, sums, width)
  }
}

/** The same without a kernel. */
export function sumRowsPlainly(rows: Uint8Array, width: number): Uint32Array {
  const count = countRows(rows, width)
  const sums = new Uint32Array(width)
  for (let y = 0, i = 0; y < count; y++) {
    for (let x = 0; x < width; x++, i++) sums[x] = (sums[x] as number) + (rows[i] as number)
  }
  return sums
}

function countRows(rows: Uint8Array, width: number): number {
  const count = rows.length / width
  if (!Number.isInteger(count) || count >= 2 ** 24) throw new RangeError('rows of a picture')
  return count
}
