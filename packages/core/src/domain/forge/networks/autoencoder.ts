/**
 * Auto-encoder: a network that keeps of each 8 × 8 samples eight numbers, and makes a picture from those.
 *
 * Four layers down and four up, 26,220 weights; its last layer makes the four phases of a sample's neighbourhood apart, which leaves a trace
 * at every other sample. How it was trained: docs/reference/forge-networks.md.
 */
import { AUTOENCODER_WEIGHTS } from './autoencoder-weights.ts'
import { convolve, enlarge, type Kernel, leak, shuffle } from './layers.ts'
import type { Maps } from './maps.ts'
import { readWeights } from './weights.ts'

/** A picture in, a picture of the same size out; values from −1 (black) to 1 (white), sides multiples of 8. */
export type PictureNetwork = (picture: Maps) => Maps

/** Reads the weights; whoever needs the network more often keeps it. */
export function loadAutoencoder(): PictureNetwork {
  const weights = readWeights(AUTOENCODER_WEIGHTS)
  const down = [weights.takeKernel(1, 16, 2), weights.takeKernel(16, 24, 2), weights.takeKernel(24, 32, 2)]
  const code = weights.takeKernel(32, 8)
  const up = [weights.takeKernel(8, 32), weights.takeKernel(32, 24)]
  const [above, last] = [weights.takeKernel(24, 16), weights.takeKernel(16, 4)]
  const step = (maps: Maps, kernel: Kernel): Maps => leak(convolve(maps, kernel))
  return (picture) => {
    const coded = convolve(down.reduce(step, picture), code)
    const raised = up.reduce((maps, kernel) => enlarge(step(maps, kernel)), coded)
    return shuffle(convolve(step(raised, above), last), 2)
  }
}
