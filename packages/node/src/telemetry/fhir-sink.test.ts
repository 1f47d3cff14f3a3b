import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { TOY_AUDITED, toyPlace } from '@fiducial/core/testing/toy-audit.ts'
import { FhirSink } from './fhir-sink.ts'

const news = TOY_AUDITED.map((event) => ({ event, place: toyPlace }))

interface Taken {
  readonly headers: IncomingHttpHeaders
  readonly bundle: { type: string; entry: { resource: { resourceType: string }; request: object }[] }
}

/** A server that answers each entry with a status. */
async function openServer(test: TestContext, answer: (index: number) => string, status = 200) {
  const taken: Taken[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const bundle = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Taken['bundle']
      taken.push({ headers: request.headers, bundle })
      const entry = bundle.entry.map((_, i) => ({ response: { status: answer(i) } }))
      response.writeHead(status, { 'content-type': 'application/fhir+json' })
      response.end(JSON.stringify({ resourceType: 'Bundle', type: 'batch-response', entry }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/r4`
  return { url, taken }
}

describe('FHIR sink', () => {
  it('sends every event as an entry of one batch, with its token', async (test) => {
    const { url, taken } = await openServer(test, () => '201 Created')
    await new FhirSink({ url, token: 'secret' }).deliver(news)
    const [request] = taken
    assert.equal(taken.length, 1)
    assert.equal(request?.headers.authorization, 'Bearer secret')
    assert.equal(request?.headers['content-type'], 'application/fhir+json; charset=utf-8')
    assert.equal(request?.bundle.type, 'batch')
    assert.equal(request?.bundle.entry.length, news.length)
    assert.ok(request?.bundle.entry.every(({ resource }) => resource.resourceType === 'AuditEvent'))
  })

  it('fails as a whole where one entry is refused', async (test) => {
    const { url } = await openServer(test, (i) => (i === 2 ? '422 Unprocessable' : '201'))
    await assert.rejects(new FhirSink({ url }).deliver(news), { code: 'service_refused' })
  })

  it('fails where the server refuses the batch', async (test) => {
    const { url } = await openServer(test, () => '201', 401)
    await assert.rejects(new FhirSink({ url }).deliver(news), { code: 'service_refused' })
  })

  it('fails where nobody answers', async () => {
    await assert.rejects(new FhirSink({ url: 'http://127.0.0.1:1/r4' }).deliver(news), { code: 'service_unreachable' })
  })
})
