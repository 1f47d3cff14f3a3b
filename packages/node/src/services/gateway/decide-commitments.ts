/** Decide commitments: to which of the instances that a sender asks about the gateway commits. */
import {
  type CommitmentDecision,
  type CommitmentPolicy,
  decideCommitment,
  type SopReference,
} from '@fiducial/core/domain/gateway/commitment.ts'
import type { InstanceStore } from './ports.ts'

/** Instances under one UID that are looked at: the newest. */
const LOOKED_AT = 100

/** @returns a decision for each reference, in their order. The result @throws {StoreError} where the records cannot be read */
export function commitmentsBy(
  instances: Pick<InstanceStore, 'list'>,
  policy: CommitmentPolicy,
): (references: readonly SopReference[]) => Promise<readonly CommitmentDecision[]> {
  return async (references) => {
    const decisions: CommitmentDecision[] = []
    for (const reference of references) {
      const { sopInstanceUid } = reference
      const kept = await instances.list({ sopInstanceUid, order: 'newest_first', limit: LOOKED_AT })
      decisions.push(decideCommitment(reference, kept, policy))
    }
    return decisions
  }
}
