/**
 * Proof log: checks the proof file beside an image, where the log itself cannot be asked.
 *
 * The leaf is rebuilt from the seal, so a proof of anything else proves nothing. Whom to believe is a C2SP tlog-policy.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { makeEntry } from '@fiducial/core/domain/log/entry.ts'
import type {
  ConsultedLog,
  InstanceQuestion,
  LogEvidence,
  SealLeaf,
} from '@fiducial/core/domain/log/logged-instance.ts'
import { judgeQuorum, keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import type { InstanceLog } from '../ports.ts'
import { timeOfQuorum } from './log-times.ts'

export class ProofLog implements InstanceLog {
  readonly #policies: readonly WitnessPolicy[]
  readonly #crypto: Crypto

  /** @param policies  of the logs that are believed; the first that knows the log of a proof judges it */
  constructor(policies: readonly WitnessPolicy[], crypto: Crypto) {
    this.#policies = policies
    this.#crypto = crypto
  }

  async lookUp({ seal, proof }: InstanceQuestion): Promise<LogEvidence> {
    if (seal === undefined || proof === undefined) return { state: 'not_consulted' }
    const { index, hashes, checkpoint: note } = parseTlogProof(proof)
    const judged = this.#judge(note)
    if (judged === undefined) return { state: 'not_consulted' }
    const { verified, quorum } = judged
    const { origin, size, root } = verified.checkpoint
    const entry = entryOf(seal, this.#crypto)
    const isIncluded =
      entry !== undefined && verifyInclusion(this.#crypto.hash, { entry, index, size, proof: hashes, root })
    const notAfter = timeOfQuorum(quorum)
    return {
      state: 'proof',
      origin,
      size,
      isWitnessed: quorum.state === 'witnessed',
      entry: { index, inclusion: isIncluded ? 'holds' : 'fails', ...(notAfter && { notAfter }) },
      ...(seal.checkpoint !== null && { quoted: { consistency: 'unknown' } }),
    }
  }

  /**
   * The checkpoint under the policy that knows its log; undefined for a log that nobody believes.
   * @throws {StoreError} `log_corrupted` for a checkpoint with a wrong signature of a key that is believed
   */
  #judge(note: string) {
    for (const policy of this.#policies) {
      const verified = verifyCheckpoint(note, keysOfPolicy(policy), this.#crypto)
      if (verified.state === 'signature_wrong') {
        throw new StoreError('log_corrupted', 'the checkpoint of the proof has a wrong signature')
      }
      if (verified.state !== 'valid') continue
      const quorum = judgeQuorum(policy, verified)
      if (quorum.logs.length > 0) return { verified, quorum }
    }
    return undefined
  }
}

/** Undefined for a seal of which no entry can be made: then no proof is of it. */
function entryOf(seal: SealLeaf, { hash }: Crypto): Uint8Array | undefined {
  try {
    return makeEntry(seal, hash)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/**
 * Asks several in turn, until one knows the image.
 *
 * Files beside an image are of whoever hands it over: what they say is added to what a log at hand says, and takes
 * nothing of it away.
 */
export class JoinedLogs implements InstanceLog {
  readonly #logs: readonly InstanceLog[]

  constructor(logs: readonly InstanceLog[]) {
    this.#logs = logs
  }

  async lookUp(question: InstanceQuestion): Promise<LogEvidence> {
    let silent: ConsultedLog | undefined
    for (const log of this.#logs) {
      const evidence = await ask(log, question, silent)
      if (evidence.state === 'not_consulted') continue
      if (evidence.state !== 'consulted' || knowsImage(evidence)) return silent ? join(silent, evidence) : evidence
      silent ??= evidence
    }
    return silent ?? { state: 'not_consulted' }
  }
}

/** After a log that was asked, one that cannot be, or a proof that is none, changes nothing. */
async function ask(
  log: InstanceLog,
  question: InstanceQuestion,
  silent: ConsultedLog | undefined,
): Promise<LogEvidence> {
  try {
    return await log.lookUp(question)
  } catch (error) {
    const isExpected = error instanceof StoreError || error instanceof FormatError
    if (!isExpected || silent === undefined) throw error
    return { state: 'not_consulted' }
  }
}

const knowsImage = ({ entry, records }: ConsultedLog): boolean => entry !== undefined || records.length > 0

/** What is known from a log that has no record of the image, and from another one that has. */
function join(silent: ConsultedLog, evidence: LogEvidence): LogEvidence {
  if (evidence.state !== 'proof' && evidence.state !== 'consulted') return silent
  // The log at hand is as long, and the entry is not where a proof of the same log says: its tree is another one.
  if (evidence.state === 'proof' && evidence.origin === silent.origin && evidence.size <= silent.size) return silent
  const { quoted = evidence.quoted } = silent
  const isOpen = quoted?.consistency === 'unknown'
  return { ...evidence, ...(quoted && { quoted: isOpen ? (evidence.quoted ?? quoted) : quoted }) }
}
