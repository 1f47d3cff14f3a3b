/**
 * Exposure and noise: whether a radiograph or CT slice with little exposure is smoother than quantum noise lets it be.
 *
 * Source: noise of a counted quantity falls with the root of the count (Poisson); level by Immerkær (1996) in the quietest parts. What an exposure gives depends on
 * patient, grid, detector and processing, none of which a header tells well: only extremes are called odd.
 */
import { numberAt } from '../../../formats/dicom/values.ts'
import { type HeaderRule, type PixelFacts, unknown } from './rule.ts'
import { modalityOf, PROJECTIONS, TAGS } from './tags.ts'

/** Milliampere seconds under which an exposure is low. */
const LOW_EXPOSURE = 2
/** Noise, as a share of the range of values, under which there is none to speak of: .02 %, a twentieth of a grey step of 8 bits. */
const NO_NOISE = 0.0002
const SIDE = 32

export const checkExposureNoise: HeaderRule = (dataSet, pixels) => {
  const modality = modalityOf(dataSet)
  const exposure = numberAt(dataSet, TAGS.exposure)
  if (
    exposure === undefined ||
    exposure <= 0 ||
    pixels.planes !== 1 ||
    !(PROJECTIONS.has(modality) || modality === 'CT')
  ) {
    return unknown('exposure-noise', 'The header names no exposure, or the image is none that X-rays made.')
  }
  const noise = measureNoise(pixels)
  if (noise === null) return unknown('exposure-noise', 'Too little of the image varies to measure noise.')
  const facts = { exposureMas: exposure, noisePpm: Math.round(noise * 1e6) }
  if (exposure < LOW_EXPOSURE && noise < NO_NOISE) {
    const sentence = `The header names an exposure of ${exposure} mAs, but the image has hardly any noise. Strong processing can remove it.`
    return { rule: 'exposure-noise', outcome: 'odd', sentence, facts }
  }
  return {
    rule: 'exposure-noise',
    outcome: 'consistent',
    sentence: 'Noise and exposure do not contradict one another within wide limits.',
    facts,
  }
}

/** Lower quartile of noise over parts that vary, as a share of the values between the 1st and the 99th percentile; null for fewer than 16 parts. */
function measureNoise({ samples, width, height }: PixelFacts): number | null {
  const levels: number[] = []
  for (let top = 1; top + SIDE < height; top += SIDE) {
    for (let left = 1; left + SIDE < width; left += SIDE) {
      const level = levelOf(samples, width, top * width + left)
      if (level !== null) levels.push(level)
    }
  }
  if (levels.length < 16) return null
  const ordered = Float64Array.from(levels).sort()
  const values = samples.slice().sort()
  const range =
    (values[Math.floor(values.length * 0.99)] as number) - (values[Math.floor(values.length * 0.01)] as number)
  return range === 0 ? null : (ordered[ordered.length >> 2] as number) / range
}

/** Immerkær's estimate in one part; null where all values are one, as in the padding around a slice. */
function levelOf(samples: Uint16Array, width: number, start: number): number | null {
  let [sum, low, high] = [0, 65535, 0]
  for (let y = 0; y < SIDE; y++) {
    for (let i = start + y * width; i < start + y * width + SIDE; i++) {
      const value = samples[i] as number
      low = Math.min(low, value)
      high = Math.max(high, value)
      sum += Math.abs(residualAt(samples, width, i))
    }
  }
  return low === high ? null : (Math.sqrt(Math.PI / 2) * sum) / (6 * SIDE * SIDE)
}

function residualAt(samples: Uint16Array, width: number, i: number): number {
  const row = (at: number): number =>
    (samples[at - 1] as number) - 2 * (samples[at] as number) + (samples[at + 1] as number)
  return row(i - width) - 2 * row(i) + row(i + width)
}
