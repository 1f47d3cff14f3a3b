import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { InstanceMessage, StatusMessage } from '@fiducial/core/api/gateway.ts'
import type { GatewayControl } from '../../services/gateway/control.ts'
import { startServer } from '../server.ts'
import { Entrance } from './entrance.ts'
import { formatMain, formatPage, statusPage } from './status-page.ts'

const identity = { version: '0.1.0', isDemo: false, aeTitle: 'FIDUCIAL' }
const at = '2026-03-03T10:14:00.000Z'
const status: StatusMessage = {
  ...identity,
  startedAt: at,
  isReady: true,
  alarms: [],
  notLookedAt: ['mark'],
  counts: {
    states: { received: 0, quarantined: 0, forwarding: 0, done: 0, rejected: 0 },
    deliveries: { held: 0, waiting: 0, sent: 0, dead: 0 },
    verdicts: { authentic: 0, not_authentic: 0, undetermined: 0, none: 0 },
    pendingEvents: 0,
  },
  oldestReceivedAt: null,
  oldestDueAt: null,
  spoolFreeBytes: 12_300_000_000,
  log: null,
  routes: { sha256: '', loadedAt: at, problem: null, failOpen: [] },
  destinations: [],
}
const hostile = '<script>alert(1)</script>\u202e"\'&'
const instance: InstanceMessage = {
  ...{ id: 'x', state: 'quarantined', receivedAt: at, judgedAt: at, doneAt: null, lengthBytes: 1, sha256: '' },
  origin: { protocol: 'dimse', callingAet: hostile, calledAet: null, address: null, peer: null },
  ...{ sopClassUid: null, sopInstanceUid: hostile, studyInstanceUid: null, transferSyntaxUid: null },
  ...{ route: hostile, reasons: [hostile], isSealedHere: true, releaseAskedBy: null, deliveries: [] },
  verdict: {
    ...{ verdict: 'not_authentic', level: 'P0', content: 'altered', policy: 'gateway', isSynthetic: true, failing: [] },
    sentence: hostile,
  },
}

describe('status page', () => {
  it('says what an empty gateway waits for', () => {
    const html = formatMain(status, [], [])
    assert.match(html, /Nothing has come yet/)
    assert.match(html, /no destination is set/)
    assert.match(html, /12\.3 GB/)
  })

  it('shows what others wrote without letting it act', () => {
    const html = formatMain({ ...status, aeTitle: hostile, alarms: [hostile] }, [instance], [instance])
    assert.ok(!html.includes('<script'))
    assert.ok(!html.includes('\u202e'))
    assert.match(html, /&lt;script&gt;alert\(1\)&lt;\/script&gt;\\u202e&quot;&#39;&amp;/)
  })

  it('says that a route lets images pass unexamined, and that the file of routes is not in force', () => {
    const routes = { ...status.routes, problem: 'line 3', failOpen: ['night'] }
    const html = formatMain({ ...status, isReady: false, routes }, [], [])
    assert.match(html, /fails open: night/)
    assert.match(html, /routes file not in force/)
    assert.match(html, /Takes no images in/)
  })

  it('says DEMO in its title where it is one', () => {
    assert.match(formatPage({ ...identity, isDemo: true }, ''), /<title>DEMO · /)
  })
})

describe('entrance', () => {
  async function open(test: TestContext) {
    const clock = { now: 0 }
    let count = 0
    const entrance = new Entrance({ random: (length) => new Uint8Array(length).fill(++count), now: () => clock.now })
    const control = { status: async () => Promise.reject(new Error('not asked')), list: async () => [] }
    const page = statusPage({ control: control as unknown as GatewayControl, identity, entrance })
    const server = await startServer([entrance.face, page])
    test.after(() => server.close())
    const get = (path: string, cookie?: string) =>
      fetch(server.url + path, { redirect: 'manual', ...(cookie !== undefined && { headers: { cookie } }) })
    return { entrance, clock, get }
  }

  it('lets in whoever brings the code, once', async (test) => {
    const { entrance, get } = await open(test)
    const path = entrance.invite()
    const first = await get(path)
    assert.equal(first.status, 303)
    const header = first.headers.get('set-cookie') ?? ''
    assert.match(header, /^fiducial_page=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/)
    assert.equal((await get(path)).status, 403)
    const [cookie] = header.split(';')
    assert.equal(entrance.isKnown({ headers: { cookie } as Record<string, string> }), true)
    assert.equal((await get(path, cookie)).status, 303)
  })

  it('lets nobody else in', async (test) => {
    const { entrance, get, clock } = await open(test)
    for (const path of ['/', '/page']) assert.equal((await get(path)).status, 401)
    for (const path of ['/enter', '/enter?code=', '/enter?code=x&code=y', `/enter?code=${'x'.repeat(500)}`]) {
      assert.equal((await get(path)).status, 403)
    }
    assert.equal((await get('/', 'fiducial_page=guess')).status, 401)
    const late = entrance.invite()
    clock.now = 15 * 60_000
    assert.equal((await get(late)).status, 403)
  })
})
