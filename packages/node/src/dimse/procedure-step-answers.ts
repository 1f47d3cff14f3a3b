/**
 * Procedure step answers: an information system that takes every report of a modality, for demonstrations and tests, where none
 * is at hand.
 *
 * Source: PS3.4 annex F (N-CREATE, N-SET). What is reported is remembered as an order, as if it had been passed on.
 */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import type { Orders } from '../services/gateway/orders.ts'
import { PROCEDURE_STEP } from './proxies.ts'
import type { ServiceProvider } from './service.ts'

export const procedureStepAnswers = (orders: Pick<Orders, 'performed'>): ServiceProvider => ({
  name: 'procedure_steps',
  takes: (abstractSyntax) => abstractSyntax === PROCEDURE_STEP,
  async serve({ request, dataSet, context, reply }) {
    const uid =
      request.kind === 'n_create_rq'
        ? request.affectedSopInstanceUid
        : request.kind === 'n_set_rq'
          ? request.requestedSopInstanceUid
          : undefined
    if (uid === undefined) return reply({ status: STATUS.unrecognizedOperation })
    if (dataSet === null) return reply({ status: STATUS.invalidArgument })
    await orders.performed(uid, parseDataSet(memorySource(dataSet), context.transferSyntax))
    await reply({ status: STATUS.success })
  },
})
