/**
 * Proof file: an entry of a log as a C2SP tlog-proof, which others check without asking anybody.
 *
 * The leaf of a sealed image follows from its seal. That of any other entry goes along as the extra data of the proof,
 * which C2SP has for it: nobody has signed it, and it counts as far as the proof shows that it is in the log.
 */
import { formatTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import type { LogView, ProvenEntry } from './log-view.ts'

/** @param isSealed  whoever checks it has the seal */
export function formatProof({ index, leaf, proof }: ProvenEntry, { checkpoint }: LogView, isSealed: boolean): string {
  return formatTlogProof({ index, hashes: proof, checkpoint: checkpoint.note, ...(!isSealed && { extra: leaf }) })
}
