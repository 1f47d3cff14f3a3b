/**
 * HTTP diagnosis: a diagnostic model behind an HTTP endpoint that takes a picture and answers with findings.
 *
 * Source: docs/reference/diagnostic-findings.md. The endpoint gets the file as it is, patient data included: whoever sets the address decides who sees it. Redirects are refused, so that it
 * is that address and no other.
 */
import { type Finding, refuseFindings } from '@fiducial/core/domain/watch/findings/finding.ts'
import { parseFindings } from '@fiducial/core/domain/watch/findings/findings-json.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { DiagnosticImage, DiagnosticModel } from '../services/watch/ports.ts'

export interface DiagnosisTarget {
  readonly name: string
  /** `https://…`, or `http://…` inside one machine. */
  readonly url: string
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string
  readonly fetch?: typeof fetch
  /** For the request and its whole answer. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 60_000
/** Bytes of an answer that are read, and of an image that is sent. */
const ANSWER_LIMIT = 1024 * 1024
const IMAGE_LIMIT = 512 * 1024 * 1024

export class HttpDiagnosis implements DiagnosticModel {
  readonly name: string
  readonly #target: DiagnosisTarget

  constructor(target: DiagnosisTarget) {
    this.name = target.name
    this.#target = target
  }

  /** @throws {RangeError} for an image of more than 512 MiB */
  async examine({ bytes, mediaType }: DiagnosticImage): Promise<readonly Finding[]> {
    if (bytes.length > IMAGE_LIMIT) throw new RangeError(`an image of ${bytes.length} bytes`)
    const { url, token, fetch: send = fetch, timeoutMs = TIMEOUT_MS } = this.#target
    const headers = {
      'content-type': mediaType,
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const signal = AbortSignal.timeout(timeoutMs)
    // A copy: a body may be no view of memory that is shared.
    const body = Uint8Array.from(bytes)
    const response = await attempt(() => send(url, { method: 'POST', headers, body, redirect: 'error', signal }))
    if (!response.ok) {
      await response.body?.cancel()
      throw new StoreError('service_refused', `the diagnostic model answered with status ${response.status}`)
    }
    return parseFindings(await readAnswer(response))
  }
}

/** Stops at the limit: an endpoint that sends without end must not fill the memory. */
async function readAnswer(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader !== undefined) {
    const { done, value } = await attempt(() => reader.read())
    if (done) break
    length += value.length
    if (length > ANSWER_LIMIT) {
      await reader.cancel()
      throw refuseFindings(`an answer of more than ${ANSWER_LIMIT} bytes`)
    }
    chunks.push(value)
  }
  return Buffer.concat(chunks)
}

async function attempt<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    throw new StoreError('service_unreachable', 'the diagnostic model cannot be reached, or did not answer in time', {
      cause,
    })
  }
}
