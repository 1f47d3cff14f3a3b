/**
 * Learn image: the numbers of one real image, and of the fakes that the forge makes of it.
 *
 * Fakes are aligned: same picture, same size, same depth, same way in. What tells them from the real one is what the technique did.
 */
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { forgeView } from '@fiducial/core/domain/forge/forge-view.ts'
import type { Host, Technique } from '@fiducial/core/domain/forge/technique.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import type { WatchKind } from '@fiducial/core/domain/watch/body-part.ts'
import { MEASURE_NAMES, measureView } from '@fiducial/core/domain/watch/measure-view.ts'
import type { LearntImage, LearntValues } from './ports.ts'
import { type Variant, varyView } from './variants.ts'

/** Names of the numbers that are kept: what models see, and the size of the plane, which they must not learn from. */
export const LEARNT_NAMES: readonly string[] = [...MEASURE_NAMES, 'plane.width', 'plane.height', 'plane.shrink']
/** Those of the size. */
export const SIZE_NAMES = LEARNT_NAMES.slice(MEASURE_NAMES.length)

export interface LearnOrder {
  readonly view: GreyView
  readonly kind: WatchKind
  /** Digest of the image's file: with the technique it decides what is drawn. */
  readonly sha256: Uint8Array
  readonly techniques: readonly Technique[]
  readonly variants: readonly Variant[]
  readonly donor?: GreyView
}

/** Measures the picture, its fakes and its variants; a technique that refuses the host has its reason instead of numbers. */
export function learnImage(order: LearnOrder, hash: HashFactory): LearntImage {
  const { view, kind, techniques, variants } = order
  const learnt: Record<string, LearntValues> = { real: valuesOf(view, kind) }
  for (const technique of techniques) learnt[technique.id] = learnFake(technique, order, hash)
  for (const variant of variants) learnt[variant.id] = valuesOf(varyView(view, variant), kind)
  return learnt
}

/** A straight spine cannot be straightened: what a global technique leaves as it was is no fake. Share of samples. */
const LEAST_CHANGED = 0.05

function learnFake(technique: Technique, { view, kind, sha256, donor }: LearnOrder, hash: HashFactory): LearntValues {
  const host: Host = { ...view, kind, spacingMm: null, ...(donor !== undefined && { donor }) }
  try {
    const forged = forgeView(technique, host, seedOf(sha256, technique.id, hash))
    if (technique.reach === 'global' && forged.changedShare < LEAST_CHANGED) return 'hardly_changed'
    return valuesOf({ ...view, samples: Float32Array.from(forged.samples) }, kind)
  } catch (error) {
    if (error instanceof RangeError) return 'host_refused'
    throw error
  }
}

function valuesOf(view: GreyView, kind: WatchKind): LearntValues {
  const measured = measureView(view, kind)
  if (typeof measured === 'string') return measured
  const { width, height, shrink } = measured.plane
  return [...Array.from(measured.values, (value) => (Number.isNaN(value) ? null : value)), width, height, shrink]
}

/** What a technique draws from, for an image: 32 bits. */
export function seedOf(sha256: Uint8Array, technique: string, hash: HashFactory): number {
  const digest = digestOf(hash, 'sha256', sha256, new TextEncoder().encode(technique))
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0)
}
