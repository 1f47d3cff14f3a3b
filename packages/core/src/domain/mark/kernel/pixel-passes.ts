/**
 * Pixel passes: what the chips do with every pixel, by the kernel, or by plain code where there is none.
 *
 * Source: docs/reference/mark.md, "Chips". The kernel's side is packages/kernel/assembly/mark-pixels.ts.
 */
import { createKernel, findBuild, type Kernel, reserve } from './wasm.ts'

/** Each pass goes through some thousand million samples a second. */
export interface PixelPasses {
  /**
   * Sums of the columns of some rows of a picture.
   * @param rows  bytes, row by row; a whole number of rows, fewer than 2^24
   * @returns one sum for each column; valid until the next call
   */
  sumRows(rows: Uint8Array, width: number): Uint32Array
  /**
   * Adds changes to samples, in place.
   * @param samples  none above `maximum`
   * @param changes  one for each sample
   * @throws {RangeError} if a sample would leave its range; then no sample is changed
   */
  addChanges(samples: Uint16Array, changes: Int16Array, maximum: number): void
}

/** Vectors are loaded and stored whole. */
const SLACK_BYTES = 64

/** The fastest passes that this runtime can run. */
export function createPixelPasses(): PixelPasses {
  const build = findBuild()
  return build === undefined ? plainPasses : createKernelPasses(createKernel(build))
}

/** Passes by a kernel, whose memory they use from its beginning on. */
export function createKernelPasses(kernel: Kernel): PixelPasses {
  return {
    sumRows: (rows, width) => {
      const count = checkRows(rows, width)
      const sums = align(rows.length + SLACK_BYTES)
      reserve(kernel, sums + 4 * width + SLACK_BYTES)
      new Uint8Array(kernel.memory.buffer, 0, rows.length).set(rows)
      kernel.sumRows(0, width, count, sums)
      return new Uint32Array(kernel.memory.buffer, sums, width)
    },
    addChanges: (samples, changes, maximum) => {
      const { length } = samples
      checkChanges(samples, changes)
      const place = align(2 * length)
      reserve(kernel, place + 2 * length)
      const ours = new Uint16Array(kernel.memory.buffer, 0, length)
      ours.set(samples)
      new Int16Array(kernel.memory.buffer, place, length).set(changes)
      if (kernel.addChanges(0, place, length, maximum) === 0) throw outOfRange()
      samples.set(ours)
    },
  }
}

/** The same without a kernel. */
export const plainPasses: PixelPasses = {
  sumRows: (rows, width) => {
    const count = checkRows(rows, width)
    const sums = new Uint32Array(width)
    for (let y = 0, i = 0; y < count; y++) {
      for (let x = 0; x < width; x++, i++) sums[x] = (sums[x] as number) + (rows[i] as number)
    }
    return sums
  },
  addChanges: (samples, changes, maximum) => {
    checkChanges(samples, changes)
    for (let i = 0; i < samples.length; i++) {
      const value = (samples[i] as number) + (changes[i] as number)
      if (value < 0 || value > maximum) throw outOfRange()
    }
    for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] as number) + (changes[i] as number)
  },
}

function checkRows(rows: Uint8Array, width: number): number {
  if (width < 1 || rows.length % width !== 0 || rows.length / width >= 2 ** 24)
    throw new RangeError('rows of a picture')
  return rows.length / width
}

function checkChanges(samples: Uint16Array, changes: Int16Array): void {
  if (samples.length !== changes.length) throw new RangeError('a change for each sample is needed')
}

const outOfRange = (): RangeError => new RangeError('a sample would leave its range')
const align = (place: number): number => Math.ceil(place / 16) * 16
