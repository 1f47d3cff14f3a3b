/**
 * Orthanc archive: an Orthanc server by its own REST interface, as an archive to sweep.
 *
 * Source: the Orthanc Book, "REST API": `/instances?expand`, `/changes`, `/tools/find`, `/instances/{id}/file`. Orthanc gives
 * each stored file a name of its own and a new one whenever it is replaced: that tells what changed. Whoever writes into its
 * storage behind its back changes no name, and so each image is read again from time to time.
 */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { StoreError } from '@fiducial/core/errors.ts'
import { readBody, type WebAnswer, type WebPeer } from '../dicomweb/web-peer.ts'
import type { ArchiveSource, FetchedInstance, ListedInstance, ListedPage } from '../services/audit/ports.ts'
import { type FetchedFiles, fetchTogether } from './fetched-files.ts'
import { parseSince } from './since.ts'

export interface OrthancArchiveOptions {
  /** Its REST interface. */
  readonly peer: WebPeer
  readonly files: FetchedFiles
}

const PAGE = 500
/** Requests for files at once. */
const TOGETHER = 4
/** Bytes of an answer that is held in memory. */
const ANSWER_LIMIT = 64 * 2 ** 20

export function openOrthancArchive({ peer, files }: OrthancArchiveOptions): ArchiveSource {
  const client = new OrthancClient(peer)
  return {
    name: `orthanc+${peer.url}`,
    kind: 'orthanc',
    isComplete: (cursor) => parseSince(cursor).kind === 'all',
    list: (cursor, signal) => listInstances(client, cursor, signal),
    fetch: (instances, signal) =>
      fetchTogether(instances, { together: TOGETHER, signal }, ({ key }) => fetchFile(client, key, files, signal)),
    async close() {
      peer.close()
      files.close()
    },
  }
}

class OrthancClient {
  readonly #peer: WebPeer

  constructor(peer: WebPeer) {
    this.#peer = peer
  }

  /** @throws {StoreError} `service_unreachable`, `service_refused`, `peer_timeout`, `instance_missing` */
  async ask(path: string, signal: AbortSignal, body?: unknown): Promise<WebAnswer> {
    const answer = await this.#peer.request({
      path,
      headers: {},
      signal,
      ...(body === undefined ? { method: 'GET' } : { method: 'POST', body: jsonBody(body) }),
    })
    if (answer.status === 200) return answer
    answer.body.destroy()
    if (answer.status === 404) throw new StoreError('instance_missing', 'Orthanc has no such instance')
    throw new StoreError('service_refused', `Orthanc answered with status ${answer.status}`)
  }

  async json(path: string, signal: AbortSignal, body?: unknown): Promise<unknown> {
    const bytes = await readBody(await this.ask(path, signal, body), ANSWER_LIMIT)
    try {
      return JSON.parse(new TextDecoder().decode(bytes))
    } catch (cause) {
      throw new StoreError('service_refused', 'Orthanc answered with something that is no JSON', { cause })
    }
  }
}

function jsonBody(value: unknown): NonNullable<Parameters<WebPeer['request']>[0]['body']> {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  return { lengthBytes: bytes.length, pieces: [bytes] }
}

async function* listInstances(
  client: OrthancClient,
  cursor: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<ListedPage> {
  const since = parseSince(cursor)
  // From before the list: what comes meanwhile is listed twice, and not left out.
  const last = numberOf(await client.json('/changes?last', signal), 'Last')
  yield { instances: [], ...(last !== undefined && { cursor: `change:${last}` }) }
  if (since.kind === 'change') yield* listChanges(client, since.change, signal)
  else if (since.kind === 'date') yield* listSinceDay(client, since.date, signal)
  else yield* listAll(client, signal)
}

async function* listAll(client: OrthancClient, signal: AbortSignal): AsyncGenerator<ListedPage> {
  const total = numberOf(await client.json('/statistics', signal), 'CountInstances')
  for (let from = 0; ; from += PAGE) {
    const page = listOf(await client.json(`/instances?expand&since=${from}&limit=${PAGE}`, signal))
    yield { instances: page.flatMap(toListed), ...(total !== undefined && { total }) }
    if (page.length < PAGE) return
  }
}

/** What came or was replaced since a change; each once. */
async function* listChanges(client: OrthancClient, since: number, signal: AbortSignal): AsyncGenerator<ListedPage> {
  const seen = new Set<string>()
  for (let from = since; ; ) {
    const answer = await client.json(`/changes?since=${from}&limit=${PAGE}`, signal)
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
    return toListed(await client.json(`/instances/${encodeURIComponent(id)}`, signal))
  } catch (error) {
    if (error instanceof StoreError && error.code === 'instance_missing') return []
    throw error
  }
}

async function* listSinceDay(client: OrthancClient, date: string, signal: AbortSignal): AsyncGenerator<ListedPage> {
  for (let from = 0; ; from += PAGE) {
    const query = { Level: 'Instance', Expand: true, Limit: PAGE, Since: from, Query: { StudyDate: `${date}-` } }
    const page = listOf(await client.json('/tools/find', signal, query))
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
  const { body } = await client.ask(`/instances/${encodeURIComponent(key)}/file`, signal)
  try {
    await pipeline(body, createWriteStream(path, { mode: 0o600 }))
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
