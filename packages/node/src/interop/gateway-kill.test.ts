/**
 * Gateway under fire: killed at random moments while rooms send, its PACS gone for a while, objects half sent and sent twice.
 * At the end every image that was acknowledged is in a real PACS once, and in the custody log once, and nothing half-written is
 * left.
 *
 * FIDUCIAL_FAULT_SECONDS is how long it goes on; default 12.
 */
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { DimseSender } from '../dimse/dimse-sender.ts'
import { openAssociation } from '../dimse/requestor.ts'
import { makeImage } from '../testing/gateway-site.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { GatewayProcess } from '../testing/running-gateway.ts'

const SECONDS = Number(process.env.FIDUCIAL_FAULT_SECONDS ?? 12)
const SENDERS = 4
/** Between two images of a room: more than a tomograph sends, and less than would have to be worked off for minutes after. */
const PACE_MS = 25
/** How often, at most, it is looked whether everything is worked off: five times a second. */
const LOOKS = 600 + 20 * SECONDS
const CT = '1.2.840.10008.5.1.4.1.1.2'
const EXPLICIT = '1.2.840.10008.1.2.1'
const never = new AbortController().signal

interface Status {
  readonly counts: {
    readonly states: Record<string, number>
    readonly deliveries: Record<string, number>
    readonly pendingEvents: number
  }
}

/** A room that sends one image after the other, each until it is acknowledged. */
class Room {
  readonly acknowledged: string[] = []
  attempts = 0
  #isOn = true
  readonly #done: Promise<void>

  constructor(number: number, port: number) {
    this.#done = this.#run(number, port)
  }

  async stop(): Promise<void> {
    this.#isOn = false
    await this.#done
  }

  async #run(number: number, port: number): Promise<void> {
    const node = { host: '127.0.0.1', port, calledAet: 'FIDUCIAL', callingAet: `ROOM${number}` }
    const sender = new DimseSender(node, { parallel: 1 })
    for (let count = 0; this.#isOn; count++) {
      const sop = `2.25.${number}00${count}1`
      // Some studies of some images; a few hundred kilobytes now and then.
      const image = makeImage({ sop, study: `2.25.${number}00${count >> 3}`, fill: count % 256 })
      while (!(await this.#send(sender, sop, image)) && this.#isOn) await pause(30)
      await pause(PACE_MS)
    }
    await sender.close()
  }

  /** Resolves to whether it was acknowledged; what was not is sent again, and may have arrived all the same. */
  async #send(sender: DimseSender, sop: string, image: Uint8Array): Promise<boolean> {
    this.attempts++
    const open = async () => ({ ...memorySource(image), [Symbol.asyncDispose]: async () => undefined })
    const copy = {
      deliveryId: sop,
      orderKey: 'x',
      sopClassUid: CT,
      sopInstanceUid: sop,
      transferSyntaxUid: EXPLICIT,
      open,
    }
    for await (const { outcome } of sender.send([copy], never)) {
      if (outcome !== 'stored') return false
      this.acknowledged.push(sop)
      return true
    }
    return false
  }
}

/** Begins an object and goes away in the middle of it. */
async function sendHalf(port: number, number: number): Promise<void> {
  const node = { host: '127.0.0.1', port, calledAet: 'FIDUCIAL', callingAet: 'HALF' }
  try {
    const proposals = [{ abstractSyntax: CT, transferSyntaxes: [EXPLICIT] }]
    const association = await openAssociation(node, { proposals })
    const [context] = association.contexts
    const pieces = (function* () {
      yield new Uint8Array(100_000)
      association.abort()
    })()
    const message = {
      kind: 'c_store_rq',
      affectedSopClassUid: CT,
      affectedSopInstanceUid: `2.25.999${number}`,
      priority: 0,
    } as const
    if (context === undefined) return
    for await (const _ of association.exchange(context, message, pieces)) assert.fail('half an object was acknowledged')
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
  }
}

