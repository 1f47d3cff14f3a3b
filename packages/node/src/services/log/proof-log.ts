/**
 * Proof log: checks the proof file beside an image, where the log itself cannot be asked.
 *
 * The leaf is rebuilt from the seal, so a proof of anything else proves nothing. Whom to believe is a C2SP tlog-policy.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { makeEntry } from '@fiducial/core/domain/log/entry.ts'
import type { InstanceQuestion, LogEvidence } from '@fiducial/core/domain/log/logged-instance.ts'
import { judgeQuorum, keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import type { InstanceLog } from '../ports.ts'

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
    const entry = makeEntry(seal, this.#crypto.hash)
    const isIncluded = verifyInclusion(this.#crypto.hash, { entry, index, size, proof: hashes, root })
    const notAfter = quorum.notAfter === undefined ? undefined : new Date(Number(quorum.notAfter) * 1000)
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

/** Asks several in turn, until one has something to say about the image. */
export class JoinedLogs implements InstanceLog {
  readonly #logs: readonly InstanceLog[]

  constructor(logs: readonly InstanceLog[]) {
    this.#logs = logs
  }

  async lookUp(question: InstanceQuestion): Promise<LogEvidence> {
    let last: LogEvidence = { state: 'not_consulted' }
    for (const log of this.#logs) {
      const evidence = await log.lookUp(question)
      if (evidence.state !== 'not_consulted') last = evidence
      if (saysSomething(evidence)) return evidence
    }
    return last
  }
}

/** Whether a log knows the image at all. */
function saysSomething(evidence: LogEvidence): boolean {
  if (evidence.state === 'consulted') return evidence.entry !== undefined || evidence.records.length > 0
  return evidence.state === 'proof' || evidence.state === 'unavailable'
}
