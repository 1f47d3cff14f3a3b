/**
 * Traces: the way of each instance through the gateway as spans of one trace, sent by OTLP over HTTP.
 *
 * Source: OpenTelemetry specification (trace), OTLP 1.x. The trace of an instance follows from its name, so that spans that are
 * made before and after a restart, or by several processes, belong together. Attributes are those of the log lines: no
 * patient, no UIDs. Without an address nothing of OpenTelemetry is loaded.
 */
import { createHash } from 'node:crypto'
import type { Tracer } from '@opentelemetry/api'
import type { LogFields } from './logger.ts'

export interface TraceOptions {
  /** OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string
  readonly serviceName: string
  readonly version: string
  /** Share of instances that are traced, 0 to 1. */
  readonly sampleRatio: number
}

export interface Traces {
  /**
   * Tells of a step that has ended.
   * @param failure  code, where it failed
   */
  step(name: string, instanceId: string, durationMs: number, fields?: LogFields, failure?: string): void
  close(): Promise<void>
}

/** For gateways that trace nothing. */
export const NO_TRACES: Traces = { step: () => undefined, close: async () => undefined }

export async function openTraces({ url, serviceName, version, sampleRatio }: TraceOptions): Promise<Traces> {
  const api = await import('@opentelemetry/api')
  const { BatchSpanProcessor, TracerProvider } = await import('@opentelemetry/sdk-trace')
  const { resourceFromAttributes } = await import('@opentelemetry/resources')
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
  })
  const tracer: Tracer = provider.getTracer('fiducial', version)
  return {
    step(name, instanceId, durationMs, fields = {}, failure) {
      const digest = createHash('sha256').update(instanceId).digest('hex')
      // The same for every step of an instance, in whatever process.
      if (Number.parseInt(digest.slice(48, 56), 16) / 2 ** 32 >= sampleRatio) return
      const parent = api.trace.setSpanContext(api.ROOT_CONTEXT, {
        traceId: digest.slice(0, 32),
        spanId: digest.slice(32, 48),
        traceFlags: api.TraceFlags.SAMPLED,
        isRemote: true,
      })
      const end = Date.now()
      const span = tracer.startSpan(name, { startTime: end - durationMs, attributes: attributesOf(fields) }, parent)
      if (failure !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: failure })
      span.end(end)
    },
    close: () => provider.shutdown(),
  }
}

function attributesOf(fields: LogFields): Record<string, string | number> {
  const { sopInstanceUid: _, ...told } = fields
  return Object.fromEntries(
    Object.entries(told)
      .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
      .map(([name, value]) => [`fiducial.${name}`, value as string | number]),
  )
}
