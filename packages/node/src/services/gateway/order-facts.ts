/**
 * Order facts: the order of an image, as the gateway knows it, in the words of a seal.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { OrderFacts } from '../seal-at-gateway.ts'
import { ACCESSION_NUMBER, type FindOrder } from './judging.ts'
import type { Observe } from './observation.ts'
import type { Orders } from './orders.ts'

const MATCHES = { series: 'procedure_step', study: 'study', accession_number: 'accession_number' } as const

/** Finds the order of each image. Where the orders cannot be asked, the image has none: a seal says less then. */
export const findOrderIn =
  (orders: Pick<Orders, 'bind'>, observe: Observe): FindOrder =>
  async ({ origin }, examination): Promise<OrderFacts | null> => {
    if (examination.state !== 'examined') return null
    const { studyInstanceUid, seriesInstanceUid } = examination.description.instance
    const [accessionNumber = null] = examination.attributes[ACCESSION_NUMBER] ?? []
    const question = { studyInstanceUid, seriesInstanceUid, accessionNumber, callingAet: origin.callingAet }
    try {
      const binding = await orders.bind(question)
      if (binding === null) return null
      return {
        source: binding.source === 'performed' ? 'mpps' : 'mwl',
        matchedBy: MATCHES[binding.matchedBy],
        accessionNumber: binding.accessionNumber,
        requestedProcedureId: binding.requestedProcedureId,
        scheduledProcedureStepId: binding.scheduledProcedureStepId,
        stationAet: binding.stationAet,
        mppsSopInstanceUid: binding.mppsSopInstanceUid,
        technologist: binding.operators[0] ?? null,
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      observe({ kind: 'trouble', where: 'orders', code: error.code })
      return null
    }
  }
