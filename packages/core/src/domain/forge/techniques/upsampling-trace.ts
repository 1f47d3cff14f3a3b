/**
 * Upsampling trace: a picture that went through a smaller one and back, as the last layer of a generator brings it back.
 *
 * Source: Odena, Dumoulin and Olah (2016) on transposed convolutions; Zhang, Karaman and Chang (2019) on the spectral copies they leave.
 * Limits: one doubling, and no network; what is left of the picture between the grid's copies is the host's.
 */
import type { Random } from '../../attack/random.ts'
import { defineTechnique } from '../define.ts'
import { blurField, type Field, mirrorIndex, weighField } from '../field.ts'
import { makeGrain, measureFlatGrain, residualField } from '../grain.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'
import { keepEnds, toneRange } from '../tone-range.ts'

export const UPSAMPLING_TRACE: Technique = defineTechnique({
  id: 'upsampling-trace',
  title: 'The picture is shrunk by two and brought back as generators do it',
  reach: 'global',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 32,
  parameters: [
    {
      name: 'strength',
      low: 0.4,
      high: 1,
      usual: null,
      meaning: 'share of the result in what is kept, 1 for all of it',
    },
    {
      name: 'method',
      low: 0,
      high: 1,
      usual: null,
      meaning: 'below .5 transposed convolution, else nearest sample and convolution',
    },
    {
      name: 'unevenness',
      low: 0.01,
      high: 0.06,
      usual: null,
      meaning: 'how far the weights of the four phases differ',
    },
  ],
  expected: GLOBAL_SIGHT,
  forge(host, random, { strength = 1, method = 0, unevenness = 0 }) {
    const isRepeated = method >= 0.5
    const half = halve(host, random, isRepeated)
    const phases = Array.from({ length: 4 }, () => 1 + unevenness * random.between(-1, 1))
    const whole = isRepeated ? repeat(half, host) : transpose(half, host)
    const made = weighPhases(whole, phases, toneRange(host).low)
    const samples = host.samples.map((value, i) => value + strength * ((made[i] as number) - value))
    return { samples: keepEnds(samples, host), spot: null }
  },
})

/** Every other sample of the blurred picture, or the mean of four, with the grain that a generator would invent there. */
function halve(host: Field, random: Random, isMean: boolean): Field {
  const { level } = measureFlatGrain(residualField(host))
  const smooth = blurField(host, isMean ? 0.5 : 0.8)
  const [width, height] = [Math.ceil(host.width / 2), Math.ceil(host.height / 2)]
  const samples = makeGrain(width, height, { level, softness: 0 }, random)
  const at = (x: number, y: number): number =>
    smooth.samples[mirrorIndex(y, host.height) * host.width + mirrorIndex(x, host.width)] as number
  for (let y = 0, i = 0; y < 2 * height; y += 2) {
    for (let x = 0; x < 2 * width; x += 2, i++) {
      const value = isMean ? (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4 : at(x, y)
      samples[i] = (samples[i] as number) + value
    }
  }
  return { width, height, samples }
}

/** Zeros between the samples, then 5 × 5 weights. */
function transpose(half: Field, { width, height }: Field): Field {
  const sparse = new Float32Array(width * height)
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) sparse[y * width + x] = half.samples[(y >> 1) * half.width + (x >> 1)] as number
  }
  const weights = Float32Array.of(0.06, 0.5, 0.88, 0.5, 0.06)
  return weighField({ width, height, samples: sparse }, weights, weights)
}

/** Each sample four times, then a small convolution. */
function repeat(half: Field, { width, height }: Field): Field {
  const samples = new Float32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) samples[i] = half.samples[(y >> 1) * half.width + (x >> 1)] as number
  }
  const weights = Float32Array.of(0.22, 0.56, 0.22)
  return weighField({ width, height, samples }, weights, weights)
}

/** Share of a phase's deviation that is left where the picture is flat: later layers of a generator even it out. */
const LEFT_IN_FLAT = 0.15

/** One factor for each of the four phases of the grid, on detail above all. */
function weighPhases(field: Field, phases: readonly number[], black: number): Float32Array {
  const smooth = blurField(field, 6).samples
  return field.samples.map((value, i) => {
    const phase = phases[(Math.floor(i / field.width) & 1) * 2 + ((i % field.width) & 1)] as number
    const base = smooth[i] as number
    return base + (value - base) * phase + (phase - 1) * LEFT_IN_FLAT * Math.max(0, base - black)
  })
}
