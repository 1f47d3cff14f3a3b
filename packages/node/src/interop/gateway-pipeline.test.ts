/**
 * The pipeline of a gateway over real files: a spool on disk, records in SQLite, a custody log, and threads that examine and
 * seal. Only the PACS is a toy: it takes everything, and keeps the bytes.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import type { Route } from '@fiducial/core/domain/gateway/routes.ts'
import { stripSignatures } from '@fiducial/core/domain/signature/strip.ts'
import { ACQUISITION_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf, spliceFile } from '@fiducial/core/formats/dicom/splice.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { initKeyRing } from '../keys/key-ring.ts'
import { custodyEvents } from '../services/gateway/custody-events.ts'
import { Gateway } from '../services/gateway/gateway.ts'
import type { Observation } from '../services/gateway/observation.ts'
import type { Spool } from '../services/gateway/ports.ts'
import { openSpool } from '../storage/gateway/open-spool.ts'
import { SqliteInstances } from '../storage/gateway/sqlite-instances.ts'
import { ROOM, routesWith, ToyPacs } from '../testing/gateway-site.ts'
import { FaultPlan } from '../testing/log-faults.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { logFolder } from '../wiring/log-reader.ts'
import { pause } from '../wiring/pause.ts'
import { createSiteLog, findSiteLog, openSiteLog } from '../wiring/site-log.ts'
import { openGatewayExaminer } from '../workers/gateway-examiner.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

interface Site extends AsyncDisposable {
  readonly gateway: Gateway
  readonly pacs: ToyPacs
  readonly store: SqliteInstances
  readonly seals: Spool
  readonly observations: readonly Observation[]
  readonly logSize: () => bigint
}

async function openSite(folder: string, route: Partial<Route>): Promise<Site> {
  const home = join(folder, 'site')
  const ring = await initKeyRing(home, { site: 'General Hospital' })
  const { id } = await ring.enrolGateway({ name: 'Gateway' })
  await createSiteLog(home, ring)
  const facts = findSiteLog(home)
  assert.ok(facts)
  const open = await openSiteLog(home)
  const place = (name: string) => ({ kind: 'files', folder: join(folder, name) }) as const
  const places = { spool: place('spool'), seals: place('seals'), reserveBytes: 0 }
  const spool = await openSpool(places.spool, places.reserveBytes)
  const seals = await openSpool(places.seals, places.reserveBytes)
  const store = await SqliteInstances.open(join(folder, 'instances.db'))
  const pacs = new ToyPacs()
  const observations: Observation[] = []
  const anchors = ring.trust()
  const routes = { routes: routesWith(route), sha256: new Uint8Array(32), loadedAt: new Date() }
  const examiner = await openGatewayExaminer({
    settings: { anchors, policy: ACQUISITION_POLICY, log: { folder: logFolder(home), ownRoots: [] } },
    places,
    sealing: { id, keys: await ring.gatewayMaterial(id), isDemo: false, logFolder: logFolder(home) },
    deidentifyKey: new Uint8Array(32).fill(9),
    watchModel: null,
  })
  const newsSite = { origin: facts.origin, recorder: { id: facts.holder, name: facts.origin }, isDemo: facts.isDemo }
  const { site } = open
  const gateway = await Gateway.open({
    store,
    spool,
    seals,
    examiner,
    log: {
      events: custodyEvents({ recorder: site.recorder, settle: () => site.settle() }, newsSite, () => undefined),
      describe: async () => ({ origin: facts.origin, size: site.log.state.size, isWitnessed: true }),
    },
    routes: { current: routes, problem: null, listen: () => () => undefined },
    targets: () => [
      {
        name: 'pacs',
        sender: pacs.sender(new FaultPlan()),
        details: { toAet: 'PACS', toAddress: '10.1.0.9:104', protocol: 'dimse' },
      },
    ],
    now: () => new Date(),
    random: (length) => new Uint8Array(randomBytes(length)),
    chance: Math.random,
    pause,
    deadline: AbortSignal.timeout,
    observe: (observation) => observations.push(observation),
    owner: 'test',
    isAlone: true,
  })
  return {
    gateway,
    pacs,
    store,
    seals,
    observations,
    logSize: () => site.log.state.size,
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await store.close()
      await spool.close()
      await seals.close()
      await open[Symbol.asyncDispose]()
    },
  }
}

interface SentFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Every file of the shared data that a sender could name in a C-STORE. */
function sendable(): readonly SentFile[] {
  const root = sharedPath('data/dicom')
  const paths = readdirSync(root, { recursive: true }).map((name) => join(root, String(name)))
  return paths
    .filter((path) => statSync(path).isFile())
    .map((path) => ({ name: relative(root, path), bytes: new Uint8Array(readFileSync(path)) }))
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (await isSo()) return
    await wait(20)
  }
  throw new Error('it never came to that')
}

const isAtRest = async (store: SqliteInstances): Promise<boolean> => {
  const { states, deliveries, pendingEvents } = await store.counts()
  return states.received === 0 && deliveries.waiting === 0 && pendingEvents === 0
}

/** A file without what the gateway added. */
function unsealed(bytes: Uint8Array): Uint8Array {
  const file = parseDicom(memorySource(bytes))
  return Buffer.concat([...piecesOf(spliceFile(file, stripSignatures(file)))].map((piece) => piece.slice()))
}

