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

export interface Study extends NormalPlane {
  readonly fine: Float32Array
  readonly middle: Float32Array
  readonly coarse: Float32Array
  readonly wide: Float32Array
  readonly smooth: Float32Array
  /** Index of the upper left sample of each patch that takes part, row by row, a patch apart. */
  readonly patches: Int32Array
}

/** Cost: four passes of about 1 ms for 512², buffers of eight planes. */
export function studyPlane(plane: NormalPlane): Study {
  const { width, height, samples } = plane
  const split = (from: Float32Array, hole: number): { blurred: Float32Array; layer: Float32Array } => {
    const blurred = blurPlane({ width, height, samples: from }, hole)
    const layer = new Float32Array(from.length)
    for (let i = 0; i < layer.length; i++) layer[i] = (from[i] as number) - (blurred[i] as number)
    return { blurred, layer }
  }
  const first = split(samples, 1)
  const second = split(first.blurred, 2)
  const third = split(second.blurred, 4)
  const fourth = split(third.blurred, 8)
  return {
    ...plane,
    fine: first.layer,
    middle: second.layer,
    coarse: third.layer,
    wide: fourth.layer,
    smooth: fourth.blurred,
    patches: placePatches(plane, PATCH, LEAST_USABLE),
  }
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

/** 1 2 1 over 4 down and across, with `hole` samples between taps; the rim is repeated. */
export function blurPlane({ width, height, samples }: Grid, hole: number): Float32Array {
  const blurred = new Float32Array(samples.length)
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
      blurred[own + x] =
        ((line[x] as number) + 2 * (line[x + hole] as number) + (line[x + 2 * hole] as number)) * 0.0625
    }
  }
  return blurred
}
