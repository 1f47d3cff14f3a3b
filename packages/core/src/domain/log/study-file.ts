/**
 * Study file: all that it takes to see, without asking anybody, how many instances a study has in a log.
 *
 * The proof of a study belongs to a map root; the map root is an event, and the event stands in a log under a signed
 * checkpoint. One document of canonical JSON holds the three; layout: docs/reference/completeness.md, "Study files".
 * What it shows, verify-study-file.ts says.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { concatBytes, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { UID } from '../../formats/dicom/instance-uids.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import { formatTlogProof, parseTlogProof, type TlogProof } from '../../formats/tlog/proof.ts'
import { STATEMENT_LIMIT } from './event.ts'
import { formatStudyProof, parseStudyProof, type StudyProof } from './map/study-proof.ts'

export interface StudyFile {
  /** Which study it is about, without padding. */
  readonly studyInstanceUid: string
  /** The statement of the map root, as it was signed. */
  readonly statement: Uint8Array
  /** The entry that stands in the log for it. */
  readonly leaf: Uint8Array
  /** That the entry is in the log; without extra data. */
  readonly inclusion: TlogProof
  /** What the map has of the study. */
  readonly completeness: StudyProof
}

export const STUDY_FILE_TYPE = 'application/vnd.fiducial.study-file.v1+json'
/** Bytes of a file: a study of 100,000 records has some 40 million. */
export const STUDY_FILE_LIMIT = 64 * 1024 * 1024
const LEAF_LIMIT = 4096
const LIMITS = { depth: 16, length: STUDY_FILE_LIMIT }
const NEWLINE = encodeUtf8('\n')

/** The bytes of a file. @throws {RangeError} for a study of more than 100,000 records, or an inclusion that is no proof */
export function formatStudyFile({ studyInstanceUid, statement, leaf, inclusion, completeness }: StudyFile): Uint8Array {
  return concatBytes(
    encodeCanonicalJson({
      mediaType: STUDY_FILE_TYPE,
      studyInstanceUid,
      statement: encodeBase64(statement),
      leaf: encodeBase64(leaf),
      inclusion: formatTlogProof(inclusion),
      completeness: parseCanonicalJson(formatStudyProof(completeness).subarray(0, -1), LIMITS),
    }),
    NEWLINE,
  )
}

/**
 * Reads exactly what {@link formatStudyFile} writes.
 * @throws {FormatError} `map_proof_malformed`, for any other bytes and nothing else
 */
export function parseStudyFile(bytes: Uint8Array): StudyFile {
  if (bytes.length > STUDY_FILE_LIMIT) throw malformed(`longer than ${STUDY_FILE_LIMIT} bytes`)
  if (bytes.at(-1) !== NEWLINE[0]) throw malformed('does not end in a newline')
  const fields = new JsonFields(
    orMalformed(() => parseCanonicalJson(bytes.subarray(0, -1), LIMITS)),
    'map_proof_malformed',
  )
  fields.constant('mediaType', STUDY_FILE_TYPE)
  const file = {
    studyInstanceUid: fields.string('studyInstanceUid', UID),
    statement: fields.base64('statement', STATEMENT_LIMIT),
    leaf: fields.base64('leaf', LEAF_LIMIT),
    inclusion: readInclusion(fields),
    completeness: readCompleteness(fields),
  }
  fields.finish()
  return file
}

function readInclusion(fields: JsonFields): TlogProof {
  const text = fields.string('inclusion', /^c2sp/)
  const proof = orMalformed(() => parseTlogProof(text))
  if (proof.extra !== undefined) throw fields.refuse('inclusion', 'has extra data')
  return proof
}

function readCompleteness(fields: JsonFields): StudyProof {
  return parseStudyProof(concatBytes(encodeCanonicalJson(fields.value('completeness')), NEWLINE))
}

/** What other formats refuse is refused as a part of this one. */
function orMalformed<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof FormatError) throw new FormatError('map_proof_malformed', cause.message, { cause })
    throw cause
  }
}

const malformed = (problem: string): FormatError => new FormatError('map_proof_malformed', problem)
