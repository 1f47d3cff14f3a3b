/**
 * Receipt: what whoever logs something holds once it is logged. The acknowledgement is the proof.
 */
import { formatTlogProof } from '@fiducial/core/formats/tlog/proof.ts'

export interface Receipt {
  /** Place of the entry in the log, from 0. */
  readonly index: bigint
  /** What was hashed into the tree: of a statement that was logged before, the entry made then. */
  readonly leaf: Uint8Array
  /** RFC 6962 audit path from the leaf's neighbour up, for the tree of the checkpoint. */
  readonly proof: readonly Uint8Array[]
  /** Signed note of a tree that holds the entry. */
  readonly checkpoint: string
  /** False where the statement was in the log already. */
  readonly isNew: boolean
}

/** The receipt as a C2SP tlog-proof, which others can check. */
export const formatReceipt = ({ index, proof, checkpoint }: Receipt): string =>
  formatTlogProof({ index, hashes: proof, checkpoint })
