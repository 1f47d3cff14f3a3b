/**
 * Tlog-proof: what one needs to see, without asking anybody, that an entry is in a log.
 *
 * Source: C2SP tlog-proof, section "Format". The checkpoint is kept as it came: domain/log/verify-checkpoint.ts reads it.
 * Whether the proof holds is left to domain/log.
 */
import { decodeBase64, encodeBase64 } from '../../bytes/base64.ts'
import { decodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { NOTE_LIMIT } from '../note/note.ts'
import { checkHash, checkNumber, PROOF_LIMIT, readDecimal, readHash } from './decimal.ts'

export interface TlogProof {
  /** At least one byte, up to {@link EXTRA_LIMIT}. Nobody has signed it: it says nothing by itself. */
  readonly extra?: Uint8Array
  /** Index of the entry, 0n up to, not including, 2^63. */
  readonly index: bigint
  /** RFC 6962 inclusion proof, from the leaf's sibling up; at most 63 hashes of 32 bytes. */
  readonly hashes: readonly Uint8Array[]
  /** A signed note: a checkpoint with signatures, not yet looked at. */
  readonly checkpoint: string
}

export const EXTRA_LIMIT = 1024 * 1024
/** Bytes of the longest text that is read. */
export const TLOG_PROOF_LIMIT = NOTE_LIMIT + 2 * EXTRA_LIMIT

const TITLE = 'c2sp.org/tlog-proof@v1'

/**
 * Reads a proof; accepts exactly the spellings that {@link formatTlogProof} writes.
 *
 * @param proof  UTF-8, or the text of it
 * @throws {FormatError} `tlog_proof_malformed`
 */
export function parseTlogProof(proof: string | Uint8Array): TlogProof {
  const text = textOf(proof)
  const end = text.indexOf('\n\n')
  const checkpoint = text.slice(end + 2)
  if (end < 0 || checkpoint === '') throw malformed('it has no checkpoint')
  const lines = text.slice(0, end).split('\n')
  if (lines.shift() !== TITLE) throw malformed('its first line')

  const extra = lines[0]?.startsWith('extra ') ? readExtra(lines.shift()?.slice('extra '.length) ?? '') : undefined
  const index = readDecimal(/^index (.*)$/s.exec(lines.shift() ?? '')?.[1] ?? '')
  if (index === undefined) throw malformed('its index')
  if (lines.length > PROOF_LIMIT) throw malformed('it has too many hashes')
  return { ...(extra && { extra }), index, hashes: lines.map(readProofHash), checkpoint }
}

/**
 * Writes a proof; the inverse of {@link parseTlogProof}.
 * @throws {RangeError} for values that no proof can have
 */
export function formatTlogProof({ extra, index, hashes, checkpoint }: TlogProof): string {
  if (extra !== undefined && (extra.length === 0 || extra.length > EXTRA_LIMIT)) throw new RangeError('extra data')
  if (hashes.length > PROOF_LIMIT || checkpoint === '') throw new RangeError('not the parts of a proof')
  const extraLine = extra === undefined ? '' : `extra ${encodeBase64(extra)}\n`
  const hashLines = hashes.map((hash) => `${encodeBase64(checkHash(hash))}\n`).join('')
  return `${TITLE}\n${extraLine}index ${checkNumber(index)}\n${hashLines}\n${checkpoint}`
}

function textOf(proof: string | Uint8Array): string {
  if (proof.length > TLOG_PROOF_LIMIT) throw malformed('it is too long')
  if (typeof proof === 'string') return proof
  try {
    return decodeUtf8(proof)
  } catch (cause) {
    throw malformed('it is not UTF-8', cause)
  }
}

function readExtra(text: string): Uint8Array {
  const extra = decodeExtra(text)
  if (extra.length === 0 || extra.length > EXTRA_LIMIT) throw malformed('the length of its extra data')
  return extra
}

function decodeExtra(text: string): Uint8Array {
  try {
    return decodeBase64(text)
  } catch (cause) {
    throw malformed('its extra data', cause)
  }
}

function readProofHash(line: string): Uint8Array {
  const hash = readHash(line)
  if (hash === undefined) throw malformed('a line is no hash')
  return hash
}

const malformed = (what: string, cause?: unknown): FormatError =>
  new FormatError('tlog_proof_malformed', `not a tlog-proof: ${what}`, { cause })
