import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GatewayStatus } from '../services/gateway/control.ts'
import { GatewayMetrics } from './metrics.ts'

const status: GatewayStatus = {
  startedAt: new Date(0),
  isReady: true,
  alarms: [],
  notLookedAt: ['mark'],
  counts: {
    states: { received: 1, quarantined: 2, forwarding: 3, done: 4, rejected: 0 },
    deliveries: { held: 0, waiting: 7, sent: 8, dead: 0 },
    verdicts: { authentic: 1, not_authentic: 2, undetermined: 3, none: 0 },
    pendingEvents: 5,
    oldestReceivedAt: null,
    oldestDueAt: null,
  },
  spoolFreeBytes: 1000,
  log: { origin: 'log', size: 42n, isAvailable: true, isWitnessed: false },
  routes: { sha256: new Uint8Array(32), loadedAt: new Date(0), problem: null, failOpen: [] },
  destinations: [
    {
      ...{ name: 'pacs', address: 'P@h:1', state: 'failing', waiting: 7, dead: 0 },
      ...{ lastError: 'peer_timeout', nextAttemptAt: null, lastSentAt: null, relay: null },
    },
  ],
}

/** Lines of the text, without comments. */
async function read(metrics: GatewayMetrics): Promise<readonly string[]> {
  const { text } = await metrics.read()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

describe('metrics', () => {
  it('tell of the state at the moment of reading', async () => {
    const lines = await read(new GatewayMetrics(async () => status))
    for (const line of [
      'fiducial_gateway_ready 1',
      'fiducial_instances{state="quarantined"} 2',
      'fiducial_deliveries{state="waiting"} 7',
      'fiducial_events_pending 5',
      'fiducial_log_entries 42',
      'fiducial_destination_failing{destination="pacs"} 1',
    ])
      assert.ok(lines.includes(line), line)
  })

  it('give callers series of their own while they are few', async () => {
    const metrics = new GatewayMetrics(async () => status)
    for (let i = 0; i < 1000; i++) metrics.stored.inc({ caller: metrics.caller(`AE${i}`) })
    const lines = (await read(metrics)).filter((line) => line.startsWith('fiducial_objects_stored_total'))
    assert.equal(lines.length, 201)
    assert.ok(lines.includes('fiducial_objects_stored_total{caller="other"} 800'))
    assert.equal(metrics.caller('AE7'), 'AE7')
    assert.equal(metrics.caller(null), 'none')
  })

  it('are text that Prometheus reads: one type for each name, and no name twice', async () => {
    const { text, contentType } = await new GatewayMetrics(async () => status).read()
    assert.match(contentType, /^text\/plain; version=0\.0\.4/)
    const names = text.split('\n').flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? [])
    assert.equal(new Set(names).size, names.length)
    assert.ok(names.every((name) => /^fiducial_[a-z0-9_]+$/.test(name)))
  })
})