/** Sends all files, and waits until nothing is left to do. @returns them by the ids that they were given */
async function sendAll(site: Site, files = sendable()): Promise<ReadonlyMap<string, SentFile>> {
  const sent = new Map<string, SentFile>()
  for (const file of files) {
    const nothing = { sopClassUid: null, sopInstanceUid: null, transferSyntaxUid: null }
    const incoming = site.gateway.intake.begin({ origin: ROOM, ...nothing })
    incoming.write(file.bytes)
    sent.set((await incoming.commit()).id, file)
  }
  await until(() => isAtRest(site.store))
  return sent
}

/** How many files arrived as they came, and how many but for a seal. @throws where one did neither */
async function compare(
  site: Site,
  sent: ReadonlyMap<string, SentFile>,
): Promise<{ readonly same: number; readonly sealed: number }> {
  let [same, sealed] = [0, 0]
  for (const [id, { name, bytes }] of sent) {
    const instance = await site.gateway.get(id)
    assert.ok(instance, name)
    for (const delivery of instance.deliveries.filter(({ state }) => state === 'sent')) {
      const arrival = site.pacs.arrivals.find((one) => one.sha256 === encodeHex(delivery.sha256))
      assert.ok(arrival, `${name} arrived`)
      // A deflated data set is deflated anew for its seal.
      const isWhole = instance.sealed !== null && isDeflated(bytes)
      const came: Uint8Array = instance.sealed === null ? arrival.bytes : unsealed(arrival.bytes)
      if (!isWhole) assert.equal(sha256(came), sha256(bytes), name)
      if (instance.sealed === null) same++
      else sealed++
    }
  }
  const troubles = site.observations.filter(({ kind }) => TROUBLES.has(kind))
  assert.deepEqual(troubles, [])
  const { states, deliveries } = await site.store.counts()
  assert.deepEqual([states.forwarding, states.received, deliveries.dead], [0, 0, 0])
  return { same, sealed }
}

const TROUBLES: ReadonlySet<string> = new Set(['trouble', 'examiner_died', 'event_refused', 'lost', 'delivery_failed'])

async function report(site: Site, files: number): Promise<string> {
  const { states } = await site.store.counts()
  const judged = site.observations.filter((observation) => observation.kind === 'judged')
  const cpuMs = judged.reduce((sum, observation) => sum + observation.cpuMs, 0)
  return (
    `${files} files: ${states.done} done, ${states.quarantined} held back, ${site.logSize()} entries in the log, ` +
    `${(cpuMs / files).toFixed(1)} ms of a thread each`
  )
}

describe('the pipeline over real files', { skip: sharedSkip }, () => {
  it('passes every file on, byte for byte but for its seal', async (t) => {
    await using site = await openSite(temporaryFolder(t), {})
    const sent = await sendAll(site)
    const { same, sealed } = await compare(site, sent)
    t.diagnostic(`${await report(site, sent.size)}; ${sealed} sealed, ${same} passed as they came`)
    assert.ok(sealed > 100)
  })

  it('passes every file on as it came, where the route neither seals nor holds back', async (t) => {
    await using site = await openSite(temporaryFolder(t), { seal: 'never', quarantine: [], duplicates: 'forward' })
    const sent = await sendAll(site)
    const { same } = await compare(site, sent)
    t.diagnostic(`${await report(site, sent.size)}; ${same} passed as they came`)
    const { states } = await site.store.counts()
    assert.equal(same + states.quarantined, sent.size)
    const held = await site.gateway.list({ states: ['quarantined'], limit: 1_000 })
    assert.ok(
      held.every(({ reasons }) => reasons.includes('not_deliverable')),
      'none but those without a name',
    )
  })

  it('sends copies without names, in another transfer syntax, and holds back what it cannot make', async (t) => {
    const order = { deidentify: 'basic', transcode: 'htj2k' } as const
    await using site = await openSite(temporaryFolder(t), {
      seal: 'never',
      quarantine: [],
      to: [{ destination: 'pacs', when: null, ...order }],
    })
    const sent = await sendAll(
      site,
      sendable().filter(({ bytes }) => bytes.length < 40_000),
    )
    let [made, held] = [0, 0]
    for (const [id, { name, bytes }] of sent) {
      const instance = await site.gateway.get(id)
      assert.ok(instance, name)
      const isHeld = instance.reasons.some((reason) => ['transcode_failed', 'deidentify_failed'].includes(reason))
      if (instance.state === 'quarantined' && isHeld) held++
      for (const delivery of instance.deliveries.filter(({ state }) => state === 'sent')) {
        const arrival = site.pacs.arrivals.find((one) => one.sha256 === encodeHex(delivery.sha256))
        assert.ok(arrival, `${name} arrived`)
        const [before, after] = [bytes, arrival.bytes].map((one) => parseDicom(memorySource(one)).dataSet)
        assert.ok(before !== undefined && after !== undefined)
        assert.equal(textAt(after, 0x00120062), 'YES', name)
        const uid = textAt(before, 0x00080018)
        // Colour palettes have UIDs that the standard gave them.
        if (uid?.startsWith('1.2.840.10008.') === false) assert.notEqual(textAt(after, 0x00080018), uid, name)
        made++
      }
    }
    t.diagnostic(`${await report(site, sent.size)}; ${made} copies derived, ${held} could not be made`)
    assert.ok(made > 50 && held > 20)
  })
})

const isDeflated = (bytes: Uint8Array): boolean => parseDicom(memorySource(bytes)).isDeflated
