/** The gateway, run by its command between modalities, archives and a RIS: storage commitment, worklists and reports of work. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { InstanceMessage, InstancesMessage } from '@fiducial/core/api/gateway.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { CommitmentReports, requestCommitment } from '../dimse/request-commitment.ts'
import { dcmtk, runDcmtk, startWlmscpfs } from '../testing/dcmtk.ts'
import { freePort } from '../testing/free-port.ts'
import { makeImage } from '../testing/gateway-site.ts'
import { type Orthanc, orthanc, startOrthanc } from '../testing/orthanc.ts'
import { type OutgoingFile, outgoingFiles } from '../testing/outgoing-files.ts'
import { peer, run, sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { pynetdicom, reportStep, startRis } from '../testing/pynetdicom.ts'
import { GatewayProcess } from '../testing/running-gateway.ts'

const POLL_MS = 50
const PATIENCE = 600

describe('a gateway whose archive commits', { skip: sharedSkip || dcmtk.skip || orthanc.skip }, () => {
  // In their order, once the gateway has ended.
  const cleanUps: (() => Promise<void> | void)[] = []
  const owner = { after: (cleanUp: () => Promise<void> | void) => void cleanUps.push(cleanUp) }
  const home = temporaryFolder(owner)
  let pacs: Orthanc
  let gateway: GatewayProcess
  let files: readonly OutgoingFile[]
  let lists = ''

  before(async () => {
    files = outgoingFiles('data/dicom/pydicom/test_files').files.filter(({ name }) => /^(CT|MR)_small.dcm$/.test(name))
    pacs = await startOrthanc({}, owner)
    const worklist = await startWlmscpfs({ folder: temporaryFolder(owner) }, owner)
    lists = worklist.worklistFolder
    const routes = join(home, 'routes.yaml')
    writeFileSync(
      routes,
      `destinations:
  pacs: { aet: ${pacs.aet}, host: 127.0.0.1, port: ${pacs.dicomPort}, commitment: true, firstRetrySeconds: 0.5 }
`,
    )
    writeFileSync(
      join(home, 'gateway.yaml'),
      `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}
routes: ${routes}
worklist: ${worklist.aet}@127.0.0.1:${worklist.port}
dicom: { commitment: committed, commitmentRetrySeconds: 0.5 }
`,
    )
    gateway = await GatewayProcess.make({ home })
    await gateway.start()
  })
  after(async () => {
    const code = await gateway.end()
    for (const cleanUp of cleanUps) await cleanUp()
    assert.equal(code, 0, gateway.logLines.slice(-3000))
  })

  const send = async ({ path }: { readonly path: string }): Promise<void> => {
    const { code, stderr } = await runDcmtk('storescu', [
      '-aec',
      'FIDUCIAL',
      '127.0.0.1',
      String(gateway.dicomPort),
      path,
    ])
    assert.equal(code, 0, stderr)
  }
  async function when(uid: string, holds: (instance: InstanceMessage) => boolean): Promise<InstanceMessage> {
    for (let i = 0; i < PATIENCE; i++) {
      const { instances } = (await gateway.ask(`instances?instance=${uid}&limit=1`)) as InstancesMessage
      const [found] = instances
      if (found !== undefined && holds(found)) return found
      await pause(POLL_MS)
    }
    throw new Error(`${uid} did not get so far:\n${gateway.output.slice(-4000)}`)
  }
  const isCommitted = ({ deliveries }: InstanceMessage): boolean =>
    deliveries.length > 0 && deliveries.every(({ committedAt }) => committedAt !== null)

  it('asks again after a restart for what nobody could report on, and sends what is gone by then', async () => {
    const [ct] = files
    assert.ok(ct)
    // The archive does not know where the gateway is: its report reaches nobody.
    await pacs.know('gateway', { aet: 'FIDUCIAL', port: await freePort() })
    await send(ct)
    const sent = await when(ct.sopInstanceUid, ({ state }) => state === 'done')
    assert.equal(isCommitted(sent), false)
    assert.equal(await gateway.end(), 0)
    const [kept] = (await pacs.get('instances')) as readonly string[]
    await pacs.delete(`instances/${kept}`)
    await pacs.know('gateway', { aet: 'FIDUCIAL', port: gateway.dicomPort })
    await gateway.start()
    const again = await when(ct.sopInstanceUid, isCommitted)
    assert.deepEqual(
      again.deliveries.map(({ attempts }) => attempts),
      [1],
    )
    assert.deepEqual(await pacs.instanceUids(), [ct.sopInstanceUid])
  })

  it('commits to its sender once the archive has', async () => {
    const [ct, mr] = files
    assert.ok(ct && mr)
    await send(mr)
    const node = { host: '127.0.0.1', port: gateway.dicomPort, calledAet: 'FIDUCIAL', callingAet: 'MODALITY' }
    const unknown = { sopClassUid: ct.sopClassUid, sopInstanceUid: '1.2.3' }
    const waits = { sameAssociationMs: 30_000 }
    const report = await requestCommitment(node, [ct, mr, unknown], new CommitmentReports(), waits)
    assert.deepEqual(
      new Set(report.committed.map(({ sopInstanceUid }) => sopInstanceUid)),
      new Set([ct.sopInstanceUid, mr.sopInstanceUid]),
    )
    assert.deepEqual(report.failed, [{ ...unknown, reason: 0x0112 }])
    assert.equal(isCommitted(await when(mr.sopInstanceUid, isCommitted)), true)
  })

  it('passes a question for the worklist on, and seals what follows with its order', async (t) => {
    const sop = '2.25.4711'
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'one.dcm'), makeImage({ sop, fill: 3 }))
    const study = textAt(parseDicom(memorySource(makeImage({ sop, fill: 3 }))).dataSet, 0x0020000d)
    writeFileSync(join(folder, 'entry.dump'), ENTRY.replace('STUDY', study ?? assert.fail()))
    assert.equal((await run(dump2dcm.path, [join(folder, 'entry.dump'), join(lists, 'entry.wl')])).code, 0)

    const keys = ['PatientName', 'AccessionNumber', 'StudyInstanceUID', 'RequestedProcedureID']
    const inner = ['Modality', 'ScheduledProcedureStepID', 'ScheduledStationAETitle', 'ScheduledProcedureStepStartDate']
    const all = [...keys, ...inner.map((key) => `ScheduledProcedureStepSequence[0].${key}`)].flatMap((key) => [
      '-k',
      key,
    ])
    const words = ['-v', '-W', ...all, '-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort)]
    const { code, stdout, stderr } = await runDcmtk('findscu', words)
    assert.equal(code, 0, stderr)
    assert.match(stdout + stderr, /Received Final Find Response \(Success\)/)

    await send({ path: join(folder, 'one.dcm') })
    await when(sop, ({ state }) => state === 'done')
    const arrived = join(folder, 'arrived.dcm')
    writeFileSync(arrived, (await pacs.fileOf(sop)) ?? assert.fail('it is not in the PACS'))
    const [record] = await gateway.command('verify', arrived, '--policy', 'gateway')
    assert.deepEqual(sealOf(record).order, {
      source: 'mwl',
      matchedBy: 'study',
      accessionNumber: 'ACC-1',
      requestedProcedureId: 'RP-5',
      scheduledProcedureStepId: 'SPS-7',
      stationAet: 'ROOM1',
      mppsSopInstanceUid: null,
    })
  })
})

describe('a gateway whose archive loses images', { skip: dcmtk.skip || orthanc.skip }, () => {
  it('sends again what the archive took and does not have, until it commits to it', async (t) => {
    const home = temporaryFolder(t)
    const script = join(home, 'forgetful.lua')
    writeFileSync(script, FORGETFUL)
    const pacs = await startOrthanc({ settings: { LuaScripts: [script] } }, t)
    const routes = join(home, 'routes.yaml')
    const address = `aet: ${pacs.aet}, host: 127.0.0.1, port: ${pacs.dicomPort}`
    writeFileSync(routes, `destinations: { pacs: { ${address}, commitment: true, firstRetrySeconds: 0.5 } }\n`)
    writeFileSync(join(home, 'gateway.yaml'), `routes: ${routes}\ndicom: { commitmentRetrySeconds: 0.5 }\n`)
    const gateway = await GatewayProcess.make({ home })
    t.after(() => gateway.end().then(() => undefined))
    await gateway.start()
    await pacs.know('gateway', { aet: 'FIDUCIAL', port: gateway.dicomPort })

    const uids = [1, 2, 3, 4].map((n) => `2.25.480${n}`)
    const paths = uids.map((sop, i) => {
      const path = join(home, `${sop}.dcm`)
      writeFileSync(path, makeImage({ sop, study: `2.25.48.${i}`, fill: i }))
      return path
    })
    const words = ['-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort), ...paths]
    assert.equal((await runDcmtk('storescu', words)).code, 0)
    const committed = await gateway.until('all were committed to', async () => {
      const found = await gateway.list('state=done&limit=10')
      const deliveries = found.flatMap((instance) => instance.deliveries)
      return deliveries.filter(({ committedAt }) => committedAt !== null).length === 4 ? deliveries : undefined
    })
    assert.deepEqual(committed.map(({ attempts }) => attempts).toSorted(), [0, 0, 1, 2])
    assert.deepEqual((await pacs.instanceUids()).toSorted(), uids)

    await gateway.settled()
    const { destinations } = await gateway.status()
    assert.deepEqual([destinations[0]?.dead, destinations[0]?.state], [0, 'ready'])
    const { url, token } = gateway.reach()
    const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()
    assert.match(metrics, /^fiducial_deliveries_resent_total\{destination="pacs"\} 3$/m)
    assert.match(gateway.logLines, /"a destination has lost what it took"/)
    assert.equal(await gateway.end(), 0)
    assert.equal((await gateway.command('log', 'show', '--type', 'forwarded')).length, 7)
    assert.equal((await gateway.command('log', 'show', '--type', 'received')).length, 4)
  })
})

describe('a gateway whose modality reports its work', { skip: orthanc.skip || pynetdicom.skip }, () => {
  it('seals with order and technologist: level P2', async (t) => {
    const home = temporaryFolder(t)
    const pacs = await startOrthanc({}, t)
    const ris = await startRis(home, t)
    const addresses = `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}\nworklist: RIS@127.0.0.1:${ris.port}\n`
    writeFileSync(join(home, 'gateway.yaml'), addresses)
    const gateway = await GatewayProcess.make({ home })
    t.after(() => gateway.end().then(() => undefined))
    await gateway.start()

    const image = makeImage({ sop: '2.25.4712', fill: 5 })
    const { dataSet } = parseDicom(memorySource(image))
    const [study = '', series = ''] = [textAt(dataSet, 0x0020000d), textAt(dataSet, 0x0020000e)]
    assert.deepEqual(await reportStep(gateway.dicomPort, { study, series, uid: '2.25.99' }), { created: 0, changed: 0 })
    const steps = ris.steps().map(({ kind, uid, attributes }) => [kind, uid, attributes['00400252']?.Value])
    assert.deepEqual(steps, [
      ['n_create', '2.25.99', ['IN PROGRESS']],
      ['n_set', '2.25.99', ['COMPLETED']],
    ])

    const path = join(home, 'one.dcm')
    writeFileSync(path, image)
    const words = ['-aet', 'ROOM1', '-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort), path]
    assert.equal((await runDcmtk('storescu', words)).code, 0)
    let arrived: Uint8Array | undefined
    for (let i = 0; i < PATIENCE && arrived === undefined; i++) {
      await pause(POLL_MS)
      arrived = (await pacs.instanceUids()).length > 0 ? await pacs.fileOf('2.25.4712') : undefined
    }
    writeFileSync(path, arrived ?? assert.fail('it did not arrive'))
    const [record] = await gateway.command('verify', path, '--policy', 'gateway')
    const { order, technologist } = sealOf(record)
    assert.deepEqual(technologist, { name: 'Roe^Richard', source: 'mpps' })
    assert.deepEqual(order, {
      source: 'mpps',
      matchedBy: 'procedure_step',
      accessionNumber: 'ACC-2',
      requestedProcedureId: null,
      scheduledProcedureStepId: 'SPS-8',
      stationAet: 'ROOM1',
      mppsSopInstanceUid: '2.25.99',
    })
    assert.equal(record?.level, 'P2')
  })
})

/** For Orthanc: answers that it has stored, and loses the second image once and the fourth one twice. */
const FORGETFUL = `
losses = { ['2.25.4802'] = 1, ['2.25.4804'] = 2 }
function ReceivedInstanceFilter(dicom, origin, info)
  local left = losses[dicom.SOPInstanceUID] or 0
  losses[dicom.SOPInstanceUID] = left - 1
  return left <= 0
end
`

/** What the gateway says in its seal, as `verify --json` shows it. */
function sealOf(record: Readonly<Record<string, unknown>> | undefined) {
  const { gateway } = (record?.seal ?? assert.fail('no seal')) as {
    readonly gateway: { readonly order: unknown; readonly technologist: unknown }
  }
  return gateway
}

const dump2dcm = peer('dump2dcm')
const ENTRY = `
(0008,0005) CS [ISO_IR 100]
(0008,0050) SH [ACC-1]
(0010,0010) PN [Demo^Anna]
(0010,0020) LO [P-1]
(0020,000d) UI [STUDY]
(0032,1060) LO [Head]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [CT]
(0040,0001) AE [ROOM1]
(0040,0002) DA [20260303]
(0040,0003) TM [101500]
(0040,0006) PN [Doctor^A]
(0040,0007) LO [Head]
(0040,0009) SH [SPS-7]
(0040,0010) SH [Room 1]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH [RP-5]
`
