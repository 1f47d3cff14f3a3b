import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { AuditSummary } from './report.ts'
import { SiteSweeps, type SiteSweepsOptions } from './site-sweeps.ts'

const summary = { policy: 'gateway' } as AuditSummary

function open(options: Partial<SiteSweepsOptions> = {}) {
  const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
  const ran = Promise.withResolvers<void>()
  let runs = 0
  const sweeps = new SiteSweeps({
    target: 'archive',
    at: null,
    async run(signal) {
      runs++
      await Promise.race([gate, new Promise((resolve) => signal.addEventListener('abort', resolve))])
      if (signal.aborted) throw new StoreError('service_unreachable', 'broken off')
      return summary
    },
    now: () => new Date('2026-03-03T10:14:00Z'),
    pause: (_ms, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    onRun: () => ran.resolve(),
    onDefect: (error) => assert.fail(String(error)),
    ...options,
  })
  return { sweeps, openGate, ran: ran.promise, runs: () => runs }
}

describe('site sweeps', () => {
  it('sweep when somebody asks, once at a time', async () => {
    const { sweeps, openGate, ran, runs } = open()
    assert.equal(sweeps.status.nextAt, null)
    assert.equal(sweeps.begin(), 'started')
    assert.equal(sweeps.begin(), 'running')
    assert.equal(sweeps.status.isRunning, true)
    openGate()
    await ran
    assert.equal(runs(), 1)
    assert.equal(sweeps.status.last?.summary, summary)
    await sweeps.stop()
  })

  it('say when the next one is, where there is a time for it', async () => {
    const { sweeps } = open({ at: { hour: 2, minute: 30 } })
    assert.equal(sweeps.status.nextAt?.getMinutes(), 30)
    await sweeps.stop()
  })

  it('break off when they are stopped, and begin no more', async () => {
    const { sweeps } = open()
    sweeps.begin()
    await sweeps.stop()
    assert.equal(sweeps.status.last?.error, 'interrupted')
    assert.throws(() => sweeps.begin(), { code: 'gateway_overloaded' })
  })
})
