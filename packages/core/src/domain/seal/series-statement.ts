/**
 * Series statement: what a technologist says about all images of a series at once.
 *
 * One signature covers the Merkle root over the images (RFC 6962), so that a person confirms once and each image still
 * carries a proof of its own. The number of images is signed with the root: none can be left out unseen.
 */

import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { concatBytes, encodeUtf8 } from '../../bytes/text.ts'
import { UID } from '../../formats/dicom/instance-uids.ts'
import { encodePae } from '../../formats/dsse/envelope.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject } from '../../formats/json/parse.ts'
import {
  type QuotedCheckpoint,
  readQuotedCheckpoint,
  writeQuotedCheckpoint,
} from '../../formats/tlog/quoted-checkpoint.ts'
import { type Operator, readOperator, writeOperator } from './holder.ts'
import { PAYLOAD_TYPE, SERIES_PREDICATE, STATEMENT_TYPE } from './namespace.ts'
import { type AcquisitionStatement, formatStatement } from './statement.ts'

export interface SeriesStatement {
  readonly isDemo: boolean
  readonly studyInstanceUid: string | null
  readonly seriesInstanceUid: string
  /** Number of images, at least one. */
  readonly count: bigint
  /** RFC 6962 tree over {@link encodeSeriesEntry} of each image, in the order of {@link sortSeries}. */
  readonly root: Uint8Array
  readonly operator: Operator
  /** Clock of the technologist's station, to the millisecond. */
  readonly signedAt: Date
  /** The newest witnessed checkpoint of the custody log before `signedAt`; null where none was at hand. */
  readonly checkpoint: QuotedCheckpoint | null
}

/** One image of a series. */
export interface SeriesEntry {
  readonly sopInstanceUid: string
  /** SHA-256 of the MAC stream, as in the image's statement. */
  readonly dataset: Uint8Array
  /** SHA-256 of the sealed file. */
  readonly file: Uint8Array
  /** SHA-256 of the pre-authentication encoding of the image's statement: what the device signed. */
  readonly statement: Uint8Array
}

const VERSION = 1
export const SERIES_LIMIT = 100_000

/**
 * Reads a statement in its one spelling.
 * @throws {FormatError} `statement_malformed`; `json_malformed` for bytes that are no canonical JSON
 */
export function parseSeriesStatement(payload: Uint8Array): SeriesStatement {
  const fields = new JsonFields(parseCanonicalJson(payload), 'statement_malformed')
  fields.constant('_type', STATEMENT_TYPE)
  fields.constant('predicateType', SERIES_PREDICATE)
  const [subject] = fields.objects('subject', 1, (inner) => ({
    name: inner.string('name', UID),
    root: inner.object('digest', (digest) => digest.hex(ROOT_NAME, 32)),
  }))
  if (subject === undefined) throw fields.refuse('subject', 'has no entry')
  const statement = fields.object('predicate', (inner) => readPredicate(inner, subject.root))
  fields.finish()
  if (subject.name !== statement.seriesInstanceUid)
    throw fields.refuse('subject[0].name', 'is not the Series Instance UID')
  return statement
}

/**
 * The bytes of a statement; the inverse of {@link parseSeriesStatement}.
 * @throws {FormatError} `statement_malformed` for a value outside the limits
 */
export function formatSeriesStatement(statement: SeriesStatement): Uint8Array {
  const { seriesInstanceUid, root } = statement
  const payload = encodeCanonicalJson({
    _type: STATEMENT_TYPE,
    subject: [{ name: seriesInstanceUid, digest: { [ROOT_NAME]: encodeHex(root) } }],
    predicateType: SERIES_PREDICATE,
    predicate: writePredicate(statement),
  })
  parseSeriesStatement(payload)
  return payload
}

/** What a series' signature covers of an image. */
export function seriesEntry(statement: AcquisitionStatement, hashes: HashFactory): SeriesEntry {
  const { instance, dataset, file } = statement
  const pae = encodePae(PAYLOAD_TYPE, formatStatement(statement))
  return { sopInstanceUid: instance.sopInstanceUid ?? '', dataset, file, statement: digestOf(hashes, 'sha256', pae) }
}

/** Entry of the tree: the UID in ASCII, a zero byte, and the three digests. */
export const encodeSeriesEntry = ({ sopInstanceUid, dataset, file, statement }: SeriesEntry): Uint8Array =>
  concatBytes(encodeUtf8(sopInstanceUid), Uint8Array.of(0), dataset, file, statement)

/**
 * The order of the tree: ascending by UID as ASCII text.
 * @throws {TypeError} for two images with one UID, or one without
 */
export function sortSeries(entries: readonly SeriesEntry[]): readonly SeriesEntry[] {
  const sorted = entries.toSorted((a, b) => (a.sopInstanceUid < b.sopInstanceUid ? -1 : 1))
  if (!isSorted(sorted)) throw new TypeError('images of a series need a SOP Instance UID each')
  return sorted
}

/** Whether entries stand in the order of the tree, each UID once. */
export const isSorted = (entries: readonly SeriesEntry[]): boolean =>
  entries.every(({ sopInstanceUid }, i) => sopInstanceUid > (entries[i - 1]?.sopInstanceUid ?? ''))

/** A Merkle root is no digest of the subject's bytes, so it does not go by the name of one. */
const ROOT_NAME = 'merkleSha256'

function readPredicate(fields: JsonFields, root: Uint8Array): SeriesStatement {
  fields.integer('version', VERSION, VERSION)
  const count = fields.bigint('count', BigInt(SERIES_LIMIT))
  if (count === 0n) throw fields.refuse('count', 'is zero')
  return {
    isDemo: fields.boolean('isDemo'),
    studyInstanceUid: fields.nullableString('studyInstanceUid', UID),
    seriesInstanceUid: fields.string('seriesInstanceUid', UID),
    count,
    root,
    operator: fields.object('operator', readOperator),
    signedAt: fields.time('signedAt'),
    checkpoint: readQuotedCheckpoint(fields, 'checkpoint'),
  }
}

const writePredicate = (statement: SeriesStatement): JsonObject => ({
  version: VERSION,
  isDemo: statement.isDemo,
  studyInstanceUid: statement.studyInstanceUid,
  seriesInstanceUid: statement.seriesInstanceUid,
  count: String(statement.count),
  operator: writeOperator(statement.operator),
  signedAt: statement.signedAt.toISOString(),
  checkpoint: writeQuotedCheckpoint(statement.checkpoint),
})
