import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { WebClient } from './web-client.ts'

const { signal } = new AbortController()
const PLACE = { study: '1', series: '2', instance: '3' }
const MULTIPART = { 'content-type': 'multipart/related; type="application/dicom"; boundary=b' }

async function serve(t: TestContext, handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = new WebClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/web/` })
  t.after(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  return { client, asked }
}

const study = (uid: number) => ({ '0020000D': { vr: 'UI', Value: [`1.${uid}`] } })

function sendStudies(response: ServerResponse, uids: readonly number[]): void {
  response.writeHead(200, { 'content-type': 'application/dicom+json' }).end(JSON.stringify(uids.map(study)))
}

const page = ({ url }: IncomingMessage): { readonly limit: number; readonly offset: number } => {
  const { searchParams } = new URL(url ?? '', 'http://x')
  return { limit: Number(searchParams.get('limit')), offset: Number(searchParams.get('offset')) }
}

const search = async (client: WebClient, pageSize = 2) =>
  (
    await Array.fromAsync(
      client.search({ level: 'studies', query: { PatientID: 'x y', includefield: ['a', 'b'] }, pageSize, signal }),
    )
  ).map((models) => models.map((model) => textAt(model, 0x0020000d)))

describe('DICOMweb client', () => {
  const ALL = [1, 2, 3, 4, 5]

  it('asks for pages until there are no more', async (t) => {
    const { client, asked } = await serve(t, (request, response) => {
      const { limit, offset } = page(request)
      sendStudies(response, ALL.slice(offset, offset + limit))
    })
    assert.deepEqual(await search(client), [['1.1', '1.2'], ['1.3', '1.4'], ['1.5']])
    assert.equal(asked[0], '/web/studies?PatientID=x+y&includefield=a&includefield=b&limit=2&offset=0')
  })

  it('gets along with services that give fewer, all at once, or the same again', async (t) => {
    const fewer = await serve(t, (request, response) =>
      sendStudies(response, ALL.slice(page(request).offset).slice(0, 1)),
    )
    assert.equal((await search(fewer.client)).length, 5)
    const all = await serve(t, (_request, response) => sendStudies(response, ALL))
    assert.deepEqual((await search(all.client)).length, 1)
    const same = await serve(t, (_request, response) => sendStudies(response, [1, 2]))
    assert.equal((await search(same.client)).length, 1)
    const none = await serve(t, (_request, response) => void response.writeHead(204).end())
    assert.equal((await search(none.client)).length, 0)
  })

  it('says what a service refuses, or gives that is none', async (t) => {
    for (const [status, body, code] of [
      [404, '', 'instance_missing'],
      [401, '', 'service_refused'],
      [302, '', 'service_refused'],
      [206, '[]', 'service_refused'],
      [500, '', 'service_refused'],
      [200, 'x', 'dicom_json_malformed'],
      [200, '[5]', 'dicom_json_malformed'],
    ] as const) {
      const { client } = await serve(t, (_request, response) => void response.writeHead(status).end(body))
      await assert.rejects(search(client), { code }, `${status} ${body}`)
    }
  })

  it('fetches an instance into a file, as one part or as it is', async (t) => {
    const folder = temporaryFolder(t)
    for (const [headers, body] of [
      [MULTIPART, '--b\r\nContent-Type: application/dicom\r\n\r\nabc\r\n--b--'],
      [{ 'content-type': 'application/dicom; transfer-syntax=1.2' }, 'abc'],
    ] as const) {
      const { client, asked } = await serve(t, (_request, response) => void response.writeHead(200, headers).end(body))
      const path = join(folder, headers['content-type'].slice(0, 5))
      assert.equal(await client.retrieveToFile(PLACE, path, { signal }), 3)
      assert.equal(readFileSync(path, 'utf8'), 'abc')
      assert.deepEqual(asked, ['/web/studies/1/series/2/instances/3'])
    }
  })

  it('leaves no file of what did not come whole', async (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'x')
    const answers: readonly (readonly [Record<string, string>, string, string])[] = [
      [MULTIPART, '--b\r\n\r\nabc', 'multipart_malformed'],
      [MULTIPART, '--b\r\n\r\na\r\n--b\r\n\r\nb\r\n--b--', 'service_refused'],
      [{ 'content-type': 'text/html' }, '<html>', 'multipart_malformed'],
      [{ ...MULTIPART, 'content-length': '1000' }, '--b\r\n\r\nabc', 'service_unreachable'],
    ]
    for (const [headers, body, code] of answers) {
      const { client } = await serve(t, (_request, response) => {
        response.writeHead(200, headers).write(body)
        if (headers['content-length'] === undefined) response.end()
        else setImmediate(() => response.destroy())
      })
      await assert.rejects(client.retrieveToFile(PLACE, path, { signal }), { code }, body)
      assert.ok(!existsSync(path))
    }
  })

  it('overwrites nothing', async (t) => {
    const path = join(temporaryFolder(t), 'x')
    writeFileSync(path, 'mine')
    const { client } = await serve(t, (_request, response) => void response.end())
    await assert.rejects(client.retrieveToFile(PLACE, path, { signal }), { code: 'output_unwritable' })
    assert.equal(readFileSync(path, 'utf8'), 'mine')
  })

  it('asks for nothing but UIDs', async (t) => {
    const { client, asked } = await serve(t, (_request, response) => void response.end())
    await assert.rejects(client.metadata({ study: '../../x' }, { signal }), RangeError)
    assert.deepEqual(asked, [])
  })

  it('hands on what a taker throws, and gives the connection up', async (t) => {
    const { client } = await serve(
      t,
      (_request, response) => void response.writeHead(200, MULTIPART).write('--b\r\n\r\nabc'),
    )
    const handler = {
      begin: () => undefined,
      body: () => {
        throw new RangeError('enough')
      },
      end: () => undefined,
    }
    await assert.rejects(client.retrieve(PLACE, handler, { signal }), RangeError)
  })
})
