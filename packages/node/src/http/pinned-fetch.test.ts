import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { LEAF_EXTENSIONS, openssl, opensslRoot } from '../testing/openssl-ca.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { pinnedFetch } from './pinned-fetch.ts'
import { type RunningServer, startServer } from './server.ts'

const read = (path: string): string => readFileSync(path, 'utf8')

describe('HTTPS to a server whose certificate is known', { skip: openssl.skip }, () => {
  const { signal } = new AbortController()
  const asked: string[] = []
  let server: RunningServer
  let certificate: string
  let another: string

  before(async () => {
    const root = await opensslRoot(temporaryFolder(), { name: 'Site Authority' })
    const issue = async (name: string) => root.issue({ name, extensions: LEAF_EXTENSIONS })
    const [one, other] = [await issue('gateway.example'), await issue('stranger.example')]
    certificate = read(one.certificatePath)
    another = read(other.certificatePath)
    const face = (app: Parameters<Parameters<typeof startServer>[0][number]>[0]): void => {
      app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: unknown, body: string) =>
        JSON.parse(body),
      )
      app.post('/echo', async ({ body, headers }) => {
        asked.push(headers.authorization ?? '')
        return body
      })
    }
    server = await startServer([face], { tls: { key: read(one.keyPath), certificate } })
  })
  after(() => server.close())

  const post = (pinned: string, more: Partial<RequestInit> = {}) =>
    pinnedFetch(pinned)(`${server.url}/echo`, {
      method: 'POST',
      headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
      body: '{"a":1}',
      signal,
      ...more,
    })

  it('asks it, and reads what it answers', async () => {
    const answer = await post(certificate)
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    assert.deepEqual(await answer.json(), { a: 1 })
    assert.deepEqual(asked, ['Bearer x'])
  })

  it('says nothing to another server, not even who asks', async () => {
    asked.length = 0
    await assert.rejects(post(another), /another one/)
    assert.deepEqual(asked, [])
  })

  it('gives up when it is told to', async () => {
    await assert.rejects(post(certificate, { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })
})
