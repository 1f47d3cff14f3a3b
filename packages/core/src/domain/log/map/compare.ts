/**
 * Compare: holds a proven study against the files at hand, and against the same study at an earlier time.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { encodeHex } from '../../../bytes/hex.ts'
import { equalBytes } from '../../../bytes/text.ts'
import { instanceKeyOf } from './keys.ts'
import { encodeRecord, type InstanceRecord } from './record.ts'
import type { StudyRecords } from './study-proof.ts'

/** How images at hand and a proven study fit. Together, `present`, `gone` and `unknown` are the images at hand. */
export interface InstanceMatch {
  /** SOP Instance UIDs that the study has. */
  readonly present: readonly string[]
  /** SOP Instance UIDs that the study had: erased or withdrawn by an entry of the log. */
  readonly gone: readonly string[]
  /** SOP Instance UIDs that were never recorded in the study. */
  readonly unknown: readonly string[]
  /** Records of instances that the study has and that are not at hand. */
  readonly missing: readonly InstanceRecord[]
}

/** Sorts images at hand by what a proven study knows of them. @param sopInstanceUids  without padding; each counts once */
export function matchInstances(
  hashes: HashFactory,
  { salt, records }: StudyRecords,
  sopInstanceUids: Iterable<string>,
): InstanceMatch {
  const byKey = new Map(records.map((record) => [encodeHex(record.key), record]))
  const seen = new Set<InstanceRecord>()
  const sorted = { present: [] as string[], gone: [] as string[], unknown: [] as string[] }
  for (const uid of new Set(sopInstanceUids)) {
    const record = byKey.get(encodeHex(instanceKeyOf(hashes, salt, uid)))
    if (record === undefined) sorted.unknown.push(uid)
    else {
      seen.add(record)
      sorted[record.state === 'present' ? 'present' : 'gone'].push(uid)
    }
  }
  return { ...sorted, missing: records.filter((record) => record.state === 'present' && !seen.has(record)) }
}

/** A proven study and how much of the log it is from. */
export interface StudyAt extends StudyRecords {
  /** Entries of the log that were worked in. */
  readonly size: bigint
}

export type Contradiction =
  /** A record of the earlier time is not there any more. */
  | 'vanished'
  /** A record that the earlier time does not have names a first entry from before it. */
  | 'back_dated'
  /** A record says of the time before otherwise than the earlier one. */
  | 'rewritten'

/** What became of a study between two map roots. */
export interface StudyChange {
  /** Instances whose first entry came after the earlier time. */
  readonly added: readonly InstanceRecord[]
  /** Instances that were known and of which newer entries speak, in their later state. */
  readonly changed: readonly InstanceRecord[]
  /** What no honest archive can show; the records are the later ones, or for `vanished` the earlier. */
  readonly contradictions: readonly { readonly reason: Contradiction; readonly record: InstanceRecord }[]
}

/**
 * What became of a study, and whether both times can be true of one log.
 * @throws {RangeError} if `later` is of a smaller log than `earlier`
 */
export function compareStudies(earlier: StudyAt, later: StudyAt): StudyChange {
  if (later.size < earlier.size) throw new RangeError('the later study is of a smaller log')
  const before = new Map(earlier.records.map((record) => [encodeHex(record.key), record]))
  const names = new Set(later.records.map(({ key }) => encodeHex(key)))
  const change = { added: [] as InstanceRecord[], changed: [] as InstanceRecord[] }
  const contradictions: { reason: Contradiction; record: InstanceRecord }[] = []
  for (const record of later.records) {
    const known = before.get(encodeHex(record.key))
    const reason = findContradiction(known, record, earlier.size)
    if (reason !== undefined) contradictions.push({ reason, record })
    else if (known === undefined) change.added.push(record)
    else if (record.newest >= earlier.size) change.changed.push(record)
  }
  for (const [name, record] of before) if (!names.has(name)) contradictions.push({ reason: 'vanished', record })
  return { ...change, contradictions }
}

function findContradiction(
  known: InstanceRecord | undefined,
  record: InstanceRecord,
  earlierSize: bigint,
): Contradiction | undefined {
  if (known === undefined) return record.first < earlierSize ? 'back_dated' : undefined
  if (equalBytes(encodeRecord(known), encodeRecord(record))) return undefined
  const isNews = record.newest >= earlierSize && record.entries > known.entries && record.first === known.first
  return isNews ? undefined : 'rewritten'
}
