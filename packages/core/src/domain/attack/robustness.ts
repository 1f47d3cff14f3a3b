/**
 * Robustness: the attacks that a robust mark is held against, by name.
 *
 * They stand for what happens to pictures on the way through offices, messengers and slides, with nobody meaning harm.
 * The order and the strengths are those of docs/explanation/mark-attacks.md; adversaries have files of their own.
 */
import { blurGaussian, filterMedian } from './blur.ts'
import { equaliseLocally } from './clahe.ts'
import { cropSides } from './crop.ts'
import { compressJpeg } from './jpeg.ts'
import { addNoise } from './noise.ts'
import type { Picture } from './picture.ts'
import { scalePicture } from './resize.ts'
import { straighten } from './rotate.ts'
import { captureWindow } from './screenshot.ts'
import { applyGamma, applyWindow, invertPicture } from './tone.ts'

export interface RobustnessAttack {
  /** Lower case, stable. */
  readonly id: string
  /** The same picture and seed give the same result. */
  apply(picture: Picture, seed: number): Picture
}

/** From the mildest, which does nothing, on. */
export const ROBUSTNESS_ATTACKS: readonly RobustnessAttack[] = [
  { id: 'png', apply: (picture) => picture },
  { id: 'jpeg-90', apply: (picture) => compressJpeg(picture, 90) },
  { id: 'jpeg-75', apply: (picture) => compressJpeg(picture, 75) },
  { id: 'jpeg-50', apply: (picture) => compressJpeg(picture, 50) },
  { id: 'jpeg-30', apply: (picture) => compressJpeg(picture, 30) },
  { id: 'resize-0.5', apply: (picture) => scalePicture(picture, 0.5) },
  { id: 'resize-0.75', apply: (picture) => scalePicture(picture, 0.75) },
  { id: 'resize-1.5', apply: (picture) => scalePicture(picture, 1.5) },
  { id: 'half-jpeg-75', apply: (picture) => compressJpeg(scalePicture(picture, 0.5), 75) },
  { id: 'aspect-0.9', apply: (picture) => scalePicture(picture, 0.9, 1) },
  { id: 'crop-10', apply: (picture, seed) => cropSides(picture, 0.1, seed) },
  { id: 'crop-25', apply: (picture, seed) => cropSides(picture, 0.25, seed) },
  { id: 'crop-50', apply: (picture, seed) => cropSides(picture, 0.5, seed) },
  {
    id: 'crop-25-scale-jpeg-75',
    apply: (picture, seed) => compressJpeg(scalePicture(cropSides(picture, 0.25, seed), 0.75), 75),
  },
  { id: 'gamma-0.8', apply: (picture) => applyGamma(picture, 0.8) },
  { id: 'gamma-1.25', apply: (picture) => applyGamma(picture, 1.25) },
  { id: 'window-narrow', apply: (picture) => applyWindow(picture, 1.25, -40) },
  { id: 'window-wide', apply: (picture) => applyWindow(picture, 0.6, 30) },
  { id: 'invert', apply: invertPicture },
  { id: 'noise-3', apply: (picture, seed) => addNoise(picture, 3, seed) },
  { id: 'noise-6', apply: (picture, seed) => addNoise(picture, 6, seed) },
  { id: 'blur-1', apply: (picture) => blurGaussian(picture, 1) },
  { id: 'median-3', apply: filterMedian },
  { id: 'clahe', apply: (picture) => equaliseLocally(picture) },
  { id: 'rotate-1', apply: (picture) => straighten(picture, 1) },
  { id: 'rotate-2', apply: (picture) => straighten(picture, 2) },
  { id: 'screenshot', apply: captureWindow },
]
