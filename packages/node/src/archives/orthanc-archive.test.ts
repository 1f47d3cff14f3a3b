import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { WebPeer } from '../dicomweb/web-peer.ts'
import type { FetchedInstance } from '../services/audit/ports.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { FetchedFiles } from './fetched-files.ts'
import { openOrthancArchive } from './orthanc-archive.ts'

const { signal } = new AbortController()
const INSTANCES = 1234

/** Answers as Orthanc does, as far as the archive asks. */
class Double {
  readonly asked: string[] = []
  authorization: string | undefined
  answers = new Map<string, (reply: ServerResponse) => void>()
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, reply) => {
      const path = request.url ?? ''
      this.asked.push(path)
      this.authorization = request.headers.authorization
      const answer = this.answers.get(path.split('?')[0] ?? '')
      if (answer !== undefined) return answer(reply)
      this.#answer(path, reply)
    })
  }

  async start(): Promise<URL> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`)
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #answer(path: string, reply: ServerResponse): void {
    const url = new URL(path, 'http://double/')
    const json = (value: unknown): void => void reply.end(JSON.stringify(value))
    if (url.pathname === '/changes' && url.searchParams.has('last')) return json({ Last: 77, Changes: [], Done: true })
    if (url.pathname === '/statistics') return json({ CountInstances: INSTANCES })
    if (url.pathname === '/instances') {
      const since = Number(url.searchParams.get('since'))
      const count = Math.min(Number(url.searchParams.get('limit')), INSTANCES - since)
      return json(Array.from({ length: count }, (_, i) => instanceOf(`id${since + i}`)))
    }
    if (/^\/instances\/[^/]+\/file$/.test(url.pathname)) return void reply.end(`bytes of ${url.pathname}`)
    if (/^\/instances\/[^/]+$/.test(url.pathname)) return json(instanceOf(url.pathname.slice(11)))
    reply.statusCode = 404
    reply.end()
  }
}

const instanceOf = (id: string) => ({
  ID: id,
  FileUuid: `uuid-${id}`,
  FileSize: 12,
  MainDicomTags: { SOPInstanceUID: `1.2.${id.slice(2)}` },
})

describe('openOrthancArchive', () => {
  const folder = temporaryFolder()
  let double: Double
  let url: URL
  const open = () =>
    openOrthancArchive({
      peer: new WebPeer({ url: url.href, authorization: async () => 'Bearer secret' }),
      files: new FetchedFiles(join(folder, 'fetched')),
    })
  const keys = async (cursor?: string): Promise<readonly string[]> =>
    (await Array.fromAsync(open().list(cursor, signal))).flatMap(({ instances }) => instances.map(({ key }) => key))
  const listedAs = (key: string) => ({
    key,
    version: null,
    sopInstanceUid: null,
    seriesInstanceUid: null,
    studyInstanceUid: null,
  })

  before(async () => {
    double = new Double()
    url = await double.start()
  })
  beforeEach(() => {
    double.answers = new Map()
    double.asked.length = 0
  })
  after(() => double.stop())

  it('lists all instances page by page, with what changes when they do, and says who asks', async () => {
    const pages = await Array.fromAsync(open().list(undefined, signal))
    const listed = pages.flatMap(({ instances }) => instances)
    assert.equal(listed.length, INSTANCES)
    assert.deepEqual(listed[7], { ...listedAs('id7'), version: 'uuid-id7 12', sopInstanceUid: '1.2.7' })
    assert.deepEqual([pages[0]?.cursor, pages.at(-1)?.total], ['change:77', INSTANCES])
    assert.equal(double.authorization, 'Bearer secret')
    assert.ok(!open().name.includes('secret'))
  })

  it('lists what came since a change, each once, and what is gone again not at all', async () => {
    const change = (ID: string, ChangeType = 'NewInstance') => ({ ID, ChangeType, ResourceType: 'Instance' })
    let call = 0
    const pages = [
      { Changes: [change('id1'), change('id2'), change('s1', 'StableSeries')], Last: 80, Done: false },
      { Changes: [change('id1'), change('id9')], Last: 82, Done: true },
    ]
    const real = double.answers
    real.set('/changes', (reply) => reply.end(JSON.stringify(call++ === 0 ? { Last: 82 } : pages[call - 2])))
    real.set('/instances/id9', (reply) => {
      reply.statusCode = 404
      reply.end()
    })
    assert.deepEqual(await keys('change:77'), ['id1', 'id2'])
    assert.equal(open().isComplete('change:77'), false)
    assert.ok(double.asked.includes('/changes?since=80&limit=500'))
  })

  it('ends where the list of changes does not go on', async () => {
    double.answers.set('/changes', (reply) => reply.end(JSON.stringify({ Changes: [], Last: 77, Done: false })))
    assert.deepEqual(await keys('change:77'), [])
  })

  it('fetches files, and says of each that is not there that it is missing', async () => {
    double.answers.set('/instances/id2/file', (reply) => {
      reply.statusCode = 404
      reply.end()
    })
    const got = await Array.fromAsync(open().fetch([listedAs('id1'), listedAs('id2')], signal))
    const [first] = got.filter((one): one is FetchedInstance => 'path' in one)
    assert.equal(readFileSync(first?.path ?? '', 'utf8'), 'bytes of /instances/id1/file')
    assert.deepEqual(
      got.filter((one) => 'code' in one),
      [{ key: 'id2', code: 'instance_missing' }],
    )
  })

  it('takes no file that broke off', async () => {
    double.answers.set('/instances/id1/file', (reply) => {
      reply.writeHead(200, { 'content-length': '1000' })
      reply.write('half')
      setImmediate(() => reply.destroy())
    })
    await assert.rejects(Array.fromAsync(open().fetch([listedAs('id1')], signal)), { code: 'service_unreachable' })
  })

  it('does not let an identifier lead to another path', async () => {
    await Array.fromAsync(open().fetch([listedAs('../tools/shutdown?')], signal))
    assert.deepEqual(double.asked, ['/instances/..%2Ftools%2Fshutdown%3F/file'])
  })

  for (const [name, answer, code] of [
    ['refuses', (reply: ServerResponse) => void reply.writeHead(401).end(), 'service_refused'],
    [
      'sends us elsewhere',
      (reply: ServerResponse) => void reply.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      'service_refused',
    ],
    ['answers with no JSON', (reply: ServerResponse) => void reply.end('<html>'), 'service_refused'],
  ] as const) {
    it(`says so where Orthanc ${name}`, async () => {
      double.answers.set('/changes', answer)
      await assert.rejects(keys(), { code })
    })
  }
})
