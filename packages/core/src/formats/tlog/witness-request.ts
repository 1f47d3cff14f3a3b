/**
 * Witness request: what a log sends to a witness to have a checkpoint cosigned, and the sizes that a witness answers.
 *
 * Source: C2SP tlog-witness, section "add-checkpoint". Whether the signatures and the proof hold is left to domain/log;
 * which status of HTTP an answer has, to the face.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { decodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { NOTE_LIMIT, parseNote } from '../note/note.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { checkHash, checkNumber, PROOF_LIMIT, readDecimal, readHash } from './decimal.ts'

export interface AddCheckpoint {
  /** Size of the newest checkpoint that the witness has cosigned, as the log believes; not over that of `checkpoint`. */
  readonly oldSize: bigint
  /** RFC 6962 consistency proof from there; at most 63 hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[]
  /** A signed note whose text is a checkpoint; whose signatures nobody has looked at. */
  readonly checkpoint: string
}

/** Bytes of the longest body that is read. */
export const ADD_CHECKPOINT_LIMIT = NOTE_LIMIT + 4096

/**
 * Reads the body of a request; accepts exactly the spellings that {@link formatAddCheckpoint} writes.
 *
 * @param body  UTF-8, or the text of it
 * @throws {FormatError} `witness_request_malformed`, also where the checkpoint in it is malformed or too small
 */
export function parseAddCheckpoint(body: string | Uint8Array): AddCheckpoint {
  const text = textOf(body)
  const end = text.indexOf('\n\n')
  if (end < 0) throw malformed('it has no empty line')
  const [first = '', ...lines] = text.slice(0, end).split('\n', PROOF_LIMIT + 2)
  const oldSize = readDecimal(/^old (.*)$/s.exec(first)?.[1] ?? '')
  if (oldSize === undefined) throw malformed('its old size')
  if (lines.length > PROOF_LIMIT) throw malformed('its proof is too long')

  const checkpoint = text.slice(end + 2)
  if (oldSize > sizeOf(checkpoint)) throw malformed('its old size is over that of its checkpoint')
  return { oldSize, proof: lines.map(readProofHash), checkpoint }
}

/**
 * Writes the body of a request; the inverse of {@link parseAddCheckpoint}.
 * @throws {RangeError} for values that no request can have
 */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  if (proof.length > PROOF_LIMIT) throw new RangeError('a proof that is too long')
  const lines = proof.map((hash) => `${encodeBase64(checkHash(hash))}\n`).join('')
  return `old ${checkNumber(oldSize)}\n${lines}\n${checkpoint}`
}

/** The body of an answer of type text/x.tlog.size: the newest size that the witness has cosigned. */
export const formatTreeSize = (size: bigint): string => `${checkNumber(size)}\n`

/**
 * Reads what {@link formatTreeSize} writes.
 * @throws {FormatError} `witness_request_malformed`
 */
export function parseTreeSize(body: string): bigint {
  const size = body.endsWith('\n') ? readDecimal(body.slice(0, -1)) : undefined
  if (size === undefined) throw malformed('the size it answers with')
  return size
}

function sizeOf(checkpoint: string): bigint {
  try {
    return parseCheckpoint(parseNote(checkpoint).text).size
  } catch (cause) {
    throw malformed('its checkpoint', cause)
  }
}

function textOf(body: string | Uint8Array): string {
  if (body.length > ADD_CHECKPOINT_LIMIT) throw malformed('it is too long')
  if (typeof body === 'string') return body
  try {
    return decodeUtf8(body)
  } catch (cause) {
    throw malformed('it is not UTF-8', cause)
  }
}

function readProofHash(line: string): Uint8Array {
  const hash = readHash(line)
  if (hash === undefined) throw malformed('a line of its proof')
  return hash
}

const malformed = (what: string, cause?: unknown): FormatError =>
  new FormatError('witness_request_malformed', `not a request to a witness: ${what}`, { cause })
