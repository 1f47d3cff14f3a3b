/**
 * Upkeep: what a gateway has to do before it begins, and from time to time: files that nobody needs any more go.
 */
import { timeOfUlid, ULID } from '@fiducial/core/domain/gateway/ulid.ts'
import type { Observe } from './observation.ts'
import type { InstanceStore, Spool } from './ports.ts'

export interface UpkeepOptions {
  readonly store: InstanceStore
  readonly spool: Spool
  readonly now: () => Date
  readonly observe: Observe
  /** How long files stay once all destinations have them. Default: a day. */
  readonly retentionMs?: number
  /** Names of destinations that are asked to commit: files stay until they have. */
  readonly committing?: () => ReadonlySet<string>
  /** How long files stay for a commitment that does not come. Default: 14 days. */
  readonly commitmentMs?: number
  /** Whether room is short: then files that were sent to all destinations go before their time. Default: it never is. */
  readonly isShort?: () => Promise<boolean>
  /** How long records stay after their instance is done. Default: 90 days. */
  readonly recordsMs?: number
}

const DAY_MS = 86_400_000
const BATCH = 500
/** Keys that the store is asked about at once: a spool may hold a million files. */
const KEYS_AT_ONCE = 256
/** A file of another process may be about to get its record. */
const YOUNG_MS = 3_600_000

/** What a start came to. */
export interface Recovery {
  /** Files that were begun and never finished. */
  readonly unfinished: number
  /** Files without a record: nobody was told that they are there. */
  readonly orphans: number
}

/**
 * Puts in order what an earlier process left. Only while nothing is being written by this one.
 * @param isAlone  no other process uses store and spool
 * @throws {StoreError} where either does not answer
 */
export async function recover(
  { store, spool, now }: Pick<UpkeepOptions, 'store' | 'spool' | 'now'>,
  isAlone: boolean,
): Promise<Recovery> {
  if (isAlone) await store.abandonClaims()
  const unfinished = isAlone ? await spool.sweep() : 0
  let orphans = 0
  let some: string[] = []
  const removeOrphans = async (): Promise<void> => {
    const isKnown = await Promise.all(some.map((key) => store.knowsKey(key)))
    const lost = some.filter((_, i) => isKnown[i] === false)
    await Promise.all(lost.map((key) => spool.remove(key)))
    orphans += lost.length
    some = []
  }
  for await (const key of spool.list()) {
    const isYoung = !isAlone && ULID.test(key) && now().getTime() - timeOfUlid(key).getTime() < YOUNG_MS
    if (!isYoung) some.push(key)
    if (some.length >= KEYS_AT_ONCE) await removeOrphans()
  }
  await removeOrphans()
  return { unfinished, orphans }
}

/** Removes files that all destinations have. */
export class Expiry {
  readonly #options: UpkeepOptions
  /** Instances that wait for a commitment, as of the last round: they stand before all others. */
  #kept = 0

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  /** @returns whether there may be more @throws {StoreError} where store or spool do not answer */
  async work(): Promise<boolean> {
    const { store, spool, now, observe } = this.#options
    const { retentionMs = DAY_MS, commitmentMs = 14 * DAY_MS, recordsMs = 90 * DAY_MS } = this.#options
    const ordinary = new Date(now().getTime() - retentionMs)
    const isShort = (await this.#options.isShort?.()) ?? false
    const before = isShort ? now() : ordinary
    const last = new Date(now().getTime() - commitmentMs)
    const limit = BATCH + this.#kept
    const due = await store.expired(before, limit)
    const gone: string[] = []
    for (const { id, keys } of due) {
      if (await this.#isKept(id, isShort ? ordinary : undefined, last)) continue
      for (const key of keys) await spool.remove(key)
      gone.push(id)
    }
    this.#kept = due.length - gone.length
    if (gone.length > 0) {
      await store.forgotten(gone)
      observe({ kind: 'expired', instances: gone.length })
    }
    const purged = await store.purge(new Date(now().getTime() - recordsMs), BATCH)
    return (due.length === limit && gone.length > 0) || purged === BATCH
  }

  /** Whether files stay: their time has not come and nobody else has them, or a destination is still to commit. */
  async #isKept(id: string, ordinary: Date | undefined, last: Date): Promise<boolean> {
    const committing = this.#options.committing?.() ?? new Set()
    if (committing.size === 0 && ordinary === undefined) return false
    const instance = await this.#options.store.get(id)
    if (instance === undefined) return false
    const { deliveries, doneAt } = instance
    // A destination has lost it since.
    if (doneAt === null) return true
    const isEarly = ordinary !== undefined && doneAt >= ordinary
    if (isEarly && (deliveries.length === 0 || deliveries.some(({ state }) => state !== 'sent'))) return true
    if (doneAt <= last) return false
    return deliveries.some(
      ({ destination, state, committedAt }) => state === 'sent' && committedAt === null && committing.has(destination),
    )
  }
}
