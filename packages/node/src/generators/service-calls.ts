/**
 * Service calls: requests to a generator, with limits on where they go, how long they take and how much comes back.
 *
 * A generator is not ours. It may be slow, send without end, or point elsewhere, where our secret and the picture would go along: redirects are
 * not followed. Plain HTTP is for this machine, unless somebody insists.
 */
import { StoreError } from '@fiducial/core/errors.ts'

export interface ServiceOptions {
  /** Root of the service, such as `https://images.example`; its own paths are put behind it. */
  readonly url: string
  /** Value of the Authorization header; asked for each request, never in messages. */
  readonly authorization?: () => Promise<string | undefined>
  /** Until the whole answer is there. Default: 180 000. */
  readonly timeoutMs?: number
  /** Bytes of an answer at most. Default: 64 MiB. */
  readonly answerLimitBytes?: number
  /** Plain HTTP to other machines. */
  readonly isInsecure?: boolean
}

export interface ServiceCall {
  readonly method: 'GET' | 'POST'
  /** Below the root, with a slash in front; or a whole address on the same host. */
  readonly path: string
  /** A form, or what is sent as JSON. */
  readonly body?: FormData | Readonly<Record<string, unknown>>
  readonly signal?: AbortSignal
}

/** @returns the bytes of a successful answer @throws {StoreError} `service_unreachable`, `service_refused`, `peer_timeout` */
export type CallService = (call: ServiceCall) => Promise<Uint8Array>

const TIMEOUT_MS = 180_000
const ANSWER_LIMIT = 64 * 1024 * 1024
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** @throws {RangeError} for an address that is none, or that sends pictures openly to another machine */
export function openService(options: ServiceOptions): CallService {
  const { timeoutMs = TIMEOUT_MS, answerLimitBytes = ANSWER_LIMIT } = options
  const root = rootOf(options)
  return async ({ method, path, body, signal }) => {
    const url = path.startsWith('/') ? new URL(root.href.replace(/\/$/, '') + path) : URL.parse(path)
    if (url === null || url.origin !== root.origin) throw refused('the service points to another host')
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const headers = new Headers({ accept: 'application/json, image/png, image/jpeg' })
      const authorization = await options.authorization?.()
      if (authorization !== undefined) headers.set('authorization', authorization)
      const isJson = body !== undefined && !(body instanceof FormData)
      if (isJson) headers.set('content-type', 'application/json')
      const answer = await fetch(url, {
        ...{ method, headers, redirect: 'manual' },
        ...{ body: isJson ? JSON.stringify(body) : (body ?? null) },
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      return await readAnswer(answer, answerLimitBytes)
    } catch (cause) {
      if (cause instanceof StoreError) throw cause
      if (signal?.aborted === true) throw signal.reason
      if (timeout.aborted) throw new StoreError('peer_timeout', `no answer within ${timeoutMs} ms`, { cause })
      throw new StoreError('service_unreachable', 'the generator cannot be reached', { cause })
    }
  }
}

function rootOf({ url, isInsecure = false }: ServiceOptions): URL {
  const root = URL.parse(url)
  if (!root || !/^https?:$/.test(root.protocol) || root.search + root.hash + root.username + root.password !== '') {
    throw new RangeError('not the address of a generator')
  }
  if (root.protocol === 'http:' && !isInsecure && !LOOPBACK.test(root.hostname)) {
    throw new RangeError('plain HTTP goes to this machine only')
  }
  return root
}

async function readAnswer(answer: Response, limit: number): Promise<Uint8Array> {
  const give = async (error: StoreError): Promise<never> => {
    await answer.body?.cancel().catch(() => undefined)
    throw error
  }
  const { status } = answer
  if (status >= 300 && status < 400) return give(refused('the service points elsewhere'))
  if (status >= 500) return give(new StoreError('service_unreachable', `the service answered with status ${status}`))
  if (!answer.ok) return give(refused(`the service answered with status ${status}`))
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of answer.body ?? []) {
    length += piece.length
    // Leaving the loop gives the connection up.
    if (length > limit) throw refused(`an answer of more than ${limit} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

export const refused = (what: string, cause?: unknown): StoreError =>
  new StoreError('service_refused', what, cause === undefined ? {} : { cause })
