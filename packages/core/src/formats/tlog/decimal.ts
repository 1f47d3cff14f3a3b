/**
 * Decimal and hash lines: the two kinds of lines of which the texts of C2SP tlog-* are made.
 *
 * Source: C2SP tlog-checkpoint, section "Note text" (decimals without leading zeros); hashes are SHA-256 in base64. Which
 * error a wrong line is depends on the text that it stands in, so that these functions answer undefined.
 */
import { decodeBase64 } from '../../bytes/base64.ts'
import { FormatError } from '../../errors.ts'

/** Sizes, indexes and timestamps are smaller than this. */
export const NUMBER_LIMIT = 1n << 63n
export const HASH_BYTES = 32
/** Hashes of the longest proof of inclusion or consistency in a tree of less than 2^63 leaves. */
export const PROOF_LIMIT = 63

const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/

/** 0n up to, not including, 2^63, in its one spelling. */
export function readDecimal(text: string): bigint | undefined {
  if (!DECIMAL.test(text)) return undefined
  const value = BigInt(text)
  return value < NUMBER_LIMIT ? value : undefined
}

/** 32 bytes. */
export function readHash(text: string): Uint8Array | undefined {
  if (text.length !== 44) return undefined
  try {
    const hash = decodeBase64(text)
    return hash.length === HASH_BYTES ? hash : undefined
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** @throws {RangeError} for a number that is not a size, index or timestamp: a mistake of the caller */
export function checkNumber(value: bigint): bigint {
  if (value < 0n || value >= NUMBER_LIMIT) throw new RangeError('a number outside 0 to 2^63 - 1')
  return value
}

/** @throws {RangeError} for a hash that does not have 32 bytes: a mistake of the caller */
export function checkHash(hash: Uint8Array): Uint8Array {
  if (hash.length !== HASH_BYTES) throw new RangeError(`a hash of ${hash.length} bytes`)
  return hash
}
