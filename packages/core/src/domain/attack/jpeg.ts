/**
 * JPEG: what baseline JPEG at a quality leaves of a grey picture.
 *
 * Source: ITU-T T.81 Annex A and table K.1; the scaling of the table by a quality of 1 to 100, the rounding of coefficients
 * and the slow integer transforms are those of the Independent JPEG Group's software, so that the samples are those that come
 * out of it. Entropy coding is without loss and therefore left out.
 */
import { inverseTransform } from '../../formats/codec/jpeg-idct.ts'
import { forwardTransform } from './forward-dct.ts'
import { createPicture, type Picture } from './picture.ts'

/** Table K.1, luminance, in row order. */
// biome-ignore format: a table of eight by eight
const LUMINANCE = [
  16, 11, 10, 16,  24,  40,  51,  61,
  12, 12, 14, 19,  26,  58,  60,  55,
  14, 13, 16, 24,  40,  57,  69,  56,
  14, 17, 22, 29,  51,  87,  80,  62,
  18, 22, 37, 56,  68, 109, 103,  77,
  24, 35, 55, 64,  81, 104, 113,  92,
  49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103,  99,
]

/** Encoded and decoded again. @param quality 1 to 100 */
export function compressJpeg(picture: Picture, quality: number): Picture {
  const steps = quantisationSteps(quality)
  const result = createPicture(picture.width, picture.height)
  const values = new Int32Array(64)
  const coefficients = new Int16Array(64)
  const workspace = new Int32Array(64)
  const edge = new Uint8Array(64)
  const block = { coefficients, from: 0, steps, workspace }
  for (let y = 0; y < picture.height; y += 8) {
    for (let x = 0; x < picture.width; x += 8) {
      readBlock(picture, x, y, values)
      forwardTransform(values)
      quantise(values, steps, coefficients)
      if (x + 8 <= picture.width && y + 8 <= picture.height) {
        const at = y * picture.width + x
        inverseTransform(block, { samples: result.samples, at, stride: picture.width, precision: 8 })
      } else {
        inverseTransform(block, { samples: edge, at: 0, stride: 8, precision: 8 })
        writeEdge(edge, result, x, y)
      }
    }
  }
  return result
}

/** The 64 steps of a quality, in row order, 1 … 255. */
export function quantisationSteps(quality: number): Int32Array {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality
  return Int32Array.from(LUMINANCE, (step) => Math.min(255, Math.max(1, Math.floor((step * percent + 50) / 100))))
}

/** Beyond the right and lower edge the last column and row are repeated. */
function readBlock({ width, height, samples }: Picture, x: number, y: number, values: Int32Array): void {
  if (x + 8 <= width && y + 8 <= height) {
    for (let row = 0, at = y * width + x, i = 0; row < 8; row++, at += width - 8) {
      for (let column = 0; column < 8; column++) values[i++] = (samples[at++] as number) - 128
    }
    return
  }
  for (let i = 0; i < 64; i++) {
    const row = Math.min(height - 1, y + (i >> 3))
    values[i] = (samples[row * width + Math.min(width - 1, x + (i & 7))] as number) - 128
  }
}

/** Halves are rounded away from zero. The values are 8 times the coefficients. */
function quantise(values: Int32Array, steps: Int32Array, coefficients: Int16Array): void {
  for (let i = 0; i < 64; i++) {
    const step = (steps[i] as number) << 3
    const value = values[i] as number
    const size = (value < 0 ? -value : value) + (step >> 1)
    const level = size < step ? 0 : (size / step) | 0
    coefficients[i] = value < 0 ? -level : level
  }
}

function writeEdge(block: Uint8Array, { width, height, samples }: Picture, x: number, y: number): void {
  const columns = Math.min(8, width - x)
  const rows = Math.min(8, height - y)
  for (let row = 0; row < rows; row++) {
    samples.set(block.subarray(8 * row, 8 * row + columns), (y + row) * width + x)
  }
}
