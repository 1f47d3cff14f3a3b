/**
 * Every step of a gateway fails in turn: of the store, the spools, the log and the PACS; before and after it took effect; alone,
 * or with the end of the process. Then a new process begins, and senders send again what was not acknowledged.
 *
 * What holds in each cell: an instance that was acknowledged arrives, in the order of its study, and is in the log once; one
 * that was not leaves nothing behind; nothing is left half-done.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { GatewaySite, makeImage } from '../../testing/gateway-site.ts'
import { type FaultMoment, FaultPlan } from '../../testing/log-faults.ts'
import type { Gateway } from './gateway.ts'
import type { Derive } from './prepare-copies.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** What rooms send: three studies, one image sent twice, and one with a UID that was used before. */
const IMAGES = [
  { sop: '2.25.101', study: '2.25.1' },
  { sop: '2.25.201', study: '2.25.2' },
  { sop: '2.25.102', study: '2.25.1', fill: 2 },
  { sop: '2.25.101', study: '2.25.1' },
  { sop: '2.25.301', study: '2.25.3' },
  { sop: '2.25.201', study: '2.25.2', fill: 9 },
  { sop: '2.25.103', study: '2.25.1', fill: 3 },
  { sop: '2.25.202', study: '2.25.2', fill: 4 },
].map((order) => ({ ...order, bytes: makeImage(order) }))
const UNIQUE = ['2.25.101', '2.25.102', '2.25.103', '2.25.201', '2.25.202', '2.25.301']
const HELD = 5

interface Fault {
  readonly step: number
  readonly moment: FaultMoment
  readonly isFinal: boolean
}

/** Sends what was not acknowledged yet, one after the other, as a modality does; it ends with the first refusal. */
async function sendRest(site: GatewaySite, gateway: Gateway, acknowledged: Map<number, string>): Promise<void> {
  for (const [i, { bytes }] of IMAGES.entries()) {
    if (acknowledged.has(i)) continue
    try {
      acknowledged.set(i, await site.send(gateway, bytes))
    } catch {
      return
    }
  }
}

/** A process that runs into a fault, and one after it. */
async function run(fault?: Fault): Promise<{ readonly plan: FaultPlan; readonly site: GatewaySite }> {
  const site = new GatewaySite()
  const plan = new FaultPlan(fault)
  const acknowledged = new Map<number, string>()
  let first: Gateway | undefined
  try {
    first = await site.start({ plan, retentionMs: 0 })
  } catch {
    // It ends while it begins.
  }
  if (first !== undefined) {
    await sendRest(site, first, acknowledged)
    // As long as it lives, or for a while.
    for (let k = 0; k < 40; k++) {
      site.time.advance(200)
      await site.time.until(() => true)
      if (plan.hasStruck && fault?.isFinal === true) break
    }
    if (fault?.isFinal === true) void first.close().catch(() => undefined)
    else await first.close()
  }
  site.time.advance(1)
  const second = await site.start({ retentionMs: 60_000 })
  await sendRest(site, second, acknowledged)
  await site.rest()
  await check(site, second, acknowledged)
  await second.close()
  return { plan, site }
}

async function check(site: GatewaySite, gateway: Gateway, acknowledged: ReadonlyMap<number, string>): Promise<void> {
  assert.equal(acknowledged.size, IMAGES.length, 'everything is acknowledged in the end')
  const arrived = [...new Set(site.pacs.arrivals.map((arrival) => arrival.sha256))]
  const expected = IMAGES.filter((_, i) => i !== 3 && i !== HELD).map(({ bytes }) => sha256(bytes))
  assert.deepEqual(arrived.toSorted(), expected.toSorted(), 'what was acknowledged arrives, and nothing else')
  for (const study of ['2.25.1', '2.25.2', '2.25.3']) {
    const uids = new Set(site.pacs.arrivals.filter((arrival) => arrival.study === study).map(({ uid }) => uid))
    assert.deepEqual([...uids], [...uids].toSorted(), 'in the order of its study')
  }
  for (const type of ['received', 'forwarded']) assert.deepEqual(site.log.uidsOf(type).toSorted(), UNIQUE, type)
  assert.deepEqual(site.log.uidsOf('quarantined'), ['2.25.201'])
  // One may be there whole whose sender was not told: sent again, it is a duplicate.
  const records = (await gateway.list({ limit: 100 })).length
  assert.ok(records === IMAGES.length || records === IMAGES.length + 1, 'each has one record')
  // Two copies that are judged within a millisecond come to the same statement.
  const verified = site.log.uidsOf('verified').length
  assert.ok(verified <= records && verified >= records - 2, 'each is judged once')
  const { states, deliveries } = await site.store.counts()
  assert.deepEqual([states.received, states.forwarding, states.quarantined], [0, 0, 1])
  assert.deepEqual([deliveries.waiting, deliveries.dead], [0, 0])
  // All files but that of the one in quarantine go; no other one is left.
  await site.time.until(async () => (await site.files()).length === 1)
  const [held] = await gateway.list({ states: ['quarantined'], limit: 1 })
  assert.deepEqual(await site.files(), [held?.spoolKey])
}

