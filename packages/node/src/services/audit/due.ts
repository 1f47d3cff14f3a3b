/**
 * Due: which instances a sweep reads, and which it passes over because nothing can have changed.
 *
 * What an archive says of its files is not believed for ever: each instance is read again within so many days, on a day of
 * its own, so that no night has to read everything. Whatever is left out is counted.
 */
import type { KnownVersion, ListedInstance, Sweep } from './ports.ts'

export interface DueRule {
  /** Each instance is read at least once in so many days, at least 1. */
  readonly rereadDays: number
  readonly now: Date
}

const DAY_MS = 86_400_000

/** Why an instance is read; undefined where it is not. */
export type ReadReason = 'new' | 'changed' | 'asked' | 'full' | 'turn'

export function reasonToRead(
  listed: ListedInstance,
  known: KnownVersion | undefined,
  sweep: Pick<Sweep, 'number' | 'isFull'>,
  { rereadDays, now }: DueRule,
): ReadReason | undefined {
  if (known === undefined) return 'new'
  // Before it was cut off, this sweep has read it.
  if (known.readIn === sweep.number) return undefined
  if (known.version !== listed.version) return 'changed'
  if (known.isDue) return 'asked'
  if (sweep.isFull) return 'full'
  const days = Math.floor((now.getTime() - known.readAt.getTime()) / DAY_MS)
  if (days >= rereadDays) return 'turn'
  const isItsDay = dayOf(listed.key, rereadDays) === Math.floor(now.getTime() / DAY_MS) % rereadDays
  // Not on the day on which it was read, and not so soon after that most of the work would be done twice.
  return isItsDay && days >= rereadDays / 2 ? 'turn' : undefined
}

/** A number below `days` that is always the same for a key, and different for most others (FNV-1a). */
function dayOf(key: string, days: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193) >>> 0
  return hash % days
}
