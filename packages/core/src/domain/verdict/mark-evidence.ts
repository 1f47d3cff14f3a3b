/**
 * Mark evidence: what somebody with keys has read of a mark in the pixels.
 *
 * Plain values. Who reads, and with which keys, is left to the services; what it means to check-mark.ts.
 */

import type { VolumePlace } from '../mark/keys.ts'

/** In what tiles that hold contradict what they stand in. */
export type MarkContradiction =
  /** They name another record than that of their key. */
  | 'record_id'
  /** They are those of another plane, or of an image with more or fewer. */
  | 'plane'
  /** Their place in the volume is not the one that the record id was made of. */
  | 'volume'
  /** The device did not sign these samples. */
  | 'signature'

/** Samples of one frame, tiles beside each other taken together. */
export interface MarkRegion {
  /** From 1. */
  readonly frame: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Tiles that hold, at another place than this one. */
export interface ForeignRegion extends MarkRegion {
  /** Hexadecimal; the image itself for one that was moved within it. */
  readonly recordId: string
  /** Frame there, from 1. */
  readonly fromFrame: number
}

/** What was read. */
export interface MarkReading {
  readonly state: 'read'
  /** Hexadecimal; of the record whose key opened the tiles, or that the chips name. */
  readonly recordId: string
  /** By what: tiles that hold, or chips alone where no tile is left. */
  readonly by: 'tiles' | 'chips'
  /** SOP Instance UID that was marked under that id; absent without a record, or where it has none. */
  readonly instanceUid?: string
  /** What the site calls the device by; absent without its key. */
  readonly device?: string
  /** Of the record; absent without. */
  readonly markedAt?: Date
  /** The place in its volume, as the tiles say, or else the record; absent where neither does. */
  readonly place?: VolumePlace
  /** `holds`: each tile of each plane; `altered`: some; `absent`: none. */
  readonly tiles: 'holds' | 'altered' | 'absent'
  /** `unknown` where it was not to be checked: tiles are gone, or the tiles carry no stream. */
  readonly signature: 'holds' | 'fails' | 'unknown'
  /** Each once. */
  readonly contradictions: readonly MarkContradiction[]
  /** Where tiles do not hold. */
  readonly altered: readonly MarkRegion[]
  /** Of those, the ones that are tiles of another place. */
  readonly foreign: readonly ForeignRegion[]
}

export type MarkEvidence =
  /** Nobody looked, since nothing claims a mark and no key is at hand, or since no mark is known that it could be. */
  | { readonly state: 'not_looked' }
  /** There is no key for what is claimed. */
  | { readonly state: 'key_missing' }
  /** The pixels cannot be read as samples, or the records not be asked; the code of the error says why. */
  | { readonly state: 'unreadable'; readonly code: string }
  /** No tile holds under any key at hand, and no chips are there. */
  | { readonly state: 'absent' }
  | MarkReading
