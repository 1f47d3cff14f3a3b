/**
 * Technique: one way of making a picture, or a part of it, false.
 *
 * The same host, seed and parameters give the same forgery, bit for bit. A technique changes values alone; files, headers and what is written
 * beside them are left to whoever calls. Techniques stand one in a file in techniques/; the list is techniques/all.ts.
 */

import type { Random } from '../attack/random.ts'
import type { GreyView } from '../pixels/grey-view.ts'

/** What a host shows, as far as somebody says. */
export type HostKind = 'chest' | 'limb' | 'ct' | 'mr' | 'other'

/** What a forgery is made from. */
export interface Host extends GreyView {
  readonly kind: HostKind
  /** Distance of neighbouring samples, millimetres; null where nobody says. */
  readonly spacingMm: number | null
  /** Another patient's picture, for techniques that ask for one. */
  readonly donor?: GreyView
}

/** A number that may be chosen. */
export interface Parameter {
  /** Lower camel case. */
  readonly name: string
  readonly low: number
  readonly high: number
  /** Drawn between `low` and `high` where null. */
  readonly usual: number | null
  readonly meaning: string
}

/** A part of the picture in samples; right and bottom are not included. */
export interface Spot {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export interface Forged {
  /** As many values as the host has, larger is brighter; they may lie between grey steps, and are rounded by whoever stores them. */
  readonly samples: Float32Array
  /** The parameters that were used, drawn ones included. */
  readonly parameters: Readonly<Record<string, number>>
  /** Where something was put in, taken out or moved; null where the whole picture was made anew. */
  readonly spot: Spot | null
}

/** Who may notice, in the order of docs/explanation/forge.md. */
export type Layer = 'signature' | 'mark' | 'header' | 'watchdog' | 'reader'
/** `sees`: reliably, by its construction or as measured; `may`: sometimes; `blind`: no better than chance. */
export type Sight = 'sees' | 'may' | 'blind'

export interface Technique {
  /** Lower case with hyphens, stable. */
  readonly id: string
  /** What is done, as one clause. */
  readonly title: string
  /** Whether the picture as a whole is made anew, a part of it, or slices of a volume together. */
  readonly reach: 'global' | 'local' | 'volume'
  readonly kinds: readonly HostKind[]
  readonly needsDonor?: boolean
  readonly parameters: readonly Parameter[]
  readonly expected: Readonly<Record<Layer, Sight>>
  /** Shortest side of a host that it can be made of, samples. */
  readonly leastSide: number
  /**
   * @param chosen  parameters that were asked for; the others are `usual`, or drawn
   * @throws {RangeError} for a host that is too small, of another kind, without the donor it needs, or parameters out of range
   */
  make(host: Host, random: Random, chosen?: Readonly<Record<string, number>>): Forged
}

/** Slices of a volume from the lowest position up, all of one size. */
export interface VolumeHost {
  readonly kind: 'ct' | 'mr'
  readonly slices: readonly GreyView[]
  /** Distance of neighbouring samples, and of neighbouring slices, millimetres. */
  readonly spacingMm: number
  readonly sliceSpacingMm: number
}

export interface ForgedVolume {
  /** As many as there were, each as {@link Forged.samples}; slices that stay are those of the host, the same object. */
  readonly slices: readonly Float32Array[]
  readonly parameters: Readonly<Record<string, number>>
  /** The place within each changed slice, and which slices: `first` up to, not including, `last`. */
  readonly spot: Spot & { readonly first: number; readonly last: number }
}

export interface VolumeTechnique extends Omit<Technique, 'make' | 'reach'> {
  readonly reach: 'volume'
  /** Slices that a host has to have. */
  readonly leastSlices: number
  make(host: VolumeHost, random: Random, chosen?: Readonly<Record<string, number>>): ForgedVolume
}
