import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { before, describe, it, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { StoreError } from '@fiducial/core/errors.ts'
import { encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { entriesPath, TILE_WIDTH, tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { ToyLog } from '@fiducial/core/testing/toy-log.ts'
import { logFace } from './log-face.ts'
import type { PublishedLog } from './published-log.ts'
import { type AccessRecord, type FailureRecord, type ServerOptions, startServer } from './server.ts'

const SIZE = 300
const log = new ToyLog(SIZE)
const entry = (i: number) => new TextEncoder().encode(`entry ${i} `.repeat(20))
const entries = (from: number, to: number) => encodeBundle(Array.from({ length: to - from }, (_, i) => entry(from + i)))

/** A log of 300 entries as it is stored: full tiles, and the partial ones of its newest checkpoint. */
async function publish(): Promise<Map<string, Uint8Array>> {
  const tile = (level: number, index: bigint, width: number) => log.readTile({ level, index, width })
  return new Map([
    [tilePath({ level: 0, index: 0n, width: TILE_WIDTH }), await tile(0, 0n, TILE_WIDTH)],
    [tilePath({ level: 0, index: 1n, width: 44 }), await tile(0, 1n, 44)],
    [tilePath({ level: 1, index: 0n, width: 1 }), await tile(1, 0n, 1)],
    [entriesPath(0n, TILE_WIDTH), entries(0, 256)],
    [entriesPath(1n, 44), entries(256, 300)],
  ])
}

interface Served {
  readonly url: string
  readonly access: AccessRecord[]
  readonly failures: FailureRecord[]
}

async function serve(t: TestContext, source: PublishedLog, options: ServerOptions = {}, prefix = ''): Promise<Served> {
  const access: AccessRecord[] = []
  const failures: FailureRecord[] = []
  const server = await startServer([logFace(source, { prefix })], {
    onAccess: (record) => access.push(record),
    onFailure: (record) => failures.push(record),
    ...options,
  })
  t.after(() => server.close())
  return { url: server.url, access, failures }
}

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer())

/** Without the niceties of fetch: no normalized path, no decoding. */
function rawGet(url: string, path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }>((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const request = httpRequest({ hostname, port, path, headers, method }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    request.on('error', reject)
    request.end()
  })
}

describe('The face of a log', () => {
  let objects: Map<string, Uint8Array>
  let checkpoint: string
  let source: PublishedLog
  before(async () => {
    objects = await publish()
    checkpoint = await log.checkpoint()
    source = { objects: { get: async (path) => objects.get(path) }, head: { read: async () => checkpoint } }
  })

  it('serves the checkpoint as text that is soon asked for again', async (t) => {
    const { url } = await serve(t, source)
    const response = await fetch(`${url}/checkpoint`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.match(response.headers.get('cache-control') ?? '', /max-age=2\b/)
    assert.equal(await response.text(), checkpoint)
    const tag = response.headers.get('etag') ?? ''
    const again = await fetch(`${url}/checkpoint`, { headers: { 'if-none-match': tag } })
    assert.equal(again.status, 304)
    assert.equal(await again.text(), '')
  })

  it('serves another checkpoint, with another tag, once the log has grown', async (t) => {
    let head = checkpoint
    const { url } = await serve(t, { ...source, head: { read: async () => head } })
    const tag = (await fetch(`${url}/checkpoint`)).headers.get('etag') ?? ''
    head = await log.checkpoint(299)
    const response = await fetch(`${url}/checkpoint`, { headers: { 'if-none-match': tag } })
    assert.equal(response.status, 200)
    assert.equal(await response.text(), head)
  })

  it('has no checkpoint before there is one', async (t) => {
    const { url } = await serve(t, { ...source, head: { read: async () => undefined } })
    assert.equal((await fetch(`${url}/checkpoint`)).status, 404)
    assert.equal((await fetch(`${url}/tile/0/000.p/1`)).status, 404)
  })

  it('serves every object that is stored, to be kept for good', async (t) => {
    const { url } = await serve(t, source)
    for (const [path, bytes] of objects) {
      const response = await fetch(`${url}/${path}`, { headers: { 'accept-encoding': 'identity' } })
      assert.equal(response.status, 200, path)
      assert.equal(response.headers.get('content-type'), 'application/octet-stream')
      assert.match(response.headers.get('cache-control') ?? '', /immutable/)
      assert.deepEqual(await bytesOf(response), bytes)
    }
  })

  it('cuts partial tiles and bundles of every earlier size out of wider ones', async (t) => {
    const { url } = await serve(t, source)
    for (const width of [1, 2, 44, 128, 255]) {
      const tile = await fetch(`${url}/${tilePath({ level: 0, index: 0n, width })}`)
      assert.deepEqual(await bytesOf(tile), await log.readTile({ level: 0, index: 0n, width }))
      const bundle = await fetch(`${url}/${entriesPath(0n, width)}`)
      assert.deepEqual(await bytesOf(bundle), entries(0, width))
    }
    const narrow = await fetch(`${url}/${tilePath({ level: 0, index: 1n, width: 43 })}`)
    assert.deepEqual(await bytesOf(narrow), await log.readTile({ level: 0, index: 1n, width: 43 }))
    assert.deepEqual(await bytesOf(await fetch(`${url}/${entriesPath(1n, 43)}`)), entries(256, 299))
  })

  it('has no tile wider than the log is long', async (t) => {
    const { url } = await serve(t, source)
    const paths = ['0/001.p/45', '0/001', '0/002.p/1', '1/000.p/2', '1/000', '1/001.p/1', '2/000.p/1', '63/000.p/1']
    for (const path of [...paths, 'entries/001.p/45', 'entries/001', 'entries/002.p/1']) {
      assert.equal((await fetch(`${url}/tile/${path}`)).status, 404, path)
    }
  })

  it('knows one spelling of each path, and none that leads elsewhere', async (t) => {
    const asked: string[] = []
    const get = async (path: string) => {
      asked.push(path)
      return objects.get(path)
    }
    const { url } = await serve(t, { ...source, objects: { get } })
    const paths = [
      '/tile/',
      '/tile',
      '/tile/0',
      '/tile/0/',
      '/tile/0/0',
      '/tile/0/000/',
      '/tile/00/000',
      '/tile/64/000',
      '/tile/-1/000',
      '/tile/0/x000/000',
      '/tile/0/000.p/0',
      '/tile/0/000.p/256',
      '/tile/0/000.p/01',
      '/tile/0/000.p',
      '/tile//0/000',
      '/tile/0/%30%30%30',
      '/tile/0/..%2f..%2fcheckpoint',
      '/tile/../checkpoint',
      '/tile/../../../../etc/passwd',
      '/tile/%2e%2e/checkpoint',
      '/tile/0/000%00',
      '/TILE/0/000',
      '/tile/entries',
      '/tile/data/000',
      '//tile/0/000',
      '/',
      '/index.html',
    ]
    for (const path of paths) {
      const { status, body } = await rawGet(url, path)
      assert.equal(status, 404, path)
      assert.equal(body.toString(), '404 Not Found\n')
    }
    assert.deepEqual(asked, [])
    assert.equal((await rawGet(url, '/tile/0/%zz')).status, 400)
  })

  it('answers HEAD like GET, without the bytes', async (t) => {
    const { url } = await serve(t, source)
    for (const path of ['/checkpoint', '/tile/0/000', '/tile/entries/001.p/44', '/tile/0/005', '/healthz']) {
      const [got, head] = [await rawGet(url, path), await rawGet(url, path, {}, 'HEAD')]
      assert.equal(head.status, got.status)
      assert.equal(head.body.length, 0)
      for (const name of ['etag', 'content-length', 'content-type', 'cache-control']) {
        assert.equal(head.headers[name], got.headers[name], `${path} ${name}`)
      }
    }
  })

  it('serves parts of a tile', async (t) => {
    const { url } = await serve(t, source)
    const whole = objects.get('tile/0/000') as Uint8Array
    const part = await fetch(`${url}/tile/0/000`, { headers: { range: 'bytes=32-63' } })
    assert.equal(part.status, 206)
    assert.equal(part.headers.get('content-range'), 'bytes 32-63/8192')
    assert.deepEqual(await bytesOf(part), whole.subarray(32, 64))
    const behind = await fetch(`${url}/tile/0/000`, { headers: { range: 'bytes=8192-' } })
    assert.equal(behind.status, 416)
    assert.equal(behind.headers.get('content-range'), 'bytes */8192')
    const several = await fetch(`${url}/tile/0/000`, { headers: { range: 'bytes=0-1,5-6' } })
    assert.equal(several.status, 200)
    assert.equal((await bytesOf(several)).length, 8192)
  })

  it('resumes only what is still the same', async (t) => {
    const { url } = await serve(t, source)
    const tag = (await fetch(`${url}/tile/0/000`, { method: 'HEAD' })).headers.get('etag') ?? ''
    const headers = { range: 'bytes=100-' }
    const same = await fetch(`${url}/tile/0/000`, { headers: { ...headers, 'if-range': tag } })
    assert.equal(same.status, 206)
    const other = await fetch(`${url}/tile/0/000`, { headers: { ...headers, 'if-range': '"other"' } })
    assert.equal(other.status, 200)
    await Promise.all([same.arrayBuffer(), other.arrayBuffer()])
  })

  it('compresses bundles for those who take it, under a tag of their own', async (t) => {
    const { url } = await serve(t, source)
    const plain = await rawGet(url, '/tile/entries/000', {})
    const zipped = await rawGet(url, '/tile/entries/000', { 'accept-encoding': 'gzip' })
    assert.equal(zipped.headers['content-encoding'], 'gzip')
    assert.equal(zipped.headers.vary, 'accept-encoding')
    assert.equal(plain.headers.vary, 'accept-encoding')
    assert.ok(zipped.body.length < plain.body.length / 2)
    assert.deepEqual(gunzipSync(zipped.body), plain.body)
    assert.notEqual(zipped.headers.etag, plain.headers.etag)
    const ranged = await rawGet(url, '/tile/entries/000', { 'accept-encoding': 'gzip', range: 'bytes=0-9' })
    assert.equal(ranged.headers['content-encoding'], undefined)
    assert.deepEqual(ranged.body, plain.body.subarray(0, 10))
    const tile = await rawGet(url, '/tile/0/000', { 'accept-encoding': 'gzip' })
    assert.equal(tile.headers['content-encoding'], undefined)
  })

  it('can stand below a prefix', async (t) => {
    const { url } = await serve(t, source, {}, '/log')
    assert.equal((await fetch(`${url}/log/checkpoint`)).status, 200)
    assert.equal((await fetch(`${url}/log/tile/0/000`)).status, 200)
    assert.equal((await fetch(`${url}/log/healthz`)).status, 200)
    assert.equal((await fetch(`${url}/checkpoint`)).status, 404)
    assert.equal((await fetch(`${url}/tile/0/000`)).status, 404)
  })

  it('takes nothing in', async (t) => {
    const { url } = await serve(t, source)
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      for (const path of ['/checkpoint', '/tile/0/000']) {
        const response = await fetch(url + path, { method })
        assert.ok(response.status === 404, `${method} ${path} ${response.status}`)
      }
    }
    const response = await fetch(`${url}/checkpoint`, { method: 'POST', body: 'x'.repeat(100) })
    assert.ok([404, 415].includes(response.status))
  })

  it('says little about itself, whatever the answer', async (t) => {
    const { url } = await serve(t, source)
    for (const path of ['/checkpoint', '/tile/0/000', '/nothing', '/tile/0/999', '/healthz']) {
      const { headers } = await fetch(url + path)
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
      assert.equal(headers.get('referrer-policy'), 'no-referrer')
      assert.equal(headers.get('server'), null)
      assert.equal(headers.get('x-powered-by'), null)
    }
  })

  it('tells a log of accesses what was asked for, without queries', async (t) => {
    const { url, access } = await serve(t, source)
    await fetch(`${url}/checkpoint?patient=Doe`)
    await fetch(`${url}/${'x'.repeat(600)}`)
    assert.deepEqual(
      access.map(({ method, path, status }) => ({ method, path: path.slice(0, 20), status, length: path.length })),
      [
        { method: 'GET', path: '/checkpoint', status: 200, length: 11 },
        { method: 'GET', path: `/${'x'.repeat(19)}`, status: 404, length: 256 },
      ],
    )
    assert.ok(!JSON.stringify(access).includes('Doe'))
  })

  it('refuses what is too long', async (t) => {
    const { url } = await serve(t, source)
    assert.equal((await rawGet(url, `/${'x'.repeat(2000)}`)).status, 414)
    assert.equal((await rawGet(url, '/checkpoint', { filler: 'x'.repeat(10_000) })).status, 431)
  })

  it('survives what is no HTTP', async (t) => {
    const { url } = await serve(t, source)
    const { hostname, port } = new URL(url)
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write('nonsense\r\n\r\n'))
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
    })
    assert.match(answer, /^HTTP\/1\.1 400 /)
    assert.equal((await fetch(`${url}/checkpoint`)).status, 200)
  })

  it('keeps to itself why its storage fails', async (t) => {
    const failing: PublishedLog = {
      objects: { get: async () => Promise.reject(new TypeError('secret detail')) },
      head: { read: async () => Promise.reject(new StoreError('log_unwritable', 'secret detail')) },
    }
    const { url, failures } = await serve(t, failing)
    for (const [path, status] of [
      ['/checkpoint', 503],
      ['/healthz', 503],
      ['/tile/0/000', 500],
    ] as const) {
      const response = await fetch(url + path)
      assert.equal(response.status, status)
      assert.equal(response.headers.get('cache-control'), 'no-store')
      assert.doesNotMatch(await response.text(), /secret/)
    }
    assert.deepEqual(
      failures.map(({ path }) => path),
      ['/checkpoint', '/healthz', '/tile/0/000'],
    )
  })

  it('does not cut what is damaged', async (t) => {
    const damaged = new Map([
      ['tile/0/000', new Uint8Array(100)],
      ['tile/entries/000', new Uint8Array(100)],
    ])
    const { url, failures } = await serve(t, { ...source, objects: { get: async (path) => damaged.get(path) } })
    assert.equal((await fetch(`${url}/tile/0/000.p/3`)).status, 500)
    assert.equal((await fetch(`${url}/tile/entries/000.p/3`)).status, 500)
    assert.deepEqual(
      failures.map(({ error }) => (error as StoreError).code),
      ['log_corrupted', 'tile_malformed'],
    )
  })

  it('listens on the loopback interface, and says where it cannot listen', async (t) => {
    const { url } = await serve(t, source)
    const { hostname, port } = new URL(url)
    assert.equal(hostname, '127.0.0.1')
    await assert.rejects(
      startServer([logFace(source)], { port: Number(port) }),
      (error) => error instanceof StoreError && error.code === 'service_refused',
    )
  })
})