const DERIVED = 'basic'
/** A copy under another UID, which nobody else makes. */
const derive: Derive = async (source) => {
  const { dataSet } = parseDicom(source)
  const sop = `${textAt(dataSet, 0x00080018)}.99`
  return { segments: [makeImage({ sop, study: '2.25.9' })], kind: 'derived', method: 'toy' }
}

/** A process that runs into a fault, and one after it, where each image is sent as it is and as a derived copy. */
async function runDeriving(fault?: Fault): Promise<FaultPlan> {
  const to = [
    { destination: 'pacs', when: null, deidentify: null, transcode: null },
    { destination: 'research', when: null, deidentify: DERIVED, transcode: null },
  ]
  const site = new GatewaySite({ to })
  const plan = new FaultPlan(fault)
  const acknowledged = new Map<number, string>()
  const targets = (of: FaultPlan) => () => ['pacs', 'research'].map((name) => ({ ...site.target(of), name }))
  const first = await site.start({ plan, derive, targets: targets(plan) }).catch(() => undefined)
  if (first !== undefined) {
    await sendRest(site, first, acknowledged)
    for (let k = 0; k < 40 && !plan.hasStruck; k++) {
      site.time.advance(200)
      await site.time.until(() => true)
    }
    void first.close().catch(() => undefined)
  }
  site.time.advance(1)
  const second = await site.start({ derive, targets: targets(new FaultPlan()), retentionMs: 60_000 })
  await sendRest(site, second, acknowledged)
  await site.rest()
  const derived = UNIQUE.map((uid) => `${uid}.99`)
  assert.deepEqual(site.pacs.uids.toSorted(), [...UNIQUE, ...derived].toSorted())
  assert.deepEqual(site.log.uidsOf('derived').toSorted(), derived)
  assert.deepEqual(site.log.uidsOf('forwarded').toSorted(), [...UNIQUE, ...derived].toSorted())
  await site.time.until(async () => (await site.files()).length === 2)
  const [held] = await second.list({ states: ['quarantined'], limit: 1 })
  const keys = [held?.spoolKey, ...(held?.otherKeys ?? [])]
  assert.deepEqual((await site.files()).toSorted(), keys.toSorted(), 'of copies, too, nothing is left over')
  await second.close()
  return plan
}

/** Without soaking, every so many steps are tried. */
const EVERY = process.env.FIDUCIAL_SOAK === undefined ? 3 : 1

describe('a gateway whose steps fail', () => {
  it('does what it should without a fault', async () => {
    const { plan } = await run()
    assert.ok(plan.steps.length > 60, `${plan.steps.length} steps`)
  })

  for (const isFinal of [true, false]) {
    for (const moment of ['before', 'after'] as const) {
      it(`keeps its word where a step ${isFinal ? 'ends it' : 'fails'} ${moment} it took effect`, async (t) => {
        const { plan: whole } = await run()
        const struck = new Map<string, number>()
        for (let step = 0; step < whole.steps.length; step += EVERY) {
          try {
            const { plan } = await run({ step, moment, isFinal })
            const name = plan.steps[step] as string
            if (plan.hasStruck) struck.set(name, (struck.get(name) ?? 0) + 1)
          } catch (cause) {
            throw new Error(`step ${step} (${whole.steps[step]}) ${moment}, ${isFinal ? 'final' : 'alone'}`, { cause })
          }
        }
        const cells = [...struck.values()].reduce((sum, count) => sum + count, 0)
        t.diagnostic(`${cells} cells: ${[...struck].map(([name, count]) => `${name} ${count}`).join(', ')}`)
        assert.ok(cells > 10)
      })
    }
  }

  for (const moment of ['before', 'after'] as const) {
    it(`leaves no derived copy behind where a step ends it ${moment} it took effect`, async (t) => {
      const whole = await runDeriving()
      let cells = 0
      for (let step = 0; step < whole.steps.length; step += 3 * EVERY) {
        try {
          if ((await runDeriving({ step, moment, isFinal: true })).hasStruck) cells++
        } catch (cause) {
          throw new Error(`step ${step} (${whole.steps[step]}) ${moment}`, { cause })
        }
      }
      t.diagnostic(`${cells} cells of ${whole.steps.length} steps`)
      assert.ok(cells > 5)
    })
  }
})
