/**
 * Remote gateway: asks a running gateway by its web API, for commands and scripts.
 *
 * Answers are those of our own program, so they are read as what `core/src/api` says; what a stranger answers becomes an error.
 */
import type {
  DestinationMessage,
  InstanceMessage,
  InstancesMessage,
  ReleaseAnswer,
  StatusMessage,
} from '@fiducial/core/api/gateway.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { askRemote, below, type Deadline, type Fetch, textOf } from '../log/remote.ts'

export interface RemoteGatewayOptions {
  readonly url: string
  readonly token: string
  readonly fetch: Fetch
  readonly deadline: Deadline
}

const TIMEOUT_MS = 30_000
const ANSWER_LIMIT = 32 * 2 ** 20

export class RemoteGateway {
  readonly #options: RemoteGatewayOptions

  constructor(options: RemoteGatewayOptions) {
    this.#options = options
  }

  /** @throws {StoreError} as every method: `service_unreachable`, `service_refused`, `instance_missing`, … */
  status(): Promise<StatusMessage> {
    return this.#ask('status')
  }

  destinations(): Promise<readonly DestinationMessage[]> {
    return this.#ask('destinations')
  }

  /** @param query  parameters of `GET /instances` */
  list(query: Readonly<Record<string, string>>): Promise<InstancesMessage> {
    return this.#ask(`instances?${new URLSearchParams(query)}`)
  }

  show(id: string): Promise<InstanceMessage> {
    return this.#ask(`instances/${encodeURIComponent(id)}`)
  }

  release(id: string, reason: string): Promise<ReleaseAnswer> {
    return this.#ask(`instances/${encodeURIComponent(id)}/release`, { reason })
  }

  reject(id: string, reason: string): Promise<{ readonly state: string }> {
    return this.#ask(`instances/${encodeURIComponent(id)}/reject`, { reason })
  }

  reexamine(id: string): Promise<{ readonly state: string }> {
    return this.#ask(`instances/${encodeURIComponent(id)}/reexamine`, {})
  }

  retry(id: string): Promise<{ readonly sentAgain: number }> {
    return this.#ask(`instances/${encodeURIComponent(id)}/retry`, {})
  }

  control(
    destination: string,
    action: 'pause' | 'resume' | 'retry',
  ): Promise<{ readonly state?: string; readonly sentAgain?: number }> {
    return this.#ask(`destinations/${encodeURIComponent(destination)}/${action}`, {})
  }

  /** An address that lets a browser in, once. */
  invite(): Promise<{ readonly url: string }> {
    return this.#ask('invitations', {})
  }

  async #ask<Answer>(path: string, body?: object): Promise<Answer> {
    const { url, token, fetch, deadline } = this.#options
    const init = {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: deadline(TIMEOUT_MS),
    }
    const answer = await askRemote(fetch, below(url, `api/v1/${path}`), init, ANSWER_LIMIT)
    if (answer === 'too_long') throw new StoreError('service_refused', 'the answer of the gateway is too long')
    if (typeof answer === 'string') throw new StoreError('service_unreachable', 'no gateway answers there')
    const value = parse(textOf(answer))
    if (answer.status === 200 && value !== undefined) return value as Answer
    throw problemOf(answer.status, value)
  }
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Codes of the gateway that mean the same here. */
const KNOWN = ['instance_missing', 'instance_moved', 'approval_missing', 'input_missing'] as const

function problemOf(status: number, value: unknown): StoreError {
  const { code, message } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const known = KNOWN.find((candidate) => candidate === code)
  if (known !== undefined) return new StoreError(known, String(message).slice(0, 256))
  if (status === 401) return new StoreError('service_refused', 'the gateway does not know the token')
  if (status === 403) return new StoreError('service_refused', 'the role of the token may not do that')
  return new StoreError('service_refused', `the gateway answered with status ${status}`)
}