it('loses no acknowledged image, and keeps none twice', {
  skip: orthanc.skip,
  timeout: 5 * SECONDS * 1000 + 300_000,
}, async (test) => {
  const home = temporaryFolder(test)
  const pacs = await startOrthanc({}, { after: (cleanUp) => test.after(cleanUp) })
  writeFileSync(
    join(home, 'gateway.yaml'),
    `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}\nretry: { firstRetrySeconds: 0.2, lastRetrySeconds: 1 }\ntelemetry: { logLevel: warn }\n`,
  )
  const gateway = await GatewayProcess.make({ home })
  test.after(() => gateway.end('SIGKILL'))
  await gateway.start()
  const rooms = Array.from({ length: SENDERS }, (_, i) => new Room(i + 1, gateway.dicomPort))
  const end = Date.now() + SECONDS * 1000
  let [kills, halves, outages] = [0, 0, 0]
  while (Date.now() < end) {
    await pause(200 + Math.random() * 2_000)
    await Promise.all([sendHalf(gateway.dicomPort, halves++), sendHalf(gateway.dicomPort, halves++)])
    if (kills % 4 === 2) {
      outages++
      await pacs.stop(Math.random() < 0.5 ? 'SIGKILL' : 'SIGTERM')
    }
    await gateway.end('SIGKILL')
    kills++
    await gateway.start()
    if (kills % 4 === 3) await pacs.start()
  }
  await Promise.all(rooms.map((room) => room.stop()))
  await settle(gateway)

  const acknowledged = rooms.flatMap((room) => room.acknowledged)
  const arrived = await pacs.instanceUids()
  const missing = acknowledged.filter((uid) => !arrived.includes(uid))
  assert.deepEqual(missing, [])
  assert.equal(new Set(arrived).size, arrived.length)
  assert.equal(await gateway.end(), 0)

  const logged = await gateway.command('log', 'show', '--type', 'received', '--limit', '1000000')
  const perUid = Map.groupBy(logged, (entry) => uidOf(entry))
  const amiss = acknowledged
    .filter((uid) => perUid.get(uid)?.length !== 1)
    .map((uid) => ({ uid, entries: perUid.get(uid)?.map(placeOf) ?? [] }))
  assert.deepEqual(amiss, [])
  const left = readdirSync(join(home, 'gateway', 'spool'), { recursive: true }).filter((name) =>
    String(name).endsWith('.part'),
  )
  assert.deepEqual(left, [])
  const attempts = rooms.reduce((sum, room) => sum + room.attempts, 0)
  test.diagnostic(`${kills} kills, ${outages} outages of the PACS, ${halves} half-sent objects, ${attempts} sends`)
  test.diagnostic(
    `${acknowledged.length} images acknowledged, ${arrived.length} in the PACS, ${logged.length} logged as received`,
  )
})

/** Waits until nothing is under way. */
async function settle(gateway: GatewayProcess): Promise<void> {
  for (let i = 0; i < LOOKS; i++) {
    const { counts } = (await gateway.ask('status')) as Status
    const { received = 0, forwarding = 0 } = counts.states
    if (received + forwarding + counts.pendingEvents === 0) return
    if (i % 50 === 49) await gateway.command('gateway', 'revive', 'pacs')
    await pause(200)
  }
  assert.fail(`the gateway did not come to rest: ${JSON.stringify(await gateway.ask('status'))}`)
}

/** Where an entry stands and when what it tells of happened, for who reads of a failure. */
function placeOf(entry: Record<string, unknown>): string {
  const { index, event } = entry as { index?: string; event?: { at?: string } }
  return `${index} at ${event?.at}`
}

function uidOf(entry: Record<string, unknown>): string {
  const { event } = entry as { event?: { instance?: { sopInstanceUid?: string } } }
  return event?.instance?.sopInstanceUid ?? ''
}
