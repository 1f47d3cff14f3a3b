/**
 * Checkpoint: the short text a log signs to commit to everything it holds.
 *
 * Source: C2SP tlog-checkpoint, section "Note text"; the root hash is that of RFC 6962 section 2.1. The signatures
 * around the text are read by formats/note.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { FormatError } from '../../errors.ts'
import { checkHash, checkNumber, readDecimal, readHash } from './decimal.ts'

export interface Checkpoint {
  /** Name of the log: not empty, no control character. */
  readonly origin: string
  /** Number of leaves: 0n up to, not including, 2^63. */
  readonly size: bigint
  /** Merkle root over those leaves, 32 bytes. */
  readonly root: Uint8Array
  /** Extension lines, each not empty. Our own logs write none; an ML-DSA-44 cosignature does not cover them. */
  readonly extensions: readonly string[]
}

const CONTROL = /[\x00-\x1f]/

/**
 * Reads a checkpoint text; accepts exactly the spellings that {@link formatCheckpoint} writes.
 *
 * @param text  at least three lines, each ending in a newline; no signature lines
 * @throws {FormatError} `checkpoint_malformed`, for every other text and nothing else
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith('\n')) throw malformed('its last line has no end')
  const [origin = '', sizeText = '', rootText = '', ...extensions] = text.slice(0, -1).split('\n')
  if (![origin, ...extensions].every(isLine)) throw malformed('a line is empty or has control characters')
  const size = readDecimal(sizeText)
  if (size === undefined) throw malformed('its size')
  const root = readHash(rootText)
  if (root === undefined) throw malformed('its root hash')
  return { origin, size, root, extensions }
}

/**
 * Writes the text that a log signs; the inverse of {@link parseCheckpoint}.
 * @throws {RangeError} for lines, a size or a root that no checkpoint can have
 */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  if (![origin, ...extensions].every(isLine)) throw new RangeError('not a line of a checkpoint')
  return [origin, checkNumber(size), encodeBase64(checkHash(root)), ...extensions, ''].join('\n')
}

const isLine = (line: string): boolean => line !== '' && !CONTROL.test(line) && line.isWellFormed()

const malformed = (what: string): FormatError => new FormatError('checkpoint_malformed', `not a checkpoint: ${what}`)
