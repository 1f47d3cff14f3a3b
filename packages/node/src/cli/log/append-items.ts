/**
 * Append items: from the inputs of `log append` to what is recorded: statements, seals, and images that an event is
 * about.
 */
import { existsSync } from 'node:fs'
import { STATEMENT_LIMIT } from '@fiducial/core/domain/log/event.ts'
import type { CustodyEventType } from '@fiducial/core/domain/log/event-details.ts'
import { CONTENT_DIGESTS, INSTANCE } from '@fiducial/core/domain/log/event-parts.ts'
import { GATEWAY_MEDIA_TYPE, SEAL_MEDIA_TYPE } from '@fiducial/core/domain/seal/namespace.ts'
import { isGatewaySeal, parseImageSeal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { type JsonObject, type JsonValue, parseJson } from '@fiducial/core/formats/json/parse.ts'
import { newsOfGatewaySeal } from '../../services/log/gateway-seal-news.ts'
import { makeNews, type NewsSite, readNews } from '../../services/log/read-news.ts'
import type { Receipt } from '../../services/log/receipt.ts'
import type { Recorder } from '../../services/log/recorder.ts'
import { type Input, SEAL_SUFFIX } from '../adapters.ts'
import type { Context } from '../context.ts'
import { withHint } from '../failure.ts'

/** Something to record. */
export interface Item {
  /** What to call it in reports. */
  readonly label: string
  /** Name of the event, as far as it is known before it is read. */
  readonly type: string
  /** Whether its entry can be rebuilt from a seal at hand. */
  readonly isSealed: boolean
  record(recorder: Recorder): Promise<Receipt>
}

/** An event that all images of a run are about. */
export interface Event {
  readonly type: CustodyEventType
  readonly details: JsonValue
  /** Now, unless it is stated. */
  readonly at: Date | undefined
}

const LIMITS = { depth: 16, length: STATEMENT_LIMIT }
const BRACE = 0x7b
const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])
/** Bytes in which a text shows that it is one. */
const BEGINNING = 4096

/** An image that something happened to. @throws {StoreError} {FormatError} for what is no image */
export async function itemOfImage({ path, label }: Input, event: Event, { adapters }: Context): Promise<Item> {
  const { instance, digests } = await adapters.log.describeImage(path)
  return itemOfEvent(label, event, { instance: INSTANCE.write(instance), digests: CONTENT_DIGESTS.write(digests) })
}

/** Something that happened, to no image unless one is given. @throws {FormatError} `event_malformed` */
export function itemOfEvent(
  label: string,
  { type, details, at }: Event,
  about: { readonly instance: JsonValue; readonly digests: JsonValue } = { instance: null, digests: null },
): Item {
  const news = makeNews(type, { ...about, details, at })
  return { label, type, isSealed: false, record: (recorder) => recorder.record(news) }
}

/**
 * What a file holds: a statement, several, one a line, or a seal; of an image the seal beside it.
 * @throws {StoreError} if it cannot be read; {FormatError} for anything else; one line that is none throws when it is recorded
 */
export async function itemsOfFile(input: Input, site: NewsSite, context: Context): Promise<readonly Item[]> {
  const { path, label } = input
  if (existsSync(`${path}${SEAL_SUFFIX}`)) return [await itemOfSeal(`${path}${SEAL_SUFFIX}`, label, context)]
  if (!(await isObjectText(path, context))) {
    throw withHint(
      new FormatError('event_malformed', 'is no statement, and has no seal beside it'),
      'of an image, --event TYPE says what happened to it',
    )
  }
  const bytes = await readWhole(path, context)
  if (isSealText(bytes)) return [await sealItem(bytes, label, context)]
  return readStatements(bytes, label, site)
}

async function itemOfSeal(path: string, label: string, context: Context): Promise<Item> {
  return sealItem(await readWhole(path, context), label, context)
}

async function sealItem(bytes: Uint8Array, label: string, { adapters }: Context): Promise<Item> {
  const seal = parseImageSeal(bytes)
  if (isGatewaySeal(seal)) {
    const news = newsOfGatewaySeal(bytes, (await adapters.crypto()).hash)
    return { label, type: news.type, isSealed: false, record: (recorder) => recorder.record(news) }
  }
  return { label, type: 'acquired', isSealed: true, record: (recorder) => recorder.recordSeal(seal) }
}

function readStatements(bytes: Uint8Array, label: string, site: NewsSite): readonly Item[] {
  const lines = new TextDecoder().decode(bytes).split('\n')
  const filled = lines.flatMap((line, i) => (line.trim() === '' ? [] : [{ line, number: i + 1 }]))
  // Programs write an object a line; what people write may go over several.
  const isLines = filled.length > 1 && isJson(filled[0]?.line ?? '')
  if (!isLines) return [itemOfStatement(bytes, label, site)]
  return filled.map(({ line, number }) => itemOfStatement(line, `${label}:${number}`, site))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Refused when it is recorded, so that one of many holds up none of the others. */
function itemOfStatement(text: Uint8Array | string, label: string, site: NewsSite): Item {
  try {
    if (text.length > STATEMENT_LIMIT)
      throw new FormatError(
        'entry_too_large',
        `a statement of ${text.length} bytes, of which a log takes ${STATEMENT_LIMIT}`,
      )
    const news = readNews(parseJson(text, LIMITS), site)
    const type = news.kind === 'news' ? news.news.type : news.statement.type
    return {
      label,
      type,
      isSealed: false,
      record: (recorder) =>
        news.kind === 'news' ? recorder.record(news.news) : recorder.recordStatement(news.statement),
    }
  } catch (error) {
    return { label, type: 'unknown', isSealed: false, record: () => Promise.reject(error) }
  }
}

async function readWhole(path: string, { adapters }: Context): Promise<Uint8Array> {
  const bytes = await adapters.readFile(path)
  if (bytes === undefined) throw new StoreError('input_missing', `there is no file ${path}`)
  return bytes
}

/** Whether a file begins as a JSON object does. */
async function isObjectText(path: string, { adapters }: Context): Promise<boolean> {
  using file = await adapters.openFile(path)
  const beginning = file.view(0, Math.min(BEGINNING, file.length))
  return beginning.find((byte) => !WHITE_SPACE.has(byte)) === BRACE
}

/** Whether a text says of itself that it is a seal. */
function isSealText(bytes: Uint8Array): boolean {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as JsonObject
    return value.mediaType === SEAL_MEDIA_TYPE || value.mediaType === GATEWAY_MEDIA_TYPE
  } catch {
    return false
  }
}
