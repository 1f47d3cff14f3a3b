/**
 * Identity: by what a log knows a statement again, whoever sends it how often.
 *
 * SHA-256 over the statement without what differs from one attempt to the next: salt and quoted checkpoint. For a
 * statement that was made elsewhere, over all of it. The two begin with words of their own, so that neither can be
 * taken for the other, nor for a digest that is used for anything else.
 *
 * Known flaw: an identity has no salt. Whoever reads the index of a log can confirm a guess about a statement, even one
 * that was erased, if all of it is guessed, the moment included. Erasing an entry has to take its identity out as well.
 */
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import { CUSTODY_PREDICATES } from './event.ts'

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

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
