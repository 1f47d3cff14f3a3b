/**
 * Web client: asks a DICOMweb service what it has, and fetches it.
 *
 * Source: PS3.18 sections 10.4 (retrieve) and 10.6 (search). Sending is in stow-sender.
 */
import { open, rm } from 'node:fs/promises'
import { StoreError } from '@fiducial/core/errors.ts'
import { textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { decodeDicomJson } from '@fiducial/core/formats/dicom-json/parse.ts'
import type { JsonObject } from '@fiducial/core/formats/json/parse.ts'
import { parseMediaType } from '@fiducial/core/formats/multipart/media-type.ts'
import { MultipartParser, type PartHandler, readBoundary } from '@fiducial/core/formats/multipart/parse.ts'
import { failureOf, readBody, type WebAnswer, WebPeer, type WebPeerOptions } from './web-peer.ts'

/** A study, series or instance. */
export interface Place {
  readonly study: string
  readonly series?: string
  readonly instance?: string
}

export interface SearchOptions {
  /** What is searched: everything, or what lies in a study or series. */
  readonly level: 'studies' | 'series' | 'instances'
  readonly study?: string
  readonly series?: string
  /** Attributes by keyword or tag, and `includefield`; a list stands for the parameter several times. */
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  /** Asked for at once. Default: 200. */
  readonly pageSize?: number
  readonly signal: AbortSignal
}

export interface RetrieveOptions {
  /** Default: `*`, as it is stored. */
  readonly transferSyntax?: string
  readonly signal: AbortSignal
}

const PAGE_SIZE = 200
const JSON_TYPE = 'application/dicom+json'
/** Bytes of a page of results, or of the metadata of a series. */
const ANSWER_LIMIT = 256 * 1024 * 1024
const UIDS = { studies: 0x0020000d, series: 0x0020000e, instances: 0x00080018 } as const

export class WebClient {
  readonly #peer: WebPeer

  /** @throws {RangeError} as {@link WebPeer} */
  constructor(options: WebPeerOptions | WebPeer) {
    this.#peer = options instanceof WebPeer ? options : new WebPeer(options)
  }

  get url(): string {
    return this.#peer.url
  }

  /**
   * Searches, page by page, until the service has no more. A service that knows no paging gives one page.
   * @throws {StoreError} `service_unreachable`, `service_refused`, `peer_timeout`; {FormatError} `dicom_json_malformed`
   */
  async *search({
    level,
    study,
    series,
    query = {},
    pageSize = PAGE_SIZE,
    signal,
  }: SearchOptions): AsyncIterable<readonly JsonObject[]> {
    // A series is in a study (PS3.18 table 10.6.1-2).
    const above = study === undefined ? '' : pathOf({ study, ...(series === undefined ? {} : { series }) })
    let firstBefore: string | undefined
    for (let offset = 0; ; ) {
      const parameters = new URLSearchParams()
      for (const [name, values] of Object.entries(query))
        for (const value of [values].flat()) parameters.append(name, value)
      parameters.set('limit', String(pageSize))
      parameters.set('offset', String(offset))
      const page = await this.#json(`${above}/${level}?${parameters}`, signal)
      const first = textAt(page[0], UIDS[level])
      // Whoever gives the same page again does not know what an offset is.
      if (page.length === 0 || (offset > 0 && first === firstBefore)) return
      yield page
      if (page.length > pageSize) return
      firstBefore = first
      offset += page.length
    }
  }

  /** Everything but bulk data, of each instance. @throws as {@link search} */
  async metadata(place: Place, { signal }: { readonly signal: AbortSignal }): Promise<readonly JsonObject[]> {
    return this.#json(`${pathOf(place)}/metadata`, signal)
  }

  /**
   * Fetches instances as files, one part each; its handler is given their bytes as they come.
   * @throws {StoreError} `instance_missing` where the service has no such thing, `service_unreachable`, `service_refused`,
   *   `peer_timeout`; {FormatError} `multipart_malformed`; and what the handler throws
   */
  async retrieve(place: Place, handler: PartHandler, { transferSyntax = '*', signal }: RetrieveOptions): Promise<void> {
    const accept = `multipart/related; type="application/dicom"; transfer-syntax=${transferSyntax}`
    const answer = await this.#get(pathOf(place), accept, signal)
    const type = answer.headers['content-type'] ?? ''
    if (/^application\/dicom\b/i.test(type)) return readPlain(answer, handler)
    let parser: MultipartParser
    try {
      parser = new MultipartParser(readBoundary(type), handler)
    } catch (error) {
      answer.body.destroy()
      throw error
    }
    await pour(answer, (piece) => parser.write(piece))
    parser.end()
  }

  /**
   * Fetches one instance into a new file.
   * @returns its length in bytes @throws as {@link retrieve}; {StoreError} `output_unwritable`
   */
  async retrieveToFile(place: Required<Place>, path: string, options: RetrieveOptions): Promise<number> {
    const file = await open(path, 'wx').catch((cause) => {
      throw new StoreError('output_unwritable', 'the file cannot be made', { cause })
    })
    let length = 0
    let parts = 0
    let waiting: Promise<unknown> = Promise.resolve()
    let isWhole = false
    const handler: PartHandler = {
      begin: () => void parts++,
      body(bytes) {
        length += bytes.length
        // Taken over: the buffer is used again once this returns.
        const copy = bytes.slice()
        waiting = waiting.then(() => file.write(copy))
        waiting.catch(() => undefined)
      },
      end: () => undefined,
    }
    try {
      await this.retrieve(place, handler, options)
      await waiting.catch((cause) => {
        throw new StoreError('output_unwritable', 'the file cannot be written', { cause })
      })
      if (parts !== 1) throw new StoreError('service_refused', `${parts} parts for one instance`)
      isWhole = true
      return length
    } finally {
      await waiting.catch(() => undefined)
      await file.close()
      if (!isWhole) await rm(path, { force: true })
    }
  }

  close(): void {
    this.#peer.close()
  }

  async #json(path: string, signal: AbortSignal): Promise<readonly JsonObject[]> {
    const answer = await this.#get(path, JSON_TYPE, signal)
    const bytes = await readBody(answer, ANSWER_LIMIT)
    if (answer.status === 204 || bytes.length === 0) return []
    return decodeDicomJson(bytes)
  }

  async #get(path: string, accept: string, signal: AbortSignal): Promise<WebAnswer> {
    const answer = await this.#peer.request({ method: 'GET', path, headers: { accept }, signal })
    if (answer.status >= 200 && answer.status < 300 && answer.status !== 206) return answer
    answer.body.destroy()
    if (answer.status === 404 || answer.status === 410)
      throw new StoreError('instance_missing', 'the service has no such thing')
    throw new StoreError('service_refused', `the service answered with status ${answer.status}`)
  }
}

const UID = /^[0-9.]{1,64}$/

/** @throws {RangeError} for what is no UID: it would become another path */
function pathOf({ study, series, instance }: Place): string {
  const uids = [study, series, instance].filter((uid) => uid !== undefined)
  if (!uids.every((uid) => UID.test(uid))) throw new RangeError('not a UID')
  return [
    '',
    'studies',
    study,
    ...(series === undefined ? [] : ['series', series]),
    ...(instance === undefined ? [] : ['instances', instance]),
  ].join('/')
}

async function readPlain(answer: WebAnswer, handler: PartHandler): Promise<void> {
  handler.begin(new Map([['content-type', parseMediaType(answer.headers['content-type'] ?? '').type]]))
  await pour(answer, (piece) => handler.body(piece))
  handler.end()
}

/** Pieces of an answer as they come; the connection is given up where the taker throws. */
async function pour({ body }: WebAnswer, take: (piece: Uint8Array) => void): Promise<void> {
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      try {
        take(piece)
      } catch (error) {
        failure = { error }
        break
      }
    }
  } catch (cause) {
    throw failureOf(cause)
  }
  if (failure !== undefined) throw failure.error
}
