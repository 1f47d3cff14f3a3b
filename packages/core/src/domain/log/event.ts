/**
 * Event: one thing that happened to an image, a key or the log itself, as an in-toto statement.
 *
 * Source: in-toto Statement v1 (in-toto/attestation); the predicates are ours, described in docs/reference/log-events.md.
 * `acquired` is the acquisition statement of a seal, which is read by domain/seal and is opaque here. The spelling is
 * canonical JSON (RFC 8785), and no field is optional. Who signs is left to entry.ts.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson, parseCanonicalJson } from '../../formats/json/canonical.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import { parseNote } from '../../formats/note/note.ts'
import { parseCheckpoint } from '../../formats/tlog/checkpoint.ts'
import { type CustodyEventType, type CustodyStatement, EVENT_DETAILS } from './event-details.ts'
import { type ContentDigests, HEADER, type Party } from './event-parts.ts'
import type { RecordShape } from './event-shape.ts'
import { subjectsOf } from './event-subject.ts'

export const EVENT_TYPES = [
  'acquired',
  'received',
  'sealed-at-gateway',
  'transcoded',
  'derived',
  'forwarded',
  'verified',
  'flagged',
  'quarantined',
  'released',
  'disclosed',
  'erased',
  'drill-sealed',
  'drill-injected',
  'drill-withdrawn',
  'admitted',
  'key-enrolled',
  'key-revoked',
  'map-root',
  'timestamped',
] as const
export type EventType = (typeof EVENT_TYPES)[number]
/** A statement that domain/seal reads. */
export interface AcquiredStatement {
  readonly type: 'acquired'
  readonly payload: Uint8Array
}

export type EventStatement = AcquiredStatement | CustodyStatement

/** in-toto Statement v1. */
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
const ACQUISITION_PREDICATE = 'https://fiducial.dev/acquisition/v1'
/** How the predicate types of all events begin that are made for the log. */
export const CUSTODY_PREDICATES = 'https://fiducial.dev/custody/'
/** Bytes of a statement. */
export const STATEMENT_LIMIT = 1024 * 1024
const VERSION = 1
const LIMITS = { depth: 16, length: STATEMENT_LIMIT }

/** The predicate type by which a statement says which event it is. */
export const predicateTypeOf = (type: EventType): string =>
  type === 'acquired' ? ACQUISITION_PREDICATE : `${CUSTODY_PREDICATES}${type}/v1`

const TYPES: ReadonlyMap<string, EventType> = new Map(EVENT_TYPES.map((type) => [predicateTypeOf(type), type]))

/**
 * Reads a statement in its one spelling.
 *
 * @param payload  of an envelope; kept, not copied, for `acquired`
 * @throws {FormatError} `event_unknown` for another predicate; `event_malformed`; `entry_too_large` over
 *   {@link STATEMENT_LIMIT}; `json_malformed` for bytes that are no canonical JSON
 */
export function parseEventStatement(payload: Uint8Array): EventStatement {
  if (payload.length > STATEMENT_LIMIT) throw tooLarge(payload.length)
  const value = parseCanonicalJson(payload, LIMITS)
  const fields = openStatement(value)
  const type = readType(fields)
  return type === 'acquired' ? { type, payload } : readCustody(fields, type)
}

/**
 * The bytes of a statement; the inverse of {@link parseEventStatement}.
 * Cost: some tens of microseconds.
 * @throws {FormatError} `event_malformed` for a value outside the limits, such as a name of 300 characters
 */
export function formatEventStatement(statement: EventStatement): Uint8Array {
  if (statement.type === 'acquired') return statement.payload
  const value = writeCustody(statement)
  // Nobody shall sign what no verifier reads.
  const fields = openStatement(value)
  readCustody(fields, readType(fields) as CustodyEventType)
  const payload = encodeCanonicalJson(value)
  if (payload.length > STATEMENT_LIMIT) throw tooLarge(payload.length)
  return payload
}

