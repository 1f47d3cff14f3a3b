/**
 * FHIR sink: sends audit messages as AuditEvent resources to a FHIR R4 server, a bundle at a time.
 *
 * Source: HL7 FHIR R4 sections 3.1.0.11 (batch) and 6.4. Each entry is created for itself: a server that refuses one says so
 * in its answer, and the whole bundle is sent again later, since an audit trail with holes is none.
 */
import { auditEventOf } from '@fiducial/core/domain/log/fhir-audit-event.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import type { AuditNews, AuditSink } from '../services/log/audit-trail.ts'

export interface FhirTarget {
  /** Base of the server, `https://fhir.example/r4`. */
  readonly url: string
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string
  readonly fetch?: typeof fetch
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 30_000
/** Bytes of an answer that are read. */
const ANSWER_LIMIT = 4 * 2 ** 20
const FHIR_JSON = 'application/fhir+json'

export class FhirSink implements AuditSink {
  readonly #target: FhirTarget

  constructor(target: FhirTarget) {
    this.#target = target
  }

  async deliver(news: readonly AuditNews[]): Promise<void> {
    const { url, token, fetch: send = fetch, timeoutMs = TIMEOUT_MS } = this.#target
    const entry = news.map(({ event, place }) => ({
      resource: auditEventOf(event, place),
      request: { method: 'POST', url: 'AuditEvent' },
    }))
    const body = formatCanonicalJson({ resourceType: 'Bundle', type: 'batch', entry })
    const headers = {
      'content-type': `${FHIR_JSON}; charset=utf-8`,
      accept: FHIR_JSON,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const response = await attempt(() =>
      send(url, { method: 'POST', headers, body, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) }),
    )
    const answer = await attempt(() => response.text())
    if (!response.ok) {
      throw new StoreError('service_refused', `the FHIR server answered with status ${response.status}`)
    }
    const refused = statusesOf(answer).filter((status) => !/^2\d\d\b/.test(status)).length
    if (refused > 0)
      throw new StoreError('service_refused', `the FHIR server refused ${refused} of ${news.length} events`)
  }

  async close(): Promise<void> {}
}

async function attempt<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    throw new StoreError('service_unreachable', 'the FHIR server cannot be reached', { cause })
  }
}

/** Of a batch-response; none for an answer that is no such bundle. */
function statusesOf(answer: string): readonly string[] {
  if (answer.length > ANSWER_LIMIT) return []
  try {
    const bundle: unknown = JSON.parse(answer)
    const entries = isRecord(bundle) && Array.isArray(bundle.entry) ? bundle.entry : []
    return entries.map((entry: unknown) =>
      isRecord(entry) && isRecord(entry.response) ? String(entry.response.status) : 'missing',
    )
  } catch {
    return []
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
