/** Storage commitment with Orthanc, in both roles, and with peers that report in other ways. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type CommitmentDecision,
  decideCommitment,
  formatCommitmentReport,
  type KeptInstance,
  type SopReference,
  STORAGE_COMMITMENT,
} from '@fiducial/core/domain/gateway/commitment.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { type Acceptor, startAcceptor } from '../dimse/acceptor.ts'
import { CommitAfterwards } from '../dimse/commit-afterwards.ts'
import { CommitmentService } from '../dimse/commitment-service.ts'
import { DimseSender } from '../dimse/dimse-sender.ts'
import type { RemoteNode } from '../dimse/remote-node.ts'
import { CommitmentReports, requestCommitment } from '../dimse/request-commitment.ts'
import { runDcmtk } from '../testing/dcmtk.ts'
import { isRequest, startDouble } from '../testing/dimse-double.ts'
import { MemoryIntake } from '../testing/memory-intake.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { outgoingFiles } from '../testing/outgoing-files.ts'
import { sharedSkip } from '../testing/peers.ts'

type Owner = { after(cleanUp: () => Promise<void> | void): void }
type Decide = (references: readonly SopReference[]) => Promise<readonly CommitmentDecision[]>

const nodeAt = (port: number, calledAet = 'ORTHANC'): RemoteNode => ({
  host: '127.0.0.1',
  port,
  calledAet,
  callingAet: 'GATEWAY',
})
const CT = { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.3' }

interface Site {
  readonly acceptor: Acceptor
  readonly reports: CommitmentReports
  readonly errors: unknown[]
}

async function site(
  owner: Owner,
  decide: Decide = async () => [],
  nodeOf: (aet: string) => RemoteNode | undefined = () => undefined,
): Promise<Site> {
  const reports = new CommitmentReports()
  const errors: unknown[] = []
  const onError = (error: unknown): void => void errors.push(error)
  const service = new CommitmentService({ decide, nodeOf, reports, onError, pollMs: 10, deadlineMs: 20_000 })
  const settings = { calledTitles: 'any', callers: 'any' } as const
  const acceptor = await startAcceptor({ settings, intake: new MemoryIntake(), services: [service] })
  owner.after(() => service.close())
  owner.after(() => acceptor.stop(0))
  return { acceptor, reports, errors }
}

const files = () =>
  outgoingFiles('data/dicom/pydicom/test_files').files.filter(({ name }) => /^(CT|MR)_small.dcm$/.test(name))

describe('storage commitment with Orthanc', { skip: sharedSkip || orthanc.skip }, () => {
  it('is asked for, and reported on an association of its own', async (t) => {
    const { acceptor, reports } = await site(t)
    const archive = await startOrthanc({ modalities: { gateway: { aet: 'GATEWAY', port: acceptor.port } } }, t)
    const [ct, mr] = files()
    assert.ok(ct && mr)
    await runDcmtk('storescu', ['127.0.0.1', String(archive.dicomPort), ct.path])
    const waits = { sameAssociationMs: 10, reportMs: 30_000 }
    const report = await requestCommitment(nodeAt(archive.dicomPort), [ct, mr], reports, waits)
    assert.deepEqual(
      report.committed.map(({ sopInstanceUid }) => sopInstanceUid),
      [ct.sopInstanceUid],
    )
    assert.deepEqual(
      report.failed.map(({ sopInstanceUid, reason }) => [sopInstanceUid, reason]),
      [[mr.sopInstanceUid, 0x0112]],
    )
  })

  it('follows what a sender has stored there', async (t) => {
    const { acceptor, reports } = await site(t)
    const archive = await startOrthanc({ modalities: { gateway: { aet: 'GATEWAY', port: acceptor.port } } }, t)
    const node = nodeAt(archive.dicomPort)
    const done = Promise.withResolvers<readonly string[]>()
    const onCommitted = async (ids: readonly string[]): Promise<void> => done.resolve(ids)
    const afterwards = new CommitAfterwards({ reports, onCommitted, onError: done.reject })
    const refusals = { onLost: () => assert.fail('nothing is lost'), onRefused: done.reject }
    const sender = new DimseSender(node, { onStored: (stored) => afterwards.ask(node, stored, refusals) })
    t.after(() => afterwards.close())
    t.after(() => sender.close())
    const sent = await Array.fromAsync(sender.send(files(), AbortSignal.timeout(30_000)))
    assert.ok(sent.every(({ outcome }) => outcome === 'stored'))
    assert.deepEqual([...(await done.promise)].sort(), sent.map(({ deliveryId }) => deliveryId).sort())
  })

  it('is answered when Orthanc asks, once the instance is where it has to be', async (t) => {
    let looks = 0
    const [ct, mr] = files()
    assert.ok(ct && mr)
    const kept = (uid: string): KeptInstance[] => {
      if (uid !== ct.sopInstanceUid) return []
      const state = looks < 3 ? 'forwarding' : 'done'
      return [{ sopClassUid: ct.sopClassUid, state, deliveries: [{ state: 'sent', committedAt: null }] }]
    }
    const decide: Decide = async (references) => {
      looks++
      return references.map((one) => decideCommitment(one, kept(one.sopInstanceUid), 'delivered'))
    }
    let back: RemoteNode | undefined
    const { acceptor, errors } = await site(t, decide, (aet) => (aet === 'ORTHANC' ? back : undefined))
    const archive = await startOrthanc({ modalities: { gateway: { aet: 'GATEWAY', port: acceptor.port } } }, t)
    back = nodeAt(archive.dicomPort)
    const instances = [ct, mr].map((one) => ({ SOPClassUID: one.sopClassUid, SOPInstanceUID: one.sopInstanceUid }))
    const body = { DicomInstances: instances }
    const { ID } = (await archive.post('modalities/gateway/storage-commitment', body)) as { readonly ID: string }
    const deadline = performance.now() + 30_000
    let state: { Status: string; Success?: unknown[]; Failures?: { SOPInstanceUID: string }[] }
    do {
      await pause(50)
      state = (await archive.get(`storage-commitment/${ID}`)) as typeof state
    } while (state.Status === 'Pending' && performance.now() < deadline)
    assert.equal(state.Status, 'Failure', JSON.stringify(state))
    assert.deepEqual(state.Success, [{ SOPClassUID: ct.sopClassUid, SOPInstanceUID: ct.sopInstanceUid }])
    assert.equal(state.Failures?.[0]?.SOPInstanceUID, mr.sopInstanceUid)
    assert.ok(looks >= 3)
    assert.deepEqual(errors, [])
  })
})

describe('storage commitment', () => {
  const decide: Decide = async (references) => references.map(() => ({ outcome: 'committed' }))

  it('is reported on the association of the request while that lasts', async (t) => {
    const { acceptor } = await site(t, decide)
    const report = await requestCommitment(nodeAt(acceptor.port), [CT], new CommitmentReports())
    assert.deepEqual(report.committed, [CT])
    assert.deepEqual(report.failed, [])
  })

  it('is reported back to the requester where its association has ended', async (t) => {
    const asker = await site(t)
    const { acceptor, errors } = await site(
      t,
      async (references) => references.map(() => (asked++ < 3 ? { outcome: 'pending' } : { outcome: 'committed' })),
      () => nodeAt(asker.acceptor.port),
    )
    let asked = 0
    const waits = { sameAssociationMs: 0, reportMs: 20_000 }
    const report = await requestCommitment(nodeAt(acceptor.port), [CT], asker.reports, waits)
    assert.deepEqual(report.committed, [CT])
    assert.deepEqual(errors, [])
  })

  it('gives up where no report comes, or the peer refuses', async (t) => {
    const { acceptor, errors } = await site(t, async (references) => references.map(() => ({ outcome: 'pending' })))
    const waits = { sameAssociationMs: 1, reportMs: 20 }
    const late = requestCommitment(nodeAt(acceptor.port), [CT], new CommitmentReports(), waits)
    await assert.rejects(late, (error) => error instanceof StoreError && error.code === 'peer_timeout')
    assert.deepEqual(errors, [])
    const refusing = await startDouble(
      {
        onMessage: ({ contextId, command }, association) => {
          if (isRequest(command)) association.reply(contextId, command, { status: 0x0110 })
        },
      },
      t,
    )
    const refused = requestCommitment(nodeAt(refusing.port), [CT], new CommitmentReports(), waits)
    await assert.rejects(refused, (error) => error instanceof StoreError && error.code === 'peer_refused')
  })

  it('believes no report that nobody waits for, and none that says nothing', () => {
    const reports = new CommitmentReports()
    const syntax = '1.2.840.10008.1.2'
    const event = {
      kind: 'n_event_report_rq',
      messageId: 1,
      affectedSopClassUid: STORAGE_COMMITMENT.sopClass,
      affectedSopInstanceUid: STORAGE_COMMITMENT.sopInstance,
      eventTypeId: 1,
      hasDataSet: true,
    } as const
    const bytes = formatCommitmentReport({ transactionUid: '1.2.3', committed: [CT], failed: [] }, syntax)
    assert.equal(reports.take(event, bytes, syntax).status, 0x0112)
    assert.equal(reports.take(event, new Uint8Array(0), syntax).status, 0x0115)
    assert.equal(reports.take(event, null, syntax).status, 0x0211)
    reports.expect('1.2.3')
    assert.equal(reports.take(event, bytes, syntax).status, 0)
    assert.equal(reports.take(event, bytes, syntax).status, 0x0112)
  })
})
