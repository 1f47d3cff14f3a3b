/** All techniques, in the order in which they are listed; docs/reference/forge-techniques.md has a row for each. */
import type { Technique, VolumeTechnique } from '../technique.ts'
import { AUTOENCODER } from './autoencoder.ts'
import { BONE_SMOOTHING } from './bone-smoothing.ts'
import { CODEC } from './codec.ts'
import { COPY_MOVE } from './copy-move.ts'
import { CT_NODULE } from './ct-nodule.ts'
import { CT_REMOVAL } from './ct-removal.ts'
import { DIFFUSION } from './diffusion.ts'
import { FRACTURE_LINE } from './fracture-line.ts'
import { LATERALITY_FLIP } from './laterality-flip.ts'
import { LESION_REMOVAL } from './lesion-removal.ts'
import { MIRROR } from './mirror.ts'
import { NODULE } from './nodule.ts'
import { SMOOTH_GRAIN } from './smooth-grain.ts'
import { SPINE_STRAIGHTENING } from './spine-straightening.ts'
import { SPLICE } from './splice.ts'
import { UPSAMPLING_TRACE } from './upsampling-trace.ts'

export const TECHNIQUES: readonly Technique[] = [
  // The whole picture made anew, without a network.
  UPSAMPLING_TRACE,
  SMOOTH_GRAIN,
  CODEC,
  MIRROR,
  BONE_SMOOTHING,
  SPINE_STRAIGHTENING,
  LATERALITY_FLIP,
  // The whole picture made anew, by a network.
  AUTOENCODER,
  DIFFUSION,
  // A part of the picture.
  NODULE,
  FRACTURE_LINE,
  LESION_REMOVAL,
  COPY_MOVE,
  SPLICE,
]

/** Slices of a volume together. */
export const VOLUME_TECHNIQUES: readonly VolumeTechnique[] = [CT_NODULE, CT_REMOVAL]

export const findTechnique = (id: string): Technique | undefined => TECHNIQUES.find((technique) => technique.id === id)
