/** Queries, retrievals, worklists and procedure steps of other programs, passed on to others. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import type { OrderBinding } from '@fiducial/core/domain/gateway/orders.ts'
import { encodeElements } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDataSet, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { encodingOf, IMPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { sq, text, textAt } from '@fiducial/core/formats/dicom/values.ts'
import type { Command } from '@fiducial/core/formats/dimse/command.ts'
import { type Acceptor, startAcceptor } from '../dimse/acceptor.ts'
import { archiveProxy, orderProxy, PROCEDURE_STEP } from '../dimse/proxies.ts'
import { find, MODALITY_WORKLIST } from '../dimse/query.ts'
import type { RemoteNode } from '../dimse/remote-node.ts'
import { openAssociation } from '../dimse/requestor.ts'
import type { ServiceProvider } from '../dimse/service.ts'
import { Orders } from '../services/gateway/orders.ts'
import { MemoryOrders } from '../storage/gateway/memory-orders.ts'
import { dcmtk, runDcmtk, startDcmqrscp, startStorescp, startWlmscpfs } from '../testing/dcmtk.ts'
import { isRequest, startDouble } from '../testing/dimse-double.ts'
import { freePort } from '../testing/free-port.ts'
import { MemoryIntake } from '../testing/memory-intake.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { dataSetSha256 } from '../testing/outgoing-files.ts'
import { peer, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

type Owner = { after(cleanUp: () => Promise<void> | void): void }

const FILES = ['CT_small.dcm', 'MR_small.dcm', 'JPEG2000.dcm', 'JPEGLSNearLossless_08.dcm', 'SC_rgb_rle.dcm']
const paths = (): string[] => FILES.map((name) => sharedPath(`data/dicom/pydicom/test_files/${name}`))
const sha256Of = (path: string): string => dataSetSha256(new Uint8Array(readFileSync(path)))

async function accepting(services: readonly ServiceProvider[], owner: Owner): Promise<Acceptor> {
  const settings = { calledTitles: 'any', callers: 'any' } as const
  const acceptor = await startAcceptor({ settings, intake: new MemoryIntake(), services })
  owner.after(() => acceptor.stop(0))
  return acceptor
}

const nodeAt = (port: number, calledAet: string): RemoteNode => ({
  host: '127.0.0.1',
  port,
  calledAet,
  callingAet: 'FIDUCIAL',
})

async function client(name: 'findscu' | 'movescu' | 'getscu', args: readonly string[], port: number) {
  const outcome = await runDcmtk(name, [...args, '-aec', 'GATEWAY', '127.0.0.1', String(port)])
  return { ...outcome, text: outcome.stdout + outcome.stderr }
}

describe('an archive behind the gateway', { skip: sharedSkip || dcmtk.skip || orthanc.skip }, () => {
  it('answers findscu as it does without us', async (t) => {
    const archive = await startOrthanc({}, t)
    await runDcmtk('storescu', ['-xv', '127.0.0.1', String(archive.dicomPort), paths()[0] ?? ''])
    const proxy = archiveProxy({ nodeOf: () => nodeAt(archive.dicomPort, archive.aet) })
    const { port } = await accepting([proxy], t)
    const folder = temporaryFolder(t)
    const answers = async (name: string, to: number): Promise<string[]> => {
      const out = join(folder, name)
      mkdirSync(out)
      const keys = [
        '-S',
        '-k',
        'QueryRetrieveLevel=STUDY',
        '-k',
        'StudyInstanceUID',
        '-k',
        'PatientName',
        '-k',
        'StudyDate',
      ]
      const { code, text: said } = await client('findscu', [...keys, '-xi', '-X', '-od', out], to)
      assert.equal(code, 0, said)
      return readdirSync(out)
        .sort()
        .map((file) => sha256Of(join(out, file)))
    }
    const direct = await answers('direct', archive.dicomPort)
    assert.equal(direct.length, 1)
    assert.deepEqual(await answers('through', port), direct)
  })

  it('sends what movescu asks for to a third one, and counts', async (t) => {
    const folder = temporaryFolder(t)
    const receiver = await startStorescp({ folder: join(folder, 'in'), args: ['+B'] }, t)
    const archive = await startOrthanc({ modalities: { there: { aet: 'THERE', port: receiver.port } } }, t)
    await runDcmtk('storescu', ['127.0.0.1', String(archive.dicomPort), ...paths().slice(0, 2)])
    const { port } = await accepting([archiveProxy({ nodeOf: () => nodeAt(archive.dicomPort, archive.aet) })], t)
    const uids = await archive.instanceUids()
    assert.equal(uids.length, 2)
    const ct = (await archive.get('studies?expand')) as { MainDicomTags: { StudyInstanceUID: string } }[]
    for (const { MainDicomTags } of ct) {
      const keys = ['-S', '-k', 'QueryRetrieveLevel=STUDY', '-k', `StudyInstanceUID=${MainDicomTags.StudyInstanceUID}`]
      const { code, text: said } = await client('movescu', ['-v', '-aem', 'THERE', ...keys], port)
      assert.equal(code, 0, said)
    }
    assert.equal(receiver.files().length, 2)
    const unknown = await client(
      'movescu',
      ['-aem', 'NOBODY', '-S', '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID=1.2'],
      port,
    )
    assert.notEqual(unknown.code, 0)
  })

  it('sends what getscu asks for through us, byte for byte', async (t) => {
    const folder = temporaryFolder(t)
    const archive = await startDcmqrscp({ folder: join(folder, 'archive') }, t)
    const stored = await runDcmtk('storescu', [
      '-aec',
      archive.aet,
      '127.0.0.1',
      String(archive.port),
      ...paths().slice(0, 2),
    ])
    assert.equal(stored.code, 0, stored.stderr)
    const { port } = await accepting([archiveProxy({ nodeOf: () => nodeAt(archive.port, archive.aet) })], t)
    const got = async (name: string, aec: string, to: number): Promise<string[]> => {
      const out = join(folder, name)
      mkdirSync(out)
      for (const path of paths().slice(0, 2)) {
        const dataSet = parseDataSetOf(path)
        const keys = ['-S', '-k', 'QueryRetrieveLevel=STUDY', '-k', `StudyInstanceUID=${dataSet}`]
        const outcome = await runDcmtk('getscu', ['+B', '-od', out, ...keys, '-aec', aec, '127.0.0.1', String(to)])
        assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr)
      }
      return readdirSync(out)
        .sort()
        .map((file) => sha256Of(join(out, file)))
    }
    const direct = await got('direct', archive.aet, archive.port)
    assert.equal(direct.length, 2)
    assert.deepEqual(await got('through', 'GATEWAY', port), direct)
  })

  it('is kept from those who may not ask, and missed where it is away', async (t) => {
    const away = await freePort()
    const errors: unknown[] = []
    const nodeOf = ({ callingAet }: { callingAet: string }) =>
      callingAet === 'FRIEND' ? nodeAt(away, 'AWAY') : undefined
    const { port } = await accepting([archiveProxy({ nodeOf, onError: (error) => errors.push(error) })], t)
    const keys = ['-v', '-S', '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID']
    const stranger = await client('findscu', ['-aet', 'STRANGER', ...keys], port)
    assert.match(stranger.text, /0x0?124/)
    assert.equal(errors.length, 0)
    const friend = await client('findscu', ['-aet', 'FRIEND', ...keys], port)
    assert.match(friend.text, /OutOfResources|0xa700/i)
    assert.equal(errors.length, 1)
  })
})

const parseDataSetOf = (path: string): string => {
  const bytes = new Uint8Array(readFileSync(path))
  return textAt(parseDicom(memorySource(bytes)).dataSet, 0x0020000d) ?? assert.fail()
}

const dump2dcm = peer('dump2dcm')
const ENTRY = `
(0008,0005) CS [ISO_IR 100]
(0008,0050) SH [ACC-1]
(0010,0010) PN [Demo^Anna]
(0010,0020) LO [P-1]
(0020,000d) UI [1.2.826.0.1.3680043.2.1143.1]
(0032,1060) LO [Chest]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [DX]
(0040,0001) AE [ROOM1]
(0040,0002) DA [20260303]
(0040,0003) TM [101500]
(0040,0006) PN [Doctor^A]
(0040,0007) LO [Chest PA]
(0040,0009) SH [SPS-7]
(0040,0010) SH [Room 1]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH [RP-5]
`

describe('orders behind the gateway', { skip: dcmtk.skip || dump2dcm.skip }, () => {
  it('go through from a worklist server, and bind the images that follow', async (t) => {
    const folder = temporaryFolder(t)
    const worklist = await startWlmscpfs({ folder }, t)
    writeFileSync(join(folder, 'entry.dump'), ENTRY)
    const file = join(worklist.worklistFolder, 'entry.wl')
    assert.equal((await run(dump2dcm.path, [join(folder, 'entry.dump'), file])).code, 0)
    const orders = new Orders(new MemoryOrders(), () => new Date('2026-03-03T10:00:00Z'))
    const { port } = await accepting([orderProxy(orders, { nodeOf: () => nodeAt(worklist.port, worklist.aet) })], t)
    const keys = [
      '-W',
      '-k',
      'PatientName',
      '-k',
      'AccessionNumber',
      '-k',
      'StudyInstanceUID',
      '-k',
      'RequestedProcedureID',
    ]
    const steps = 'ScheduledProcedureStepSequence[0]'
    const inner = ['Modality', 'ScheduledStationAETitle', 'ScheduledProcedureStepID', 'ScheduledProcedureStepStartDate']
    const { code, text: said } = await client(
      'findscu',
      [...keys, ...inner.flatMap((key) => ['-k', `${steps}.${key}`])],
      port,
    )
    assert.equal(code, 0, said)
    assert.match(said, /Demo\^Anna/)
    const binding = await orders.bind({
      studyInstanceUid: '1.2.826.0.1.3680043.2.1143.1',
      seriesInstanceUid: null,
      accessionNumber: null,
      callingAet: 'ROOM1',
    })
    assert.equal(binding?.accessionNumber, 'ACC-1')
    assert.equal(binding?.scheduledProcedureStepId, 'SPS-7')
    assert.equal(binding?.requestedProcedureId, 'RP-5')
    assert.equal(binding?.stationAet, 'ROOM1')
    assert.ok(!JSON.stringify(binding).includes('Anna'))
  })

  it('are reported by a modality: creation, change and refusal go through, and what was taken is known', async (t) => {
    const seen: Command[] = []
    const ris = await startDouble(
      {
        onMessage: ({ contextId, command }, association) => {
          if (!isRequest(command)) return
          seen.push(command)
          const isRefused = seen.length === 3
          association.reply(contextId, command, {
            status: isRefused ? 0x0110 : 0,
            ...(isRefused && { errorId: 0xa710 }),
          })
        },
      },
      t,
    )
    const orders = new Orders(new MemoryOrders(), () => new Date('2026-03-03T10:00:00Z'))
    const { port } = await accepting([orderProxy(orders, { nodeOf: () => nodeAt(ris.port, 'RIS') })], t)
    const proposals = [PROCEDURE_STEP, MODALITY_WORKLIST].map((abstractSyntax) => ({
      abstractSyntax,
      transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN],
    }))
    const association = await openAssociation(nodeAt(port, 'GATEWAY'), { proposals })
    const context = association.find(PROCEDURE_STEP) ?? assert.fail()
    const made = (...elements: Parameters<typeof encodeElements>[0]) =>
      encodeElements(elements, encodingOf(IMPLICIT_LITTLE_ENDIAN))
    const keys = [text(0x00080050, 'SH', 'ACC-1'), text(0x0020000d, 'UI', '1.2.3'), text(0x00400009, 'SH', 'SPS-7')]
    const created = await association.ask(
      context,
      { kind: 'n_create_rq', affectedSopClassUid: PROCEDURE_STEP, affectedSopInstanceUid: '1.2.9' },
      made(text(0x00400241, 'AE', 'ROOM1'), text(0x00400252, 'CS', 'IN PROGRESS'), sq(0x00400270, keys)),
    )
    assert.equal(created.response.status, 0)
    const set = (state: string, name: string) =>
      association.ask(
        context,
        { kind: 'n_set_rq', requestedSopClassUid: PROCEDURE_STEP, requestedSopInstanceUid: '1.2.9' },
        made(
          text(0x00400252, 'CS', state),
          sq(0x00400340, [text(0x00081070, 'PN', name), text(0x0020000e, 'UI', '1.2.3.1')]),
        ),
      )
    assert.equal((await set('COMPLETED', 'Roe^Richard')).response.status, 0)
    const refused = await set('DISCONTINUED', 'Nobody')
    assert.equal(refused.response.status, 0x0110)
    assert.equal(refused.response.errorId, 0xa710)
    await association.release()
    assert.deepEqual(
      seen.map(({ kind }) => kind),
      ['n_create_rq', 'n_set_rq', 'n_set_rq'],
    )
    const binding: OrderBinding | null = await orders.bind({
      studyInstanceUid: '1.2.3',
      seriesInstanceUid: '1.2.3.1',
      accessionNumber: 'ACC-1',
      callingAet: 'ROOM1',
    })
    assert.equal(binding?.source, 'performed')
    assert.equal(binding?.state, 'completed')
    assert.deepEqual(binding?.operators, ['Roe^Richard'])
  })

  it('are asked for again where the RIS ends its association in between, and none is left open', async (t) => {
    const ris = await startDouble(
      {
        onMessage: ({ contextId, command }, association) => {
          if (!isRequest(command)) return
          association.reply(contextId, command, { status: 0 })
          if (ris.associations.length === 1) association.sendPdu({ type: 'release_rq' })
        },
      },
      t,
    )
    const orders = new Orders(new MemoryOrders(), () => new Date(0))
    const { port } = await accepting([orderProxy(orders, { nodeOf: () => nodeAt(ris.port, 'RIS') })], t)
    const proposals = [{ abstractSyntax: MODALITY_WORKLIST, transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN] }]
    const association = await openAssociation(nodeAt(port, 'GATEWAY'), { proposals })
    const context = association.find(MODALITY_WORKLIST) ?? assert.fail()
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await Array.fromAsync(find(association, context, new Uint8Array(0))), [])
    }
    await association.release()
    for (let i = 0; i < 500 && ris.ends.released === 0; i++) await pause(10)
    assert.equal(ris.ends.released, 1)
    assert.equal(ris.associations.length, 2)
  })

  it('are cancelled where the modality cancels, and observed all the same where the store fails', async (t) => {
    const ris = await startDouble(
      {
        onMessage: ({ contextId, command }, association) => {
          const answer = encodeElements([text(0x00080050, 'SH', 'ACC-1')], encodingOf(IMPLICIT_LITTLE_ENDIAN))
          if (command.kind === 'c_find_rq') association.reply(contextId, command, { status: 0xff00 }, answer)
          if (command.kind !== 'c_cancel_rq') return
          const request = { kind: 'c_find_rq', messageId: command.messageIdBeingRespondedTo } as const
          association.reply(
            contextId,
            { ...request, affectedSopClassUid: MODALITY_WORKLIST, hasDataSet: true },
            { status: 0xfe00 },
          )
        },
      },
      t,
    )
    const errors: unknown[] = []
    const broken = Object.assign(new MemoryOrders(), { put: () => Promise.reject(new TypeError('full')) })
    const orders = new Orders(broken, () => new Date(0))
    const options = { nodeOf: () => nodeAt(ris.port, 'RIS'), onError: (error: unknown) => errors.push(error) }
    const { port } = await accepting([orderProxy(orders, options)], t)
    const proposals = [{ abstractSyntax: MODALITY_WORKLIST, transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN] }]
    const association = await openAssociation(nodeAt(port, 'GATEWAY'), { proposals })
    const context = association.find(MODALITY_WORKLIST) ?? assert.fail()
    const stop = new AbortController()
    const found: string[] = []
    for await (const bytes of find(association, context, new Uint8Array(0), stop.signal)) {
      found.push(textAt(parseDataSet(memorySource(bytes), IMPLICIT_LITTLE_ENDIAN), 0x00080050) ?? '')
      stop.abort()
    }
    assert.deepEqual(found, ['ACC-1'])
    assert.equal(errors.length, 1)
    await association.release()
  })
})
