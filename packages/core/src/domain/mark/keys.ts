/**
 * Keys: what is derived from the mark key of a device, and the record ids made with it.
 *
 * Source: docs/reference/mark.md, "Keys" and "Record id"; HKDF is RFC 5869.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { hkdfSha256 } from '../../bytes/hkdf.ts'
import { hmacSha256 } from '../../bytes/hmac.ts'
import { encodeUtf8 } from '../../bytes/text.ts'

/** Bytes of every key here. */
export const KEY_BYTES = 32
export const RECORD_ID_BYTES = 8
export const VOLUME_NONCE_BYTES = 16

/** What a device's mark key stands for; secret, all of it. */
export interface MarkKeys {
  /** Makes record ids. */
  readonly id: Uint8Array
  /** Patterns and check of the chips. */
  readonly chips: Uint8Array
  /** Seed of an Ed25519 key (RFC 8032). */
  readonly signatureSeed: Uint8Array
}

/** The place of an image in its volume; a single image is a volume of one. */
export interface VolumePlace {
  /** 16 random bytes. */
  readonly volumeNonce: Uint8Array
  /** From 0. */
  readonly index: number
  /** Images of the volume, 1 to 2^32 − 1. */
  readonly count: number
}

const NOTHING = new Uint8Array(0)

/** @param markKey  32 secret bytes @throws {RangeError} for another length */
export function deriveMarkKeys(hashes: HashFactory, markKey: Uint8Array): MarkKeys {
  checkKey(markKey)
  const derive = (name: string) => hkdfSha256(hashes, markKey, NOTHING, encodeUtf8(`fiducial-mark/v1/${name}`))
  return { id: derive('id'), chips: derive('chips'), signatureSeed: derive('signature') }
}

/**
 * The key of one image's tiles, which may be disclosed once the image is in a log.
 * @param markKey   32 secret bytes
 * @param recordId  8 bytes
 * @throws {RangeError} for another length of either
 */
export function deriveImageKey(hashes: HashFactory, markKey: Uint8Array, recordId: Uint8Array): Uint8Array {
  checkKey(markKey)
  if (recordId.length !== RECORD_ID_BYTES) throw new RangeError('a record id has 8 bytes')
  return hkdfSha256(hashes, markKey, recordId, encodeUtf8('fiducial-mark/v1/image'))
}

/**
 * The id under which an image is marked, 8 bytes that say nothing to those without the key.
 * @param idKey  {@link MarkKeys.id}
 * @throws {RangeError} for a place that is not in its volume
 */
export function deriveRecordId(hashes: HashFactory, idKey: Uint8Array, place: VolumePlace): Uint8Array {
  const { volumeNonce, index, count } = place
  if (volumeNonce.length !== VOLUME_NONCE_BYTES) throw new RangeError('a volume nonce has 16 bytes')
  if (!isCount(count) || !Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError('the index is not in the volume')
  }
  const numbers = new Uint8Array(8)
  const view = new DataView(numbers.buffer)
  view.setUint32(0, index)
  view.setUint32(4, count)
  return hmacSha256(hashes, idKey, volumeNonce, numbers).slice(0, RECORD_ID_BYTES)
}

const isCount = (count: number): boolean => Number.isInteger(count) && count >= 1 && count < 2 ** 32

function checkKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw new RangeError('a mark key has 32 bytes')
}
