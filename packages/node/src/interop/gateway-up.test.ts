/**
 * The gateway as a whole, run by its command in front of a real Orthanc: what DCMTK's programs send and ask, what two persons
 * release, what a changed file of routes does, and what strangers are refused.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { StatusMessage, SweepsMessage } from '@fiducial/core/api/gateway.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { dcmtk, makeTlsSite, runDcmtk, type TlsSite, tlsOptions } from '../testing/dcmtk.ts'
import { freePort } from '../testing/free-port.ts'
import { makeImage } from '../testing/gateway-site.ts'
import { type Orthanc, orthanc, startOrthanc } from '../testing/orthanc.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { GatewayProcess } from '../testing/running-gateway.ts'

const skip = sharedSkip || dcmtk.skip || orthanc.skip
const POLL_MS = 50
const PATIENCE = 600

describe('fiducial up, in front of Orthanc', { skip }, () => {
  const cleanUps: (() => Promise<void> | void)[] = []
  // In their order, once the gateway has ended: a clean-up that is asked for within a hook would run at its end.
  const owner = { after: (cleanUp: () => Promise<void> | void): void => void cleanUps.push(cleanUp) }
  const home = temporaryFolder(owner)
  const images = temporaryFolder(owner)
  let pacs: Orthanc
  let gateway: GatewayProcess
  let tls: TlsSite
  let tlsPort = 0
  const routes = join(home, 'routes.yaml')

  before(async () => {
    pacs = await startOrthanc({ hasDicomWeb: true }, owner)
    tls = await makeTlsSite(images)
    tlsPort = await freePort()
    writeFileSync(routes, `destinations: { pacs: "${pacs.aet}@127.0.0.1:${pacs.dicomPort}" }\n`)
    writeFileSync(
      join(home, 'gateway.yaml'),
      `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}
routes: ${routes}
dicom:
  tlsPort: ${tlsPort}
  tlsCertificate: ${tls.server.certificatePath}
  tlsKey: { file: ${tls.server.keyPath} }
  tlsCa: ${tls.trustedPath}
  tlsClientCertificate: required
retry: { firstRetrySeconds: 0.2, lastRetrySeconds: 1 }
sweep: { target: "${pacs.url.replace('http:', 'orthanc+http:')}", policy: gateway, imagesPerSecond: 0 }
`,
    )
    gateway = await GatewayProcess.make({ home })
    await gateway.start()
  })
  after(async () => {
    const code = await gateway.end()
    for (const cleanUp of cleanUps) await cleanUp()
    assert.equal(code, 0)
  })

  const send = (client: 'storescu' | 'echoscu', ...words: readonly string[]) =>
    runDcmtk(client, ['-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort), ...words])

  function file(name: string, sop: string, fill: number): string {
    const path = join(images, name)
    writeFileSync(path, makeImage({ sop, fill }))
    return path
  }

  it('answers an echo', async () => {
    assert.equal((await send('echoscu')).code, 0)
  })

  it('seals what comes unsigned, and sends it on', async () => {
    const { code } = await send('storescu', file('one.dcm', '2.25.1001', 1))
    assert.equal(code, 0)
    const done = await gateway.when('2.25.1001', 'done')
    assert.equal(done.isSealedHere, true)
    assert.equal(done.verdict?.verdict, 'undetermined')
    const arrived = (await pacs.fileOf('2.25.1001')) ?? assert.fail('it is not in the PACS')
    const path = join(images, 'arrived.dcm')
    writeFileSync(path, arrived)
    const [record] = await gateway.command('verify', path, '--policy', 'gateway')
    // Nobody said for which order it was made.
    assert.equal(record?.content, 'unchanged')
    assert.ok(record?.level === 'P1' || record?.level === 'P2', String(record?.level))
  })

  it('sends a compressed study on in its own transfer syntax', async () => {
    const path = sharedPath('data/dicom/pydicom/test_files/JPEG2000.dcm')
    const source = parseDicom(memorySource(new Uint8Array(readFileSync(path))))
    const uid = textAt(source.dataSet, 0x00080018) ?? ''
    assert.equal((await send('storescu', '-xw', path)).code, 0)
    await gateway.when(uid, 'done')
    const arrived = parseDicom(memorySource((await pacs.fileOf(uid)) ?? assert.fail('it is not in the PACS')))
    assert.equal(arrived.transferSyntaxUid, source.transferSyntaxUid)
  })

  it('holds back another image under a UID that was used, until two persons release it', async () => {
    assert.equal((await send('storescu', file('other.dcm', '2.25.1001', 2))).code, 0)
    const held = await gateway.when('2.25.1001', 'quarantined')
    assert.ok(held.reasons.includes('uid_reused'))
    const tokens = await Promise.all(
      ['a', 'b'].map((person) => gateway.command('token', 'create', person, '--role', 'security', '--person', person)),
    )
    const [first, second] = tokens.map(([made]) => String(made?.token))
    const release = (token: string | undefined) =>
      fetch(`${gateway.reach().url}/api/v1/instances/${held.id}/release`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ reason: 'confirmed with the room' }),
      })
    assert.deepEqual(await (await release(first)).json(), { state: 'asked' })
    assert.equal((await release(first)).status, 403)
    assert.deepEqual(await (await release(second)).json(), { state: 'released' })
    await gateway.when('2.25.1001', 'done')
  })

  it('passes over what it has sent on already', async () => {
    assert.equal((await send('storescu', file('again.dcm', '2.25.1002', 3))).code, 0)
    await gateway.when('2.25.1002', 'done')
    assert.equal((await send('storescu', join(images, 'again.dcm'))).code, 0)
    for (let i = 0; (await gateway.list('instance=2.25.1002')).some(({ state }) => state !== 'done'); i++) {
      assert.ok(i < PATIENCE)
      await pause(POLL_MS)
    }
    const [again] = await gateway.list('instance=2.25.1002')
    assert.ok(again?.reasons.includes('duplicate'))
    assert.equal(again?.deliveries.length, 0)
  })

  it('passes queries and retrievals on to the PACS', async () => {
    const words = ['-S', '-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort), '-k', '0008,0052=IMAGE']
    const keys = ['-k', 'StudyInstanceUID=2.25.3', '-k', 'SeriesInstanceUID=2.25.3.1', '-k', 'SOPInstanceUID=']
    const { stdout, stderr, code } = await runDcmtk('findscu', [...words, ...keys])
    assert.equal(code, 0)
    assert.match(stdout + stderr, /2\.25\.1002/)
    const folder = temporaryFolder()
    const asked = ['-k', '0008,0052=STUDY', '-k', 'StudyInstanceUID=2.25.3']
    const to = ['-S', '-aec', 'FIDUCIAL', '-od', folder, '127.0.0.1', String(gateway.dicomPort)]
    const got = await runDcmtk('getscu', [...to, ...asked])
    assert.equal(got.code, 0, got.stderr)
    assert.ok(readdirSync(folder).length >= 2)
  })

  it('takes images over TLS from those who show a certificate', async () => {
    const path = file('tls.dcm', '2.25.1003', 4)
    const words = ['-aec', 'FIDUCIAL', '127.0.0.1', String(tlsPort), path]
    assert.equal((await runDcmtk('storescu', [...tlsOptions(tls.client), ...words])).code, 0)
    const done = await gateway.when('2.25.1003', 'done')
    assert.match(done.origin.peer ?? '', /^[0-9a-f]{64}$/)
    assert.notEqual((await runDcmtk('storescu', [...tlsOptions(tls.stranger), ...words])).code, 0)
    assert.notEqual((await runDcmtk('storescu', words)).code, 0)
  })

  it('refuses strangers and nonsense, and goes on', async () => {
    const wrong = await runDcmtk('storescu', [
      '-aec',
      'SOMEBODY',
      '127.0.0.1',
      String(gateway.dicomPort),
      file('x.dcm', '2.25.9', 9),
    ])
    assert.notEqual(wrong.code, 0)
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00\x01', '\x01\x00\x7f\xff\xff\xff', '\x04']) {
      await new Promise<void>((resolve) => {
        const socket = connect(gateway.dicomPort, '127.0.0.1', () => socket.end(bytes, 'latin1'))
        socket.on('error', () => undefined)
        socket.on('close', () => resolve())
        socket.resume()
      })
    }
    assert.equal((await send('echoscu')).code, 0)
    const { url } = gateway.reach()
    assert.equal((await fetch(`${url}/api/v1/status`)).status, 401)
    assert.equal((await fetch(`${url}/dicom-web/studies`)).status, 401)
    assert.equal((await fetch(`${url}/dicom-web/studies`, { method: 'POST', body: 'x' })).status, 401)
  })

  it('takes images by STOW-RS, byte for byte, from a token that may send', async () => {
    const [made] = await gateway.command('token', 'create', 'modality', '--role', 'sender')
    const image = makeImage({ sop: '2.25.1004', fill: 5 })
    const body = Buffer.concat([
      Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n'),
      image,
      Buffer.from('\r\n--b--\r\n'),
    ])
    const response = await fetch(`${gateway.reach().url}/dicom-web/studies`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${made?.token}`,
        'content-type': 'multipart/related; type="application/dicom"; boundary=b',
        accept: 'application/dicom+json',
      },
      body,
    })
    assert.equal(response.status, 200)
    const done = await gateway.when('2.25.1004', 'done')
    assert.equal(done.lengthBytes, image.length)
    assert.equal(done.origin.protocol, 'dicomweb')
  })

  it('puts a changed file of routes in force, and keeps the old one where the new one is none', async () => {
    const before = readFileSync(routes, 'utf8')
    const inForce = async (): Promise<StatusMessage['routes']> =>
      ((await gateway.ask('status')) as StatusMessage).routes
    const first = await inForce()
    const until = async (isSo: (routes: StatusMessage['routes']) => boolean): Promise<void> => {
      for (let i = 0; !isSo(await inForce()); i++) {
        assert.ok(i < PATIENCE)
        await pause(POLL_MS)
      }
    }
    writeFileSync(routes, 'destinations: [\n')
    await until(({ problem }) => problem !== null)
    assert.equal((await inForce()).sha256, first.sha256)
    writeFileSync(
      routes,
      `${before}routes:\n  - { name: closed, quarantine: [{ reason: all_held, when: { attribute: Modality, exists: true } }], to: [pacs] }\n`,
    )
    await until(({ problem, sha256 }) => problem === null && sha256 !== first.sha256)
    assert.equal((await send('storescu', file('held.dcm', '2.25.1005', 6))).code, 0)
    const held = await gateway.when('2.25.1005', 'quarantined')
    assert.equal(held.route, 'closed')
    assert.ok(held.reasons.includes('all_held'))
    writeFileSync(routes, before)
    await until(({ sha256 }) => sha256 === first.sha256)
  })

  it('sweeps the archive when somebody asks, and tells what it found', async () => {
    assert.equal(((await gateway.ask('sweeps')) as SweepsMessage).last, null)
    await gateway.settled()
    // What went through the gateway is known by its seal, although the archive holds the image alone: once its entry of the
    // log is published, which a sweep right after it may not see yet.
    const { last, nextAt } = await gateway.until('a sweep knew the images', async () => {
      const before = (await gateway.ask('sweeps')) as SweepsMessage
      if (before.isRunning) return undefined
      if ((before.last?.standings?.authentic ?? 0) >= 4) return before
      assert.deepEqual(await gateway.ask('sweeps', 'POST'), { state: 'started' })
      return undefined
    })
    assert.equal(last?.error, null)
    assert.equal(nextAt, null)
    assert.ok(last?.findings.every(({ severity }) => severity !== 'alarm'))
    assert.deepEqual(readdirSync(join(home, 'audit', 'report')).toSorted(), ['audit.csv', 'audit.html', 'audit.json'])
  })

  it('records in the custody log what became of each image, and the log holds', async () => {
    const expected = ['received', 'verified', 'sealed-at-gateway', 'forwarded']
    const typesOf = async (): Promise<readonly (string | undefined)[]> => {
      const shown = await gateway.command('log', 'show', '--instance', '2.25.1004')
      return shown.map((entry) => (entry as { event?: { type?: string } }).event?.type)
    }
    // What is recorded is found by others once it is published.
    let types = await typesOf()
    for (let i = 0; i < 20 && !expected.every((type) => types.includes(type)); i++) types = await typesOf()
    for (const type of expected) assert.ok(types.includes(type), type)
    const [checked] = (await gateway.command('log', 'check')).slice(-1)
    assert.ok(checked !== undefined)
    const released = await gateway.command('log', 'show', '--type', 'released', '--values')
    assert.equal(released.length, 1)
  })

  it('shows its page to one browser, and its measurements to a token that may read them', async () => {
    const [invitation] = await gateway.command('gateway', 'invite')
    const entered = await fetch(String(invitation?.url), { redirect: 'manual' })
    assert.equal(entered.status, 303)
    const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
    const page = await (await fetch(`${gateway.reach().url}/`, { headers: { cookie } })).text()
    assert.match(page, /Gateway FIDUCIAL/)
    assert.match(page, /2\.25\.1004/)
    const { url, token } = gateway.reach()
    const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()
    assert.match(metrics, /fiducial_instances_received_total\{protocol="dimse"\} \d+/)
    assert.match(metrics, /fiducial_gateway_ready 1/)
  })

  it('names neither image nor patient in its log lines', () => {
    assert.match(gateway.logLines, /"message":"judged"/)
    assert.ok(!/2\.25\.100|2\.25\.3\b/.test(gateway.logLines))
  })
})
