/**
 * Facts: what an entry of the log says about an instance, and what becomes of its record.
 *
 * How facts are read from statements is left to the caller; which events count, and how, stands here and nowhere else.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { encodeHex } from '../../../bytes/hex.ts'
import { instanceKeyOf, seriesKeyOf } from './keys.ts'
import { DIGEST_BYTES } from './map-hash.ts'
import { ENTRIES_LIMIT, type InstanceRecord, type InstanceState, isLess } from './record.ts'

/** What one entry says about one instance. */
export interface InstanceFacts {
  /** Name of the event, as `acquired`. */
  readonly type: string
  /** UIDs without padding. */
  readonly studyInstanceUid: string
  /** Null where the entry names none. */
  readonly seriesInstanceUid: string | null
  readonly sopInstanceUid: string
  /** SHA-256 by which the entry knows the instance, 32 bytes; null where it gives none. */
  readonly digest: Uint8Array | null
}

/** After which events an instance is there, or is not; all others leave the map alone. */
const STATE_AFTER: Readonly<Record<string, InstanceState>> = {
  acquired: 'present',
  received: 'present',
  'sealed-at-gateway': 'present',
  transcoded: 'present',
  derived: 'present',
  'drill-injected': 'present',
  erased: 'erased',
  'drill-withdrawn': 'withdrawn',
}

/** Whether an event is one of those that say if an instance is there. */
export const changesStudy = (type: string): boolean => Object.hasOwn(STATE_AFTER, type)

/** Facts with the index of their entry. */
export interface IndexedFacts {
  readonly index: bigint
  readonly facts: InstanceFacts
}

/**
 * The records of a study after some more entries.
 *
 * An entry counts once for each instance: what is not newer than the record changes nothing, so that working an entry
 * in twice does no harm.
 * @param records  in the order of their keys
 * @param news     about this study, in the order of the log; facts of events that change nothing are passed over
 * @returns in the order of their keys
 * @throws {RangeError} for a digest of another length than 32 bytes
 */
export function recordFacts(
  hashes: HashFactory,
  salt: Uint8Array,
  records: readonly InstanceRecord[],
  news: readonly IndexedFacts[],
): readonly InstanceRecord[] {
  const byKey = new Map(records.map((record) => [encodeHex(record.key), record]))
  for (const { index, facts } of news) {
    const state = changesStudy(facts.type) ? STATE_AFTER[facts.type] : undefined
    if (state === undefined) continue
    if (facts.digest !== null && facts.digest.length !== DIGEST_BYTES) throw new RangeError('a digest not of 32 bytes')
    const key = instanceKeyOf(hashes, salt, facts.sopInstanceUid)
    const name = encodeHex(key)
    const known = byKey.get(name)
    if (known !== undefined && known.newest >= index) continue
    byKey.set(name, {
      key,
      series: seriesOf(hashes, salt, facts) ?? known?.series ?? new Uint8Array(DIGEST_BYTES),
      digest: facts.digest ?? known?.digest ?? null,
      first: known?.first ?? index,
      newest: index,
      entries: Math.min((known?.entries ?? 0) + 1, ENTRIES_LIMIT),
      state,
    })
  }
  return [...byKey.values()].sort((a, b) => (isLess(a.key, b.key) ? -1 : 1))
}

const seriesOf = (hashes: HashFactory, salt: Uint8Array, { seriesInstanceUid }: InstanceFacts): Uint8Array | null =>
  seriesInstanceUid === null ? null : seriesKeyOf(hashes, salt, seriesInstanceUid)
