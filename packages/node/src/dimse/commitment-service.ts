/**
 * Commitment service: answers requests for storage commitment, and takes reports on requests of ours.
 *
 * Source: PS3.4 annex J. What may be committed to, domain/gateway/commitment decides. Known limit: a transaction is forgotten
 * with the process; whoever waits for its report asks again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import {
  COMMITMENT_FAILURES,
  type CommitmentDecision,
  type CommitmentReport,
  type CommitmentRequest,
  formatCommitmentReport,
  readCommitmentRequest,
  type SopReference,
  STORAGE_COMMITMENT,
} from '@fiducial/core/domain/gateway/commitment.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import type { Proposal } from './propose.ts'
import { requireContext, requireSuccess } from './query.ts'
import type { RemoteNode } from './remote-node.ts'
import { COMMITMENT_SYNTAXES, type CommitmentReports } from './request-commitment.ts'
import { openAssociation } from './requestor.ts'
import type { Operation, ServiceProvider } from './service.ts'

const { sopClass, sopInstance } = STORAGE_COMMITMENT

export interface CommitmentServiceOptions {
  /** Decides on references, all at once. */
  readonly decide: (references: readonly SopReference[]) => Promise<readonly CommitmentDecision[]>
  /** Where to report to when the association of the request has ended: by AE title. */
  readonly nodeOf: (aet: string) => RemoteNode | undefined
  readonly reports: CommitmentReports
  /** Told of what nobody else hears of: a report that reached nobody. */
  readonly onError?: (error: unknown) => void
  /** How often what is under way is looked at again, and how long. Default: 1,000 and 900,000. */
  readonly pollMs?: number
  readonly deadlineMs?: number
  /** Title that is said to have what was committed; null: not said. */
  readonly retrieveAet?: string | null
}

/** Takes requests for commitment, and reports on requests of ours: the one SOP Class is for both. */
export class CommitmentService implements ServiceProvider {
  readonly name = 'storage_commitment'
  readonly #options: CommitmentServiceOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(options: CommitmentServiceOptions) {
    this.#options = options
  }

  takes(abstractSyntax: string): boolean {
    return abstractSyntax === sopClass
  }

  chooseSyntax(proposed: readonly string[]): string | undefined {
    return COMMITMENT_SYNTAXES.find((syntax) => proposed.includes(syntax))
  }

  async serve(operation: Operation): Promise<void> {
    const { request, dataSet, context } = operation
    if (request.kind === 'n_event_report_rq') {
      return operation.reply(this.#options.reports.take(request, dataSet, context.transferSyntax))
    }
    if (request.kind !== 'n_action_rq') return operation.reply({ status: STATUS.unrecognizedOperation })
    if (request.actionTypeId !== STORAGE_COMMITMENT.request) return operation.reply({ status: STATUS.noSuchActionType })
    if (request.requestedSopInstanceUid !== sopInstance) {
      return operation.reply({ status: STATUS.noSuchObjectInstance })
    }
    const asked = readRequest(dataSet, context.transferSyntax)
    if (asked === undefined) return operation.reply({ status: STATUS.invalidArgument })
    await operation.reply({ status: STATUS.success, actionTypeId: request.actionTypeId })
    const running = this.#answer(operation, asked).catch((error) => this.#options.onError?.(error))
    this.#running.add(running)
    void running.finally(() => this.#running.delete(running))
  }

  /** Transactions under way are given up. */
  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  async #answer(operation: Operation, asked: CommitmentRequest): Promise<void> {
    const report = await this.#decide(asked)
    if (report === undefined) return
    if (!(await this.#reportThere(operation, report))) await this.#reportBack(operation.association.callingAet, report)
  }

  /** Waits for what is under way; what is not decided in time has failed, for now. Undefined once we are closed. */
  async #decide({ transactionUid, references }: CommitmentRequest): Promise<CommitmentReport | undefined> {
    const { pollMs = 1_000, deadlineMs = 900_000 } = this.#options
    const deadline = performance.now() + deadlineMs
    for (;;) {
      const decisions = await this.#options.decide(references)
      const isOver = performance.now() >= deadline
      if (isOver || decisions.every(({ outcome }) => outcome !== 'pending')) {
        return reportOf(transactionUid, references, decisions)
      }
      await pause(pollMs, undefined, { signal: this.#stop.signal }).catch(() => undefined)
      if (this.#stop.signal.aborted) return undefined
    }
  }

  /** On the association of the request. @returns false where that has ended */
  async #reportThere({ association, context }: Operation, report: CommitmentReport): Promise<boolean> {
    if (association.ended.aborted) return false
    try {
      const dataSet = formatCommitmentReport(report, context.transferSyntax, this.#options.retrieveAet)
      await association.ask({ context, command: eventOf(report), dataSet })
      return true
    } catch (error) {
      if (error instanceof StoreError) return false
      throw error
    }
  }

  async #reportBack(aet: string, report: CommitmentReport): Promise<void> {
    const node = this.#options.nodeOf(aet)
    if (node === undefined) throw new StoreError('service_unreachable', 'nobody knows where to report a commitment to')
    const proposals: Proposal[] = [{ abstractSyntax: sopClass, transferSyntaxes: COMMITMENT_SYNTAXES, isOwnScp: true }]
    const association = await openAssociation(node, { proposals, signal: this.#stop.signal })
    try {
      const context = requireContext(association, sopClass)
      const dataSet = formatCommitmentReport(report, context.transferSyntax, this.#options.retrieveAet)
      const { response } = await association.ask(context, eventOf(report), dataSet)
      requireSuccess(response)
    } finally {
      await association.release()
    }
  }
}

function reportOf(
  transactionUid: string,
  references: readonly SopReference[],
  decisions: readonly CommitmentDecision[],
): CommitmentReport {
  const reasonOf = (i: number): number | undefined => {
    const decision = decisions[i]
    if (decision?.outcome === 'committed') return undefined
    return decision?.outcome === 'failed' ? decision.reason : COMMITMENT_FAILURES.processing_failure
  }
  return {
    transactionUid,
    committed: references.filter((_, i) => reasonOf(i) === undefined),
    failed: references.flatMap((reference, i) => {
      const reason = reasonOf(i)
      return reason === undefined ? [] : [{ ...reference, reason }]
    }),
  }
}

const eventOf = ({ failed }: CommitmentReport) =>
  ({
    kind: 'n_event_report_rq',
    affectedSopClassUid: sopClass,
    affectedSopInstanceUid: sopInstance,
    eventTypeId: failed.length === 0 ? STORAGE_COMMITMENT.complete : STORAGE_COMMITMENT.failuresExist,
  }) as const

function readRequest(dataSet: Uint8Array | null, transferSyntaxUid: string): CommitmentRequest | undefined {
  if (dataSet === null) return undefined
  try {
    return readCommitmentRequest(parseDataSet(memorySource(dataSet), transferSyntaxUid))
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
