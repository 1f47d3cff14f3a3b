/** Forwarding: a PACS that is down, hangs, refuses, or takes only some. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { GatewaySite, makeImage, ROOM, routesWith } from '../../testing/gateway-site.ts'
import type { Gateway } from './gateway.ts'
import type { Sender } from './ports.ts'

const HOUR_MS = 3_600_000

/** Sends so many images of each study, in turn. @returns UIDs by study, in the order in which they were acknowledged */
async function sendStudies(site: GatewaySite, gateway: Gateway, studies: number, images: number) {
  const order = new Map<string, string[]>()
  for (let i = 0; i < images; i++) {
    for (let k = 0; k < studies; k++) {
      const study = `2.25.${700 + k}`
      const sop = `${study}.${i + 1}`
      await site.send(gateway, makeImage({ sop, study, fill: i }))
      order.set(study, [...(order.get(study) ?? []), sop])
    }
  }
  return order
}

/** UIDs by study, as they arrived for the first time. */
const arrivedOrder = (site: GatewaySite): Map<string, readonly string[]> =>
  new Map(
    [...Map.groupBy(site.pacs.arrivals, ({ study }) => study)].map(([study, arrivals]) => [
      study,
      [...new Set(arrivals.map(({ uid }) => uid))],
    ]),
  )

const sorted = (map: ReadonlyMap<string, readonly string[]>) => [...map].toSorted(([a], [b]) => a.localeCompare(b))

