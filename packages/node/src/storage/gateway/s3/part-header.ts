/**
 * Part header: what stands before the first bytes of a file in a bucket, so that whoever fetches it knows how many parts
 * there are, and whether they are whole.
 *
 *     fiducial-spool/1 LENGTH SHA256   ASCII, filled with spaces to 127 bytes, and a newline
 *
 * LENGTH is decimal, SHA256 of the whole file in lower-case hexadecimal.
 */
import { decodeHex, encodeHex } from '@fiducial/core/bytes/hex.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { SpooledBytes } from '../../../services/gateway/ports.ts'

export const PART_HEADER_BYTES = 128
const HEADER = /^fiducial-spool\/1 (0|[1-9]\d{0,14}) ([0-9a-f]{64}) *\n$/

export function formatPartHeader({ lengthBytes, sha256 }: SpooledBytes): Uint8Array {
  return Buffer.from(`${`fiducial-spool/1 ${lengthBytes} ${encodeHex(sha256)}`.padEnd(PART_HEADER_BYTES - 1)}\n`)
}

/** @param bytes  of part 0, at least its header @throws {StoreError} `spool_corrupted` */
export function parsePartHeader(bytes: Uint8Array): SpooledBytes {
  const text = Buffer.from(bytes.subarray(0, PART_HEADER_BYTES)).toString('latin1')
  const [, length, sha256] = text.length === PART_HEADER_BYTES ? (HEADER.exec(text) ?? []) : []
  if (length === undefined || sha256 === undefined) {
    throw new StoreError('spool_corrupted', 'what lies in the bucket was not made by a spool')
  }
  return { lengthBytes: Number(length), sha256: decodeHex(sha256) }
}
