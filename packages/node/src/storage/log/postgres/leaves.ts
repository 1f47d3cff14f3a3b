/**
 * Leaves: those of a batch as one value, each behind its length as a big-endian 16-bit number.
 *
 * The form of an entry bundle (C2SP tlog-tiles, "Log entries"), without its limit of 256 entries.
 */
import { StoreError } from '@fiducial/core/errors.ts'

const PREFIX_BYTES = 2

/** @param leaves  each 0 to 65,535 bytes */
export function encodeLeaves(leaves: readonly Uint8Array[]): Buffer {
  const length = leaves.reduce((sum, leaf) => sum + PREFIX_BYTES + leaf.length, 0)
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const leaf of leaves) {
    at = bytes.writeUInt16BE(leaf.length, at)
    bytes.set(leaf, at)
    at += leaf.length
  }
  return bytes
}

/**
 * The inverse of {@link encodeLeaves}.
 * @returns views into `bytes`
 * @throws {StoreError} `log_corrupted` if there are fewer or more, or a part of one
 */
export function decodeLeaves(bytes: Uint8Array, count: number): Uint8Array[] {
  const leaves: Uint8Array[] = []
  let at = 0
  while (at + PREFIX_BYTES <= bytes.length && leaves.length < count) {
    const start = at + PREFIX_BYTES
    at = start + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
    leaves.push(new Uint8Array(bytes.buffer, bytes.byteOffset + start, Math.max(0, Math.min(at, bytes.length) - start)))
  }
  if (at !== bytes.length || leaves.length !== count) {
    throw new StoreError('log_corrupted', `a batch of ${count} entries does not hold so many leaves`)
  }
  return leaves
}
