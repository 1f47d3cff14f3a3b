/**
 * Compare: holds a proven study against the same study at an earlier time.
 *
 * Both come from proofs that were verified, under map roots of one log. How the images at hand fit a study is for
 * domain/verdict to say.
 */
import { encodeHex } from '../../../bytes/hex.ts'
import { equalBytes } from '../../../bytes/text.ts'
import { encodeRecord, type MapRecord } from './record.ts'
import type { StudyRecords } from './study-proof.ts'

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
  readonly added: readonly MapRecord[]
  /** Instances that were known and of which newer entries speak, in their later state. */
  readonly changed: readonly MapRecord[]
  /** What no honest archive can show; the records are the later ones, or for `vanished` the earlier. */
  readonly contradictions: readonly { readonly reason: Contradiction; readonly record: MapRecord }[]
}

/**
 * What became of a study, and whether both times can be true of one log.
 * @throws {RangeError} if `later` is of a smaller log than `earlier`
 */
export function compareStudies(earlier: StudyAt, later: StudyAt): StudyChange {
  if (later.size < earlier.size) throw new RangeError('the later study is of a smaller log')
  const before = new Map(earlier.records.map((record) => [encodeHex(record.key), record]))
  const names = new Set(later.records.map(({ key }) => encodeHex(key)))
  const change = { added: [] as MapRecord[], changed: [] as MapRecord[] }
  const contradictions: { reason: Contradiction; record: MapRecord }[] = []
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
  known: MapRecord | undefined,
  record: MapRecord,
  earlierSize: bigint,
): Contradiction | undefined {
  if (known === undefined) return record.first < earlierSize ? 'back_dated' : undefined
  if (equalBytes(encodeRecord(known), encodeRecord(record))) return undefined
  const isNews = record.newest >= earlierSize && record.entries > known.entries && record.first === known.first
  return isNews ? undefined : 'rewritten'
}
