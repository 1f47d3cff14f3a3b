/**
 * Ground truth: what is written beside forged images, so that whoever trains, tests or drills with them knows what was done to which.
 *
 * Our own format: docs/explanation/forge.md, "What lies beside a forgery". It holds digests and numbers, no name of a file that came in and
 * nothing of a header but UIDs.
 */
import type { HostKind, Layer, Sight, Spot, Technique, VolumeTechnique } from './technique.ts'

export const TRUTH_SUFFIX = '.forge.json'
export const NOTICE = 'SYNTHETIC: not a patient as acquired'

/** One frame that was changed. */
export interface FrameTruth {
  /** From 1, as in Referenced Frame Number. */
  readonly frame: number
  readonly parameters: Readonly<Record<string, number>>
  /** Where something was put in, taken out or moved; null for the picture as a whole. */
  readonly spot: Spot | null
  /** Share of its samples that are not what they were, 0 to 1. */
  readonly changedShare: number
  /** Name of the mask beside it: white where a sample was changed; null where none was written. */
  readonly mask: string | null
}

/** One file that was written. */
export interface ImageTruth {
  /** Name, without its folder. */
  readonly file: string
  readonly input: { readonly sha256: string; readonly sopInstanceUid: string | null }
  readonly output: { readonly sha256: string; readonly sopInstanceUid: string | null }
  /** What chance was drawn from: see {@link GroundTruth.seed}. */
  readonly imageSeed: number
  /** None for a slice that belongs to a forged volume and stays. */
  readonly frames: readonly FrameTruth[]
}

export interface GroundTruth {
  readonly notice: typeof NOTICE
  readonly forge: { readonly version: string }
  readonly technique: { readonly id: string; readonly title: string; readonly reach: Technique['reach'] }
  /** As it was asked for. */
  readonly seed: number
  readonly kind: HostKind
  /** Who may notice, by layer. */
  readonly expected: Readonly<Record<Layer, Sight>>
  /** Of a generator elsewhere: what was asked, and for what. */
  readonly generator?: { readonly name: string; readonly prompt: string }
  /** Several for the slices of a volume. */
  readonly images: readonly ImageTruth[]
  /** Slices of a volume that hold the change: of `images`, from `first` up to, not including, `last`. */
  readonly slices?: { readonly first: number; readonly last: number }
}

type Told = Pick<Technique | VolumeTechnique, 'id' | 'title' | 'reach' | 'expected'>

/** What of a technique goes into a ground truth. */
export const truthOf = ({ id, title, reach, expected }: Told) => ({
  technique: { id, title, reach },
  expected,
})

/** Indented JSON with a newline at the end, the same text for the same truth. */
export const formatTruth = (truth: GroundTruth): string => `${JSON.stringify(truth, null, 2)}\n`
