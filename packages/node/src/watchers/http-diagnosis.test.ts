import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Finding } from '@fiducial/core/domain/watch/findings/finding.ts'
import { formatFindings } from '@fiducial/core/domain/watch/findings/findings-json.ts'
import { HttpDiagnosis } from './http-diagnosis.ts'

const FINDING: Finding = { region: { kind: 'point', x: 3, y: 4 }, label: 'nodule', score: 0.5, frame: 0 }
const IMAGE = { bytes: Uint8Array.of(1, 2, 3), mediaType: 'application/dicom' } as const

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

describe('a diagnostic model over HTTP', () => {
  let server: Server
  let answer: Answer = () => {}

  before(async () => {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      answer(request, response, Buffer.concat(chunks))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const ask = (respond: Answer, timeoutMs = 5000): Promise<readonly Finding[]> => {
    answer = respond
    const { port } = server.address() as AddressInfo
    const model = new HttpDiagnosis({
      name: 'test',
      url: `http://127.0.0.1:${port}/examine`,
      token: 'secret',
      timeoutMs,
    })
    return model.examine(IMAGE)
  }
  const refuses = (respond: Answer, code: string, timeoutMs?: number): Promise<void> =>
    assert.rejects(ask(respond, timeoutMs), (error: Error & { code?: string }) => {
      assert.ok(!error.message.includes('secret'))
      return error.code === code
    })

  it('gets the bytes, their type and the token, and answers with findings', async () => {
    const seen: unknown[] = []
    const found = await ask((request, response, body) => {
      seen.push(request.method, request.headers['content-type'], request.headers.authorization, [...body])
      response.end(formatFindings([FINDING]))
    })
    assert.deepEqual(found, [FINDING])
    assert.deepEqual(seen, ['POST', 'application/dicom', 'Bearer secret', [1, 2, 3]])
  })

  it('may find nothing', async () => assert.deepEqual(await ask((_, response) => response.end(formatFindings([]))), []))

  it('is refused what is no answer', () => refuses((_, response) => response.end('<html>'), 'findings_malformed'))

  it('is refused an answer without end', () =>
    refuses((_, response) => {
      const send = (): void => {
        while (!response.destroyed && response.write(' '.repeat(65536)));
      }
      response.on('drain', send)
      send()
    }, 'findings_malformed'))

  it('that answers with an error is named as such', () =>
    refuses((_, response) => {
      response.statusCode = 503
      response.end()
    }, 'service_refused'))

  it('that sends elsewhere is not followed', () =>
    refuses((_, response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:9/' })
      response.end()
    }, 'service_unreachable'))

  it('that says nothing in time is given up', () => refuses(() => {}, 'service_unreachable', 100))

  it('that breaks off in the middle is not believed', () =>
    refuses((_, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{')
      setImmediate(() => response.destroy())
    }, 'service_unreachable'))

  it('that is not there is named as such', async () => {
    const model = new HttpDiagnosis({ name: 'none', url: 'http://127.0.0.1:1/', timeoutMs: 2000 })
    await assert.rejects(model.examine(IMAGE), { code: 'service_unreachable' })
  })
})
