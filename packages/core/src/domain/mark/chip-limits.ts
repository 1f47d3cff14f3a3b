/**
 * Chip limits: how faint chips have to be on images of a kind.
 *
 * Ours, by kind: images of 10 bits and more have room below what any window shows; of 8 bits, X-rays are smooth and ultrasound is all
 * speckle, in which chips need more and hide better.
 */

import type { ImagePixels } from '../pixels/image-pixels.ts'
import type { ChipLimits } from './chips/embed-chips.ts'

const DEEP: ChipLimits = { minStoredPsnr: 62, minDisplayPsnr: 48 }
const SHALLOW: ChipLimits = { minStoredPsnr: 55, minDisplayPsnr: 55 }
const SPECKLED: ChipLimits = { minStoredPsnr: 48, minDisplayPsnr: 48 }
/** Ultrasound, and what is seen through endoscopes. */
const SPECKLED_MODALITIES: ReadonlySet<string> = new Set(['US', 'IVUS', 'ES'])

export function chipLimitsOf({ bits, modality }: Pick<ImagePixels, 'bits' | 'modality'>): ChipLimits {
  if (bits >= 10) return DEEP
  return modality !== null && SPECKLED_MODALITIES.has(modality) ? SPECKLED : SHALLOW
}
