/** Instance rules: what all adapters refuse in the same way. */
import type { InstanceVerdict } from '@fiducial/core/domain/gateway/instance.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { DestinationCounts, InstanceFilter, Judged } from '../../services/gateway/ports.ts'

export const VERDICTS = [
  'authentic',
  'not_authentic',
  'undetermined',
] as const satisfies readonly InstanceVerdict['verdict'][]
/** How many earlier instances of a UID are told. */
export const EARLIER_LIMIT = 1_000
const LIST_LIMIT = 1_000

export const instanceMissing = (): StoreError => new StoreError('instance_missing', 'there is no such instance')

export const instanceMoved = (why: string): StoreError => new StoreError('instance_moved', why)

export const approvalMissing = (): StoreError =>
  new StoreError('approval_missing', 'a release needs two persons: one who asks, another who confirms')

/** @throws {RangeError} for a mistake of the caller */
export function checkJudged({ state, deliveries }: Judged): void {
  if (state === 'done' && deliveries.length > 0) throw new RangeError('what is done has nothing to deliver')
}

/** @throws {RangeError} as {@link checkJudged} */
export function checkFilter({ limit }: InstanceFilter): void {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= LIST_LIMIT)) throw new RangeError('the limit is 1 to 1,000')
}

/** The keys that come with a judgement: what was made of the file that was received. */
export function keysOfJudged({ sealed, otherKeys, deliveries }: Judged): readonly string[] {
  const sealKeys = sealed === null ? [] : [sealed.spoolKey, sealed.sealKey]
  return [...new Set([...sealKeys, ...otherKeys, ...deliveries.map(({ spoolKey }) => spoolKey)])]
}

/** @param rows  one or more for each destination and state, `waiting` or `dead` */
export function countDestinations(
  rows: readonly Readonly<Record<string, unknown>>[],
): Readonly<Record<string, DestinationCounts>> {
  const counts = new Map<string, DestinationCounts>()
  for (const { destination, state, count } of rows) {
    const name = String(destination)
    const { waiting, dead } = counts.get(name) ?? { waiting: 0, dead: 0 }
    const more = Number(count)
    counts.set(name, state === 'dead' ? { waiting, dead: dead + more } : { waiting: waiting + more, dead })
  }
  return Object.fromEntries(counts)
}
