/**
 * Request commitment: asks an archive behind us to commit to what it was sent, and waits for its report.
 *
 * Source: PS3.4 annex J. A report travels on the association of the request while that lasts, and else on one that the archive
 * opens (commitment-service takes it then). What may be committed to is for the archive to say.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import {
  type CommitmentReport,
  formatCommitmentRequest,
  readCommitmentReport,
  type SopReference,
  STORAGE_COMMITMENT,
} from '@fiducial/core/domain/gateway/commitment.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import type { Request } from '@fiducial/core/formats/dimse/command.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import type { OpenContext, Proposal } from './propose.ts'
import { requireContext, requireSuccess } from './query.ts'
import type { RemoteNode } from './remote-node.ts'
import { openAssociation, type PeerRequest } from './requestor.ts'
import type { Reply } from './service.ts'

const { sopClass, sopInstance } = STORAGE_COMMITMENT
/** In which requests and reports are spelled, as we like them. */
export const COMMITMENT_SYNTAXES: readonly string[] = [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN]
/** Room for tens of thousands of references. */
const REPORT_BYTES = 4 * 2 ** 20

/** Reports that are waited for, by the UIDs of their transactions. */
export class CommitmentReports {
  readonly #expected = new Map<string, (report: CommitmentReport) => void>()

  /** @returns the report, once it has come; `forget` ends the waiting */
  expect(transactionUid: string): { readonly report: Promise<CommitmentReport>; forget(): void } {
    const { promise, resolve } = Promise.withResolvers<CommitmentReport>()
    this.#expected.set(transactionUid, resolve)
    return { report: promise, forget: () => this.#expected.delete(transactionUid) }
  }

  /** Hands a report to whoever waits for it, and gives the status for its sender. */
  take(request: Request, dataSet: Uint8Array | null, transferSyntaxUid: string): Reply {
    if (request.kind !== 'n_event_report_rq' || dataSet === null) return { status: STATUS.unrecognizedOperation }
    try {
      const report = readCommitmentReport(parseDataSet(memorySource(dataSet), transferSyntaxUid))
      const take = this.#expected.get(report.transactionUid)
      if (take === undefined) return { status: STATUS.noSuchObjectInstance }
      this.#expected.delete(report.transactionUid)
      take(report)
      return { status: STATUS.success, eventTypeId: request.eventTypeId }
    } catch (error) {
      if (error instanceof FormatError) return { status: STATUS.invalidArgument }
      throw error
    }
  }
}

export interface CommitmentWaits {
  /** How long the association stays open for a report. Default: 5,000. */
  readonly sameAssociationMs?: number
  /** How long a report may take at all. Default: 600,000. */
  readonly reportMs?: number
}

/**
 * Asks a node to commit to instances, and waits for its report.
 *
 * @param reports  gets reports that come on associations of the node's own, by {@link CommitmentService}
 * @throws {StoreError} `peer_refused` where it does not take the request, `peer_timeout` where no report comes, and as
 *   `openAssociation`
 */
export async function requestCommitment(
  node: RemoteNode,
  references: readonly SopReference[],
  reports: CommitmentReports,
  { sameAssociationMs = 5_000, reportMs = 600_000, signal }: CommitmentWaits & { readonly signal?: AbortSignal } = {},
): Promise<CommitmentReport> {
  const transactionUid = newUid()
  const { report, forget } = reports.expect(transactionUid)
  const proposals: Proposal[] = [{ abstractSyntax: sopClass, transferSyntaxes: COMMITMENT_SYNTAXES }]
  const onRequest = (context: OpenContext, request: Request): PeerRequest => collecting(reports, context, request)
  try {
    const association = await openAssociation(node, { proposals, onRequest, ...(signal && { signal }) })
    try {
      const context = requireContext(association, sopClass)
      const dataSet = formatCommitmentRequest({ transactionUid, references }, context.transferSyntax)
      const { response } = await association.ask(
        context,
        {
          kind: 'n_action_rq',
          requestedSopClassUid: sopClass,
          requestedSopInstanceUid: sopInstance,
          actionTypeId: STORAGE_COMMITMENT.request,
        },
        dataSet,
      )
      requireSuccess(response)
      await within(report, sameAssociationMs, signal)
    } finally {
      await association.release()
    }
    const answer = await within(report, reportMs, signal)
    if (answer === undefined) throw new StoreError('peer_timeout', 'no report of the storage commitment came')
    return answer
  } finally {
    forget()
  }
}

function collecting(reports: CommitmentReports, { transferSyntax }: OpenContext, request: Request): PeerRequest {
  const pieces: Uint8Array[] = []
  let length = 0
  return {
    write(bytes) {
      length += bytes.length
      if (length <= REPORT_BYTES) pieces.push(new Uint8Array(bytes))
      return true
    },
    async end() {
      if (length > REPORT_BYTES) return { status: STATUS.resourceLimitation }
      return reports.take(request, request.hasDataSet ? joinBytes(pieces) : null, transferSyntax)
    },
    abort: () => undefined,
  }
}

/** Undefined where it has not come in time. */
async function within<T>(promise: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T | undefined> {
  const stop = new AbortController()
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  try {
    return await Promise.race([promise, pause(ms, undefined, { signal: either })])
  } finally {
    stop.abort()
  }
}

/** Under the root 2.25 (PS3.5 annex B.2). */
const newUid = (): string => `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`
