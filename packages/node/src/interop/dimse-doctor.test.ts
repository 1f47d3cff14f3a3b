/** The examination of peers: of Orthanc and DCMTK as Debian has them, tuned ones, and ones that misbehave. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { diagnosePeer, type PeerExamination } from '@fiducial/core/domain/gateway/peer-diagnosis.ts'
import { parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import type { Request } from '@fiducial/core/formats/dimse/command.ts'
import { dcmtk, makeTlsSite, startStorescp } from '../testing/dcmtk.ts'
import { acceptAll, type DoubleScript, isRequest, startDouble } from '../testing/dimse-double.ts'
import { freePort } from '../testing/free-port.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { type ExaminationOrder, examine } from '../wiring/doctor.ts'

const order = (port: number, given: Partial<ExaminationOrder> = {}): ExaminationOrder => ({
  host: '127.0.0.1',
  port,
  calledAet: 'PEER',
  callingAet: 'FIDUCIAL',
  tls: null,
  isStoring: false,
  receiveAt: null,
  timeoutMs: 20_000,
  signal: AbortSignal.timeout(120_000),
  ...given,
})
const codesOf = (examination: PeerExamination): string[] => diagnosePeer(examination).map(({ code }) => code)
const doctor = (...words: readonly string[]) =>
  run(process.execPath, [join(repositoryRoot, 'packages/node/src/main.ts'), 'doctor', ...words])

describe('the examination of a peer', { skip: orthanc.skip || dcmtk.skip }, () => {
  it('sees that Orthanc writes data sets anew, and stores only where it is told to', async (t) => {
    const server = await startOrthanc({}, t)
    const looked = await examine(order(server.dicomPort))
    assert.equal(looked.store, null)
    assert.deepEqual(await server.instanceUids(), [])
    const stored = await examine(order(server.dicomPort, { isStoring: true }))
    assert.deepEqual(await server.instanceUids(), [stored.store?.sopInstanceUid])
    assert.ok(codesOf(stored).includes('data_set_rewritten'))
    assert.ok(!codesOf(stored).includes('replies_delayed'))
    assert.equal(stored.store?.change?.pixels, 'same')
  })

  it('has the image back by C-MOVE where it is told to', async (t) => {
    const port = await freePort()
    const server = await startOrthanc({ modalities: { doctor: { aet: 'DOCTOR', port } } }, t)
    const receiveAt = { aet: 'DOCTOR', host: '127.0.0.1', port }
    const { store } = await examine(order(server.dicomPort, { isStoring: true, receiveAt }))
    assert.equal(store?.failure, null)
    assert.equal(store?.change?.isCanonicalSame, true)
    const unknown = await examine(
      order(server.dicomPort, { isStoring: true, receiveAt: { ...receiveAt, aet: 'NOBODY' } }),
    )
    assert.equal(unknown.store?.change, null)
    assert.match(unknown.store?.failure ?? '', /^(peer_refused|instance_missing)$/)
  })

  it('tells a delayed answer of storescp as it comes, and sees what it takes by TLS', async (t) => {
    const folder = temporaryFolder(t)
    const site = await makeTlsSite(folder)
    const plain = await startStorescp({ folder: join(folder, 'a'), hasNagle: true }, t)
    assert.ok(codesOf(await examine(order(plain.port))).includes('replies_delayed'))
    const secret = await startStorescp({ folder: join(folder, 'b'), tls: site.server }, t)
    const tls = {
      trust: site.client.trustedPath,
      certificate: site.client.certificatePath,
      key: site.client.keyPath,
    }
    const examination = await examine(order(secret.port, { tls }))
    assert.match(examination.tls ?? '', /^TLSv1\.[23]$/)
    assert.ok(codesOf(examination).includes('retrieval_refused'))
  })

  it('finds a window that is granted and not kept', async (t) => {
    let echoes = 0
    const script = (keeps: boolean): DoubleScript => ({
      onAssociate: (request) => {
        const accept = acceptAll(request)
        return { ...accept, user: { ...accept.user, operations: request.user.operations } }
      },
      onMessage: ({ contextId, command }, association) => {
        if (!isRequest(command)) return
        const isPiled = association.request.user.operations !== null && ++echoes > 1
        if (keeps || !isPiled) association.reply(contextId, command, { status: 0 })
      },
    })
    const [keeping, forgetting] = [await startDouble(script(true), t), await startDouble(script(false), t)]
    assert.ok(codesOf(await examine(order(keeping.port))).includes('window_granted'))
    echoes = 0
    assert.ok(codesOf(await examine(order(forgetting.port))).includes('window_false'))
  })

  it('finds private attributes that are lost on the way', async (t) => {
    let kept: Uint8Array | undefined
    const peer = await startDouble(
      {
        onMessage: ({ contextId, command, dataSet }, association) => {
          if (command.kind === 'c_store_rq' && dataSet !== null) kept = withoutPrivate(dataSet)
          if (command.kind === 'c_get_rq') {
            const [to] = association.request.contexts.slice(1)
            const affectedSopClassUid = to?.abstractSyntax ?? ''
            const store = {
              kind: 'c_store_rq',
              messageId: 7,
              affectedSopClassUid,
              affectedSopInstanceUid: '1.2',
            } as const
            association.send(to?.id ?? 0, { ...store, hasDataSet: true }, kept)
          } else if (command.kind === 'c_store_rsp') {
            association.reply(1, { kind: 'c_get_rq', messageId: 1 } as Request, { status: 0, completed: 1 })
          } else if (isRequest(command)) association.reply(contextId, command, { status: 0 })
        },
      },
      t,
    )
    const examination = await examine(order(peer.port, { isStoring: true }))
    assert.ok(codesOf(examination).includes('private_lost'))
    assert.ok(!codesOf(examination).includes('attributes_changed'))
  })

  it('is told in words and as JSON, and ends with a code', async (t) => {
    const server = await startOrthanc({}, t)
    const address = `ORTHANC@127.0.0.1:${server.dicomPort}`
    const words = await doctor(address)
    assert.equal(words.code, 0, words.stderr)
    assert.match(words.stdout, /storage commitment, C-FIND, C-MOVE, C-GET/)
    const json = await doctor(address, '--json')
    const { findings, calledAet } = JSON.parse(json.stdout) as { findings: { code: string }[]; calledAet: string }
    assert.equal(calledAet, 'ORTHANC')
    assert.ok(findings.some(({ code }) => code === 'pdu_small'))
    assert.equal((await doctor(`NOBODY@127.0.0.1:${await freePort()}`)).code, 69)
    assert.equal((await doctor('not-an-address')).code, 64)
    assert.equal((await doctor('A@127.0.0.1:104', '--key', 'key.pem')).code, 64)
    assert.equal((await doctor('A@127.0.0.1:104', '--receive', 'B@127.0.0.1:105')).code, 64)
  })
})

/** The data set without its private elements; explicit little endian, as the probe is. */
function withoutPrivate(bytes: Uint8Array): Uint8Array {
  const { elements } = parseDataSet(memorySource(bytes), '1.2.840.10008.1.2.1')
  return joinBytes(
    elements.flatMap(({ tag, start, end }) => ((tag >>> 16) % 2 === 1 ? [] : bytes.subarray(start, end))),
  )
}
