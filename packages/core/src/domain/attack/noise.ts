/**
 * Noise: a normal deviate added to each sample.
 */
import { createPicture, type Picture } from './picture.ts'
import { createRandom } from './random.ts'

/** @param deviation in grey levels */
export function addNoise({ width, height, samples }: Picture, deviation: number, seed: number): Picture {
  const result = createPicture(width, height)
  const { normal } = createRandom(seed)
  for (let i = 0; i < samples.length; i++) {
    const value = (samples[i] as number) + deviation * normal() + 0.5
    result.samples[i] = value < 0 ? 0 : value >= 255 ? 255 : value
  }
  return result
}
