/**
 * Lossy flag: whether an image that says it was never compressed with loss shows the 8 × 8 grid of JPEG.
 *
 * Source: PS3.3 section C.7.6.1.1.5 (Lossy Image Compression stays 01 for ever); blockiness after Wang, Bovik and Evan (2000), "Blind measurement of blocking artifacts". JPEG of high quality, wavelets and
 * networks leave no such grid, and a picture that was cropped by the wrong amount hides it from nobody: all eight places are tried.
 */
import { textAt } from '../../../formats/dicom/values.ts'
import { type HeaderRule, type PixelFacts, unknown } from './rule.ts'
import { TAGS } from './tags.ts'

const LEAST_SIDE = 128
/** The grid's steps over those elsewhere, along both axes, from which a grid is named: chosen on real files so that few are named. */
const CLEAR_GRID = 1.7

export const checkLossyFlag: HeaderRule = (dataSet, pixels) => {
  if (pixels.width < LEAST_SIDE || pixels.height < LEAST_SIDE)
    return unknown('lossy-flag', 'The image is too small to look for the blocks of JPEG.')
  const isSaid = textAt(dataSet, TAGS.lossy) === '01'
  const grid = measureGrid(pixels)
  const facts = {
    grid: Math.round(grid * 1000) / 1000,
    isSaid: Number(isSaid),
    isLossySyntax: Number(pixels.isLossySyntax),
  }
  if (isSaid)
    return {
      rule: 'lossy-flag',
      outcome: 'consistent',
      sentence: 'The header says that the image was compressed with loss.',
      facts,
    }
  if (pixels.isLossySyntax) {
    return {
      rule: 'lossy-flag',
      outcome: 'odd',
      sentence: 'The file may be compressed with loss by its transfer syntax, but the header does not say that it is.',
      facts,
    }
  }
  if (grid > CLEAR_GRID) {
    const sentence =
      'The header does not say that the image was compressed with loss, but its pixels show the blocks of 8 × 8 that JPEG leaves. A detector that is read out in parts can look alike.'
    return { rule: 'lossy-flag', outcome: 'odd', sentence, facts }
  }
  return {
    rule: 'lossy-flag',
    outcome: 'consistent',
    sentence: 'No sign of blocks of 8 × 8. Compression of other kinds, or of high quality, leaves none.',
    facts,
  }
}

/** The lesser of both axes: how much larger second differences are at the strongest of eight places than at the median one. */
function measureGrid({ samples, width, height }: PixelFacts): number {
  const across = new Float64Array(8)
  const down = new Float64Array(8)
  const limit = 64
  for (let y = 2; y < height - 2; y++) {
    for (let x = 2; x < width - 2; x++) {
      const i = y * width + x
      const [a, b] = [stepAt(samples, i, 1), stepAt(samples, i, width)]
      across[x & 7] = (across[x & 7] as number) + Math.min(limit, a)
      down[y & 7] = (down[y & 7] as number) + Math.min(limit, b)
    }
  }
  return Math.min(standOut(across), standOut(down))
}

/** How much steeper the step between a sample and the next one is than those before and behind it; 0 where it is not. */
function stepAt(samples: Uint16Array, i: number, next: number): number {
  const [a, b, c, d] = [
    samples[i - next] as number,
    samples[i] as number,
    samples[i + next] as number,
    samples[i + 2 * next] as number,
  ]
  return Math.max(0, Math.abs(c - b) - (Math.abs(b - a) + Math.abs(d - c)) / 2)
}

function standOut(sums: Float64Array): number {
  const sorted = sums.slice().sort()
  const middle = ((sorted[3] as number) + (sorted[4] as number)) / 2
  return middle === 0 ? 1 : (sorted[7] as number) / middle
}
