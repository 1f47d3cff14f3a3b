/** All techniques, in the order in which they are listed; docs/reference/forge-techniques.md has a row for each. */
import type { Technique, VolumeTechnique } from '../technique.ts'
import { BONE_SMOOTHING } from './bone-smoothing.ts'
import { CODEC } from './codec.ts'
import { MIRROR } from './mirror.ts'
import { SMOOTH_GRAIN } from './smooth-grain.ts'
import { SPINE_STRAIGHTENING } from './spine-straightening.ts'
import { UPSAMPLING_TRACE } from './upsampling-trace.ts'

export const TECHNIQUES: readonly Technique[] = [
  // The whole picture made anew, without a network.
  UPSAMPLING_TRACE,
  SMOOTH_GRAIN,
  CODEC,
  MIRROR,
  BONE_SMOOTHING,
  SPINE_STRAIGHTENING,
  // The whole picture made anew, by a network.
  // A part of the picture.
]

/** Slices of a volume together. */
export const VOLUME_TECHNIQUES: readonly VolumeTechnique[] = []

export const findTechnique = (id: string): Technique | undefined => TECHNIQUES.find((technique) => technique.id === id)
