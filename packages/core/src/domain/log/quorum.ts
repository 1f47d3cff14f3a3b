/**
 * Quorum: whether a checkpoint has the signatures that a policy asks for, and since when it has existed at the latest.
 *
 * Source: C2SP tlog-policy, sections "What is a policy?" and "Defining a log". Fails closed: whatever is not shown to be
 * signed by a log of the policy under its own name, and witnessed by the quorum, is not.
 */
import { isSameKey, type VerifierKey } from '../../formats/note/verifier-key.ts'
import { isQuorum, type PolicyLog, type PolicyWitness, type WitnessPolicy } from '../../formats/tlog/policy.ts'
import { isSignedBy, type VerifiedCheckpoint } from './verify-checkpoint.ts'

/** A witness of the policy that has cosigned. */
export interface Witnessing {
  readonly witness: PolicyWitness
  /** Earliest time it states, in seconds; missing where it states none. */
  readonly timestamp?: bigint
}

export interface QuorumResult {
  /**
   * `witnessed`: all that the policy asks for is there. `quorum_missing`: a log of the policy has signed, but too few
   * witnesses have. `log_unknown`: no log of the policy has signed under the origin of the checkpoint.
   */
  readonly state: 'witnessed' | 'quorum_missing' | 'log_unknown'
  /** Logs of the policy that have signed; more than one where a log has two keys. */
  readonly logs: readonly PolicyLog[]
  /** Witnesses of the policy that have cosigned, in its order. */
  readonly witnesses: readonly Witnessing[]
  /**
   * Seconds. The checkpoint existed at this time, if the quorum is honest: earliest moment at which cosignatures that
   * state their time made a quorum. Missing unless `witnessed`, and where the policy asks for no witness.
   */
  readonly notAfter?: bigint
}

/** All keys of a policy: what to hand to verifyCheckpoint. */
export function keysOfPolicy({ logs, witnesses }: WitnessPolicy): readonly VerifierKey[] {
  return [...logs, ...witnesses].map(({ key }) => key)
}

/** Judges a checkpoint whose signatures were checked with {@link keysOfPolicy}; with fewer keys, fewer are found. */
export function judgeQuorum(policy: WitnessPolicy, checkpoint: VerifiedCheckpoint): QuorumResult {
  const { origin } = checkpoint.checkpoint
  const logs = policy.logs.filter(({ key }) => key.name === origin && isSignedBy(checkpoint, key))
  const witnesses = policy.witnesses.flatMap((witness) => findWitnessing(witness, checkpoint))
  if (logs.length === 0) return { state: 'log_unknown', logs, witnesses }
  if (!isQuorum(policy, namesOf(witnesses))) return { state: 'quorum_missing', logs, witnesses }
  const notAfter = earliestQuorum(policy, witnesses)
  return { state: 'witnessed', logs, witnesses, ...(notAfter !== undefined && { notAfter }) }
}

function findWitnessing(witness: PolicyWitness, { valid }: VerifiedCheckpoint): readonly Witnessing[] {
  const signatures = valid.filter(({ key }) => isSameKey(key, witness.key))
  if (signatures.length === 0) return []
  const [timestamp] = signatures.flatMap((signature) => signature.timestamp ?? []).sort(ascending)
  return [timestamp === undefined ? { witness } : { witness, timestamp }]
}

/** The first time stated at which the witnesses up to then are enough. */
function earliestQuorum(policy: WitnessPolicy, witnesses: readonly Witnessing[]): bigint | undefined {
  if (isQuorum(policy, new Set())) return undefined
  const times = witnesses.flatMap(({ timestamp }) => timestamp ?? []).sort(ascending)
  return times.find((time) =>
    isQuorum(policy, namesOf(witnesses.filter(({ timestamp }) => timestamp !== undefined && timestamp <= time))),
  )
}

const namesOf = (witnesses: readonly Witnessing[]): ReadonlySet<string> =>
  new Set(witnesses.map(({ witness }) => witness.name))

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)
