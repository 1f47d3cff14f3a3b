/**
 * STOW sender: a destination that takes instances by DICOMweb.
 *
 * Source: PS3.18 section 10.5. Some instances of one order key share a request, whose length is stated beforehand, as not
 * every service takes chunks. Bytes go out as they lie in the spool.
 */
import { randomBytes } from 'node:crypto'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import {
  boundaryOf,
  formatLastDelimiter,
  formatPartHead,
  formatRelatedType,
} from '@fiducial/core/formats/multipart/format.ts'
import type { Outgoing, Sender, SendResult, SpooledFile } from '../services/gateway/ports.ts'
import { type InstanceResult, isFinalReason, readStoreAnswer, statusCode } from './store-answer.ts'
import { readBody, WebPeer, type WebPeerOptions } from './web-peer.ts'

export interface StowSenderOptions extends WebPeerOptions {
  /** Instances of a request at most. Default: 16. */
  readonly instancesPerRequest?: number
  /** Bytes after which a request takes no further instance. Default: 64 MiB. */
  readonly bytesPerRequest?: number
  /** Called before a piece is sent, to keep within a bandwidth. */
  readonly pace?: (lengthBytes: number, signal: AbortSignal) => Promise<void>
}

interface OpenCopy {
  readonly outgoing: Outgoing
  readonly file: SpooledFile
  readonly head: Uint8Array
}

const INSTANCES_PER_REQUEST = 16
const BYTES_PER_REQUEST = 64 * 1024 * 1024
const ANSWER_LIMIT = 16 * 1024 * 1024
const PART_HEADERS = new Map([['Content-Type', 'application/dicom']])
/** Statuses that say something of the instances, not of the way to the service. */
const ABOUT_INSTANCES = new Set([400, 409, 413, 415, 422])

/** @throws {RangeError} as {@link WebPeer} */
export function stowSender(options: StowSenderOptions): Sender {
  const peer = new WebPeer(options)
  return {
    async *send(batch, signal) {
      const lanes = new Map<string, Outgoing[]>()
      for (const outgoing of batch) lanes.set(outgoing.orderKey, [...(lanes.get(outgoing.orderKey) ?? []), outgoing])
      yield* merge(
        [...lanes.values()].map((lane) => sendInOrder(peer, lane, options, signal)),
        options.connections ?? 4,
      )
    },
    ping: (signal) => ping(peer, signal),
    close: async () => peer.close(),
  }
}

async function ping(peer: WebPeer, signal: AbortSignal): Promise<void> {
  const answer = await peer.request({
    method: 'GET',
    path: '/studies?limit=1',
    headers: { accept: 'application/dicom+json' },
    signal,
  })
  answer.body.destroy()
  // A service that only takes in may not know this address; it is there all the same.
  if (answer.status >= 500 || answer.status === 401 || answer.status === 403)
    throw new StoreError('service_refused', `the service answered with status ${answer.status}`)
}

/** Copies of one order key, some a request. */
async function* sendInOrder(
  peer: WebPeer,
  lane: readonly Outgoing[],
  options: StowSenderOptions,
  signal: AbortSignal,
): AsyncGenerator<SendResult> {
  const { instancesPerRequest = INSTANCES_PER_REQUEST, bytesPerRequest = BYTES_PER_REQUEST } = options
  const rest = [...lane]
  while (rest.length > 0) {
    const copies: OpenCopy[] = []
    const boundary = boundaryOf(randomBytes(16))
    try {
      for (let bytes = 0; rest.length > 0 && copies.length < instancesPerRequest && bytes < bytesPerRequest; ) {
        const outgoing = rest.shift() as Outgoing
        const opened = await openCopy(outgoing, boundary, copies.length === 0)
        if ('outcome' in opened) yield opened
        else {
          copies.push(opened)
          bytes += opened.file.length
        }
      }
      if (copies.length > 0) yield* sendCopies(peer, copies, boundary, options, signal)
    } finally {
      for (const { file } of copies) await file[Symbol.asyncDispose]()
    }
  }
}

async function openCopy(outgoing: Outgoing, boundary: string, isFirst: boolean): Promise<OpenCopy | SendResult> {
  try {
    return { outgoing, file: await outgoing.open(), head: formatPartHead(boundary, PART_HEADERS, isFirst) }
  } catch (error) {
    return failed(outgoing, codeOf(error), false)
  }
}

