/**
 * Verify: what a proof of completeness shows, given what an entry of the log says of the map.
 *
 * That the entry stands in the log, and in a log that others watch, is shown elsewhere. A proof shows what was logged by
 * then, and nothing about images that never came to the log. Bad evidence is no error: it is the answer.
 */
import { digestOf, type HashFactory } from '../../../bytes/hash.ts'
import { equalBytes } from '../../../bytes/text.ts'
import { verifyInclusion } from '../../../formats/merkle/tree.ts'
import type { MapRootDetails } from '../event-details.ts'
import type { InstanceProof, PlacedRecord } from './instance-proof.ts'
import { instanceKeyOf, studyKeyOf } from './keys.ts'
import { DIGEST_BYTES } from './map-hash.ts'
import { verifyMapProof } from './proof.ts'
import type { ProofParts } from './proof-parts.ts'
import { encodeRecord, hashStudy, isAscending, isLess, isPlausible, type MapRecord, summarize } from './record.ts'
import type { StudyProof } from './study-proof.ts'

/** Why a proof shows nothing. */
export type ProofFlaw =
  /** It belongs to another map root. */
  | 'other_map'
  /** Its blinding key is not the one that the map root commits to. */
  | 'blinding_key_wrong'
  /** The path does not lead from the study to the root: another study, other records, or a change. */
  | 'path_wrong'
  /** Records are out of order, contradict themselves, or come from entries that the map has not worked in. */
  | 'records_wrong'
  /** The records do not show the instance, nor that it is missing. */
  | 'place_wrong'

export type StudyFinding =
  /** The study has exactly `present` instances, and has had those whose records say that they are gone. */
  | {
      readonly outcome: 'complete'
      readonly present: number
      /** All that were ever recorded, in the order of their keys. */
      readonly records: readonly MapRecord[]
      readonly salt: Uint8Array
    }
  /** No instance of the study was recorded. */
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'refused'; readonly reason: ProofFlaw }

export type InstanceFinding =
  | { readonly outcome: 'recorded'; readonly record: MapRecord }
  /** The study, if it is there at all, has no record of the instance. */
  | { readonly outcome: 'absent'; readonly hasStudy: boolean }
  | { readonly outcome: 'refused'; readonly reason: ProofFlaw }

/** A proof and what it is held against. */
export interface Claimed<Proof> {
  /** What the entry of the log says. */
  readonly mapRoot: MapRootDetails
  readonly proof: Proof
  /** Without padding. */
  readonly studyInstanceUid: string
}

/** How many instances a study has, by a proof of the whole study. */
export function verifyCompleteness(hashes: HashFactory, claim: Claimed<StudyProof>): StudyFinding {
  const { mapRoot, proof } = claim
  const { study } = proof
  if (study === null) return refusal(findFlaw(hashes, claim, undefined)) ?? { outcome: 'absent' }
  const { salt, records } = study
  if (records.length === 0 || !isAscending(records) || !records.every((record) => isKnown(record, mapRoot))) {
    return { outcome: 'refused', reason: 'records_wrong' }
  }
  const summary = summarize(hashes, salt, records)
  const value = isDigest(salt) ? hashStudy(hashes, summary) : salt
  return (
    refusal(findFlaw(hashes, claim, value)) ?? { outcome: 'complete', present: Number(summary.present), records, salt }
  )
}

/** Whether a study has an instance, by a proof that discloses no more of it. */
export function verifyInstance(
  hashes: HashFactory,
  claim: Claimed<InstanceProof> & { readonly sopInstanceUid: string },
): InstanceFinding {
  const { study, records } = claim.proof
  if (study === null) {
    if (records.length > 0) return { outcome: 'refused', reason: 'place_wrong' }
    return refusal(findFlaw(hashes, claim, undefined)) ?? { outcome: 'absent', hasStudy: false }
  }
  if (!isDigest(study.salt) || !isDigest(study.root) || study.present > study.size) {
    return { outcome: 'refused', reason: 'records_wrong' }
  }
  const flaw = findFlaw(hashes, claim, hashStudy(hashes, study))
  if (flaw !== undefined) return { outcome: 'refused', reason: flaw }
  if (!records.every(({ record }) => isKnown(record, claim.mapRoot))) {
    return { outcome: 'refused', reason: 'records_wrong' }
  }
  const isPlaced = ({ record, index, proof }: PlacedRecord): boolean =>
    verifyInclusion(hashes, { entry: encodeRecord(record), index, size: study.size, proof, root: study.root })
  if (!records.every(isPlaced)) return { outcome: 'refused', reason: 'place_wrong' }
  return findPlace(records, study.size, instanceKeyOf(hashes, study.salt, claim.sopInstanceUid))
}

/** What records at proven places say about a key. */
function findPlace(records: readonly PlacedRecord[], size: bigint, key: Uint8Array): InstanceFinding {
  const [first, second] = records
  if (records.length === 1 && first !== undefined) {
    if (equalBytes(first.record.key, key)) return { outcome: 'recorded', record: first.record }
    const isBefore = isLess(first.record.key, key)
    const isAtEnd = isBefore ? first.index === size - 1n : first.index === 0n
    if (isAtEnd) return { outcome: 'absent', hasStudy: true }
  }
  if (records.length === 2 && first !== undefined && second !== undefined) {
    const isBetween = isLess(first.record.key, key) && isLess(key, second.record.key)
    if (isBetween && second.index === first.index + 1n) return { outcome: 'absent', hasStudy: true }
  }
  return { outcome: 'refused', reason: 'place_wrong' }
}

/** What is wrong between a study's value and the entry of the log; undefined if nothing is. */
function findFlaw(
  hashes: HashFactory,
  { mapRoot, proof, studyInstanceUid }: Claimed<ProofParts>,
  value: Uint8Array | undefined,
): ProofFlaw | undefined {
  const { blindingKey, map, path } = proof
  if (map.size !== mapRoot.size || !equalBytes(map.root, mapRoot.root)) return 'other_map'
  const isCommitted = equalBytes(digestOf(hashes, 'sha256', blindingKey), mapRoot.blinding)
  if (!isDigest(blindingKey) || !isCommitted) return 'blinding_key_wrong'
  const key = studyKeyOf(hashes, blindingKey, studyInstanceUid)
  return verifyMapProof(hashes, { root: mapRoot.root, key, value, proof: path }) ? undefined : 'path_wrong'
}

const refusal = (reason: ProofFlaw | undefined) => reason && ({ outcome: 'refused', reason } as const)

const isDigest = (bytes: Uint8Array): boolean => bytes.length === DIGEST_BYTES

const isKnown = (record: MapRecord, { size }: MapRootDetails): boolean => isPlausible(record) && record.newest < size
