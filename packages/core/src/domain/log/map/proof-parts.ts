/**
 * Proof parts: what the proofs of studies and of instances have in common, as canonical JSON.
 */
import { encodeHex } from '../../../bytes/hex.ts'
import { concatBytes, encodeUtf8 } from '../../../bytes/text.ts'
import { FormatError } from '../../../errors.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../../formats/json/canonical.ts'
import { JsonFields } from '../../../formats/json/fields.ts'
import type { JsonObject } from '../../../formats/json/parse.ts'
import type { MapRootDetails } from '../event-details.ts'
import { DIGEST_BYTES } from './map-hash.ts'
import { type MapProof, readMapProof, writeMapProof } from './proof.ts'
import { ENTRIES_LIMIT, type InstanceState, type MapRecord, STATES } from './record.ts'

/** Largest index or size: below 2^63. */
export const SIZE_LIMIT = (1n << 63n) - 1n
const NEWLINE = encodeUtf8('\n')
const STATE = new RegExp(`^(?:${STATES.join('|')})$`)

/** To which map root a proof belongs. */
export type MapState = Pick<MapRootDetails, 'size' | 'root'>

/** What every proof says, whatever it is about. */
export interface ProofParts {
  /** 32 bytes, as the map root commits to. */
  readonly blindingKey: Uint8Array
  /** The map root that the proof belongs to. */
  readonly map: MapState
  /** From the study up to the root, or from what stands in its place. */
  readonly path: MapProof
}

export function writeParts({ blindingKey, map, path }: ProofParts): JsonObject {
  return {
    blindingKey: encodeHex(blindingKey),
    map: { root: encodeHex(map.root), size: map.size.toString() },
    path: writeMapProof(path),
  }
}

/** The inverse of {@link writeParts}. @throws {FormatError} `map_proof_malformed` */
export function readParts(fields: JsonFields): ProofParts {
  return {
    blindingKey: fields.hex('blindingKey', DIGEST_BYTES),
    map: fields.object('map', (map) => ({
      root: map.hex('root', DIGEST_BYTES),
      size: map.bigint('size', SIZE_LIMIT),
    })),
    path: fields.object('path', readMapProof),
  }
}

export function writeRecord({ key, series, digest, first, newest, entries, state }: MapRecord): JsonObject {
  return {
    digest: digest && encodeHex(digest),
    entries,
    first: first.toString(),
    key: encodeHex(key),
    newest: newest.toString(),
    series: encodeHex(series),
    state,
  }
}

/** The inverse of {@link writeRecord}. @throws {FormatError} `map_proof_malformed` */
export function readRecord(fields: JsonFields): MapRecord {
  const record = {
    key: fields.hex('key', DIGEST_BYTES),
    series: fields.hex('series', DIGEST_BYTES),
    digest: fields.nullableHex('digest', DIGEST_BYTES),
    first: fields.bigint('first', SIZE_LIMIT),
    newest: fields.bigint('newest', SIZE_LIMIT),
    entries: fields.integer('entries', 1, ENTRIES_LIMIT),
    state: fields.string('state', STATE) as InstanceState,
  }
  // Zeros are how a record spells that there is no digest: one value, one spelling.
  if (record.digest?.every((byte) => byte === 0)) throw fields.refuse('digest', 'is no digest')
  return record
}

/** The bytes of a proof: canonical JSON and a newline. */
export const encodeProof = (value: JsonObject): Uint8Array => concatBytes(encodeCanonicalJson(value), NEWLINE)

/**
 * Reads what {@link encodeProof} writes.
 * @throws {FormatError} `map_proof_malformed`, whatever is wrong
 */
export function decodeProof<T>(bytes: Uint8Array, read: (fields: JsonFields) => T): T {
  if (bytes.at(-1) !== NEWLINE[0]) throw new FormatError('map_proof_malformed', 'does not end in a newline')
  let value: ReturnType<typeof parseCanonicalJson>
  try {
    value = parseCanonicalJson(bytes.subarray(0, -1))
  } catch (cause) {
    throw new FormatError('map_proof_malformed', 'is no canonical JSON', { cause })
  }
  const fields = new JsonFields(value, 'map_proof_malformed')
  const proof = read(fields)
  fields.finish()
  return proof
}
