/**
 * Instance proof: the record of one instance with its path to a map root, or that its study has no such record.
 *
 * It discloses of the study only the two numbers and, for an instance that is missing, its neighbours. One document of
 * canonical JSON; layout: docs/reference/completeness.md. What it shows, verify.ts says.
 */

import type { HashFactory } from '../../../bytes/hash.ts'
import { encodeHex } from '../../../bytes/hex.ts'
import { equalBytes } from '../../../bytes/text.ts'
import type { JsonFields } from '../../../formats/json/fields.ts'
import type { JsonObject } from '../../../formats/json/parse.ts'
import { MerkleTree, PROOF_LIMIT } from '../../../formats/merkle/tree.ts'
import { DIGEST_BYTES } from './map-hash.ts'
import {
  decodeProof,
  encodeProof,
  type ProofParts,
  readParts,
  readRecord,
  SIZE_LIMIT,
  writeParts,
  writeRecord,
} from './proof-parts.ts'
import { encodeRecord, isLess, type MapRecord, type StudySummary } from './record.ts'

export interface InstanceProof extends ProofParts {
  /** Null: the map has no such study. */
  readonly study: StudySummary | null
  /**
   * The record of the instance; or, where there is none, those before and after its place, one of them at an end of the
   * list; none without a study.
   */
  readonly records: readonly PlacedRecord[]
}

/** A record and its path in the tree of its study. */
export interface PlacedRecord {
  readonly record: MapRecord
  readonly index: bigint
  /** RFC 6962 audit path, 32 bytes each. */
  readonly proof: readonly Uint8Array[]
}

export const INSTANCE_PROOF_TYPE = 'application/vnd.fiducial.instance-proof.v1+json'

/** The record with a key, or its neighbours. @param records  in the order of their keys */
export function placeRecord(
  hashes: HashFactory,
  records: readonly MapRecord[],
  key: Uint8Array,
): readonly PlacedRecord[] {
  const tree = new MerkleTree(hashes, records.map(encodeRecord))
  const after = records.findIndex((record) => !isLess(record.key, key))
  const end = after < 0 ? records.length : after
  const found = records[end]
  const places = found !== undefined && equalBytes(found.key, key) ? [end] : [end - 1, end]
  return places.flatMap((place) => {
    const record = records[place]
    return record === undefined ? [] : [{ record, index: BigInt(place), proof: tree.prove(BigInt(place)) }]
  })
}

/** The bytes of a proof. */
export function formatInstanceProof({ study, records, ...parts }: InstanceProof): Uint8Array {
  return encodeProof({
    mediaType: INSTANCE_PROOF_TYPE,
    ...writeParts(parts),
    study: study && writeSummary(study),
    records: records.map(({ record, index, proof }) => ({
      index: index.toString(),
      proof: proof.map(encodeHex),
      record: writeRecord(record),
    })),
  })
}

/**
 * Reads exactly what {@link formatInstanceProof} writes.
 * @throws {FormatError} `map_proof_malformed`, for any other bytes and nothing else
 */
export function parseInstanceProof(bytes: Uint8Array): InstanceProof {
  return decodeProof(bytes, (fields) => {
    fields.constant('mediaType', INSTANCE_PROOF_TYPE)
    return {
      ...readParts(fields),
      study: fields.nullable('study', readSummary),
      records: fields.objects('records', 2, (inner) => ({
        record: inner.object('record', readRecord),
        index: inner.bigint('index', SIZE_LIMIT),
        proof: inner.hexes('proof', PROOF_LIMIT, DIGEST_BYTES),
      })),
    }
  })
}

function writeSummary({ salt, present, size, root }: StudySummary): JsonObject {
  return { present: present.toString(), root: encodeHex(root), salt: encodeHex(salt), size: size.toString() }
}

function readSummary(fields: JsonFields): StudySummary {
  return {
    salt: fields.hex('salt', DIGEST_BYTES),
    present: fields.bigint('present', SIZE_LIMIT),
    size: fields.bigint('size', SIZE_LIMIT),
    root: fields.hex('root', DIGEST_BYTES),
  }
}
