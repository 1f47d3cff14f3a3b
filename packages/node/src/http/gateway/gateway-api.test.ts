import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { InstanceMessage, StatusMessage, SweepsMessage } from '@fiducial/core/api/gateway.ts'
import { type AccessRole, mayRole, ROLES } from '@fiducial/core/domain/access/roles.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { GatewayControl, GatewayStatus } from '../../services/gateway/control.ts'
import type { InstanceFilter, StoredInstance } from '../../services/gateway/ports.ts'
import { startServer } from '../server.ts'
import { Doorkeeper } from './callers.ts'
import { gatewayApi } from './gateway-api.ts'
import { healthFace } from './health-face.ts'
import type { RouteMeans } from './route-means.ts'

const at = new Date('2026-03-03T10:14:00.000Z')
const ID = '01JNEXAMPLE0000000000000A0'.replace(/[ILOU]/g, '1')

const stored: StoredInstance = {
  id: ID,
  spoolKey: 'k',
  lengthBytes: 3,
  sha256: new Uint8Array(32).fill(1),
  origin: { protocol: 'dimse', callingAet: 'CT1', calledAet: 'FIDUCIAL', address: '10.0.0.1:3000', peer: null },
  receivedAt: at,
  sopClassUid: '1.2',
  sopInstanceUid: '1.2.3',
  studyInstanceUid: '1.2.4',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  orderKey: '1.2.4',
  route: 'default',
  reasons: ['not_authentic'],
  verdict: null,
  description: null,
  sealed: null,
  otherKeys: [],
  state: 'quarantined',
  attempts: 1,
  judgedAt: at,
  doneAt: null,
  releaseAskedBy: null,
  deliveries: [],
}

const status: GatewayStatus = {
  startedAt: at,
  isReady: true,
  alarms: [],
  notLookedAt: ['mark'],
  counts: {
    states: { received: 0, quarantined: 1, forwarding: 0, done: 0, rejected: 0 },
    deliveries: { held: 1, waiting: 0, sent: 0, dead: 0 },
    verdicts: { authentic: 0, not_authentic: 1, undetermined: 0, none: 0 },
    pendingEvents: 0,
    oldestReceivedAt: null,
    oldestDueAt: at,
  },
  spoolFreeBytes: 1e9,
  log: { origin: 'log.example', size: 12n, isAvailable: true, isWitnessed: false },
  routes: { sha256: new Uint8Array(32), loadedAt: at, problem: null, failOpen: [] },
  destinations: [
    {
      ...{ name: 'pacs', address: 'PACS@127.0.0.1:104', state: 'ready', waiting: 0, dead: 0 },
      ...{ lastError: null, nextAttemptAt: null, lastSentAt: null, relay: null },
    },
  ],
}

