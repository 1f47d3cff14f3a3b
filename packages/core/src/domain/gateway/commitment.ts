/**
 * Commitment: what is asked for and reported in storage commitment, and to what the gateway may commit.
 *
 * Source: PS3.4 annex J (Storage Commitment Push Model), PS3.3 section C.14. The gateway commits to what it has acknowledged
 * durably and, where the settings say so, to what the archive behind it has, or has committed to itself. What is under way
 * is neither committed nor refused yet.
 */
import type { ByteSource } from '../../bytes/source.ts'
import { FormatError } from '../../errors.ts'
import { type Element, findElement, type Tag } from '../../formats/dicom/element.ts'
import { encodeElements, type NewElement } from '../../formats/dicom/encode.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { encodingOf } from '../../formats/dicom/transfer-syntax.ts'
import { readText, readUint16s, sq, text, us } from '../../formats/dicom/values.ts'
import type { InstanceState } from './instance.ts'

export const STORAGE_COMMITMENT = {
  sopClass: '1.2.840.10008.1.20.1',
  /** The well-known instance that every request is sent to. */
  sopInstance: '1.2.840.10008.1.20.1.1',
  /** Action Type ID of a request. */
  request: 1,
  /** Event Type IDs of reports: all committed, or some not. */
  complete: 1,
  failuresExist: 2,
} as const

export interface SopReference {
  readonly sopClassUid: string
  readonly sopInstanceUid: string
}

export interface CommitmentRequest {
  readonly transactionUid: string
  readonly references: readonly SopReference[]
}

/** Failure Reason (0008,1197) of PS3.3 section C.14.1.1. */
export const COMMITMENT_FAILURES = {
  processing_failure: 0x0110,
  no_such_instance: 0x0112,
  class_instance_conflict: 0x0119,
  class_not_supported: 0x0122,
  duplicate_transaction: 0x0131,
  resource_limitation: 0x0213,
} as const

export interface CommitmentReport {
  readonly transactionUid: string
  readonly committed: readonly SopReference[]
  /** `reason`: one of {@link COMMITMENT_FAILURES}, or another number of the peer. */
  readonly failed: readonly (SopReference & { readonly reason: number })[]
}

/**
 * What the gateway must know before it commits. `received`: it has the instance itself, durably. `delivered`: every
 * destination has answered that it has it, too. `committed`: every destination has committed to it.
 */
export const COMMITMENT_POLICIES = ['received', 'delivered', 'committed'] as const
export type CommitmentPolicy = (typeof COMMITMENT_POLICIES)[number]

/** An instance of the gateway, as far as this decision asks. */
export interface KeptInstance {
  readonly sopClassUid: string | null
  readonly state: InstanceState
  readonly deliveries: readonly {
    readonly state: 'held' | 'waiting' | 'sent' | 'dead'
    readonly committedAt: Date | null
  }[]
}

export type CommitmentDecision =
  | { readonly outcome: 'committed' }
  | { readonly outcome: 'pending' }
  | { readonly outcome: 'failed'; readonly reason: number }

/** Whether a reason says that the peer does not have the instance: what it says otherwise, sending it again does not mend. */
export const isAbsence = (reason: number): boolean => reason === COMMITMENT_FAILURES.no_such_instance

const TRANSACTION: Tag = 0x00081195
const REFERENCED_SOPS: Tag = 0x00081199
const FAILED_SOPS: Tag = 0x00081198
const REFERENCED_CLASS: Tag = 0x00081150
const REFERENCED_INSTANCE: Tag = 0x00081155
const FAILURE_REASON: Tag = 0x00081197
const RETRIEVE_AET: Tag = 0x00080054

/**
 * Decides on one reference.
 *
 * @param kept  all instances that the gateway has under the SOP Instance UID; the one that fares best counts
 */
export function decideCommitment(
  { sopClassUid }: SopReference,
  kept: readonly KeptInstance[],
  policy: CommitmentPolicy,
): CommitmentDecision {
  if (kept.length === 0) return failed('no_such_instance')
  const fitting = kept.filter((instance) => instance.sopClassUid === null || instance.sopClassUid === sopClassUid)
  if (fitting.length === 0) return failed('class_instance_conflict')
  const decisions = fitting.map((instance) => decideInstance(instance, policy))
  const best = decisions.find(({ outcome }) => outcome === 'committed')
  return best ?? decisions.find(({ outcome }) => outcome === 'pending') ?? failed('processing_failure')
}

