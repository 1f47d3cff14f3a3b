import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatFileMeta } from '@fiducial/core/formats/dicom/file-meta.ts'
import { GatewaySite, makeImage, ROOM, routesWith } from '../../testing/gateway-site.ts'
import { GatewayTime } from '../../testing/gateway-time.ts'
import type { Gateway } from './gateway.ts'
import type { Observation } from './observation.ts'
import type { Announcement, NewDelivery, Outgoing, RelayedCopy, SendFate, SendResult } from './ports.ts'
import { Relaying, type RelayingOptions, type RelayTarget } from './relaying.ts'

const CT = '1.2.840.10008.5.1.4.1.1.2'
const EXPLICIT = '1.2.840.10008.1.2.1'
const HEAD_BYTES = 10
const never = new AbortController().signal

/** A copy at a destination that does what a test says. */
class ToyCopy implements RelayedCopy {
  readonly pieces: Uint8Array[] = []
  /** Takes the next bytes only when it is let. */
  isFull = false
  resume: () => void = () => undefined
  readonly #lost = Promise.withResolvers<string>()
  readonly lost = this.#lost.promise
  end: 'finished' | 'aborted' | undefined
  answer: () => Promise<SendFate> = async () => ({ outcome: 'stored' })

  get bytes(): Uint8Array {
    return concatBytes(...this.pieces)
  }

  write(bytes: Uint8Array, resume: () => void): boolean {
    this.pieces.push(bytes.slice())
    this.resume = resume
    return !this.isFull
  }

  async finish(): Promise<SendFate> {
    if (this.end !== undefined) throw new StoreError('association_aborted', 'it has ended')
    this.end = 'finished'
    return this.answer()
  }

  abort(): void {
    this.lose('association_aborted')
  }

  lose(code: string): void {
    this.end ??= 'aborted'
    this.#lost.resolve(code)
  }
}

interface Toy {
  readonly relaying: Relaying
  readonly time: GatewayTime
  readonly copies: ToyCopy[]
  readonly seen: Observation[]
  readonly target: { hindrance: string | null; isSpent: boolean }
  begin(sop?: string, key?: string): ReturnType<Relaying['begin']>
}

function open(options: Partial<RelayingOptions> = {}): Toy {
  const time = new GatewayTime()
  const copies: ToyCopy[] = []
  const seen: Observation[] = []
  const target: Toy['target'] & RelayTarget = {
    hindrance: null,
    isSpent: false,
    begin() {
      if (this.isSpent) return undefined
      const copy = new ToyCopy()
      copies.push(copy)
      return copy
    },
  }
  const relaying = new Relaying({
    choose: () => 'pacs',
    target: () => target,
    isKnown: async () => false,
    unjudged: () => 0,
    now: time.now,
    pause: time.pause,
    observe: (observation) => seen.push(observation),
    ...options,
  })
  const announced = (sopInstanceUid: string): Announcement => ({
    origin: ROOM,
    sopClassUid: CT,
    sopInstanceUid,
    transferSyntaxUid: EXPLICIT,
    dataSetStart: HEAD_BYTES,
  })
  return {
    relaying,
    time,
    copies,
    seen,
    target,
    begin: (sop = '2.25.1', key = sop) => relaying.begin(announced(sop), key),
  }
}

const outcomes = (seen: readonly Observation[]): readonly (readonly [string, string | null])[] =>
  seen.flatMap((one) => (one.kind === 'relay' ? [[one.outcome, one.code] as const] : []))

const codesAfter = async ({ seen }: Toy) => {
  await setImmediate()
  return outcomes(seen)
}

