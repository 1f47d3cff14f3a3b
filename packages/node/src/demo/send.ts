/** Send: what a simulated room says to a gateway by DICOM: a report of its work (MPPS), and its images (C-STORE). */
import { randomBytes } from 'node:crypto'
import { StoreError } from '@fiducial/core/errors.ts'
import { encodeElements } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { sq, text, textAt } from '@fiducial/core/formats/dicom/values.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import { DimseSender } from '../dimse/dimse-sender.ts'
import { PROCEDURE_STEP } from '../dimse/proxies.ts'
import { openAssociation } from '../dimse/requestor.ts'
import type { Outgoing } from '../services/gateway/ports.ts'
import { openFileSource } from '../storage/file-source.ts'
import type { Taken } from '../workers/room-work.ts'

/** The gateway, as rooms call it. */
export interface RoomTarget {
  readonly host: string
  readonly port: number
  readonly aet: string
}

/** Sends files, in their order. @throws {StoreError} `peer_refused` unless all of them were taken */
export async function sendFiles(target: RoomTarget, callingAet: string, paths: readonly string[]): Promise<void> {
  const sender = new DimseSender({ ...nodeOf(target), callingAet }, { parallel: 1 })
  try {
    for await (const result of sender.send(paths.map(outgoingOf), new AbortController().signal)) {
      if (result.outcome !== 'stored') throw new StoreError('peer_refused', `an image was not taken: ${result.code}`)
    }
  } finally {
    await sender.close()
  }
}

/** Reports that the images of a series were made: which order, which station, who. @throws {StoreError} */
export async function reportStep(target: RoomTarget, callingAet: string, taken: Taken, now: Date): Promise<void> {
  const proposals = [{ abstractSyntax: PROCEDURE_STEP, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN] }]
  const association = await openAssociation({ ...nodeOf(target), callingAet }, { proposals })
  try {
    const context = association.find(PROCEDURE_STEP)
    if (context === undefined) return
    const message = {
      kind: 'n_create_rq',
      affectedSopClassUid: PROCEDURE_STEP,
      affectedSopInstanceUid: `2.25.${BigInt(`0x${randomBytes(15).toString('hex')}`)}`,
    } as const
    const dataSet = encodeElements(stepElements(callingAet, taken, now), EXPLICIT_LITTLE)
    for await (const { response } of association.exchange(context, message, dataSet)) {
      if (response.status !== STATUS.success) throw new StoreError('peer_refused', 'the report was not taken')
    }
  } finally {
    await association.release()
  }
}

const nodeOf = ({ host, port, aet }: RoomTarget) => ({ host, port, calledAet: aet })

function stepElements(aet: string, { studyUid, seriesUid, accessionNumber, operator, modality }: Taken, now: Date) {
  const [date = '', time = ''] = now
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .split('T')
  return [
    text(0x00080060, 'CS', modality),
    text(0x00400241, 'AE', aet),
    text(0x00400244, 'DA', date),
    text(0x00400245, 'TM', time),
    text(0x00400252, 'CS', 'COMPLETED'),
    sq(0x00400270, [
      text(0x00080050, 'SH', accessionNumber),
      text(0x0020000d, 'UI', studyUid),
      text(0x00400009, 'SH', `STEP-${accessionNumber}`.slice(0, 16)),
      text(0x00401001, 'SH', `PROC-${accessionNumber}`.slice(0, 16)),
    ]),
    sq(0x00400340, [text(0x00081070, 'PN', operator), text(0x0020000e, 'UI', seriesUid)]),
  ]
}

function outgoingOf(path: string): Outgoing {
  using source = openFileSource(path)
  const { dataSet, transferSyntaxUid } = parseDicom(source)
  return {
    deliveryId: path,
    orderKey: 'room',
    sopClassUid: textAt(dataSet, 0x00080016) ?? '',
    sopInstanceUid: textAt(dataSet, 0x00080018) ?? '',
    transferSyntaxUid,
    async open() {
      const file = openFileSource(path)
      return Object.assign(file, { [Symbol.asyncDispose]: async () => file.close() })
    },
  }
}
