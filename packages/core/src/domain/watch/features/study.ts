/**
 * Study: a normal plane with the layers and patches that families of features share, so that each is made once.
 *
 * Source: à trous wavelets with the kernel 1 2 1 (Holschneider et al. 1989; Starck and Murtagh 1994). A layer is what a blur takes away: `fine`
 * holds periods of 2 to 4 samples, `middle` 4 to 8, `coarse` 8 to 16, `wide` 16 to 32, `smooth` the rest; their sum is the picture. After one round trip through
 * JPEG the finest frequencies of weak grain are gone, which is why grain is looked for in two layers.
 */
import type { NormalPlane } from '../normal-plane.ts'

/** Side of the square patches that grain is measured in. */
export const PATCH = 32
/** Usable part of a patch that takes part. */
const LEAST_USABLE = 0.97
/** With fewer usable patches than this all take part. */
const LEAST_PATCHES = 9
/** With more patches than this half of them say enough. */
const MANY = 128

export interface Study extends NormalPlane {
  readonly fine: Float32Array
  readonly middle: Float32Array
  readonly coarse: Float32Array
  readonly wide: Float32Array
  readonly smooth: Float32Array
  /** The picture without its fine layer. */
  readonly blurred: Float32Array
  /** Index of the upper left sample of each patch that takes part, row by row, a patch apart. */
  readonly patches: Int32Array
  /** Of many patches those on the black fields of a chessboard; else all. Enough for means over pairs of samples, at half the cost. */
  readonly blackPatches: Int32Array
}

/** Cost: four passes of about 1 ms for 512², buffers of nine planes. */
export function studyPlane(plane: NormalPlane): Study {
  const { width, height, samples } = plane
  const fine = splitPlane({ width, height, samples }, 1)
  const middle = splitPlane({ width, height, samples: fine.blurred }, 2)
  const coarse = splitPlane({ width, height, samples: middle.blurred }, 4)
  const wide = splitPlane({ width, height, samples: coarse.blurred }, 8)
  const patches = placePatches(plane, PATCH, LEAST_USABLE)
  return {
    ...plane,
    fine: fine.layer,
    middle: middle.layer,
    coarse: coarse.layer,
    wide: wide.layer,
    smooth: wide.blurred,
    blurred: fine.blurred,
    patches,
    blackPatches: patches.length > MANY ? patches.filter((from) => isBlack(from, width)) : patches,
  }
}

function isBlack(from: number, width: number): boolean {
  const column = Math.floor((from % width) / PATCH)
  const row = Math.floor(Math.floor(from / width) / PATCH)
  return ((row + column) & 1) === 0
}

/**
 * Where square patches side by side lie that are usable; all of them if hardly any is.
 * @param side   samples
 * @param least  usable part, 0 to 1
 */
export function placePatches({ width, height, usable }: NormalPlane, side: number, least: number): Int32Array {
  const all: number[] = []
  const good: number[] = []
  // Centred, so that a mirrored picture has the same patches, mirrored.
  const [left, top] = [(width % side) >> 1, (height % side) >> 1]
  for (let y = top; y + side <= height; y += side) {
    for (let x = left; x + side <= width; x += side) {
      const from = y * width + x
      let count = 0
      for (let row = 0; row < side; row++) {
        const at = from + row * width
        for (let i = at; i < at + side; i++) count += usable[i] as number
      }
      all.push(from)
      if (count >= least * side * side) good.push(from)
    }
  }
  return Int32Array.from(good.length >= LEAST_PATCHES || good.length === all.length ? good : all)
}

interface Grid {
  readonly width: number
  readonly height: number
  readonly samples: Float32Array
}

/** Blurs with 1 2 1 over 4 down and across, with `hole` samples between taps, the rim repeated; and tells what that took away. */
export function splitPlane(
  { width, height, samples }: Grid,
  hole: number,
): { blurred: Float32Array; layer: Float32Array } {
  const blurred = new Float32Array(samples.length)
  const layer = new Float32Array(samples.length)
  const line = new Float32Array(width + 2 * hole)
  for (let y = 0; y < height; y++) {
    const upper = Math.max(0, y - hole) * width
    const own = y * width
    const lower = Math.min(height - 1, y + hole) * width
    for (let x = 0; x < width; x++) {
      line[x + hole] =
        (samples[upper + x] as number) + 2 * (samples[own + x] as number) + (samples[lower + x] as number)
    }
    line.fill(line[hole] as number, 0, hole)
    line.fill(line[width + hole - 1] as number, width + hole)
    for (let x = 0; x < width; x++) {
      const value = ((line[x] as number) + 2 * (line[x + hole] as number) + (line[x + 2 * hole] as number)) * 0.0625
      blurred[own + x] = value
      layer[own + x] = (samples[own + x] as number) - value
    }
  }
  return { blurred, layer }
}
