/** The way of an instance through the gateway, over memory. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { DEFAULT_ON_PROBLEM } from '@fiducial/core/domain/gateway/routes.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { GatewaySite, makeImage, ROOM, routesWith } from '../../testing/gateway-site.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const ANNE = { id: 'anne', name: 'Anne' }
const BERT = { id: 'bert', name: 'Bert' }

describe('an instance on its way', () => {
  it('arrives with every byte as it came, and is in the log once', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    const image = makeImage({ sop: '2.25.1' })
    const id = await site.send(gateway, image)
    await site.rest()
    assert.deepEqual(
      site.pacs.arrivals.map((arrival) => arrival.sha256),
      [sha256(image)],
    )
    assert.deepEqual(
      site.log.events.map(({ type }) => type),
      ['received', 'verified', 'forwarded'],
    )
    assert.deepEqual(site.log.events[0]?.details, {
      fromAet: 'ROOM1',
      fromAddress: '10.1.0.7:40112',
      protocol: 'dimse',
    })
    const stored = await gateway.get(id)
    assert.equal(stored?.state, 'done')
    assert.equal(stored?.verdict?.verdict, 'undetermined')
    assert.deepEqual(stored?.reasons, ['undetermined'])
    await gateway.close()
  })

  it('has its file removed once its time is over, and no sooner', async () => {
    const site = new GatewaySite()
    const gateway = await site.start({ retentionMs: 600_000 })
    await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    assert.equal((await site.files()).length, 1)
    await site.time.until(async () => (await site.files()).length === 0)
    assert.ok(site.observations.some(({ kind }) => kind === 'expired'))
    await gateway.close()
  })

  it('has its file removed sooner where room is short, unless nobody else has it', async () => {
    const site = new GatewaySite()
    Object.assign(site.spool, { freeBytes: async () => 1 })
    const gateway = await site.start({ retentionMs: 3_600_000_000 })
    await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.time.until(async () => (await site.files()).length === 0)
    assert.equal(site.pacs.arrivals.length, 1)
    // The same again goes nowhere, and so does what a route keeps here.
    await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    site.time.advance(600_000)
    await site.time.until(() => true)
    assert.equal((await site.files()).length, 1)
    await gateway.close()
  })

  it('keeps its file until the destination has committed to keep it', async () => {
    const site = new GatewaySite()
    const gateway = await site.start({ retentionMs: 60_000, committing: () => new Set(['pacs']) })
    const id = await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    site.time.advance(3_600_000)
    await site.time.until(() => true)
    assert.equal((await site.files()).length, 1)
    const copies = ((await gateway.get(id))?.deliveries ?? []).map((delivery) => delivery.id)
    // What it has lost goes once more, from the file that is still there.
    assert.equal(await gateway.resend('pacs', copies), 1)
    await site.rest()
    site.time.advance(3_600_000)
    await site.time.until(() => true)
    assert.equal(site.pacs.arrivals.length, 2)
    assert.equal((await site.files()).length, 1)
    await gateway.committed(copies)
    await site.time.until(async () => (await site.files()).length === 0)
    await gateway.close()
  })

  it('goes nowhere where its route has no destination, and says so', async () => {
    const site = new GatewaySite()
    site.routes = routesWith({ seal: 'never' }, [])
    const gateway = await site.start()
    const id = await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    assert.deepEqual((await gateway.get(id))?.reasons, ['undetermined', 'no_destination'])
    assert.deepEqual(site.log.uidsOf('flagged'), ['2.25.1'])
    await gateway.close()
  })

  it('takes in no more than its limit, and goes on once there is room', async () => {
    const site = new GatewaySite()
    const gateway = await site.start({ limits: { instances: 1, bytes: 1_000 } })
    const announcement = { origin: ROOM, sopClassUid: null, sopInstanceUid: null, transferSyntaxUid: null }
    const first = gateway.intake.begin(announcement)
    assert.throws(() => gateway.intake.begin(announcement), { code: 'gateway_overloaded' })
    await first.abort()
    await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    assert.deepEqual(site.pacs.uids, ['2.25.1'])
    await gateway.close()
    assert.throws(() => gateway.intake.begin(announcement), { code: 'gateway_overloaded' })
  })
})

describe('duplicates', () => {
  it('sends the same bytes once, and flags the second copy', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    const image = makeImage({ sop: '2.25.1' })
    await site.send(gateway, image)
    await site.rest()
    const again = await site.send(gateway, image)
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 1)
    assert.equal((await gateway.get(again))?.state, 'done')
    assert.ok((await gateway.get(again))?.reasons.includes('duplicate'))
    assert.deepEqual(site.log.uidsOf('received'), ['2.25.1'])
    assert.deepEqual(site.log.uidsOf('flagged'), ['2.25.1'])
    await gateway.close()
  })

  it('knows a copy that comes while the first one is still there to be judged', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    const image = makeImage({ sop: '2.25.1' })
    await Promise.all(Array.from({ length: 5 }, () => site.send(gateway, image)))
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 1)
    assert.deepEqual(site.log.uidsOf('received'), ['2.25.1'])
    await gateway.close()
  })

  it('lets one pass of several contents that come at once under one UID', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    const images = Array.from({ length: 5 }, (_, fill) => makeImage({ sop: '2.25.1', fill }))
    await Promise.all(images.map((image) => site.send(gateway, image)))
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 1)
    assert.equal((await site.store.counts()).states.quarantined, 4)
    await gateway.close()
  })

  it('sends a copy to a destination that has not got it yet', async () => {
    const site = new GatewaySite()
    site.routes = routesWith({ seal: 'never' }, [])
    const gateway = await site.start()
    const image = makeImage({ sop: '2.25.1' })
    await site.send(gateway, image)
    await site.rest()
    site.routes = routesWith({ seal: 'never' })
    await site.send(gateway, image)
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 1)
    await gateway.close()
  })

  it('holds other content under a used UID back, as an alarm', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    const other = await site.send(gateway, makeImage({ sop: '2.25.1', fill: 1 }))
    await site.rest()
    assert.equal((await gateway.get(other))?.state, 'quarantined')
    assert.equal(site.pacs.arrivals.length, 1)
    assert.deepEqual(site.log.events.slice(-2), [
      { type: 'flagged', uid: '2.25.1', details: { by: 'gateway', reasons: ['uid_reused'] } },
      { type: 'quarantined', uid: '2.25.1', details: { reasons: ['uid_reused'] } },
    ])
    assert.ok((await gateway.status()).alarms.includes('uid_reused'))
    await gateway.close()
  })

  it('holds back what was rejected before', async () => {
    const site = new GatewaySite({ quarantine: [{ reason: 'watched', when: { kind: 'all', rules: [] } }] })
    const gateway = await site.start()
    const image = makeImage({ sop: '2.25.1' })
    const first = await site.send(gateway, image)
    await site.rest()
    await gateway.reject(first, ANNE, 'not ours')
    site.routes = routesWith({ seal: 'never', quarantine: [] })
    const again = await site.send(gateway, image)
    await site.rest()
    assert.deepEqual((await gateway.get(again))?.reasons.slice(0, 1), ['rejected_before'])
    assert.equal((await gateway.get(again))?.state, 'quarantined')
    assert.equal(site.pacs.arrivals.length, 0)
    await gateway.close()
  })
})

describe('quarantine', () => {
  const held = { quarantine: [{ reason: 'watched', when: { kind: 'all', rules: [] } }] } as const

  it('lets an instance out when another person confirms, and logs both', async () => {
    const site = new GatewaySite(held)
    const gateway = await site.start()
    const id = await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    assert.deepEqual(site.log.uidsOf('received'), [], 'it is no part of the archive yet')
    assert.equal(await gateway.release(id, ANNE, 'looked at it'), 'asked')
    await assert.rejects(gateway.release(id, ANNE, 'looked again'), { code: 'approval_missing' })
    assert.equal(site.pacs.arrivals.length, 0)
    assert.equal(await gateway.release(id, BERT, 'it is ours'), 'released')
    await site.rest()
    assert.equal(site.pacs.arrivals.length, 1)
    assert.deepEqual(site.log.uidsOf('received'), ['2.25.1'])
    const released = site.log.events.find(({ type }) => type === 'released')
    assert.deepEqual(released?.details, { releasedBy: ANNE, confirmedBy: BERT, reason: 'it is ours' })
    await assert.rejects(gateway.release(id, BERT, 'once more'), { code: 'instance_moved' })
    await gateway.close()
  })

  it('takes an instance out for good, which then goes nowhere', async () => {
    const site = new GatewaySite(held)
    const gateway = await site.start({ retentionMs: 60_000 })
    const id = await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    await gateway.reject(id, ANNE, 'not ours')
    await assert.rejects(gateway.release(id, BERT, 'no'), { code: 'instance_moved' })
    await site.time.until(async () => (await site.files()).length === 0)
    assert.equal(site.pacs.arrivals.length, 0)
    assert.deepEqual(site.log.events.at(-1)?.details, { by: 'anne (Anne): not ours', reasons: ['rejected'] })
    await gateway.close()
  })

  it('judges an instance anew by other routes', async () => {
    const site = new GatewaySite(held)
    const gateway = await site.start()
    const id = await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    site.routes = routesWith({ seal: 'never', quarantine: [] })
    await gateway.reexamine(id)
    await site.rest()
    assert.equal((await gateway.get(id))?.state, 'done')
    assert.equal(site.pacs.arrivals.length, 1)
    await gateway.close()
  })

  it('knows no instance that there is not', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    const missing = { code: 'instance_missing' }
    await assert.rejects(gateway.release('01ARZ3NDEKTSV4RRFFQ69G5FAV', ANNE, 'x'), missing)
    await assert.rejects(gateway.reject('01ARZ3NDEKTSV4RRFFQ69G5FAV', ANNE, 'x'), missing)
    await assert.rejects(gateway.retry('01ARZ3NDEKTSV4RRFFQ69G5FAV'), missing)
    await assert.rejects(gateway.pause('nobody'), { code: 'input_missing' })
    await gateway.close()
  })

  it('holds back what no route takes', async () => {
    const site = new GatewaySite({
      from: { calling: ['OTHER'], called: null, address: null, protocol: null, peer: null },
    })
    const gateway = await site.start()
    const id = await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    assert.deepEqual((await gateway.get(id))?.reasons, ['no_route'])
    assert.equal((await gateway.get(id))?.route, null)
    await gateway.close()
  })

  it('holds back what a header gives away, where the route asks for it', async () => {
    const site = new GatewaySite({ quarantine: [{ reason: 'flagged', when: { kind: 'flag', patterns: ['*'] } }] })
    const gateway = await site.start()
    const id = await site.send(gateway, makeImage({ sop: '2.25.1', more: [text(0x00080020, 'DA', '20300101')] }))
    await site.rest()
    assert.deepEqual((await gateway.get(id))?.reasons, ['flagged', 'date_in_future', 'undetermined'])
    await gateway.close()
  })
})

describe('an examiner in trouble', () => {
  it('holds an instance back that kills each thread which looks at it, and goes on with the others', async () => {
    const site = new GatewaySite()
    const poison = new Set<string>()
    site.mood = (path) => (poison.has(path) ? 'died' : undefined)
    const gateway = await site.start()
    site.mood = (path) => {
      if (poison.size === 0) poison.add(path)
      return poison.has(path) ? 'died' : undefined
    }
    const bad = await site.send(gateway, makeImage({ sop: '2.25.1', study: '2.25.8' }))
    await site.time.until(() => poison.size > 0)
    await site.send(gateway, makeImage({ sop: '2.25.2', study: '2.25.9' }))
    await site.rest()
    const held = await gateway.get(bad)
    assert.equal(held?.state, 'quarantined')
    assert.deepEqual(held?.reasons, ['examination_failed', 'unexamined'])
    assert.equal(held?.attempts, 3)
    assert.deepEqual(site.pacs.uids, ['2.25.2'])
    assert.deepEqual(site.log.uidsOf('quarantined'), ['2.25.1'])
    await gateway.close()
  })

  /** Processes that end with all instances in hand, as one does that is killed. */
  async function dieWithAll(site: GatewaySite, times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      site.time.advance(60_000)
      await site.store.claimReceived({ owner: `dead-${i}`, now: site.time.now(), leaseMs: 60_000, limit: 100 })
      await site.store.abandonClaims()
    }
  }

  it('lets pass what was in hand when processes were killed, looking at one after the other', async () => {
    const site = new GatewaySite()
    site.mood = () => 'unavailable'
    const first = await site.start()
    for (let i = 1; i <= 6; i++) await site.send(first, makeImage({ sop: `2.25.${i}`, fill: i }))
    await first.close()
    await dieWithAll(site, 3)
    const steps: string[] = []
    site.mood = () => {
      steps.push('looked at')
      return undefined
    }
    const second = await site.start({ observe: ({ kind }) => kind === 'judged' && steps.push(kind) })
    await site.rest()
    assert.deepEqual(steps, Array.from({ length: 6 }, () => ['looked at', 'judged']).flat())
    assert.deepEqual(site.pacs.uids.toSorted(), ['2.25.1', '2.25.2', '2.25.3', '2.25.4', '2.25.5', '2.25.6'])
    await second.close()
  })

  it('holds back what has ended processes even when nothing else was in hand', async () => {
    const site = new GatewaySite()
    site.mood = () => 'unavailable'
    const first = await site.start()
    const id = await site.send(first, makeImage({ sop: '2.25.1' }))
    await first.close()
    await dieWithAll(site, 6)
    site.mood = () => undefined
    const second = await site.start()
    await site.rest()
    assert.equal((await second.get(id))?.state, 'quarantined')
    assert.deepEqual((await second.get(id))?.reasons, ['examination_failed', 'unexamined'])
    await second.close()
  })

  it('waits for an examiner that is away, and then does what the route says', async () => {
    for (const [unexamined, state] of [
      ['failOpen', 'done'],
      ['failClosed', 'quarantined'],
    ] as const) {
      const onProblem = { ...DEFAULT_ON_PROBLEM, unexamined }
      const site = new GatewaySite({ onProblem })
      site.mood = () => 'unavailable'
      const gateway = await site.start({ patienceMs: 20_000 })
      const began = site.time.now().getTime()
      const id = await site.send(gateway, makeImage({ sop: '2.25.1' }))
      await site.time.until(() => site.observations.some(({ kind }) => kind === 'examiner_away'))
      assert.ok((await gateway.status()).alarms.includes('examiner_away'))
      await site.rest()
      assert.ok(site.time.now().getTime() - began >= 20_000)
      const instance = await gateway.get(id)
      assert.equal(instance?.state, state)
      assert.ok(instance?.reasons.includes('unexamined'))
      assert.equal(site.pacs.arrivals.length, state === 'done' ? 1 : 0)
      await gateway.close()
    }
  })

  it('waits no longer than it takes the examiner to come back', async () => {
    const site = new GatewaySite()
    site.mood = () => 'unavailable'
    const gateway = await site.start()
    const id = await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.time.until(() => site.observations.some(({ kind }) => kind === 'examiner_away'))
    site.mood = () => undefined
    await site.rest()
    assert.ok(site.observations.some(({ kind }) => kind === 'examiner_back'))
    assert.equal((await gateway.get(id))?.verdict?.verdict, 'undetermined')
    assert.equal((await gateway.get(id))?.attempts, 1, 'waiting is no attempt')
    await gateway.close()
  })

  it('holds back what cannot be read', async () => {
    const site = new GatewaySite()
    const gateway = await site.start()
    const id = await site.send(gateway, new Uint8Array(500).fill(0x41))
    await site.rest()
    const instance = await gateway.get(id)
    assert.equal(instance?.state, 'quarantined')
    assert.deepEqual(instance?.reasons, ['not_deliverable', 'unreadable'])
    await gateway.close()
  })
})