describe('forwarding', () => {
  it('loses nothing, keeps the order and does not spin while a PACS is down for a day', async () => {
    const site = new GatewaySite()
    site.pacs.isUp = false
    site.pacs.answersPing = false
    const gateway = await site.start()
    const order = await sendStudies(site, gateway, 3, 10)
    const end = site.time.now().getTime() + 24 * HOUR_MS
    await site.time.until(() => site.time.now().getTime() > end, 48 * HOUR_MS)
    assert.ok(site.pacs.sends < 3_600, `${site.pacs.sends} sends in a day`)
    assert.deepEqual(new Set((await gateway.list({ limit: 100 })).map(({ state }) => state)), new Set(['forwarding']))
    const status = await gateway.status()
    assert.ok(status.alarms.includes('destination_away'))
    assert.deepEqual(
      status.destinations.map(({ state, lastError, address }) => ({ state, lastError, address })),
      [{ state: 'failing', lastError: 'service_unreachable', address: 'PACS@10.1.0.9:104' }],
    )
    site.pacs.isUp = true
    await site.rest()
    assert.deepEqual(sorted(arrivedOrder(site)), sorted(order))
    assert.equal(site.pacs.arrivals.length, 30)
    const kinds = site.observations.map(({ kind }) => kind)
    assert.equal(kinds.filter((kind) => kind === 'destination_away').length, 1)
    assert.equal(kinds.filter((kind) => kind === 'destination_back').length, 1)
    assert.equal(kinds.filter((kind) => kind === 'delivery_failed').length, 0, 'it was nobody else’s fault')
    await gateway.close()
  })

  it('gives up what is refused for good, goes on with the others, and sends it again when asked', async () => {
    const site = new GatewaySite()
    let isRefusing = true
    site.pacs.refuses = ({ sopInstanceUid }) =>
      isRefusing && sopInstanceUid === '2.25.2' ? { code: 'peer_refused', isFinal: true } : undefined
    const gateway = await site.start()
    const ids = []
    for (let i = 1; i <= 3; i++) ids.push(await site.send(gateway, makeImage({ sop: `2.25.${i}` })))
    await site.rest()
    assert.deepEqual(site.pacs.uids, ['2.25.1', '2.25.3'])
    const dead = (await gateway.get(ids[1] as string))?.deliveries[0]
    assert.deepEqual([dead?.state, dead?.lastError, dead?.attempts], ['dead', 'peer_refused', 1])
    assert.ok((await gateway.status()).alarms.includes('deliveries_dead'))
    isRefusing = false
    assert.equal(await gateway.retry(ids[1] as string), 1)
    await site.rest()
    assert.deepEqual(site.pacs.uids, ['2.25.1', '2.25.3', '2.25.2'])
    assert.equal((await gateway.get(ids[1] as string))?.state, 'done')
    await gateway.close()
  })

  it('sends again what a PACS has lost, logs that, and gives it up if that never ends', async () => {
    const site = new GatewaySite()
    const target = site.target()
    const backoff = { firstMs: 1_000, longestMs: 10_000, jitter: 0, attemptsLimit: 3, giveUpAfterMs: null }
    const gateway = await site.start({ targets: () => [{ ...target, backoff }] })
    const ids = [
      await site.send(gateway, makeImage({ sop: '2.25.1' })),
      await site.send(gateway, makeImage({ sop: '2.25.2' })),
    ]
    await site.rest()
    const delivery = async (n: number) => (await gateway.get(ids[n] as string))?.deliveries[0]
    const lost = (await delivery(0))?.id ?? ''
    const told: string[] = []
    gateway.subscribe((id) => told.push(id))
    assert.equal(await gateway.resend('pacs', [lost]), 1)
    assert.equal(await gateway.resend('pacs', [lost]), 0, 'it waits already')
    assert.equal(await gateway.resend('elsewhere', [lost]), 0)
    assert.deepEqual(told, [ids[0]])
    const waiting = await delivery(0)
    assert.deepEqual([waiting?.state, waiting?.lastError, waiting?.attempts], ['waiting', 'copy_lost', 1])
    await site.rest()
    assert.deepEqual(
      site.pacs.arrivals.map(({ uid }) => uid),
      ['2.25.1', '2.25.2', '2.25.1'],
    )
    assert.equal((await gateway.get(ids[0] as string))?.state, 'done')
    assert.deepEqual(site.log.uidsOf('forwarded').toSorted(), ['2.25.1', '2.25.1', '2.25.2'])
    assert.equal(site.log.uidsOf('received').length, 2)

    assert.equal(await gateway.resend('pacs', [lost]), 1)
    await site.rest()
    assert.equal(await gateway.resend('pacs', [lost]), 1)
    const dead = await delivery(0)
    assert.deepEqual([dead?.state, dead?.lastError, dead?.attempts], ['dead', 'copy_lost', 3])
    assert.ok((await gateway.status()).alarms.includes('deliveries_dead'))
    const kinds = site.observations.map(({ kind }) => kind)
    assert.equal(kinds.filter((kind) => kind === 'resent').length, 2)
    assert.equal(kinds.filter((kind) => kind === 'delivery_failed').length, 1)
    assert.equal(await gateway.revive('pacs'), 1)
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 5)
    await gateway.close()
  })

  it('holds back what comes after a copy that is not taken yet, and nothing of other studies', async () => {
    const site = new GatewaySite()
    site.pacs.refuses = ({ sopInstanceUid }, attempt) =>
      sopInstanceUid === '2.25.700.1' && attempt <= 4 ? { code: 'peer_refused' } : undefined
    const gateway = await site.start()
    const order = await sendStudies(site, gateway, 2, 5)
    await site.time.until(() => site.pacs.arrivals.length === 5)
    assert.deepEqual(new Set(site.pacs.arrivals.map(({ study }) => study)), new Set(['2.25.701']))
    await site.rest()
    assert.deepEqual(sorted(arrivedOrder(site)), sorted(order))
    await gateway.close()
  })

  it('gives a copy up over which the association breaks each time, while the PACS takes others', async () => {
    const site = new GatewaySite()
    site.pacs.refuses = ({ sopInstanceUid }) =>
      sopInstanceUid === '2.25.700.2' ? { code: 'association_aborted' } : undefined
    const gateway = await site.start()
    await sendStudies(site, gateway, 1, 3)
    await site.rest()
    assert.deepEqual(site.pacs.uids, ['2.25.700.1', '2.25.700.3'])
    const [poison] = await gateway.list({ hasDead: true, limit: 10 })
    assert.equal(poison?.deliveries[0]?.lastError, 'association_aborted')
    assert.equal(poison?.deliveries[0]?.attempts, 12)
    await gateway.close()
  })

  it('breaks off a send from which nothing is heard, and tries again', async () => {
    const site = new GatewaySite()
    let isHanging = true
    const target = site.target()
    const sender: Sender = {
      ...target.sender,
      async *send(batch, signal) {
        if (isHanging) await new Promise(() => undefined)
        yield* target.sender.send(batch, signal)
      },
      async ping() {
        if (isHanging) throw new StoreError('peer_timeout', 'it hangs')
      },
    }
    const gateway = await site.start({ targets: () => [{ ...target, sender }] })
    await sendStudies(site, gateway, 1, 3)
    await site.time.until(() => site.observations.some(({ kind }) => kind === 'destination_away'))
    assert.equal((await gateway.status()).destinations[0]?.lastError, 'peer_timeout')
    isHanging = false
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 3)
    await gateway.close()
  })

  it('lets the copy that is under way arrive when the gateway ends, begins no further one, and waits for nobody who hangs', async () => {
    for (const isHanging of [false, true]) {
      const site = new GatewaySite()
      const target = site.target()
      const answer = Promise.withResolvers<void>()
      let hasBegun = false
      const sender: Sender = {
        ...target.sender,
        async *send(batch, signal) {
          for await (const result of target.sender.send(batch, signal)) {
            hasBegun = true
            await answer.promise
            yield result
          }
        },
      }
      const gateway = await site.start({ targets: () => [{ ...target, sender }] })
      await sendStudies(site, gateway, 1, 3)
      await site.time.until(() => hasBegun)
      const closed = gateway.close()
      if (!isHanging) answer.resolve()
      let isClosed = false
      closed.then(() => {
        isClosed = true
      })
      await site.time.until(() => isClosed)
      const { deliveries } = await site.store.counts()
      assert.deepEqual([deliveries.sent, deliveries.waiting], isHanging ? [0, 3] : [1, 2])
      const next = await site.start()
      await site.rest()
      assert.deepEqual(site.pacs.uids, ['2.25.700.1', '2.25.700.2', '2.25.700.3'])
      await next.close()
    }
  })

  it('stays paused for the process that comes next', async () => {
    const site = new GatewaySite()
    let kept: ReadonlySet<string> = new Set()
    const keep = (names: ReadonlySet<string>): void => {
      kept = names
    }
    const pauses = () => ({ names: kept, keep })
    const first = await site.start({ pauses: pauses() })
    await first.pause('pacs')
    await first.close()
    const second = await site.start({ pauses: pauses() })
    await sendStudies(site, second, 1, 1)
    await site.time.until(async () => (await second.status()).counts.deliveries.waiting === 1)
    assert.equal((await second.status()).destinations[0]?.state, 'paused')
    assert.equal(site.pacs.arrivals.length, 0)
    await second.resume('pacs')
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 1)
    assert.deepEqual([...kept], [])
    await second.close()
  })

  it('sends nothing while it is paused, and all of it after', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    await gateway.pause('pacs')
    await sendStudies(site, gateway, 1, 3)
    const end = site.time.now().getTime() + HOUR_MS
    await site.time.until(() => site.time.now().getTime() > end, 2 * HOUR_MS)
    assert.equal(site.pacs.arrivals.length, 0)
    assert.equal((await gateway.status()).destinations[0]?.state, 'paused')
    await gateway.resume('pacs')
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 3)
    await gateway.close()
  })

  it('keeps copies for a destination that is gone from the routes until it is back', async () => {
    const site = new GatewaySite()
    let targets = [site.target()]
    const gateway = await site.start({ targets: () => targets })
    await gateway.pause('pacs')
    await sendStudies(site, gateway, 1, 2)
    await site.time.until(async () => (await gateway.status()).counts.deliveries.waiting === 2)
    const [old] = targets
    targets = []
    site.routes = routesWith({ seal: 'never' })
    assert.deepEqual((await gateway.status()).destinations, [])
    targets = [old as (typeof targets)[number]]
    site.routes = routesWith({ seal: 'never' })
    await gateway.resume('pacs')
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 2)
    await gateway.close()
  })

  it('puts what has no study in the order of its sender', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    const id = await site.send(gateway, new Uint8Array(300), { ...ROOM, callingAet: 'ODD' })
    assert.equal((await gateway.get(id))?.orderKey, 'ODD')
    await gateway.close()
  })
})

