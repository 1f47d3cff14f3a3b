import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { WebUpstream } from '../../services/archive/ports.ts'
import { startServer } from '../server.ts'
import { proxyFace, replaceAll, targetOf } from './proxy-face.ts'

type Order = Parameters<WebUpstream['request']>[0]
interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly chunks?: readonly string[]
}

async function serve(t: TestContext, answer: Answer | Error) {
  const asked: Order[] = []
  const upstream = {
    url: 'http://pacs.internal:8042/dicom-web',
    async request(order: Order) {
      asked.push(order)
      if (answer instanceof Error) throw answer
      const { status = 200, headers = {}, chunks = [] } = answer
      const pieces = (async function* () {
        for (const chunk of chunks) yield new TextEncoder().encode(chunk)
      })()
      return { status, headers, body: Object.assign(pieces, { destroy: () => undefined }) }
    },
  }
  const server = await startServer([proxyFace({ upstream })], { hasStreams: true, urlLimit: 8192 })
  t.after(() => server.close())
  return { root: `${server.url}/dicom-web`, asked }
}

describe('proxy of DICOMweb', () => {
  it('passes few headers on, in either direction', async (t) => {
    const headers = { 'content-type': 'application/dicom', 'set-cookie': 'a=b', server: 'secret', etag: '"1"' }
    const { root, asked } = await serve(t, { headers, chunks: ['ab', 'c'] })
    const response = await fetch(`${root}/studies/1.2?includefield=all`, {
      headers: { accept: 'application/dicom', cookie: 'x=y', authorization: 'Bearer z', 'x-forwarded-for': '1.1.1.1' },
    })
    assert.equal(await response.text(), 'abc')
    assert.equal(response.headers.get('set-cookie'), null)
    assert.equal(response.headers.get('server'), null)
    assert.equal(response.headers.get('etag'), '"1"')
    assert.deepEqual(
      asked.map(({ path, headers: passed }) => ({ path, passed })),
      [{ path: '/studies/1.2?includefield=all', passed: { accept: 'application/dicom' } }],
    )
  })

  it('puts its own address in place of the other one', async (t) => {
    const text = '[{"00081190":{"vr":"UR","Value":["http://pacs.internal:8042/dicom-web/studies/1"]}}]'
    for (const size of [1, 7, 1000]) {
      const chunks = text.match(new RegExp(`.{1,${size}}`, 'g')) ?? []
      const { root } = await serve(t, {
        headers: { 'content-type': 'application/dicom+json', 'content-length': '84' },
        chunks,
      })
      const response = await fetch(`${root}/studies`)
      assert.equal(await response.text(), text.replace('http://pacs.internal:8042/dicom-web', root))
    }
  })

  it('finds a text wherever chunks end', async () => {
    async function* chunks(text: string, size: number) {
      for (let at = 0; at < text.length; at += size) yield new TextEncoder().encode(text.slice(at, at + size))
    }
    const text = 'aababaabaababxabaab'
    for (let size = 1; size <= text.length; size++) {
      const found = await Array.fromAsync(replaceAll(chunks(text, size), 'aab', 'Z'))
      assert.equal(Buffer.concat(found).toString(), text.replaceAll('aab', 'Z'), `chunks of ${size}`)
    }
  })

  it('takes the paths of the standard', () => {
    const paths = [
      '/studies',
      '/studies?limit=1',
      '/series',
      '/instances',
      '/studies/1.2',
      '/studies/1.2/series',
      '/studies/1.2/instances',
    ]
    paths.push(
      '/studies/1.2/metadata',
      '/studies/1.2/series/1.3/instances/1.4/frames/1,2',
      '/studies/1.2/series/1.3/instances/1.4/frames/1/rendered',
    )
    paths.push(
      '/studies/1.2/series/1.3/instances/1.4/bulkdata/7FE00010',
      '/studies/1.2/series/1.3/instances',
      '/studies/1.2/series/1.3/thumbnail',
    )
    for (const path of paths) assert.equal(targetOf(`/dicom-web${path}`, '/dicom-web'), path)
  })

  for (const path of [
    '',
    '/',
    '/patients',
    '/studies/..',
    '/studies/../system',
    '/studies/%2e%2e/system',
    '/studies/1.2/../../tools',
    '/studies/1.2/series/x',
    '/studies/1.2/series/1.3/instances/1.4/bulkdata/../..',
    '/studies/1.2/series/1.3/instances/1.4/frames/x',
    '/studies/1.2/reject',
    '/studies//series',
    '/studies/1.2/',
    '/series/1.2/metadata/x/y',
    `/studies?x=${'y'.repeat(5000)}`,
  ]) {
    it(`refuses ${path.slice(0, 60) || 'an empty path'}`, () => {
      assert.throws(() => targetOf(`/dicom-web${path}`, '/dicom-web'), { code: 'query_malformed' })
    })
  }

  it('tells refusals of the other service from its own', async (t) => {
    for (const [theirs, ours] of [
      [401, 502],
      [403, 502],
      [302, 502],
      [404, 404],
      [406, 406],
      [500, 502],
      [503, 503],
    ] as const) {
      const { root } = await serve(t, { status: theirs })
      assert.equal((await fetch(`${root}/studies`)).status, ours)
    }
    for (const [code, status] of [
      ['service_unreachable', 503],
      ['peer_timeout', 504],
    ] as const) {
      const { root } = await serve(t, new StoreError(code, 'away'))
      assert.equal((await fetch(`${root}/studies`)).status, status)
    }
  })

  it('passes an empty answer on', async (t) => {
    const { root } = await serve(t, { status: 204 })
    assert.equal((await fetch(`${root}/studies`)).status, 204)
  })
})
