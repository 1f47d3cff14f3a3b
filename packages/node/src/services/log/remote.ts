/**
 * Remote: asks other services for short answers, and takes no more of them than it wants.
 */
import { decodeUtf8 } from '@fiducial/core/bytes/text.ts'

/** How this program speaks HTTP; that of the runtime, or a stand-in for tests. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** A signal that aborts after a time. */
export type Deadline = (timeoutMs: number) => AbortSignal

/** An answer, read to its end. */
export interface RemoteAnswer {
  readonly status: number
  /** Media type in lower case, without parameters; empty if there is none. */
  readonly type: string
  readonly bytes: Uint8Array
}

/** Why there is no answer: nobody there, an answer that is too long, or the signal. */
export type RemoteFailure = 'unreachable' | 'too_long' | 'aborted'

/**
 * Sends a request and reads the answer.
 * @param limit  bytes; a longer answer is not read to its end
 */
export async function askRemote(
  fetch: Fetch,
  url: string,
  init: RequestInit & { readonly signal: AbortSignal },
  limit: number,
): Promise<RemoteAnswer | RemoteFailure> {
  try {
    const response = await fetch(url, { redirect: 'error', ...init })
    const bytes = await readLimited(response, limit)
    if (bytes === undefined) return 'too_long'
    const type = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
    return { status: response.status, type, bytes }
  } catch {
    return init.signal.aborted ? 'aborted' : 'unreachable'
  }
}

/** Text of an answer; undefined if it is not UTF-8. */
export function textOf({ bytes }: RemoteAnswer): string | undefined {
  try {
    return decodeUtf8(bytes)
  } catch {
    return undefined
  }
}

/** An address below another. */
export const below = (base: string, path: string): string => `${base.replace(/\/+$/, '')}/${path}`

async function readLimited(response: Response, limit: number): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = []
  let length = 0
  // Leaving the loop gives the connection up.
  for await (const piece of response.body ?? []) {
    length += piece.length
    if (length > limit) return undefined
    pieces.push(piece)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}
