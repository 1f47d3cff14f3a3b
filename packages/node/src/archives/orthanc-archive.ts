/**
 * Orthanc archive: an Orthanc server by its own REST interface, as an archive to sweep.
 *
 * Source: the Orthanc Book, "REST API": `/instances?expand`, `/changes`, `/tools/find`, `/instances/{id}/file`. Orthanc gives
 * each stored file a name of its own and a new one whenever it is replaced: that tells what changed. Whoever writes into its
 * storage behind its back changes no name, and so each image is read again from time to time.
 */
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { StoreError } from '@fiducial/core/errors.ts'
import type { ArchiveSource, FetchedInstance, ListedInstance, ListedPage } from '../services/audit/ports.ts'
import { type FetchedFiles, fetchTogether } from './fetched-files.ts'
import { parseSince } from './since.ts'

export interface OrthancArchiveOptions {
  /** Of its REST interface, `http://HOST:PORT/`. */
  readonly url: URL
  /** Value of the header Authorization. */
  readonly authorization?: string
  readonly files: FetchedFiles
}

const PAGE = 500
const TOGETHER = 4
const TIMEOUT_MS = 60_000

export function openOrthancArchive({ url, authorization, files }: OrthancArchiveOptions): ArchiveSource {
  const client = new OrthancClient(url, authorization)
  return {
    name: `orthanc+${url.origin}${url.pathname === '/' ? '' : url.pathname}`,
    kind: 'orthanc',
    isComplete: (cursor) => parseSince(cursor).kind === 'all',
    list: (cursor, signal) => listInstances(client, cursor, signal),
    fetch: (instances, signal) =>
      fetchTogether(instances, { together: TOGETHER, signal }, ({ key }) => fetchFile(client, key, files, signal)),
    close: async () => files.close(),
  }
}

class OrthancClient {
  readonly #url: URL
  readonly #headers: Readonly<Record<string, string>>

  constructor(url: URL, authorization: string | undefined) {
    this.#url = url
    this.#headers = authorization === undefined ? {} : { authorization }
  }

  /** @throws {StoreError} `service_unreachable`, `service_refused`, `instance_missing` */
  async ask(path: string, signal: AbortSignal, body?: unknown): Promise<Response> {
    const base = this.#url.href.endsWith('/') ? this.#url.href : `${this.#url.href}/`
    let response: Response
    try {
      response = await fetch(new URL(path, base), {
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
        headers: this.#headers,
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
    } catch (cause) {
      signal.throwIfAborted()
      throw new StoreError('service_unreachable', 'Orthanc does not answer', { cause })
    }
    if (response.ok) return response
    await response.body?.cancel()
    if (response.status === 404) throw new StoreError('instance_missing', 'Orthanc has no such instance')
    throw new StoreError('service_refused', `Orthanc answered with status ${response.status}`)
  }

  async json(path: string, signal: AbortSignal, body?: unknown): Promise<unknown> {
    const response = await this.ask(path, signal, body)
    try {
      return await response.json()
    } catch (cause) {
      signal.throwIfAborted()
      throw new StoreError('service_refused', 'Orthanc answered with something that is no JSON', { cause })
    }
  }
}

async function* listInstances(
  client: OrthancClient,
  cursor: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<ListedPage> {
  const since = parseSince(cursor)
  // From before the list: what comes meanwhile is listed twice, and not left out.
  const last = numberOf(await client.json('changes?last', signal), 'Last')
  yield { instances: [], ...(last !== undefined && { cursor: `change:${last}` }) }
  if (since.kind === 'change') yield* listChanges(client, since.change, signal)
  else if (since.kind === 'date') yield* listSinceDay(client, since.date, signal)
  else yield* listAll(client, signal)
}

async function* listAll(client: OrthancClient, signal: AbortSignal): AsyncGenerator<ListedPage> {
  const total = numberOf(await client.json('statistics', signal), 'CountInstances')
  for (let from = 0; ; from += PAGE) {
    const page = listOf(await client.json(`instances?expand&since=${from}&limit=${PAGE}`, signal))
    yield { instances: page.flatMap(toListed), ...(total !== undefined && { total }) }
    if (page.length < PAGE) return
  }
}

/** What came or was replaced since a change; each once. */
async function* listChanges(client: OrthancClient, since: number, signal: AbortSignal): AsyncGenerator<ListedPage> {
  const seen = new Set<string>()
  for (let from = since; ; ) {
    const answer = await client.json(`changes?since=${from}&limit=${PAGE}`, signal)
    const ids = listOf(fieldOf(answer, 'Changes')).flatMap((change) => {
      const id = fieldOf(change, 'ID')
      const isNew = fieldOf(change, 'ChangeType') === 'NewInstance' && typeof id === 'string' && !seen.has(id)
      if (!isNew) return []
      seen.add(id)
      return [id]
    })
    const instances: ListedInstance[] = []
    for (const id of ids) instances.push(...(await describe(client, id, signal)))
    yield { instances }
    if (fieldOf(answer, 'Done') === true) return
    const last = numberOf(answer, 'Last') ?? from
    if (last <= from) return
    from = last
  }
}

/** One that was removed since is not there to be listed. */
async function describe(client: OrthancClient, id: string, signal: AbortSignal): Promise<readonly ListedInstance[]> {
  try {
    return toListed(await client.json(`instances/${encodeURIComponent(id)}`, signal))
  } catch (error) {
    if (error instanceof StoreError && error.code === 'instance_missing') return []
    throw error
  }
}

async function* listSinceDay(client: OrthancClient, date: string, signal: AbortSignal): AsyncGenerator<ListedPage> {
  for (let from = 0; ; from += PAGE) {
    const query = { Level: 'Instance', Expand: true, Limit: PAGE, Since: from, Query: { StudyDate: `${date}-` } }
    const page = listOf(await client.json('tools/find', signal, query))
    yield { instances: page.flatMap(toListed) }
    if (page.length < PAGE) return
  }
}

function toListed(value: unknown): readonly ListedInstance[] {
  const [id, uuid, size] = [fieldOf(value, 'ID'), fieldOf(value, 'FileUuid'), fieldOf(value, 'FileSize')]
  if (typeof id !== 'string') return []
  const uid = fieldOf(fieldOf(value, 'MainDicomTags'), 'SOPInstanceUID')
  return [
    {
      key: id,
      version: typeof uuid === 'string' ? `${uuid} ${String(size)}` : null,
      sopInstanceUid: typeof uid === 'string' ? uid : null,
      seriesInstanceUid: null,
      studyInstanceUid: null,
    },
  ]
}

async function fetchFile(
  client: OrthancClient,
  key: string,
  files: FetchedFiles,
  signal: AbortSignal,
): Promise<FetchedInstance> {
  const path = files.newPath()
  const response = await client.ask(`instances/${encodeURIComponent(key)}/file`, signal)
  try {
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(path, { mode: 0o600 }))
  } catch (cause) {
    await files.remove(path)
    signal.throwIfAborted()
    throw new StoreError('service_unreachable', 'an image broke off', { cause })
  }
  return files.take(key, path)
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
const numberOf = (value: unknown, name: string): number | undefined => {
  const field = fieldOf(value, name)
  return typeof field === 'number' ? field : undefined
}
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
