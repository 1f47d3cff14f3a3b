/**
 * Grain: how much a picture's values scatter from one sample to the next, how far that scatter reaches, and new grain of the same kind.
 *
 * Method: the residual is what a Gaussian of {@link FINE} samples leaves; its level is the median of absolute values over .6745, which edges and
 * letters hardly move. New grain is white noise, blurred as far as neighbouring residuals agree and scaled so that its own residual has the
 * level asked for. Known flaw: one direction-free deviation stands for the whole spectrum.
 */
import type { Random } from '../attack/random.ts'
import { blurField, boxMean, type Field } from './field.ts'

/** Deviation of the Gaussian that parts grain from what lies under it, samples. */
export const FINE = 1.2

/** Samples along a side over which a level is taken. */
const TILE = 16

export interface Grain {
  /** Deviation of the residual, in steps of the picture. */
  readonly level: number
  /** Deviation of the Gaussian that white noise has to pass to agree with its neighbours as the residual does, samples; 0 for white. */
  readonly softness: number
}

/** What a Gaussian of {@link FINE} samples leaves. */
export function residualField(field: Field): Field {
  const smooth = blurField(field, FINE)
  return { ...field, samples: smooth.samples.map((value, i) => (field.samples[i] as number) - value) }
}

/** @param isCounted  whether a sample takes part; all do without it */
export function measureGrain(residual: Field, isCounted?: (index: number) => boolean): Grain {
  const { width, samples } = residual
  const stride = isCounted === undefined ? Math.max(1, Math.floor(samples.length / 40_000)) : 1
  const sizes: number[] = []
  let [square, product] = [0, 0]
  for (let i = 0; i < samples.length - 1; i += stride) {
    if (isCounted !== undefined && !isCounted(i)) continue
    const value = samples[i] as number
    sizes.push(Math.abs(value))
    if (i % width === width - 1) continue
    square += value * value
    product += value * (samples[i + 1] as number)
  }
  if (sizes.length === 0) return { level: 0, softness: 0 }
  const sorted = Float64Array.from(sizes).sort()
  const level = (sorted[sorted.length >> 1] as number) / 0.6745
  return { level, softness: softnessOf(square === 0 ? 0 : product / square) }
}

/** The grain of a picture where it is flattest: the level that three tenths of its squares of 16 samples a side stay below. */
export function measureFlatGrain(residual: Field): Grain {
  const { width, height, samples } = residual
  const levels: number[] = []
  for (let top = 0; top + TILE <= height; top += TILE) {
    for (let left = 0; left + TILE <= width; left += TILE) {
      let square = 0
      for (let i = 0; i < TILE * TILE; i++) {
        square += (samples[(top + Math.floor(i / TILE)) * width + left + (i % TILE)] as number) ** 2
      }
      // Flat borders have no grain to measure.
      if (square > 0) levels.push(Math.sqrt(square / (TILE * TILE)))
    }
  }
  const { softness } = measureGrain(residual)
  return { level: levels.sort((a, b) => a - b)[Math.floor(0.3 * levels.length)] ?? 0, softness }
}

/** The level of the residual about each sample, over about {@link TILE} of them. */
export function mapGrain(residual: Field): Float32Array {
  const sizes = { ...residual, samples: residual.samples.map((value) => Math.abs(value)) }
  // The mean of a normal deviate's size is √(2/π) of its deviation.
  return boxMean(sizes, TILE / 2).samples.map((size) => size * Math.sqrt(Math.PI / 2))
}

/** New grain; its residual has the level of `grain`. */
export function makeGrain(width: number, height: number, grain: Grain, random: Random): Float32Array {
  const samples = new Float32Array(width * height)
  for (let i = 0; i < samples.length; i++) samples[i] = random.normal()
  if (grain.level === 0) return samples.fill(0)
  const soft = blurField({ width, height, samples }, grain.softness)
  const own = gainOf(grain.softness)
  for (let i = 0; i < samples.length; i++) samples[i] = ((soft.samples[i] as number) * grain.level) / own
  return samples
}

/** Agreement of neighbouring residuals of white noise that passed a Gaussian, for deviations in steps of a tenth: measured once, here. */
const RESPONSES = Array.from({ length: 16 }, (_, i) => respondTo(i / 10))

function softnessOf(agreement: number): number {
  let best = 0
  for (let i = 0; i < RESPONSES.length; i++) {
    const [here, there] = [RESPONSES[i], RESPONSES[best]] as [Response, Response]
    if (Math.abs(here.agreement - agreement) < Math.abs(there.agreement - agreement)) best = i
  }
  return best / 10
}

const gainOf = (softness: number): number => (RESPONSES[Math.round(softness * 10)] as Response).deviation

interface Response {
  readonly deviation: number
  readonly agreement: number
}

/** From the impulse response, exactly: the deviation of the residual, and the product of neighbours over its square. */
function respondTo(softness: number): Response {
  const side = 41
  const impulse = new Float32Array(side * side)
  impulse[(side * side - 1) / 2] = 1
  const { samples } = residualField(blurField({ width: side, height: side, samples: impulse }, softness))
  let [square, product] = [0, 0]
  for (let i = 0; i < samples.length - 1; i++) {
    square += (samples[i] as number) ** 2
    product += (samples[i] as number) * (samples[i + 1] as number)
  }
  return { deviation: Math.sqrt(square), agreement: product / square }
}
