/**
 * Note: text with the signatures under it.
 *
 * Source: C2SP signed-note, section "Format". Narrower than it in two ways: base64 in its one spelling only, and no
 * signature without bytes. Which signatures are right, and whose, is left to others: until that is known, the text says
 * nothing.
 */
import { decodeBase64, encodeBase64 } from '../../bytes/base64.ts'
import { concatBytes, decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { isKeyName, KEY_ID_BYTES } from './verifier-key.ts'

export interface NoteSignature {
  /** Name of the key, as it claims. */
  readonly name: string
  /** 4 bytes. */
  readonly keyId: Uint8Array
  /** At least one byte; what it holds depends on the type of the key. */
  readonly signature: Uint8Array
}

export interface Note {
  /** What is signed: ends in a newline, and has no other control characters. */
  readonly text: string
  /** 1 to {@link NOTE_SIGNATURES_LIMIT}. */
  readonly signatures: readonly NoteSignature[]
}

/** Bytes of UTF-8; a longer note is refused. */
export const NOTE_LIMIT = 1024 * 1024
/** C2SP asks for 16 at least. */
export const NOTE_SIGNATURES_LIMIT = 64

const DASH = '— '
const CONTROL = /[\x00-\x09\x0b-\x1f]/

/**
 * Reads a note; accepts exactly the spellings that {@link formatNote} writes.
 *
 * @param note  UTF-8, or the text of it
 * @throws {FormatError} `note_malformed`, for everything else and nothing else
 */
export function parseNote(note: string | Uint8Array): Note {
  const whole = textOf(note)
  const end = whole.lastIndexOf('\n\n')
  if (end < 0) throw malformed('it has no empty line')
  return { text: whole.slice(0, end + 1), signatures: readLines(whole.slice(end + 2)) }
}

/**
 * Writes a note; the inverse of {@link parseNote}.
 * @throws {RangeError} for a text, name or number of signatures that no note can have
 */
export function formatNote({ text, signatures }: Note): string {
  if (!text.endsWith('\n') || CONTROL.test(text) || !text.isWellFormed()) throw new RangeError('not the text of a note')
  if (signatures.length === 0 || signatures.length > NOTE_SIGNATURES_LIMIT) throw new RangeError('number of signatures')
  return `${text}\n${signatures.map(formatSignatureLine).join('')}`
}

/**
 * Reads signature lines alone, as a witness answers with them.
 * @throws {FormatError} `note_malformed`
 */
export function parseSignatureLines(lines: string | Uint8Array): readonly NoteSignature[] {
  return readLines(textOf(lines))
}

/**
 * One signature line, with the newline that ends it.
 * @throws {RangeError} for a name, key ID or signature that no line can have
 */
export function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name) || keyId.length !== KEY_ID_BYTES || signature.length === 0) throw new RangeError('no signature')
  return `${DASH}${name} ${encodeBase64(concatBytes(keyId, signature))}\n`
}

function textOf(note: string | Uint8Array): string {
  if (note.length > NOTE_LIMIT) throw malformed('it is too long')
  const text = typeof note === 'string' ? note : decode(note)
  // A text of few characters can still be long in bytes.
  if (text.length * 3 > NOTE_LIMIT && encodeUtf8(text).length > NOTE_LIMIT) throw malformed('it is too long')
  if (!text.isWellFormed()) throw malformed('it is not UTF-8')
  if (CONTROL.test(text)) throw malformed('it has a control character')
  return text
}

function readLines(block: string): readonly NoteSignature[] {
  if (!block.endsWith('\n')) throw malformed('its last line has no end, or is missing')
  const lines = block.slice(0, -1).split('\n', NOTE_SIGNATURES_LIMIT + 1)
  if (lines.length > NOTE_SIGNATURES_LIMIT) throw malformed('it has too many signatures')
  return lines.map(readLine)
}

function readLine(line: string): NoteSignature {
  const space = line.indexOf(' ', DASH.length)
  const name = line.slice(DASH.length, space)
  if (!line.startsWith(DASH) || space < 0 || !isKeyName(name)) throw malformed('a line is no signature')
  const bytes = decodeSignature(line.slice(space + 1))
  if (bytes.length <= KEY_ID_BYTES) throw malformed('a signature is empty')
  return { name, keyId: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) }
}

function decode(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch (cause) {
    throw malformed('it is not UTF-8', cause)
  }
}

function decodeSignature(text: string): Uint8Array {
  try {
    return decodeBase64(text)
  } catch (cause) {
    throw malformed('a signature is not base64', cause)
  }
}

const malformed = (what: string, cause?: unknown): FormatError =>
  new FormatError('note_malformed', `not a signed note: ${what}`, { cause })