/** One in quarantine may still be rejected: a sender that deletes its own must not be told that it is safe. */
function decideInstance({ state, deliveries }: KeptInstance, policy: CommitmentPolicy): CommitmentDecision {
  if (state === 'rejected') return failed('processing_failure')
  if (state === 'quarantined') return { outcome: 'pending' }
  if (policy === 'received') return { outcome: 'committed' }
  if (deliveries.some((delivery) => delivery.state === 'dead')) return failed('processing_failure')
  if (state !== 'done') return { outcome: 'pending' }
  if (deliveries.length === 0) return failed('processing_failure')
  const isCommitted = policy === 'delivered' || deliveries.every(({ committedAt }) => committedAt !== null)
  return { outcome: isCommitted ? 'committed' : 'pending' }
}

const failed = (reason: keyof typeof COMMITMENT_FAILURES): CommitmentDecision => ({
  outcome: 'failed',
  reason: COMMITMENT_FAILURES[reason],
})

/** Reads the action information of a request. @throws {FormatError} `dimse_malformed` */
export function readCommitmentRequest({ source, elements }: DataSet): CommitmentRequest {
  const references = itemsOf(elements, REFERENCED_SOPS).map((item) => readReference(source, item))
  return { transactionUid: readUid(source, elements, TRANSACTION), references }
}

/** Writes the action information of a request. */
export function formatCommitmentRequest(request: CommitmentRequest, transferSyntaxUid: string): Uint8Array {
  const items = request.references.map((reference) => formatReference(reference))
  const elements = [text(TRANSACTION, 'UI', request.transactionUid), sq(REFERENCED_SOPS, ...items)]
  return encodeElements(elements, encodingOf(transferSyntaxUid))
}

/** Reads the event information of a report. @throws {FormatError} `dimse_malformed` */
export function readCommitmentReport({ source, elements }: DataSet): CommitmentReport {
  return {
    transactionUid: readUid(source, elements, TRANSACTION),
    committed: itemsOf(elements, REFERENCED_SOPS).map((item) => readReference(source, item)),
    failed: itemsOf(elements, FAILED_SOPS).map((item) => {
      const reason = findElement(item, FAILURE_REASON)
      const number = reason === undefined ? undefined : readUint16s(source, reason)[0]
      return { ...readReference(source, item), reason: number ?? COMMITMENT_FAILURES.processing_failure }
    }),
  }
}

/** Writes the event information of a report. @param retrieveAet  where the committed instances can be had; null: not said */
export function formatCommitmentReport(
  { transactionUid, committed, failed }: CommitmentReport,
  transferSyntaxUid: string,
  retrieveAet: string | null = null,
): Uint8Array {
  const elements: NewElement[] = [
    ...(retrieveAet === null ? [] : [text(RETRIEVE_AET, 'AE', retrieveAet)]),
    text(TRANSACTION, 'UI', transactionUid),
    ...(failed.length === 0
      ? []
      : [sq(FAILED_SOPS, ...failed.map((one) => [...formatReference(one), us(FAILURE_REASON, one.reason)]))]),
    // Required while anything was committed, absent otherwise (PS3.4 table J.3-2).
    ...(committed.length === 0 ? [] : [sq(REFERENCED_SOPS, ...committed.map((one) => formatReference(one)))]),
  ]
  return encodeElements(elements, encodingOf(transferSyntaxUid))
}

const formatReference = ({ sopClassUid, sopInstanceUid }: SopReference): NewElement[] => [
  text(REFERENCED_CLASS, 'UI', sopClassUid),
  text(REFERENCED_INSTANCE, 'UI', sopInstanceUid),
]

const readReference = (source: ByteSource, item: readonly Element[]): SopReference => ({
  sopClassUid: readUid(source, item, REFERENCED_CLASS),
  sopInstanceUid: readUid(source, item, REFERENCED_INSTANCE),
})

function itemsOf(elements: readonly Element[], tag: Tag): readonly (readonly Element[])[] {
  return (findElement(elements, tag)?.items ?? []).map((item) => item.elements)
}

function readUid(source: ByteSource, elements: readonly Element[], tag: Tag): string {
  const element = findElement(elements, tag)
  const uid = element === undefined ? '' : readText(source, element).trim()
  if (/^[0-9.]{1,64}$/.test(uid)) return uid
  throw new FormatError('dimse_malformed', 'a UID of a storage commitment is missing or none')
}