describe('a file that is not whole', () => {
  it('is taken back after a power cut, and told of; sent again, it passes', async () => {
    const site = new GatewaySite()
    const image = makeImage({ sop: '2.25.1' })
    for (const length of [0, 100, image.length - 1]) {
      const writer = site.spool.create()
      writer.write(image.subarray(0, length))
      await writer.commit()
      await site.store.accept(
        {
          id: `01ARZ3NDEKTSV4RRFFQ69G5${String(length).padStart(3, '0')}`,
          spoolKey: writer.key,
          lengthBytes: image.length,
          sha256: new Uint8Array(createHash('sha256').update(image).digest()),
          origin: ROOM,
          receivedAt: new Date(site.time.now().getTime() - 1_000),
          sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
          sopInstanceUid: '2.25.1',
          studyInstanceUid: '2.25.3',
          transferSyntaxUid: '1.2.840.10008.1.2.1',
          orderKey: '2.25.3',
        },
        [],
      )
    }
    const gateway = await site.start({ patienceMs: 3_600_000 })
    await site.time.until(async () => (await gateway.list({ limit: 10 })).length === 0)
    assert.deepEqual(await site.files(), [])
    assert.ok((await gateway.status()).alarms.includes('instances_lost'))
    await site.send(gateway, image)
    await site.rest()
    assert.deepEqual(
      site.pacs.arrivals.map((arrival) => arrival.sha256),
      [sha256(image)],
    )
    await gateway.close()
  })
})

