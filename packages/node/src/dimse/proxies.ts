/**
 * Proxies: what is passed on to an archive, and what to the system that keeps orders; the latter is observed.
 *
 * An observation is made of bytes that went through unchanged; what it says is left to domain/gateway/orders.
 */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import { statusClass } from '@fiducial/core/formats/dimse/status.ts'
import type { Orders } from '../services/gateway/orders.ts'
import { type PassedMessage, type ProxyOptions, ProxyService } from './proxy-service.ts'
import { MODALITY_WORKLIST, QUERY_RETRIEVE } from './query.ts'

/** Query, move and get at patient and study root; their retired third, and retrieval of composite instances. */
export const ARCHIVE_CLASSES: readonly string[] = [
  ...Object.values(QUERY_RETRIEVE.patient),
  ...Object.values(QUERY_RETRIEVE.study),
  '1.2.840.10008.5.1.4.1.2.3.1',
  '1.2.840.10008.5.1.4.1.2.3.2',
  '1.2.840.10008.5.1.4.1.2.3.3',
  '1.2.840.10008.5.1.4.1.2.4.2',
  '1.2.840.10008.5.1.4.1.2.4.3',
  '1.2.840.10008.5.1.4.1.2.5.3',
]

/** Modality Performed Procedure Step, and its retrieval. */
export const PROCEDURE_STEP = '1.2.840.10008.3.1.2.3.3'
export const ORDER_CLASSES: readonly string[] = [MODALITY_WORKLIST, PROCEDURE_STEP, '1.2.840.10008.3.1.2.3.4']

type Behind = Pick<ProxyOptions, 'nodeOf' | 'onError'>

/** Queries and retrievals, passed on to an archive. */
export const archiveProxy = (behind: Behind): ProxyService =>
  new ProxyService({ ...behind, name: 'archive_proxy', sopClasses: ARCHIVE_CLASSES })

/** Worklists and procedure steps, passed on to a RIS and remembered. */
export const orderProxy = (orders: Orders, behind: Behind): ProxyService =>
  new ProxyService({
    ...behind,
    name: 'order_proxy',
    sopClasses: ORDER_CLASSES,
    observe: (passed) => observeOrder(orders, passed),
  })

/** What a RIS refuses has not happened. @throws {FormatError} {StoreError} */
async function observeOrder(orders: Orders, passed: PassedMessage): Promise<void> {
  const { request, response, transferSyntax, requestDataSet, responseDataSet } = passed
  const kind = statusClass(response.status)
  if (request.kind === 'c_find_rq' && passed.abstractSyntax === MODALITY_WORKLIST) {
    if (kind === 'pending' && responseDataSet !== null) {
      await orders.scheduled(parseDataSet(memorySource(responseDataSet), transferSyntax))
    }
    return
  }
  if (requestDataSet === null || (kind !== 'success' && kind !== 'warning')) return
  const dataSet = parseDataSet(memorySource(requestDataSet), transferSyntax)
  if (request.kind === 'n_create_rq') {
    const uid = response.affectedSopInstanceUid ?? request.affectedSopInstanceUid
    if (uid !== undefined) await orders.performed(uid, dataSet)
  }
  if (request.kind === 'n_set_rq') await orders.performed(request.requestedSopInstanceUid, dataSet)
}