describe('relaying', () => {
  it('hands on the data set without what stands before it, in whatever pieces it comes', () => {
    const file = Uint8Array.from({ length: 40 }, (_, i) => i)
    for (const step of [1, 3, 10, 11, 40]) {
      const toy = open()
      const relay = toy.begin()
      for (let at = 0; at < file.length; at += step) relay?.write(file.subarray(at, at + step))
      assert.deepEqual(toy.copies[0]?.bytes, file.subarray(HEAD_BYTES), String(step))
      assert.ok(toy.copies[0]?.pieces.every((piece) => piece.length > 0))
    }
  })

  it('gives what is under way to whoever sends it, once, and tells that it arrived', async () => {
    const toy = open()
    toy.begin()?.hold()
    assert.equal(toy.relaying.take('2.25.1', 'other'), undefined)
    const taken = toy.relaying.take('2.25.1', 'pacs')
    assert.equal(toy.relaying.take('2.25.1', 'pacs'), undefined)
    assert.deepEqual(await taken?.finish(never), { outcome: 'stored' })
    assert.deepEqual(await codesAfter(toy), [['relayed', null]])
    assert.deepEqual(toy.relaying.standing('pacs'), { underWay: 0, lastProblem: null })
  })

  it('ends at the destination what is judged not to go there', async () => {
    const toy = open()
    const instance = (uid: string) => ({
      ...{ spoolKey: uid, sopClassUid: CT, sopInstanceUid: uid, transferSyntaxUid: EXPLICIT },
    })
    const delivery = (uid: string, more: Partial<NewDelivery> = {}): NewDelivery => ({
      ...{ ...instance(uid), destination: 'pacs', sha256: new Uint8Array(32) },
      ...more,
    })
    const judged: Record<string, readonly NewDelivery[]> = {
      '2.25.1': [delivery('2.25.1')],
      '2.25.2': [],
      '2.25.3': [delivery('2.25.3', { destination: 'other' })],
      '2.25.4': [delivery('2.25.4', { spoolKey: 'sealed' })],
      '2.25.5': [delivery('2.25.5', { sopInstanceUid: '2.25.6' })],
    }
    for (const [uid, deliveries] of Object.entries(judged)) {
      toy.begin(uid)
      toy.relaying.judged(instance(uid), deliveries)
    }
    assert.deepEqual(
      toy.copies.map(({ end }) => end),
      [undefined, 'aborted', 'aborted', 'aborted', 'aborted'],
    )
    assert.deepEqual(await codesAfter(toy), [
      ['held_back', null],
      ['held_back', null],
      ['not_relayed', 'other_bytes'],
      ['not_relayed', 'other_bytes'],
    ])
    assert.equal(toy.relaying.take('2.25.2', 'pacs'), undefined)
    assert.notEqual(toy.relaying.take('2.25.1', 'pacs'), undefined)
  })

  it('does not begin while something keeps the destination, and says what', async () => {
    const toy = open()
    toy.target.hindrance = 'paused'
    assert.equal(toy.begin(), undefined)
    toy.target.hindrance = null
    toy.target.isSpent = true
    assert.equal(toy.begin(), undefined)
    toy.target.isSpent = false
    toy.begin()
    assert.equal(toy.begin('2.25.1', 'other'), undefined)
    const unnamed = { origin: ROOM, sopClassUid: null, sopInstanceUid: null, transferSyntaxUid: null }
    assert.equal(toy.relaying.begin(unnamed, 'key'), undefined)
    assert.deepEqual(await codesAfter(toy), [
      ['not_relayed', 'paused'],
      ['not_relayed', 'all_in_use'],
      ['not_relayed', 'uid_known'],
      ['not_relayed', 'not_dimse'],
    ])
  })

  it('does not begin while many wait for their verdict', async () => {
    let unjudged = 4
    const toy = open({ unjudged: () => unjudged })
    assert.notEqual(toy.begin('2.25.1'), undefined)
    unjudged = 5
    assert.equal(toy.begin('2.25.2'), undefined)
    assert.deepEqual(await codesAfter(toy), [['not_relayed', 'backlog']])
  })

  it('says nothing of instances that no route relays', async () => {
    const toy = open({ choose: () => null })
    assert.equal(toy.begin(), undefined)
    assert.deepEqual(await codesAfter(toy), [])
  })

  it('leaves an instance alone whose UID was here before, or of which nobody can say', async () => {
    for (const isKnown of [
      async () => true,
      async () => {
        throw new StoreError('service_unreachable', 'the store is away')
      },
      async () => {
        throw new TypeError('a defect')
      },
    ]) {
      const toy = open({ isKnown })
      toy.begin()
      assert.deepEqual(await codesAfter(toy), [['not_relayed', 'uid_known']])
      assert.equal(toy.copies[0]?.end, 'aborted')
    }
  })

  it('leaves a destination alone that was away, for a while', async () => {
    const toy = open({ restMs: 1_000 })
    toy.begin()
    toy.copies[0]?.lose('service_unreachable')
    assert.deepEqual(await codesAfter(toy), [['not_relayed', 'service_unreachable']])
    assert.equal(toy.begin('2.25.2'), undefined)
    assert.deepEqual(toy.relaying.standing('pacs'), { underWay: 0, lastProblem: 'resting' })
    toy.time.advance(1_000)
    assert.notEqual(toy.begin('2.25.3'), undefined)
  })

  it('goes on after an association that broke', async () => {
    const toy = open()
    toy.begin()
    toy.copies[0]?.lose('association_aborted')
    await setImmediate()
    assert.notEqual(toy.begin('2.25.2'), undefined)
  })

  it('leaves instances of a kind alone to which the destination did not agree, and no others', async () => {
    const toy = open()
    toy.begin()
    toy.copies[0]?.lose('transfer_syntax_not_taken')
    await setImmediate()
    assert.equal(toy.begin('2.25.2'), undefined)
    const other = { origin: ROOM, sopClassUid: '1.2.3', sopInstanceUid: '2.25.3', transferSyntaxUid: EXPLICIT }
    assert.notEqual(toy.relaying.begin({ ...other, dataSetStart: 0 }, 'key'), undefined)
  })

  it('holds up the sender while a destination is full, and goes on with it', async () => {
    const toy = open()
    const relay = toy.begin()
    const bytes = new Uint8Array(20)
    const [copy] = toy.copies
    assert.ok(relay !== undefined && copy !== undefined)
    copy.isFull = true
    relay.write(bytes)
    const room = relay.room()
    assert.notEqual(room, undefined)
    copy.isFull = false
    copy.resume()
    await room
    assert.equal(relay.room(), undefined)
    relay.write(bytes)
    assert.equal(copy.bytes.length, 30)
  })

  it('holds up the sender of one instance no longer than it has patience, all pauses together', async () => {
    const toy = open({ patienceMs: 1_000 })
    const relay = toy.begin()
    const [copy] = toy.copies
    assert.ok(relay !== undefined && copy !== undefined)
    copy.isFull = true
    for (let i = 0; i < 2; i++) {
      relay.write(new Uint8Array(20))
      toy.time.advance(400)
      copy.resume()
      await setImmediate()
    }
    assert.equal(copy.end, undefined)
    relay.write(new Uint8Array(20))
    const room = relay.room()
    toy.time.advance(200)
    await room
    assert.deepEqual(await codesAfter(toy), [['not_relayed', 'peer_slow']])
    assert.equal(copy.end, 'aborted')
    // What still comes is not for it.
    relay.write(new Uint8Array(20))
    assert.equal(relay.room(), undefined)
    assert.equal(copy.pieces.length, 3)
    assert.equal(toy.begin('2.25.2'), undefined)
  })

  it('does not hold an end back for ever', async () => {
    const toy = open({ holdMs: 5_000 })
    toy.begin()?.hold()
    assert.equal(toy.relaying.isHolding, true)
    toy.time.advance(5_000)
    assert.deepEqual(await codesAfter(toy), [['not_relayed', 'held_too_long']])
    assert.equal(toy.relaying.isHolding, false)
  })

  it('has it sent again where nobody can say how it fared', async () => {
    const toy = open()
    toy.begin()
    const [copy] = toy.copies
    assert.ok(copy !== undefined)
    copy.answer = async () => {
      throw new StoreError('peer_timeout', 'it says nothing')
    }
    await assert.rejects(async () => toy.relaying.take('2.25.1', 'pacs')?.finish(never), { code: 'peer_timeout' })
    assert.deepEqual(await codesAfter(toy), [['not_relayed', 'peer_timeout']])
  })

  it('ends what nobody has taken when it stops', async () => {
    const toy = open()
    toy.begin('2.25.1')
    toy.begin('2.25.2')
    toy.relaying.take('2.25.1', 'pacs')
    toy.relaying.stop('other')
    toy.relaying.stop()
    assert.deepEqual(
      toy.copies.map(({ end }) => end),
      [undefined, 'aborted'],
    )
  })
})

