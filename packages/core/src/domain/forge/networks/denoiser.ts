/**
 * Denoiser: a network that is shown a picture with noise, told how much, and says what lies under it: one step of a diffusion model.
 *
 * Source: Karras, Aittala, Aila and Laine (2022), table 1, for what stands around the network; Song, Meng and Ermon (2021) for steps without new
 * noise; Meng et al. (2022, SDEdit) for starting from a picture. It works on 4 × 4 samples at a time, in two sizes. How it was trained:
 * docs/reference/forge-networks.md.
 */
import { DIFFUSION_WEIGHTS } from './diffusion-weights.ts'
import { addMaps, convolve, enlarge, leak, shuffle, unshuffle } from './layers.ts'
import { createMaps, type Maps } from './maps.ts'
import { readWeights, type Weights } from './weights.ts'

/**
 * @param noisy  values from −1 to 1 with normal noise of deviation `sigma` on them; sides multiples of 8
 * @param sigma  from {@link SIGMA}
 * @returns the most likely picture, on the whole: the mean of all that may lie under the noise
 */
export type Denoiser = (noisy: Maps, sigma: number) => Maps

/** Deviations of noise that the network has learnt. */
export const SIGMA = { low: 0.02, high: 0.8 } as const

/** Deviation that pictures are taken to have. */
const SPREAD = 0.5
const [TOP, LOW] = [32, 48]
const CELL = 4

/** Reads the weights; whoever needs the network more often keeps it. */
export function loadDenoiser(): Denoiser {
  const weights = readWeights(DIFFUSION_WEIGHTS)
  const enter = weights.takeKernel(CELL * CELL, TOP)
  const down = weights.takeKernel(TOP, LOW, 2)
  const [first, second] = [weights.takeKernel(LOW, LOW), weights.takeKernel(LOW, LOW)]
  const [up, leave] = [weights.takeKernel(LOW, TOP), weights.takeKernel(TOP, CELL * CELL)]
  const shiftsAt = readLevels(weights, [TOP, LOW, LOW, LOW, TOP])
  return (noisy, sigma) => {
    const total = Math.sqrt(sigma * sigma + SPREAD * SPREAD)
    const [a, b, c, d, e] = shiftsAt(sigma)
    const top = leak(convolve(unshuffle(scaled(noisy, 1 / total), CELL), enter, a))
    const low = leak(convolve(top, down, b))
    const inner = leak(convolve(leak(convolve(low, first, c)), second, d))
    const raised = enlarge(leak(convolve(addMaps(low, inner), up, e)))
    const guess = shuffle(convolve(addMaps(top, raised), leave), CELL)
    return addMaps(scaled(guess, (sigma * SPREAD) / total), scaled(noisy, (SPREAD / total) ** 2))
  }
}

const HIDDEN = 16

/** Shifts of the layers for an amount of noise: two small full layers. */
function readLevels(weights: Weights, widths: readonly number[]): (sigma: number) => readonly Float32Array[] {
  const [gains, offsets] = [weights.take(HIDDEN), weights.take(HIDDEN)]
  const count = widths.reduce((sum, width) => sum + width, 0)
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((sum, width) => sum + width, 0))
  const [matrix, shifts] = [weights.take(count * HIDDEN), weights.take(count)]
  return (sigma) => {
    const level = Math.log(sigma) / 4
    const hidden = gains
      .map((gain, i) => gain * level + (offsets[i] as number))
      .map((value) => (value < 0 ? value / 8 : value))
    const all = shifts.map((shift, i) =>
      hidden.reduce((sum, value, j) => sum + value * (matrix[i * HIDDEN + j] as number), shift),
    )
    return widths.map((width, i) => all.subarray(starts[i], (starts[i] as number) + width))
  }
}

function scaled({ channels, width, height, values }: Maps, factor: number): Maps {
  const made = createMaps(channels, width, height)
  for (let i = 0; i < values.length; i++) made.values[i] = (values[i] as number) * factor
  return made
}
