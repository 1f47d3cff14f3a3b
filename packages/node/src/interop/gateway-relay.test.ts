/**
 * Relaying, with the gateway as a process and real peers: what passes arrives byte for byte and once, what is held back
 * leaves nothing upstream, and what cannot be relayed goes the usual way.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { DimseSender } from '../dimse/dimse-sender.ts'
import { dcmtk, runDcmtk, type Storescp, startStorescp } from '../testing/dcmtk.ts'
import { FAST_RETRY, startGateway } from '../testing/gateway-peers.ts'
import { makeImage } from '../testing/gateway-site.ts'
import { type Orthanc, orthanc, startOrthanc } from '../testing/orthanc.ts'
import { spooledFile } from '../testing/outgoing-files.ts'
import { temporaryFolder } from '../testing/peers.ts'
import type { GatewayProcess } from '../testing/running-gateway.ts'

const skip = dcmtk.skip || orthanc.skip
const POLL_MS = 20
const PATIENCE_MS = 20_000
const PACE_MS = 200
/** Several fragments, so that much of an image is upstream before its end. */
const IMAGE_BYTES = 700_000
const IMAGES = 200
const CT = '1.2.840.10008.5.1.4.1.1.2'
const EXPLICIT = '1.2.840.10008.1.2.1'
const SENDERS = 8

/** A relay of TCP that a test takes down, cuts off or holds up. */
class Wire {
  /** Connections after which it cuts, once they have let so many bytes through; none is cut at undefined. */
  cutAfterBytes: number | undefined
  isStalled = false
  port = 0
  readonly #server = createServer({ noDelay: true }, (socket) => this.#serve(socket))
  readonly #sockets = new Set<Socket>()
  readonly #target: number

  constructor(target: number) {
    this.#target = target
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve))
    const address = this.#server.address()
    this.port = typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Whoever calls is refused. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #serve(socket: Socket): void {
    const peer = connect({ port: this.#target, host: '127.0.0.1', noDelay: true })
    const end = (): void => {
      socket.destroy()
      peer.destroy()
    }
    for (const one of [socket, peer]) {
      this.#sockets.add(one)
      one.on('error', end).on('close', () => {
        this.#sockets.delete(one)
        end()
      })
    }
    let passed = 0
    socket.on('data', (bytes: Buffer) => {
      passed += bytes.length
      if (this.cutAfterBytes !== undefined && passed > this.cutAfterBytes) return end()
      peer.write(bytes)
      if (this.isStalled) socket.pause()
    })
    peer.pipe(socket)
  }
}

