/**
 * Cosignature: what a witness, or a log with a key for ML-DSA-44, signs of a checkpoint, and how it stands in a note.
 *
 * Source: C2SP tlog-cosignature, sections "Format", "Ed25519 signed message" and "ML-DSA-44 signed message". Times are
 * POSIX seconds. Making and checking the signatures is left to domain/log.
 */
import { concatBytes, encodeLatin1, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { SUBTREE_NAME_LIMIT, signatureLength, type VerifierKeyType } from '../note/verifier-key.ts'
import { checkHash, checkNumber, NUMBER_LIMIT } from './decimal.ts'

/** A key whose signatures carry their time. */
export type CosignatureType = Exclude<VerifierKeyType, 'ed25519'>

/** The timestamped_signature of the standard. */
export interface TimestampedSignature {
  /** Seconds, 0n up to, not including, 2^63. An ML-DSA-44 cosigner writes 0n to make no statement about time. */
  readonly timestamp: bigint
  /** The bare signature: 64 bytes for Ed25519, 2,420 for ML-DSA-44. */
  readonly signature: Uint8Array
}

/** The cosigned_message of the standard: a subtree, and who has seen it when. */
export interface Subtree {
  /** Name of the cosigner's key, 1 to 255 bytes of UTF-8. */
  readonly cosigner: string
  /** Seconds; 0n where `start` is not 0n. */
  readonly timestamp: bigint
  /** Name of the log, 1 to 255 bytes of UTF-8. */
  readonly origin: string
  /** Index of the first leaf: 0n for a checkpoint. */
  readonly start: bigint
  /** Index behind the last leaf: the size of a checkpoint. */
  readonly end: bigint
  /** Root over those leaves, 32 bytes. */
  readonly hash: Uint8Array
}

const LABEL = encodeLatin1('subtree/v1\n\0')
const TIMESTAMP_BYTES = 8

/**
 * What an Ed25519 cosignature signs.
 *
 * @param checkpointText  the whole text of the note, extension lines and last newline included
 * @throws {RangeError} for a timestamp that is none
 */
export function cosignatureMessage(checkpointText: string, timestamp: bigint): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${checkNumber(timestamp)}\n${checkpointText}`)
}

/**
 * What an ML-DSA-44 cosignature signs. Extension lines of a checkpoint are not part of it.
 * @throws {RangeError} for values that the message cannot hold; see {@link isSubtreeName} for the names
 */
export function subtreeMessage({ cosigner, timestamp, origin, start, end, hash }: Subtree): Uint8Array {
  if (checkNumber(start) > checkNumber(end)) throw new RangeError('a subtree that ends before it starts')
  if (start !== 0n && timestamp !== 0n) throw new RangeError('a time for a subtree that is no checkpoint')
  return concatBytes(
    LABEL,
    prefixed(cosigner),
    uint64(checkNumber(timestamp)),
    prefixed(origin),
    uint64(start),
    uint64(end),
    checkHash(hash),
  )
}

/** Whether the name of a cosigner or log fits a subtree message. */
export function isSubtreeName(name: string): boolean {
  const length = encodeUtf8(name).length
  return length > 0 && length <= SUBTREE_NAME_LIMIT
}

/**
 * Reads the signature of a note line whose key is for cosignatures.
 * @throws {FormatError} `note_malformed` for a length or a time that no cosignature has
 */
export function parseTimestamped(bytes: Uint8Array, type: CosignatureType): TimestampedSignature {
  if (bytes.length !== TIMESTAMP_BYTES + signatureLength(type)) throw malformed('length')
  const timestamp = new DataView(bytes.buffer, bytes.byteOffset, TIMESTAMP_BYTES).getBigUint64(0)
  if (timestamp >= NUMBER_LIMIT) throw malformed('time')
  return { timestamp, signature: bytes.subarray(TIMESTAMP_BYTES) }
}

/** Writes what a note line carries; the inverse of {@link parseTimestamped}. */
export function formatTimestamped({ timestamp, signature }: TimestampedSignature): Uint8Array {
  return concatBytes(uint64(checkNumber(timestamp)), signature)
}

function prefixed(name: string): Uint8Array {
  if (!isSubtreeName(name)) throw new RangeError('a name that no subtree message can hold')
  const bytes = encodeUtf8(name)
  return concatBytes(Uint8Array.of(bytes.length), bytes)
}

function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

const malformed = (what: string): FormatError => new FormatError('note_malformed', `a cosignature with a wrong ${what}`)
