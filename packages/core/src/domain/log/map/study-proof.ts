/**
 * Study proof: all records of one study with their path to a map root, or that the map has no such study.
 *
 * One document of canonical JSON; layout: docs/reference/completeness.md. What it shows, verify.ts says.
 */
import { encodeHex } from '../../../bytes/hex.ts'
import { DIGEST_BYTES } from './map-hash.ts'
import {
  decodeProof,
  encodeProof,
  type ProofParts,
  readParts,
  readRecord,
  writeParts,
  writeRecord,
} from './proof-parts.ts'
import type { MapRecord } from './record.ts'

export interface StudyProof extends ProofParts {
  /** Null: the map has no such study. */
  readonly study: StudyRecords | null
}

/** The whole of a study. */
export interface StudyRecords {
  /** Salt of the study, 32 bytes. */
  readonly salt: Uint8Array
  /** At least one, in ascending order of their keys. */
  readonly records: readonly MapRecord[]
}

export const STUDY_PROOF_TYPE = 'application/vnd.fiducial.study-proof.v1+json'
/** Records that fit into one proof. */
export const STUDY_PROOF_LIMIT = 100_000

/** The bytes of a proof. @throws {RangeError} for a study of more than 100,000 records */
export function formatStudyProof({ study, ...parts }: StudyProof): Uint8Array {
  if (study !== null && study.records.length > STUDY_PROOF_LIMIT) {
    throw new RangeError(`a proof holds at most ${STUDY_PROOF_LIMIT} records`)
  }
  return encodeProof({
    mediaType: STUDY_PROOF_TYPE,
    ...writeParts(parts),
    study: study && { salt: encodeHex(study.salt), records: study.records.map(writeRecord) },
  })
}

/**
 * Reads exactly what {@link formatStudyProof} writes.
 * @throws {FormatError} `map_proof_malformed`, for any other bytes and nothing else
 */
export function parseStudyProof(bytes: Uint8Array): StudyProof {
  return decodeProof(bytes, (fields) => {
    fields.constant('mediaType', STUDY_PROOF_TYPE)
    const parts = readParts(fields)
    const study = fields.nullable('study', (inner) => ({
      salt: inner.hex('salt', DIGEST_BYTES),
      records: inner.objects('records', STUDY_PROOF_LIMIT, readRecord),
    }))
    return { ...parts, study }
  })
}
