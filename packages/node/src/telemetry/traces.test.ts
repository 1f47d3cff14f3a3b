import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { NO_TRACES, openTraces } from './traces.ts'

interface Span {
  readonly name: string
  readonly traceId: string
  readonly parentSpanId: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: readonly { readonly key: string }[]
}

/** A collector of OTLP in JSON. */
async function openCollector(test: TestContext) {
  const spans: Span[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
        resourceSpans: { scopeSpans: { spans: Span[] }[] }[]
      }
      spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => void server.close())
  return { spans, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces` }
}

const settings = { serviceName: 'gateway', version: '1', sampleRatio: 1 }

describe('traces', () => {
  it('puts the steps of an instance into one trace, whoever tells of them', async (test) => {
    const { spans, url } = await openCollector(test)
    const [first, second] = [await openTraces({ ...settings, url }), await openTraces({ ...settings, url })]
    first.step('receive', 'A', 10, { part: 'dimse', bytes: 5, sopInstanceUid: '1.2.3' })
    first.step('receive', 'B', 10)
    await first.close()
    second.step('deliver', 'A', 250, { destination: 'pacs' }, 'peer_timeout')
    await second.close()
    const [receive, other, deliver] = spans
    assert.equal(spans.length, 3)
    assert.equal(receive?.traceId, deliver?.traceId)
    assert.equal(receive?.parentSpanId, deliver?.parentSpanId)
    assert.notEqual(receive?.traceId, other?.traceId)
    assert.deepEqual(
      receive?.attributes.map(({ key }) => key),
      ['fiducial.part', 'fiducial.bytes'],
    )
    assert.equal(deliver?.status.message, 'peer_timeout')
    const tookMs = (BigInt(deliver?.endTimeUnixNano ?? 0) - BigInt(deliver?.startTimeUnixNano ?? 0)) / 1_000_000n
    assert.equal(tookMs, 250n)
  })

  it('traces the share of instances that is asked for, and each whole or not at all', async (test) => {
    const { spans, url } = await openCollector(test)
    const traces = await openTraces({ ...settings, url, sampleRatio: 0.25 })
    for (let i = 0; i < 400; i++) {
      traces.step('receive', `I${i}`, 1)
      traces.step('judge', `I${i}`, 1)
    }
    await traces.close()
    const traced = Map.groupBy(spans, ({ traceId }) => traceId)
    assert.ok(traced.size > 60 && traced.size < 140, `${traced.size} of 400`)
    assert.ok([...traced.values()].every((steps) => steps.length === 2))
  })

  it('costs nothing where nobody asks for them', async () => {
    NO_TRACES.step('receive', 'A', 1)
    await NO_TRACES.close()
  })
})
