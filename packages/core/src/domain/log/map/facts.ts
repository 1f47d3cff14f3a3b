/**
 * Facts: what an entry of the log says about an instance, and what becomes of its record.
 *
 * How facts are read from statements is left to the caller; which events count, and how, stands here and nowhere else.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { encodeHex } from '../../../bytes/hex.ts'
import { instanceKeyOf, seriesKeyOf } from './keys.ts'
import { DIGEST_BYTES } from './map-hash.ts'
import { ENTRIES_LIMIT, type InstanceState, isLess, type MapRecord } from './record.ts'

/** What one entry says about one instance. */
export interface InstanceFacts {
  /** Name of the event, as `acquired`; one that {@link changesStudy} does not know changes nothing. */
  readonly type: string
  /** UIDs without padding. */
  readonly studyInstanceUid: string
  /** Null where the entry names none. */
  readonly seriesInstanceUid: string | null
  readonly sopInstanceUid: string
  /** SHA-256 by which the entry knows the instance, 32 bytes; null where it gives none. */
  readonly digest: Uint8Array | null
}

/** An entry that erases the statement of another: if that one counted for an instance, the instance is erased. */
export interface ErasureFacts {
  readonly type: 'erased'
  /** Index of the other. */
  readonly erases: bigint
}

export type EntryFacts = InstanceFacts | ErasureFacts

/** After which events an instance is there, or is not; all others leave the map alone. */
const STATE_AFTER: Readonly<Record<string, InstanceState>> = {
  acquired: 'present',
  received: 'present',
  'sealed-at-gateway': 'present',
  transcoded: 'present',
  derived: 'present',
  'drill-injected': 'present',
  'drill-withdrawn': 'withdrawn',
}

/** Whether an event about an instance says if it is there. */
export const changesStudy = (type: string): boolean => Object.hasOwn(STATE_AFTER, type)

/** What an instance is after an event about it; undefined for one that says nothing of that. */
export const stateAfter = (type: string): InstanceState | undefined =>
  changesStudy(type) ? STATE_AFTER[type] : undefined

/** What becomes of one record by one entry. */
export interface RecordNews {
  /** Index of the entry. */
  readonly index: bigint
  /** Key of the instance. */
  readonly key: Uint8Array
  readonly series: Uint8Array | null
  readonly digest: Uint8Array | null
  readonly state: InstanceState
}

/**
 * What facts mean for the records of a study; undefined if nothing.
 * @throws {RangeError} for a digest of another length than 32 bytes
 */
export function newsOf(
  hashes: HashFactory,
  salt: Uint8Array,
  index: bigint,
  { type, sopInstanceUid, seriesInstanceUid, digest }: InstanceFacts,
): RecordNews | undefined {
  const state = stateAfter(type)
  if (state === undefined) return undefined
  if (digest !== null && digest.length !== DIGEST_BYTES) throw new RangeError(`a digest of ${digest.length} bytes`)
  const series = seriesInstanceUid === null ? null : seriesKeyOf(hashes, salt, seriesInstanceUid)
  // Zeros are how a record spells that there is no digest.
  const known = digest?.some((byte) => byte !== 0) ? digest : null
  return { index, key: instanceKeyOf(hashes, salt, sopInstanceUid), series, digest: known, state }
}

/** What the erasure of a statement means for the record that it counted for. */
export const erasureOf = (index: bigint, key: Uint8Array): RecordNews => ({
  index,
  key,
  series: null,
  digest: null,
  state: 'erased',
})

/**
 * The records of a study after some more entries.
 *
 * An entry counts once for each instance: what is not newer than the record changes nothing, so that working an entry
 * in twice does no harm.
 * @param records  in the order of their keys
 * @param news     about this study, in the order of the log
 * @returns in the order of their keys
 */
export function updateRecords(records: readonly MapRecord[], news: readonly RecordNews[]): readonly MapRecord[] {
  const byKey = new Map(records.map((record) => [encodeHex(record.key), record]))
  for (const { index, key, series, digest, state } of news) {
    const name = encodeHex(key)
    const known = byKey.get(name)
    if (known !== undefined && known.newest >= index) continue
    byKey.set(name, {
      key,
      series: series ?? known?.series ?? new Uint8Array(DIGEST_BYTES),
      digest: digest ?? known?.digest ?? null,
      first: known?.first ?? index,
      newest: index,
      entries: Math.min((known?.entries ?? 0) + 1, ENTRIES_LIMIT),
      state,
    })
  }
  return [...byKey.values()].sort((a, b) => (isLess(a.key, b.key) ? -1 : 1))
}