/** A gateway with one instance in quarantine, and a token for each role, which is its name. */
async function open(test: TestContext, more: Partial<GatewayControl> = {}, sweeps?: RouteMeans['sweeps']) {
  const asked: { by: Party; reason: string }[] = []
  const filters: InstanceFilter[] = []
  const listeners = new Set<(id: string) => void>()
  const control: GatewayControl = {
    status: async () => status,
    async list(filter) {
      filters.push(filter)
      return [stored]
    },
    get: async (id) => (id === ID ? stored : undefined),
    async release(_id, by, reason) {
      asked.push({ by, reason })
      return asked.length === 1 ? 'asked' : 'released'
    },
    reject: async () => undefined,
    reexamine: async () => undefined,
    retry: async () => 2,
    async pause(name) {
      if (name !== 'pacs') throw new StoreError('input_missing', 'there is no such destination')
    },
    resume: async () => undefined,
    revive: async () => 3,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    ...more,
  }
  const doorkeeper = new Doorkeeper(async (token) =>
    Object.hasOwn(ROLES, token)
      ? { id: token, person: `${token}-1`, name: token, role: token as AccessRole }
      : undefined,
  )
  const seals = {
    async put(bytes: Uint8Array) {
      if (bytes.length !== 3) throw new FormatError('seal_malformed', 'no seal')
      return { sopInstanceUid: '1.2.3', isNew: true }
    },
  }
  const sealOf = async ({ sealed }: StoredInstance) => (sealed === null ? undefined : Buffer.from('{"a":1}'))
  const identity = { version: '0.1.0', isDemo: true, aeTitle: 'FIDUCIAL' }
  const api = gatewayApi({
    control,
    doorkeeper,
    identity,
    invite: () => 'https://gateway.example/enter?code=x',
    seals,
    sealOf,
    ...(sweeps && { sweeps }),
  })
  const metrics = async () => ({ contentType: 'text/plain', text: 'up 1\n' })
  const server = await startServer([api.face, healthFace({ control, doorkeeper, metrics })])
  test.after(async () => {
    api.close()
    await server.close()
  })
  const ask = (path: string, role?: string, options: RequestInit = {}) =>
    fetch(`${server.url}${path}`, {
      ...options,
      headers: { ...(role !== undefined && { authorization: `Bearer ${role}` }), ...options.headers },
    })
  const post = (path: string, role?: string, body?: unknown) =>
    ask(path, role, {
      method: 'POST',
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
  return { ask, post, asked, filters, listeners }
}

describe('gateway API', () => {
  it('tells how the gateway is', async (test) => {
    const { ask } = await open(test)
    const response = await ask('/api/v1/status', 'monitor')
    assert.equal(response.status, 200)
    const message = (await response.json()) as StatusMessage
    assert.equal(message.log?.size, '12')
    assert.equal(message.counts.states.quarantined, 1)
    assert.equal(message.destinations[0]?.name, 'pacs')
  })

  it('lists instances by what is asked for', async (test) => {
    const { ask, filters } = await open(test)
    const response = await ask(
      '/api/v1/instances?state=quarantined,done&verdict=not_authentic&study=1.2.4&from=CT1&dead=true&limit=1&since=2026-03-03T00:00:00Z',
      'auditor',
    )
    assert.equal(response.status, 200)
    const { instances, next } = (await response.json()) as { instances: InstanceMessage[]; next: string }
    assert.equal(instances[0]?.sopInstanceUid, '1.2.3')
    assert.equal(next, ID)
    assert.deepEqual(filters[0], {
      states: ['quarantined', 'done'],
      verdicts: ['not_authentic'],
      studyInstanceUid: '1.2.4',
      callingAet: 'CT1',
      hasDead: true,
      since: new Date('2026-03-03T00:00:00Z'),
      order: 'newest_first',
      limit: 1,
    })
  })

  it('refuses what it does not know, with a code and without the values', async (test) => {
    const { ask, post } = await open(test)
    const bad = ['state=lost', 'limit=0', 'limit=1001', 'after=x', 'more=1', 'study=../etc', 'since=yesterday']
    for (const query of bad) {
      const response = await ask(`/api/v1/instances?${query}`, 'auditor')
      assert.equal(response.status, 400, query)
      assert.deepEqual(await response.json(), {
        code: 'invalid',
        message: 'the request is not what this address takes',
      })
    }
    assert.equal((await ask(`/api/v1/instances/${ID.replace('0', '1')}`, 'auditor')).status, 404)
    assert.equal((await ask('/api/v1/instances/../../etc/passwd', 'auditor')).status, 404)
    for (const body of [
      {},
      { reason: '' },
      { reason: 'a\nb' },
      { reason: 'x'.repeat(257) },
      { reason: 'x', by: 'me' },
      7,
    ]) {
      assert.equal((await post(`/api/v1/instances/${ID}/release`, 'security', body)).status, 400)
    }
    assert.equal(
      (await post(`/api/v1/instances/${ID}/release`, 'security', { reason: 'x'.repeat(20_000) })).status,
      413,
    )
  })

  it('releases in the name of whoever holds the token', async (test) => {
    const { post, asked } = await open(test)
    const first = await post(`/api/v1/instances/${ID}/release`, 'security', { reason: 'called the room' })
    assert.deepEqual(await first.json(), { state: 'asked' })
    const second = await post(`/api/v1/instances/${ID}/release`, 'radiologist', { reason: 'seen' })
    assert.deepEqual(await second.json(), { state: 'released' })
    assert.deepEqual(
      asked.map(({ by }) => by.id),
      ['security-1', 'radiologist-1'],
    )
  })

  it('gives each failure of the services its status', async (test) => {
    const refuse = (code: 'approval_missing' | 'instance_moved') => ({
      release: async () => Promise.reject(new StoreError(code, 'no')),
    })
    const reason = { reason: 'x' }
    const same = await open(test, refuse('approval_missing'))
    assert.equal((await same.post(`/api/v1/instances/${ID}/release`, 'security', reason)).status, 403)
    const moved = await open(test, refuse('instance_moved'))
    assert.equal((await moved.post(`/api/v1/instances/${ID}/release`, 'security', reason)).status, 409)
    assert.equal((await moved.post('/api/v1/destinations/nowhere/pause', 'administrator')).status, 404)
    const defect = await open(test, { status: async () => Promise.reject(new TypeError('secret of ours')) })
    const answer = await defect.ask('/api/v1/status', 'administrator')
    assert.equal(answer.status, 500)
    assert.ok(!(await answer.text()).includes('secret'))
  })

  it('lets each role do what it may, and nothing else', async (test) => {
    const { ask, post } = await open(test)
    const reason = { reason: 'x' }
    const calls = [
      ['status.read', (role?: string) => ask('/api/v1/status', role)],
      ['status.read', (role?: string) => ask('/api/v1/openapi.json', role)],
      ['instances.read', (role?: string) => ask('/api/v1/instances', role)],
      ['instances.read', (role?: string) => ask(`/api/v1/instances/${ID}`, role)],
      ['quarantine.release', (role?: string) => post(`/api/v1/instances/${ID}/release`, role, reason)],
      ['quarantine.reject', (role?: string) => post(`/api/v1/instances/${ID}/reject`, role, reason)],
      ['quarantine.reexamine', (role?: string) => post(`/api/v1/instances/${ID}/reexamine`, role)],
      ['deliveries.control', (role?: string) => post(`/api/v1/instances/${ID}/retry`, role)],
      ['deliveries.control', (role?: string) => post('/api/v1/destinations/pacs/pause', role)],
      ['deliveries.control', (role?: string) => post('/api/v1/destinations/pacs/resume', role)],
      ['deliveries.control', (role?: string) => post('/api/v1/destinations/pacs/retry', role)],
      ['access.manage', (role?: string) => post('/api/v1/invitations', role)],
      ['metrics.read', (role?: string) => ask('/metrics', role)],
    ] as const
    for (const [permission, call] of calls) {
      for (const role of Object.keys(ROLES) as AccessRole[]) {
        const expected = mayRole(role, permission) ? 200 : 403
        assert.equal((await call(role)).status, expected, `${role} for ${permission}`)
      }
      assert.equal((await call(undefined)).status, 401)
    }
  })

  it('takes the seal of an image as bytes', async (test) => {
    const { ask } = await open(test)
    const send = (body: string, role: string, type = 'application/octet-stream') =>
      ask('/api/v1/seals', role, { method: 'POST', body, headers: { 'content-type': type } })
    assert.deepEqual(await (await send('abc', 'sender')).json(), { sopInstanceUid: '1.2.3', isNew: true })
    assert.equal((await send('abcd', 'sender')).status, 422)
    assert.equal((await send('abc', 'auditor')).status, 403)
    assert.equal((await send('abc', 'sender', 'text/plain')).status, 400)
  })

  it('hands out the seal of an image as it is, to those who may get images', async (test) => {
    const sealed = { ...stored, sealed: { spoolKey: 'a', sealKey: 'b' } }
    const { ask } = await open(test, { get: async (id) => (id === ID ? sealed : undefined) })
    assert.equal(await (await ask(`/api/v1/instances/${ID}/seal`, 'investigator')).text(), '{"a":1}')
    assert.equal((await ask(`/api/v1/instances/${ID}/seal`, 'auditor')).status, 403)
    const unsealed = await open(test)
    assert.equal((await unsealed.ask(`/api/v1/instances/${ID}/seal`, 'investigator')).status, 404)
  })

  it('tells how the sweeps of the archive went, and begins one', async (test) => {
    let begun = 0
    const last = { startedAt: at, endedAt: at, error: 'service_unreachable', summary: null }
    const sweeps = {
      status: { target: 'https://pacs.example/dicom-web', isRunning: false, nextAt: at, last },
      begin: () => (begun++ === 0 ? ('started' as const) : ('running' as const)),
    }
    const { ask, post } = await open(test, {}, sweeps)
    const told = (await (await ask('/api/v1/sweeps', 'auditor')).json()) as SweepsMessage
    assert.equal(told.last?.error, 'service_unreachable')
    assert.equal(told.nextAt, at.toISOString())
    assert.deepEqual(await (await post('/api/v1/sweeps', 'security')).json(), { state: 'started' })
    assert.deepEqual(await (await post('/api/v1/sweeps', 'security')).json(), { state: 'running' })
    assert.equal((await post('/api/v1/sweeps', 'auditor')).status, 403)
    const without = await open(test)
    assert.equal((await without.ask('/api/v1/sweeps', 'auditor')).status, 404)
  })

  it('makes whoever guesses tokens wait', async (test) => {
    const { ask } = await open(test)
    for (let i = 0; i < 20; i++) assert.equal((await ask('/api/v1/status', `guess-${i}`)).status, 401)
    const response = await ask('/api/v1/status', 'administrator')
    assert.equal(response.status, 429)
    assert.equal(response.headers.get('retry-after'), '60')
  })

  it('describes itself as OpenAPI 3.1, every route with its answers', async (test) => {
    const { ask } = await open(test)
    const document = (await (await ask('/api/v1/openapi.json', 'administrator')).json()) as {
      openapi: string
      paths: Record<string, Record<string, { summary?: string; responses: object }>>
    }
    assert.equal(document.openapi, '3.1.0')
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
    assert.equal(operations.length, 17)
    for (const { summary, responses } of operations) {
      assert.ok(summary)
      assert.ok('4XX' in responses)
    }
  })

  it('streams what changes, and forgets a page that has gone', async (test) => {
    const { ask, listeners } = await open(test)
    const response = await ask('/api/v1/events', 'auditor')
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    let text = ''
    const until = async (part: string): Promise<void> => {
      while (!text.includes(part)) text += new TextDecoder().decode((await reader.read()).value)
    }
    await until('event: status')
    for (const listener of listeners) listener(ID)
    await until(`"id":"${ID}"`)
    await reader.cancel()
    while (listeners.size > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  it('says a word about its health without a token', async (test) => {
    const { ask } = await open(test)
    assert.equal(await (await ask('/health/live')).text(), 'live\n')
    assert.equal((await ask('/health/ready')).status, 200)
    const broken = await open(test, { status: async () => Promise.reject(new Error('down')) })
    assert.equal((await broken.ask('/health/ready')).status, 503)
  })
})