async function* sendCopies(
  peer: WebPeer,
  copies: readonly OpenCopy[],
  boundary: string,
  options: StowSenderOptions,
  signal: AbortSignal,
): AsyncGenerator<SendResult> {
  let status: number
  let results: ReadonlyMap<string, InstanceResult>
  try {
    const answer = await post(peer, copies, boundary, options, signal)
    status = answer.status
    results = readStoreAnswer(await readBody(answer, ANSWER_LIMIT))
  } catch (error) {
    for (const { outgoing } of copies) yield failed(outgoing, codeOf(error), false)
    return
  }
  const isSuccess = status >= 200 && status < 300
  // One of several may be what it refuses: each is asked about alone.
  if (!isSuccess && results.size === 0 && copies.length > 1 && ABOUT_INSTANCES.has(status)) {
    for (const copy of copies) {
      const alone = { ...copy, head: formatPartHead(boundary, PART_HEADERS, true) }
      yield* sendCopies(peer, [alone], boundary, options, signal)
    }
    return
  }
  for (const { outgoing } of copies) yield resultOf(outgoing, results.get(outgoing.sopInstanceUid), status)
}

function post(
  peer: WebPeer,
  copies: readonly OpenCopy[],
  boundary: string,
  { pace }: StowSenderOptions,
  signal: AbortSignal,
) {
  const end = formatLastDelimiter(boundary)
  const lengthBytes = copies.reduce((sum, { head, file }) => sum + head.length + file.length, end.length)
  return peer.request({
    method: 'POST',
    path: '/studies',
    headers: { 'content-type': formatRelatedType(boundary, 'application/dicom'), accept: 'application/dicom+json' },
    signal,
    body: { lengthBytes, pieces: piecesOf(copies, end, pace, signal) },
  })
}

async function* piecesOf(
  copies: readonly OpenCopy[],
  end: Uint8Array,
  pace: StowSenderOptions['pace'],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const { head, file } of copies) {
    yield head
    for (const chunk of file.chunks(0, file.length)) {
      await pace?.(chunk.length, signal)
      // A chunk is valid until the next one is asked for, and the socket may still hold it then.
      yield file.isInMemory ? chunk : chunk.slice()
    }
  }
  yield end
}

function resultOf(outgoing: Outgoing, result: InstanceResult | undefined, status: number): SendResult {
  const { deliveryId } = outgoing
  if (result?.isStored === true) {
    const { warning } = result
    return warning === null
      ? { deliveryId, outcome: 'stored' }
      : { deliveryId, outcome: 'stored', note: statusCode(warning) }
  }
  if (result?.isStored === false) {
    const { reason } = result
    return failed(outgoing, reason === null ? 'service_refused' : statusCode(reason), isFinalReason(reason))
  }
  // Services that answer in another format, or with nothing, have all of it where they say so.
  if (status === 200 || status === 201 || status === 204) return { deliveryId, outcome: 'stored' }
  return failed(outgoing, status >= 500 ? 'service_unreachable' : 'service_refused', ABOUT_INSTANCES.has(status))
}

const failed = ({ deliveryId }: Outgoing, code: string, isFinal: boolean): SendResult => ({
  deliveryId,
  outcome: 'failed',
  code,
  isFinal,
})

function codeOf(error: unknown): string {
  if (error instanceof StoreError || error instanceof FormatError) return error.code
  if (error instanceof Error && error.name === 'AbortError') return 'peer_timeout'
  throw error
}

/** Results of several lanes as they come, so many lanes at once. */
async function* merge<T>(lanes: readonly AsyncGenerator<T>[], atOnce: number): AsyncGenerator<T> {
  const waiting = [...lanes]
  type Turn = { readonly lane: AsyncGenerator<T>; readonly result: IteratorResult<T> }
  const turns = new Map<AsyncGenerator<T>, Promise<Turn>>()
  const take = (lane: AsyncGenerator<T>): void =>
    void turns.set(
      lane,
      lane.next().then((result) => ({ lane, result })),
    )
  for (const lane of waiting.splice(0, atOnce)) take(lane)
  try {
    while (turns.size > 0) {
      const { lane, result } = await Promise.race(turns.values())
      if (result.done === true) {
        turns.delete(lane)
        const next = waiting.shift()
        if (next !== undefined) take(next)
      } else {
        take(lane)
        yield result.value
      }
    }
  } finally {
    await Promise.allSettled([...turns.keys()].map((lane) => lane.return(undefined)))
  }
}