describe('a gateway that relays', () => {
  interface Relayed {
    readonly site: GatewaySite
    readonly gateway: Gateway
    readonly copies: ToyCopy[]
    send(sop: string, study?: string): Promise<void>
  }

  async function start({ isAlone = true, seal = 'never' as const } = {}): Promise<Relayed> {
    const site = new GatewaySite()
    site.routes = routesWith({ seal, relay: 'pacs' })
    const copies: ToyCopy[] = []
    const target = site.target()
    const relayedSend = async function* (batch: readonly Outgoing[], signal: AbortSignal): AsyncGenerator<SendResult> {
      for (const outgoing of batch) {
        const fate = await outgoing
          .relayed?.()
          ?.finish(signal)
          .catch(() => undefined)
        if (fate === undefined) yield* target.sender.send([outgoing], signal)
        else yield { deliveryId: outgoing.deliveryId, ...fate }
      }
    }
    const sender = {
      ...target.sender,
      send: relayedSend,
      relay: () => {
        const copy = new ToyCopy()
        copies.push(copy)
        return copy
      },
    }
    const targets = [{ ...target, sender }]
    const gateway = await site.start({ isAlone, targets: () => targets })
    const send = async (sop: string, study = '2.25.3'): Promise<void> => {
      const image = makeImage({ sop, study })
      const meta = formatFileMeta({
        sopClassUid: CT,
        sopInstanceUid: sop,
        transferSyntaxUid: EXPLICIT,
        sourceAet: 'ROOM1',
      })
      const { dataSetStart } = { dataSetStart: image.length - dataSetOf(image).length }
      const names = { sopClassUid: CT, sopInstanceUid: sop, transferSyntaxUid: EXPLICIT }
      const incoming = gateway.intake.begin({ origin: ROOM, ...names, dataSetStart: meta.length })
      incoming.write(meta)
      incoming.write(image.subarray(dataSetStart))
      await incoming.commit()
    }
    return { site, gateway, copies, send }
  }

  it('finishes what was relayed instead of sending it, and logs it as ever', async () => {
    const { site, gateway, copies, send } = await start()
    await send('2.25.1')
    await site.rest()
    assert.equal(copies[0]?.end, 'finished')
    assert.deepEqual(copies[0]?.bytes, dataSetOf(makeImage({ sop: '2.25.1' })))
    assert.deepEqual(site.pacs.arrivals, [])
    assert.deepEqual(
      site.log.events.map(({ type }) => type),
      ['received', 'verified', 'forwarded'],
    )
    const [stored] = await gateway.list({ limit: 10 })
    assert.deepEqual([stored?.state, stored?.deliveries[0]?.state], ['done', 'sent'])
    await gateway.close()
  })

  it('sends the file where relaying fails at the last moment', async () => {
    const { site, gateway, copies, send } = await start()
    await send('2.25.1')
    copies[0]?.lose('association_aborted')
    await site.rest()
    assert.deepEqual(site.pacs.uids, ['2.25.1'])
    assert.deepEqual(site.log.uidsOf('forwarded'), ['2.25.1'])
    await gateway.close()
  })

  it('ends a relayed copy of what it holds back', async () => {
    const { site, gateway, copies, send } = await start()
    site.routes = routesWith({
      seal: 'never',
      relay: 'pacs',
      quarantine: [{ reason: 'all', when: { kind: 'standing', standings: ['new'] } }],
    })
    await send('2.25.1')
    await site.time.until(async () => (await site.store.counts()).states.quarantined === 1)
    assert.equal(copies[0]?.end, 'aborted')
    assert.deepEqual(outcomes(site.observations), [['held_back', null]])
    assert.deepEqual(site.pacs.arrivals, [])
    await gateway.close()
  })

  it('does not overtake what waits of the same study', async () => {
    const { site, gateway, copies, send } = await start()
    await gateway.pause('pacs')
    await send('2.25.1')
    await site.time.until(async () => (await site.store.counts()).deliveries.waiting === 1)
    await gateway.resume('pacs')
    site.pacs.isUp = false
    await send('2.25.2')
    await site.time.until(async () => (await site.store.counts()).states.received === 0)
    assert.equal(copies.at(-1)?.end === 'finished', false)
    site.pacs.isUp = true
    await site.rest()
    assert.deepEqual(site.log.uidsOf('forwarded'), ['2.25.1', '2.25.2'])
    await gateway.close()
  })

  it('relays nothing where other processes share its store', async () => {
    const { site, gateway, copies, send } = await start({ isAlone: false })
    await send('2.25.1')
    await site.rest()
    assert.deepEqual(copies, [])
    assert.deepEqual(site.pacs.uids, ['2.25.1'])
    await gateway.close()
  })
})

/** The data set of an image that was made here: behind its preamble and group 2. */
function dataSetOf(image: Uint8Array): Uint8Array {
  const groupLength = new DataView(image.buffer, image.byteOffset).getUint32(140, true)
  return image.subarray(144 + groupLength)
}
