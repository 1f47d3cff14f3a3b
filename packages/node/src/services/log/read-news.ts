/**
 * Read news: what somebody says has happened, as JSON: a whole statement of this site, or the short form of one.
 *
 * The short form has `type`, `details` and, of an event about an image, `instance` and `digests`; `at` unless it is now.
 * In it, what may be null may be left out. Who records, the salt and the newest checkpoint are added by the recorder.
 * Events about the log itself are made by the log, and images that are sealed come with their seals.
 */
import type { EventStatement } from '@fiducial/core/domain/log/event.ts'
import { EVENT_TYPES, parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { type CustodyEventType, type CustodyStatement, EVENT_DETAILS } from '@fiducial/core/domain/log/event-details.ts'
import { CONTENT_DIGESTS, INSTANCE, type Party } from '@fiducial/core/domain/log/event-parts.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { encodeCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import { JsonFields } from '@fiducial/core/formats/json/fields.ts'
import type { JsonObject, JsonValue } from '@fiducial/core/formats/json/parse.ts'
import type { EventNews } from './recorder.ts'

/** What is to be logged. */
export type News =
  /** Needs who records, a salt and a checkpoint. */
  | { readonly kind: 'news'; readonly news: EventNews }
  /** Complete as it is. */
  | { readonly kind: 'statement'; readonly statement: CustodyStatement }

/** The site whose log it is for. */
export interface NewsSite {
  /** Name of the log. */
  readonly origin: string
  readonly recorder: Party
  readonly isDemo: boolean
}

/** Events that nobody else can state. */
const OF_THE_LOG: ReadonlySet<string> = new Set<CustodyEventType>(['erased', 'map-root', 'timestamped'])
const CONTENT_FIELDS = ['file', 'dataset', 'pixels', 'frames']
const NAME = /^[a-z-]{1,64}$/

/**
 * Reads a statement or the short form of one.
 * @throws {FormatError} `event_malformed`, `event_unknown`, `entry_too_large`
 */
export function readNews(value: JsonValue, site: NewsSite): News {
  return isObject(value) && Object.hasOwn(value, '_type')
    ? { kind: 'statement', statement: readStatement(value, site) }
    : { kind: 'news', news: readShortForm(value) }
}

/** Events that can be stated by whoever saw them. */
export const STATED_EVENTS: readonly string[] = EVENT_TYPES.filter(
  (type) => type !== 'acquired' && !OF_THE_LOG.has(type),
)

/** The event that a word names. @throws {FormatError} `event_unknown`; `event_malformed` for one that is made otherwise */
export function checkEventType(type: string): CustodyEventType {
  if (!EVENT_TYPES.some((known) => known === type))
    throw new FormatError('event_unknown', 'there is no event of this name')
  if (type === 'acquired') throw notAStatement()
  if (OF_THE_LOG.has(type)) throw new FormatError('event_malformed', 'events of this name are made by the log itself')
  return type as CustodyEventType
}

function readStatement(value: JsonObject, { origin, recorder, isDemo }: NewsSite): CustodyStatement {
  // The order of names and white space are the sender's; what is signed is the one spelling.
  const event: EventStatement = parseEventStatement(encode(value))
  if (event.type === 'acquired') throw notAStatement()
  checkEventType(event.type)
  if (event.recorder.id !== recorder.id || event.recorder.name !== recorder.name)
    throw new FormatError('event_malformed', 'the statement is recorded by another system than this log')
  if (event.isDemo !== isDemo)
    throw new FormatError('event_malformed', 'only one of statement and log is a demonstration')
  if (event.checkpoint !== null && event.checkpoint.origin !== origin)
    throw new FormatError('event_malformed', 'the statement quotes a checkpoint of another log')
  return event
}

const notAStatement = (): FormatError =>
  new FormatError('event_malformed', 'an acquired image is logged by its seal, not by a statement about it')

function encode(value: JsonObject): Uint8Array {
  try {
    return encodeCanonicalJson(value)
  } catch (cause) {
    throw new FormatError('json_malformed', 'holds a value that JSON has no spelling for', { cause })
  }
}

function readShortForm(value: JsonValue): EventNews {
  const fields = new JsonFields(value, 'event_malformed')
  const type = checkEventType(fields.string('type', NAME))
  const at = fields.has('at') ? fields.time('at') : undefined
  const instance = take(fields, 'instance')
  const digests = take(fields, 'digests')
  const details = fields.value('details')
  fields.finish()
  return makeNews(type, { at, instance, digests, details })
}

const take = (fields: JsonFields, name: string): JsonValue => (fields.has(name) ? fields.value(name) : null)

/** Parts of an event as JSON; null for what there is nothing of. */
export interface NewsParts {
  readonly at: Date | undefined
  readonly instance: JsonValue
  readonly digests: JsonValue
  readonly details: JsonValue
}

/** Reads the parts of an event, in which what may be null may be left out. @throws {FormatError} `event_malformed` */
export function makeNews(type: CustodyEventType, { at, instance, digests, details }: NewsParts): EventNews {
  const shape = EVENT_DETAILS[type]
  const filled = new JsonFields(
    {
      instance: fill(instance, INSTANCE.fields.keys()),
      digests: fill(digests, CONTENT_FIELDS),
      details: fill(
        details,
        [...shape.fields].filter(([, { isNullable }]) => isNullable).map(([name]) => name),
      ),
    },
    'event_malformed',
  )
  return {
    type,
    ...(at !== undefined && { at }),
    instance: filled.isNull('instance') ? filled.null('instance') : INSTANCE.read(filled, 'instance'),
    digests: filled.isNull('digests') ? filled.null('digests') : CONTENT_DIGESTS.read(filled, 'digests'),
    details: shape.read(filled, 'details'),
  } as EventNews
}

/** An object with null for each of these names that it lacks; other values as they are. */
function fill(value: JsonValue, names: Iterable<string>): JsonValue {
  if (!isObject(value)) return value
  return { ...Object.fromEntries([...names].map((name) => [name, null])), ...value }
}

const isObject = (value: JsonValue): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