/** Runs of a PACS that fails at random. */
const RUNS = Number(process.env.FIDUCIAL_SOAK ?? 0) > 0 ? 2_000 : 40

describe('the order within a study', () => {
  it(`holds over ${RUNS} runs in which the PACS fails at random`, async (t) => {
    let [failures, outages] = [0, 0]
    for (let run = 1; run <= RUNS; run++) {
      const random = seeded(run)
      const site = new GatewaySite()
      site.pacs.refuses = () => {
        const drawn = random(100)
        if (drawn < 15) return { code: 'peer_refused' }
        return drawn < 25 ? { code: 'association_aborted' } : undefined
      }
      const target = { ...site.target(), lanes: 1 + random(4), batch: 1 + random(6) }
      const backoff = { firstMs: 1_000, longestMs: 10_000, jitter: 0.5, attemptsLimit: null, giveUpAfterMs: null }
      const gateway = await site.start({ targets: () => [{ ...target, backoff }], chance: () => random(1_000) / 1_000 })
      const order = await sendStudies(site, gateway, 1 + random(4), 4 + random(4))
      for (let k = 0; k < 6; k++) {
        site.pacs.isUp = random(3) > 0
        site.pacs.answersPing = random(2) > 0
        site.time.advance(random(20_000))
        await site.time.until(() => true)
      }
      site.pacs.isUp = true
      await site.rest()
      assert.deepEqual(sorted(arrivedOrder(site)), sorted(order), `run ${run}`)
      failures += site.observations.filter(({ kind }) => kind === 'delivery_failed').length
      outages += site.observations.filter(({ kind }) => kind === 'destination_away').length
      await gateway.close()
    }
    t.diagnostic(`${failures} failures of copies, ${outages} outages`)
  })
})
