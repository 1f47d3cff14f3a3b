/**
 * Identity: by what a log knows a statement again, whoever sends it how often.
 *
 * SHA-256 over the statement without what differs from one attempt to the next: salt and quoted checkpoint. For a
 * statement that was made elsewhere, over all of it. The two begin with words of their own, so that neither can be
 * taken for the other, nor for a digest that is used for anything else.
 *
 * Known flaw: an identity has no salt. Whoever reads the index of a log can confirm a guess about a statement, even one
 * that was erased, if all of it is guessed, the moment included. An identity stays when its statement is erased, so that
 * the statement does not come back as a new entry.
 */
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson, formatCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import { writeQuotedCheckpoint } from '../../formats/tlog/quoted-checkpoint.ts'
import { CUSTODY_PREDICATES, type EventStatement } from './event.ts'

const CUSTODY = encodeUtf8('fiducial custody identity v1\n')
const PAYLOAD = encodeUtf8('fiducial payload identity v1\n')

/**
 * The identity of a statement, 32 bytes.
 *
 * @param payload  as {@link import('./event.ts').parseEventStatement} reads it
 * @throws {FormatError} `json_malformed`; `event_malformed` for an event without a predicate
 */
export function identityOf(payload: Uint8Array, hashes: HashFactory): Uint8Array {
  const value = parseCanonicalJson(payload)
  const { predicateType, predicate } = isObject(value) ? value : {}
  const isCustody = typeof predicateType === 'string' && predicateType.startsWith(CUSTODY_PREDICATES)
  if (!isCustody) return digestOf(hashes, 'sha256', PAYLOAD, payload)
  if (!isObject(predicate)) throw new FormatError('event_malformed', 'predicate is no object')
  const blanked = { ...(value as JsonObject), predicate: { ...predicate, salt: null, checkpoint: null } }
  return digestOf(hashes, 'sha256', CUSTODY, encodeCanonicalJson(blanked))
}

/**
 * The same for an event that was read from the statement already: a quarter of the cost.
 *
 * In the canonical spelling of an event, what is blanked stands at two places that are known: the checkpoint behind the
 * moment, with which the predicate begins, and the salt before the version, with which it ends. Within strings, quotes
 * are escaped, so that neither can be taken for anything else.
 * @param event  what `parseEventStatement` made of the payload
 */
export function identityOfEvent(event: EventStatement, payload: Uint8Array, hashes: HashFactory): Uint8Array {
  if (event.type === 'acquired') return digestOf(hashes, 'sha256', PAYLOAD, payload)
  const text = decodeUtf8(payload)
  const start = `${STATEMENT_START}${event.at.toISOString()}","checkpoint":`
  const checkpoint = formatCanonicalJson(writeQuotedCheckpoint(event.checkpoint))
  const salt = `,"salt":"${encodeHex(event.salt)}"`
  const saltAt = text.lastIndexOf(`${salt},"version":1},"predicateType":"`)
  if (saltAt < 0 || !text.startsWith(start + checkpoint)) return identityOf(payload, hashes)
  const middle = text.slice(start.length + checkpoint.length, saltAt)
  const end = text.slice(saltAt + salt.length)
  return digestOf(hashes, 'sha256', CUSTODY, encodeUtf8(`${start}null${middle},"salt":null${end}`))
}

const STATEMENT_START = '{"_type":"https://in-toto.io/Statement/v1","predicate":{"at":"'

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