describe('a log that is away', () => {
  it('holds up nothing but its own news, and gets them all in the end', async () => {
    const site = new GatewaySite()
    site.log.isUp = false
    const gateway = await site.start()
    for (let i = 1; i <= 20; i++) await site.send(gateway, makeImage({ sop: `2.25.${i}` }))
    await site.time.until(() => site.pacs.arrivals.length === 20)
    await site.time.until(() => site.observations.some(({ kind }) => kind === 'log_away'))
    const status = await gateway.status()
    assert.ok(status.alarms.includes('log_away'))
    assert.equal(status.counts.pendingEvents, 60)
    site.log.isUp = true
    await site.rest()
    assert.equal(site.log.entries.length, 60)
    assert.ok(site.observations.some(({ kind }) => kind === 'log_back'))
    assert.deepEqual(site.log.uidsOf('received'), site.log.uidsOf('forwarded').toSorted(byNumber))
    assert.ok(site.log.settlements > 0)
    await gateway.close()
  })

  it('holds up what must not go on without it, and needs nobody to let that go', async () => {
    const site = new GatewaySite({ onProblem: { ...DEFAULT_ON_PROBLEM, unlogged: 'failClosed' } })
    const gateway = await site.start()
    await site.send(gateway, makeImage({ sop: '2.25.1' }))
    await site.rest()
    site.log.isUp = false
    const second = await site.send(gateway, makeImage({ sop: '2.25.2' }))
    await site.time.until(() => site.observations.some(({ kind }) => kind === 'log_away'))
    const third = await site.send(gateway, makeImage({ sop: '2.25.3' }))
    site.time.advance(60_000)
    await site.time.until(async () => (await gateway.get(second))?.state === 'done')
    assert.equal((await gateway.get(third))?.state, 'received')
    site.log.isUp = true
    await site.rest()
    assert.deepEqual(site.pacs.uids, ['2.25.1', '2.25.2', '2.25.3'])
    assert.equal((await gateway.get(third))?.attempts, 1)
    await gateway.close()
  })
})

const byNumber = (a: string | null, b: string | null): number => Number(a?.split('.')[2]) - Number(b?.split('.')[2])
