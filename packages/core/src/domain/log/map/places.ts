/**
 * Places: which instance an entry of the log counted for.
 *
 * An entry that erases a statement names its index only, and the statement is gone by then. So the storage keeps, for
 * 256 entries in a row, the keys of their studies and instances: digests that name nobody.
 */
import { StoreError } from '../../../errors.ts'
import { DIGEST_BYTES } from './map-hash.ts'

/** An entry and the instance that it counted for. */
export interface EntryPlace {
  readonly index: bigint
  /** Key of the study, 32 bytes. */
  readonly study: Uint8Array
  /** Key of the instance, 32 bytes. */
  readonly instance: Uint8Array
}

const ROW_BITS = 8n
const ROW_MASK = 255n
const PLACE_BYTES = 1 + 2 * DIGEST_BYTES

/** Name in storage of the row that an entry belongs to. */
export const rowName = (index: bigint): string => `e${index >> ROW_BITS}`

/** Writes the places of one row, in the order of the log: the last byte of the index, and the two keys. */
export function encodeRow(places: readonly EntryPlace[]): Uint8Array {
  const bytes = new Uint8Array(places.length * PLACE_BYTES)
  for (const [i, { index, study, instance }] of places.entries()) {
    bytes[i * PLACE_BYTES] = Number(index & ROW_MASK)
    bytes.set(study, i * PLACE_BYTES + 1)
    bytes.set(instance, i * PLACE_BYTES + 1 + DIGEST_BYTES)
  }
  return bytes
}

/**
 * Reads a row, the inverse of {@link encodeRow}. What comes out are views of the bytes.
 * @param index  of any entry of the row
 * @throws {StoreError} `log_corrupted` for any other bytes
 */
export function decodeRow(bytes: Uint8Array, index: bigint): readonly EntryPlace[] {
  const places: EntryPlace[] = []
  for (let offset = 0; offset < bytes.length; offset += PLACE_BYTES) {
    const place = bytes.subarray(offset, offset + PLACE_BYTES)
    const isNext = offset === 0 || (place[0] as number) >= (bytes[offset - PLACE_BYTES] as number)
    if (place.length !== PLACE_BYTES || !isNext) {
      throw new StoreError('log_corrupted', `row ${rowName(index)} of the completeness map is damaged`)
    }
    places.push({
      index: ((index >> ROW_BITS) << ROW_BITS) + BigInt(place[0] as number),
      study: place.subarray(1, 1 + DIGEST_BYTES),
      instance: place.subarray(1 + DIGEST_BYTES),
    })
  }
  return places
}
