/**
 * Quoted checkpoint: the newest checkpoint of a log, as a statement quotes it to show that it is not older.
 *
 * Nobody can foresee the root of a log, so whoever quotes it signs after it was there. The value stands in JSON, in
 * statements about images and in those about events. Whether the log ever had that root is left to domain/log.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { JsonFields } from '../json/fields.ts'
import type { JsonObject } from '../json/parse.ts'

export interface QuotedCheckpoint {
  /** Name of the log: 1 to 255 printable ASCII characters without spaces or plus. */
  readonly origin: string
  /** Number of entries, 1n up to, not including, 2^63: the root of an empty log is known to everybody. */
  readonly size: bigint
  /** Merkle root over those entries, 32 bytes. */
  readonly root: Uint8Array
}

const ORIGIN = /^[!-*,-~]{1,255}$/
const SIZE_LIMIT = (1n << 63n) - 1n

/**
 * Reads a field that holds a quoted checkpoint, or null where none was at hand.
 * @throws {FormatError} with the code of the fields
 */
export const readQuotedCheckpoint = (fields: JsonFields, name: string): QuotedCheckpoint | null =>
  fields.nullable(name, readCheckpoint)

function readCheckpoint(fields: JsonFields): QuotedCheckpoint {
  const origin = fields.string('origin', ORIGIN)
  const size = fields.bigint('size', SIZE_LIMIT)
  if (size === 0n) throw fields.refuse('size', 'is zero')
  return { origin, size, root: fields.hex('root', 32) }
}

/** The JSON of that field; the inverse of {@link readQuotedCheckpoint}. */
export const writeQuotedCheckpoint = (quoted: QuotedCheckpoint | null): JsonObject | null =>
  quoted === null ? null : { origin: quoted.origin, size: String(quoted.size), root: encodeHex(quoted.root) }