function openStatement(value: JsonValue): JsonFields {
  const fields = new JsonFields(value, 'event_malformed')
  fields.constant('_type', STATEMENT_TYPE)
  return fields
}

function readType(fields: JsonFields): EventType {
  const type = TYPES.get(fields.string('predicateType', /^[\x21-\x7e]{1,256}$/))
  if (type === undefined) throw new FormatError('event_unknown', 'predicateType names no event of this log')
  return type
}

function readCustody(fields: JsonFields, type: CustodyEventType): CustodyStatement {
  const subject = fields.value('subject')
  const content = fields.object('predicate', (predicate) => {
    predicate.integer('version', VERSION, VERSION)
    return { ...HEADER.readFields(predicate), details: EVENT_DETAILS[type].read(predicate, 'details') }
  })
  fields.finish()
  const statement = { type, ...content } as CustodyStatement
  checkSense(statement, fields)
  // One value, one spelling: who or what the event is about follows from what it says.
  if (!isSame(subject, subjectsOf(statement))) throw fields.refuse('subject', 'is not what the predicate speaks of')
  return statement
}

function writeCustody(statement: CustodyStatement): JsonObject {
  const details = EVENT_DETAILS[statement.type] as RecordShape<CustodyStatement['details']>
  return {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(statement),
    predicateType: predicateTypeOf(statement.type),
    predicate: { version: VERSION, ...HEADER.write(statement), details: details.write(statement.details) },
  }
}

/** Events about no image; all others are about one. */
const WITHOUT_IMAGE: readonly CustodyEventType[] = [
  'erased',
  'drill-sealed',
  'key-enrolled',
  'key-revoked',
  'map-root',
  'timestamped',
]

/** Rules between fields. */
function checkSense(statement: CustodyStatement, fields: JsonFields): void {
  const { type, digests, instance } = statement
  const isAboutImage = !WITHOUT_IMAGE.includes(type)
  if (isAboutImage !== (digests !== null)) throw fields.refuse('predicate.digests', 'does not fit the event')
  // A tombstone may say which image it was; how much, is for the law it names to say.
  if (!isAboutImage && type !== 'erased' && instance !== null)
    throw fields.refuse('predicate.instance', 'does not fit the event')
  const [one, other] = twoPersons(statement)
  if (one !== undefined && one.id === other?.id) throw fields.refuse('predicate.details', 'names one person twice')
  if (type === 'timestamped' && !hasRoot(statement.details.note, statement.details.root)) {
    throw fields.refuse('predicate.details.note', 'is no checkpoint with this root')
  }
  if (type === 'transcoded' && !isSamePicture(statement.details.source.digests, digests as ContentDigests)) {
    throw fields.refuse('predicate.details.source', 'has other pixels')
  }
}

/** Whether a note is a checkpoint with this root. */
function hasRoot(note: string, root: Uint8Array): boolean {
  try {
    return equalBytes(parseCheckpoint(parseNote(note).text).root, root)
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

function twoPersons(statement: CustodyStatement): readonly Party[] {
  if (statement.type === 'released') return [statement.details.releasedBy, statement.details.confirmedBy]
  return statement.type === 'drill-sealed' ? [statement.details.plannedBy, statement.details.approvedBy] : []
}

/** Whether no digest of the pixels that both have differs. */
function isSamePicture(source: ContentDigests, target: ContentDigests): boolean {
  const pairs = [
    [source.pixels, target.pixels],
    [source.frames?.root ?? null, target.frames?.root ?? null],
  ] as const
  return pairs.every(([from, to]) => from === null || to === null || encodeHex(from) === encodeHex(to))
}

const isSame = (value: JsonValue, expected: JsonValue): boolean => JSON.stringify(value) === JSON.stringify(expected)

const tooLarge = (lengthBytes: number): FormatError =>
  new FormatError('entry_too_large', `a statement of ${lengthBytes} bytes`)
