/**
 * Mark claim: what a device says of the mark that it put into the pixels before it sealed them.
 *
 * Source: docs/reference/mark.md; the fields are described in docs/reference/seal-file.md. Whether the pixels carry that
 * mark is another question, which the signature over them does not answer: domain/mark reads it.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject } from '../../formats/json/parse.ts'

/** The place of an image in its volume, as the tiles carry it. */
export interface ClaimedVolume {
  /** 16 bytes. */
  readonly nonce: Uint8Array
  /** From 0, below `count`. */
  readonly index: number
  /** 1 to 2^32 − 1. */
  readonly count: number
}

export interface MarkClaim {
  /** Version of the mark. */
  readonly version: 1
  /** 8 bytes, the same in all planes. */
  readonly recordId: Uint8Array
  readonly volume: ClaimedVolume
  /** Ed25519 key with which the planes are signed, 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array
  /** Whether the pixels carry chips beside the tiles. */
  readonly hasChips: boolean
  /** Frames times components, 1 to 2^32 − 1. */
  readonly planes: number
  /** SHA-256 of the mark record. */
  readonly recordDigest: Uint8Array
}

const VERSION = 1
const RECORD_ID_BYTES = 8
const NONCE_BYTES = 16
const KEY_BYTES = 32
const MOST = 0xffff_ffff

/** @throws {FormatError} with the code of the fields */
export function readMarkClaim(fields: JsonFields): MarkClaim {
  return {
    version: fields.integer('version', VERSION, VERSION) as typeof VERSION,
    recordId: fields.hex('recordId', RECORD_ID_BYTES),
    volume: fields.object('volume', readVolume),
    publicKey: fields.hex('publicKey', KEY_BYTES),
    hasChips: fields.boolean('hasChips'),
    planes: fields.integer('planes', 1, MOST),
    recordDigest: fields.object('record', (inner) => inner.hex('sha256', 32)),
  }
}

/** The inverse of {@link readMarkClaim}. */
export const writeMarkClaim = (claim: MarkClaim): JsonObject => ({
  version: claim.version,
  recordId: encodeHex(claim.recordId),
  volume: { nonce: encodeHex(claim.volume.nonce), index: claim.volume.index, count: claim.volume.count },
  publicKey: encodeHex(claim.publicKey),
  hasChips: claim.hasChips,
  planes: claim.planes,
  record: { sha256: encodeHex(claim.recordDigest) },
})

function readVolume(fields: JsonFields): ClaimedVolume {
  const nonce = fields.hex('nonce', NONCE_BYTES)
  const count = fields.integer('count', 1, MOST)
  return { nonce, index: fields.integer('index', 0, count - 1), count }
}
