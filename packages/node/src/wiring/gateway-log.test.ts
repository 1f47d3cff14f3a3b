import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { initKeyRing } from '../keys/key-ring.ts'
import { files } from '../storage/log/durable.ts'
import { FaultPlan, faultFiles } from '../testing/log-faults.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { openGatewayLog } from './gateway-log.ts'

const news = (number: number): string =>
  JSON.stringify({
    type: 'flagged',
    at: new Date(Date.UTC(2026, 2, 3, 10, 0, number)).toISOString(),
    instance: null,
    digests: { file: number.toString(16).padStart(64, '0') },
    details: { by: 'gateway', reasons: ['duplicate'] },
  })

describe('the log of a gateway', () => {
  it('takes events again after a flush of its disk has failed, each in its place', async (t) => {
    const home = join(temporaryFolder(t), 'site')
    const ring = await initKeyRing(home, { site: 'General Hospital' })
    const signal = new AbortController().signal
    await using log = await openGatewayLog(home, ring, { signal, onFailure: () => undefined })
    const { events } = log.gatewayLog
    assert.equal(await events.record(news(1)), 0n)
    const plan = new FaultPlan({ step: 0, name: 'files.fdatasync', moment: 'before', isFinal: false })
    const restore = faultFiles(files, plan)
    await assert.rejects(events.record(news(2)), { code: 'log_unwritable' })
    assert.ok(plan.hasStruck)
    restore()
    const places = [await events.record(news(2)), await events.record(news(3)), await events.record(news(1))]
    assert.deepEqual(places, [1n, 2n, 0n])
    await events.settle()
    assert.ok((await log.gatewayLog.describe()).size >= 3n)
  })
})
