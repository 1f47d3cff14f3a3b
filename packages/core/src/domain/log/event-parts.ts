/**
 * Event parts: what events have in common: who recorded it, which image it is about, and when it cannot have been.
 *
 * Described in docs/reference/log-events.md. Names show what they say: no control characters, no ends of lines, nothing
 * that turns the direction of writing.
 */
import { type InstanceUids, UID as UID_PATTERN } from '../../formats/dicom/instance-uids.ts'
import {
  type QuotedCheckpoint,
  readQuotedCheckpoint,
  writeQuotedCheckpoint,
} from '../../formats/tlog/quoted-checkpoint.ts'
import { bytesOf, count, flag, moment, nullable, type RecordShape, record, type Shape, textOf } from './event-shape.ts'

/** 1 to 256 characters that show what they say. */
export const TEXT = textOf(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]{1,256}$/u)
/** The same, 1 to 128: what a site calls a thing or a person by. */
export const ID = textOf(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]{1,128}$/u)
/** A word of a list that others keep: reasons, subjects of checks, protocols. */
export const CODE_PATTERN = /^[a-z][a-z0-9_]{0,63}$/
export const CODE = textOf(CODE_PATTERN)
/** As a file has it. */
export const UID = textOf(UID_PATTERN)
/** An application entity title (PS3.5 section 6.2), 1 to 16 characters without the spaces around it. */
export const AE_TITLE = textOf(/^[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$/)
/** A signed note (C2SP signed-note), not looked at: lines, and no other control characters. */
export const NOTE = textOf(/^[^\x00-\x09\x0b-\x1f]{1,65536}$/)
/** SHA-256. */
export const DIGEST = bytesOf(32)

/** A system or a person, as the site calls it. */
export interface Party {
  /** 1 to 128 characters. */
  readonly id: string
  /** 1 to 256 characters. */
  readonly name: string
}

/** The image, or with fewer UIDs the series or study. Null where the file has none or one that is no UID. */
export type EventInstance = InstanceUids

/**
 * The image by digests, of which some survive honest work: `dataset` a new file around it, `pixels` and `frames` a
 * lossless encoding. Null where unknown; at least one is not.
 */
export interface ContentDigests {
  /** SHA-256 of all bytes. */
  readonly file: Uint8Array | null
  /** As in an acquisition statement: over all signable elements. */
  readonly dataset: Uint8Array | null
  /** SHA-256 of the decoded frames, one after the other. */
  readonly pixels: Uint8Array | null
  /** As in an acquisition statement: RFC 6962 tree over the SHA-256 of each decoded frame. */
  readonly frames: FrameDigests | null
}

export interface FrameDigests {
  readonly count: bigint
  readonly root: Uint8Array
}

/** What every event made for the log says. */
export interface EventHeader {
  /** 16 bytes that nobody could foresee: without them, nobody can guess a statement and confirm it by its digest. */
  readonly salt: Uint8Array
  /** Clock of the recorder, to the millisecond. */
  readonly at: Date
  /** Made by a simulator or a demonstration. */
  readonly isDemo: boolean
  /** Which system recorded it. */
  readonly recorder: Party
  /** Null where the event is about no image, or the file has no name to be read. */
  readonly instance: EventInstance | null
  /** Null exactly where the event is about no image. */
  readonly digests: ContentDigests | null
  /** The newest checkpoint with witnesses that the recorder knew; null for none. */
  readonly checkpoint: QuotedCheckpoint | null
}

export const SALT_BYTES = 16

export const PARTY: RecordShape<Party> = record({ id: ID, name: TEXT })

export const INSTANCE: RecordShape<EventInstance> = record({
  sopClassUid: nullable(UID),
  sopInstanceUid: nullable(UID),
  seriesInstanceUid: nullable(UID),
  studyInstanceUid: nullable(UID),
  transferSyntaxUid: nullable(UID),
})

const DIGESTS = record<ContentDigests>({
  file: nullable(DIGEST),
  dataset: nullable(DIGEST),
  pixels: nullable(DIGEST),
  frames: nullable(record<FrameDigests>({ count, root: DIGEST })),
})

export const CONTENT_DIGESTS: Shape<ContentDigests> = {
  write: DIGESTS.write,
  read(fields, name) {
    const digests = DIGESTS.read(fields, name)
    if (Object.values(digests).every((digest) => digest === null)) throw fields.refuse(name, 'holds no digest')
    return digests
  },
}

const QUOTED_CHECKPOINT: Shape<QuotedCheckpoint | null> = { read: readQuotedCheckpoint, write: writeQuotedCheckpoint }

export const HEADER: RecordShape<EventHeader> = record({
  salt: bytesOf(SALT_BYTES),
  at: moment,
  isDemo: flag,
  recorder: PARTY,
  instance: nullable(INSTANCE),
  digests: nullable(CONTENT_DIGESTS),
  checkpoint: QUOTED_CHECKPOINT,
})
