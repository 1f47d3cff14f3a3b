/**
 * Check batch: refuses what no caller of a sequencer may hand in. Shared by the adapters, which check the rest: fence
 * and place.
 */
import type { RecordQuery, SequencedBatch, Term } from '../../services/log/ports.ts'

/** Of a leaf: an entry bundle has two bytes for its length (C2SP tlog-tiles, "Log entries"). */
const LEAF_LIMIT = 65_535
const TERM_LIMIT = 256
const FIND_LIMIT = 10_000

/** @throws {RangeError} for an empty batch, or a part of it that does not have the length that the port names */
export function checkBatch({ first, entries, root }: SequencedBatch): void {
  if (first < 0n) throw new RangeError('the first index is negative')
  if (entries.length === 0) throw new RangeError('a batch has at least one entry')
  if (root.length !== 32) throw new RangeError(`a root has 32 bytes, not ${root.length}`)
  for (const { leaf, identity, terms } of entries) {
    if (leaf.length === 0 || leaf.length > LEAF_LIMIT) {
      throw new RangeError(`a leaf has 1 to ${LEAF_LIMIT} bytes, not ${leaf.length}`)
    }
    if (identity.length !== 32) throw new RangeError(`an identity has 32 bytes, not ${identity.length}`)
    for (const term of terms) checkTerm(term)
  }
}

/** @throws {RangeError} for a limit outside 1 to 10,000, or a term whose value has no length that the port names */
export function checkQuery({ term, limit }: RecordQuery): void {
  checkTerm(term)
  if (!Number.isInteger(limit) || limit < 1 || limit > FIND_LIMIT) {
    throw new RangeError(`a limit is 1 to ${FIND_LIMIT}`)
  }
}

function checkTerm({ value }: Term): void {
  if (value.length === 0 || value.length > TERM_LIMIT) {
    throw new RangeError(`the value of a term has 1 to ${TERM_LIMIT} characters, not ${value.length}`)
  }
  // Half a character would come back as another one.
  if (!value.isWellFormed()) throw new RangeError('the value of a term is no well-formed text')
}