describe('relaying', { skip }, () => {
  const cleanUps: (() => Promise<void> | void)[] = []
  const owner = { after: (cleanUp: () => Promise<void> | void): void => void cleanUps.push(cleanUp) }
  const home = temporaryFolder(owner)
  const images = temporaryFolder(owner)
  let plain: Storescp
  let exact: Storescp
  let pacs: Orthanc
  let wire: Wire
  let gateway: GatewayProcess

  before(async () => {
    plain = await startStorescp({ folder: join(home, 'plain'), args: ['--fork'] }, owner)
    exact = await startStorescp({ folder: join(home, 'exact'), args: ['+B', '--fork'] }, owner)
    pacs = await startOrthanc({}, owner)
    wire = new Wire(exact.port)
    await wire.open()
    owner.after(() => wire.close())
    const destination = (aet: string, port: number): string =>
      `{ aet: ${aet}, host: 127.0.0.1, port: ${port}, associations: 8, firstRetrySeconds: 0.1, lastRetrySeconds: 0.2 }`
    writeFileSync(
      join(home, 'routes.yaml'),
      `destinations:
  plain: ${destination('STORESCP', plain.port)}
  exact: ${destination('STORESCP', exact.port)}
  orthanc: ${destination(pacs.aet, pacs.dicomPort)}
  wired: ${destination('STORESCP', wire.port)}
routes:
  - { name: usual, from: { calling: USUAL }, to: [exact] }
${['plain', 'exact', 'orthanc', 'wired']
  .map((name) => `  - { name: to-${name}, from: { calling: ${name.toUpperCase()} }, relay: ${name}, to: [${name}] }\n`)
  .join('')}`,
    )
    gateway = await startGateway(owner, home, `routes: ${join(home, 'routes.yaml')}\n${FAST_RETRY}`)
    // The first one of all starts the threads that examine.
    await send('USUAL', image('2.25.70'))
    await gateway.settled()
  })
  after(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  })

  function image(sop: string, { study = '2.25.71', fill = 1, bytes = IMAGE_BYTES } = {}): string {
    const path = join(images, `${sop}-${fill}.dcm`)
    const rest = { tag: 0x7fe10010, vr: 'LO', value: new TextEncoder().encode('TEST') } as const
    const much = { tag: 0x7fe11001, vr: 'OB', value: new Uint8Array(bytes).fill(fill) } as const
    writeFileSync(path, makeImage({ sop, study, fill, more: bytes === 0 ? [] : [rest, much] }))
    return path
  }

  async function send(callingAet: string, ...files: readonly string[]): Promise<number> {
    const words = ['-aet', callingAet, '-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort), ...files]
    return (await runDcmtk('storescu', words)).code ?? -1
  }

  /** Sends images one after the other over one association, with pauses between them. */
  async function sendPaced(ordered: readonly { sop: string; study: string; bytes: number }[]): Promise<void> {
    const node = { host: '127.0.0.1', port: gateway.dicomPort, calledAet: 'FIDUCIAL', callingAet: 'EXACT' }
    const sender = new DimseSender(node, { parallel: 1 })
    for (const { sop, ...more } of ordered) {
      const bytes = new Uint8Array(readFileSync(image(sop, more)))
      const names = { sopClassUid: CT, sopInstanceUid: sop, transferSyntaxUid: EXPLICIT }
      const copy = { ...names, deliveryId: sop, orderKey: '', open: async () => spooledFile(memorySource(bytes)) }
      for await (const { outcome } of sender.send([copy], new AbortController().signal)) assert.equal(outcome, 'stored')
      await pause(PACE_MS)
    }
    await sender.close()
  }

  /** How many went a way. */
  async function relayed(destination: string, outcome: string, code?: string): Promise<number> {
    const { url, token } = gateway.reach()
    const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    const start = `fiducial_relays_total{destination="${destination}",outcome="${outcome}",code="${code ?? ''}`
    const lines = (await response.text()).split('\n').filter((line) => line.startsWith(start))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  const dataSetOf = (bytes: Uint8Array): Uint8Array => {
    const file = parseDicom(memorySource(bytes))
    return new Uint8Array(bytes.subarray(file.dataSetStart))
  }

  const isWith = (sop: string) => (path: string) => path.includes(`.${sop}`)

  it('brings images to destinations as they came, with the seal beside them', async () => {
    const sops = { EXACT: '2.25.7201', ORTHANC: '2.25.7202', PLAIN: '2.25.7203' }
    for (const [aet, sop] of Object.entries(sops)) {
      assert.equal(await send(aet, image(sop)), 0)
      const done = await gateway.when(sop, 'done')
      assert.equal(done.isSealedHere, true)
      assert.equal(await relayed(aet.toLowerCase(), 'relayed'), 1, aet)
    }
    const [arrived = ''] = exact.files().filter(isWith(sops.EXACT))
    assert.deepEqual(dataSetOf(readFileSync(arrived)), dataSetOf(readFileSync(image(sops.EXACT))))
    const inOrthanc = (await pacs.fileOf(sops.ORTHANC)) ?? assert.fail('it is not in Orthanc')
    assert.deepEqual(dataSetOf(inOrthanc), dataSetOf(readFileSync(image(sops.ORTHANC))))
    await until(() => plain.files().length === 1)
    // The seal is found where the gateway keeps it, and holds for the file of an archive.
    const verified = await gateway.until('the log has the seal', async () => {
      const [record] = await gateway.command('verify', arrived, '--policy', 'gateway')
      return record?.verdict === 'authentic' ? record : undefined
    })
    assert.deepEqual([verified.level, verified.content], ['P1', 'unchanged'])
  })

  it('leaves nothing upstream of a forgery that it holds back', async () => {
    assert.equal(await send('USUAL', image('2.25.7301')), 0)
    await gateway.when('2.25.7301', 'done')
    await until(() => exact.files().some(isWith('2.25.7301')))
    const [sealed = ''] = exact.files().filter(isWith('2.25.7301'))
    // One bit of a file that the gateway has signed, under its own UID and under others of the same length.
    const forged = readFileSync(sealed)
    forged[forged.indexOf(new Uint8Array(64).fill(1))] = 3
    const forge = (sop: string): string => {
      const path = join(images, `forged-${sop}.dcm`)
      writeFileSync(path, forged.toString('latin1').replaceAll('2.25.7301', sop), 'latin1')
      return path
    }
    const before = await arrivedUpstream()
    for (const [aet, sop] of [
      ['EXACT', '2.25.7302'],
      ['PLAIN', '2.25.7303'],
      ['ORTHANC', '2.25.7304'],
    ] as const) {
      assert.equal(await send(aet, forge(sop)), 0)
      const held = await gateway.when(sop, 'quarantined')
      assert.ok(held.reasons.includes('not_authentic'), held.reasons.join())
      assert.equal(await relayed(aet.toLowerCase(), 'held_back'), 1)
    }
    // What is under a used UID is not begun: the receiver would write over what it has.
    assert.equal(await send('EXACT', forge('2.25.7301')), 0)
    await until(async () => (await gateway.list('instance=2.25.7301&state=quarantined')).length === 1)
    assert.equal(await relayed('exact', 'not_relayed', 'uid_known'), 1)
    // What they have not got by the time at which another image is there, they do not get.
    for (const aet of ['EXACT', 'PLAIN', 'ORTHANC']) await send(aet, image(`2.25.731${aet.charCodeAt(0)}`))
    await gateway.settled()
    await until(async () => (await arrivedUpstream()).length === before.length + 3)
    assert.deepEqual(
      (await arrivedUpstream()).filter((uid) => uid.startsWith('2.25.730')),
      ['2.25.7301'],
    )
  })

  it('goes the usual way where a destination is down, and relays again after a while', async () => {
    await wire.close()
    assert.equal(await send('WIRED', image('2.25.7401')), 0)
    await until(async () => (await relayed('wired', 'not_relayed', 'service_unreachable')) === 1)
    assert.equal(await send('WIRED', image('2.25.7402')), 0)
    assert.equal((await gateway.list('instance=2.25.7402'))[0]?.state === 'done', false)
    await wire.open()
    await gateway.when('2.25.7401', 'done')
    await gateway.when('2.25.7402', 'done')
    await until(() => exact.files().filter(isWith('2.25.740')).length === 2)
    assert.equal(await relayed('wired', 'relayed'), 0)
  })

  it('sends the file where a destination dies in the middle', async () => {
    const fresh = await restart()
    wire.cutAfterBytes = IMAGE_BYTES / 2
    assert.equal(await send('WIRED', image('2.25.7501')), 0)
    await until(async () => (await relayed('wired', 'not_relayed', 'association_aborted')) === 1)
    wire.cutAfterBytes = undefined
    await fresh.when('2.25.7501', 'done')
    await until(() => exact.files().filter(isWith('2.25.7501')).length === 1)
    const [arrived = ''] = exact.files().filter(isWith('2.25.7501'))
    assert.deepEqual(dataSetOf(readFileSync(arrived)), dataSetOf(readFileSync(image('2.25.7501'))))
  })

  it('takes an image from its sender though the destination takes none of it', async () => {
    await restart()
    wire.isStalled = true
    const begun = performance.now()
    assert.equal(await send('WIRED', image('2.25.7601', { bytes: 12_000_000 })), 0)
    assert.ok(performance.now() - begun < 20_000)
    assert.equal(await relayed('wired', 'not_relayed', 'peer_slow'), 1)
    wire.isStalled = false
    await wire.close()
    await wire.open()
    await gateway.when('2.25.7601', 'done')
  })

  it('brings each of many images from many associations once, relayed or not', async (test) => {
    const sops = Array.from({ length: IMAGES }, (_, i) => `2.25.77${100 + i}`)
    const lanesOf = (part: readonly string[]) =>
      Array.from({ length: SENDERS }, (_, lane) =>
        part
          .filter((_, i) => i % SENDERS === lane)
          .map((sop) => ({ sop, study: `2.25.77.${lane}`, bytes: lane * 20_000 })),
      )
    // First with pauses, as modalities send, and then as fast as they can.
    await Promise.all(lanesOf(sops.slice(0, IMAGES / 2)).map(sendPaced))
    const burst = lanesOf(sops.slice(IMAGES / 2)).map((images) => images.map(({ sop, ...more }) => image(sop, more)))
    assert.deepEqual(new Set(await Promise.all(burst.map((files) => send('EXACT', ...files)))), new Set([0]))
    await gateway.settled()
    await until(() => exact.files().filter(isWith('2.25.77')).length === IMAGES)
    assert.deepEqual(await loggedTimes('forwarded', sops), new Set([1]))
    const count = await relayed('exact', 'relayed')
    test.diagnostic(`${count} of ${IMAGES} images were relayed`)
    assert.ok(count > 1)
  })

  it('loses nothing and logs nothing twice where it is killed in the middle', async (test) => {
    const sops = Array.from({ length: 80 }, (_, i) => `2.25.78${100 + i}`)
    const files = sops.map((sop, i) => image(sop, { study: `2.25.78.${i % 4}`, bytes: 100_000 }))
    const sending = Promise.all([0, 1, 2, 3].map((lane) => send('EXACT', ...files.filter((_, i) => i % 4 === lane))))
    await until(() => exact.files().filter(isWith('2.25.78')).length > 5)
    await gateway.end('SIGKILL')
    const codes = await sending
    await gateway.start()
    await gateway.settled()
    const acknowledged = (await gateway.list('limit=1000')).filter(({ sopInstanceUid }) =>
      sopInstanceUid?.startsWith('2.25.78'),
    )
    // Whoever was not answered sends again.
    for (const lane of [0, 1, 2, 3]) assert.equal(await send('EXACT', ...files.filter((_, i) => i % 4 === lane)), 0)
    await gateway.settled()
    await until(() => sops.every((sop) => exact.files().some(isWith(sop))))
    assert.deepEqual(await loggedTimes('forwarded', sops), new Set([1]))
    test.diagnostic(`${acknowledged.length} images were there after the kill; senders ended with ${codes.join(', ')}`)
  })

  async function arrivedUpstream(): Promise<readonly string[]> {
    const files = [...exact.files(), ...plain.files()].map((path) => path.slice(path.indexOf('CT.') + 3))
    return [...files, ...(await pacs.instanceUids())]
  }

  /** A gateway that has forgotten which destinations it leaves alone. */
  async function restart(): Promise<GatewayProcess> {
    await gateway.end()
    await gateway.start()
    return gateway
  }

  /** How often events of a kind are in the log, for these images. */
  async function loggedTimes(type: string, sops: readonly string[]): Promise<ReadonlySet<number>> {
    return gateway.until('the log has all', async () => {
      const entries = await gateway.command('log', 'show', '--type', type, '--limit', '100000')
      const times = Map.groupBy(entries, (entry) => uidOf(entry))
      const found = new Set(sops.map((sop) => times.get(sop)?.length ?? 0))
      return found.has(0) ? undefined : found
    })
  }
})

const uidOf = (entry: Record<string, unknown>): string =>
  (entry as { event?: { instance?: { sopInstanceUid?: string } } }).event?.instance?.sopInstanceUid ?? ''

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
    if (await holds()) return
    await pause(POLL_MS)
  }
  assert.fail(`waited in vain until ${holds}`)
}
