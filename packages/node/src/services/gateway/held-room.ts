/**
 * Held room: whatever is taken in has room for its copy with a seal, too.
 *
 * Copies of a study leave in their order. Without this, a disk that is full of images could have no room for the copy of
 * the first one, and all others would wait for it for ever.
 */
import type { Observation } from './observation.ts'
import type { InstanceStore, Spool } from './ports.ts'

const PAGE = 1_000

export class HeldRoom {
  readonly #spool: Pick<Spool, 'hold'>
  /** Bytes by instance. */
  readonly #held = new Map<string, number>()

  readonly #isAlone: boolean

  /** @param isAlone  what others take in, others may judge, and nobody would give its room back here: then none is held */
  constructor(spool: Pick<Spool, 'hold'>, isAlone: boolean) {
    this.#spool = spool
    this.#isAlone = isAlone
  }

  see(observation: Observation): void {
    if (observation.kind === 'received') this.hold(observation.id, observation.lengthBytes)
    if (observation.kind === 'judged' || observation.kind === 'lost') this.release(observation.id)
  }

  /** For an instance that waits to be judged. */
  hold(id: string, bytes: number): void {
    if (!this.#isAlone) return
    this.release(id)
    this.#held.set(id, bytes)
    this.#spool.hold(bytes)
  }

  /** It is judged, or gone. */
  release(id: string): void {
    this.#spool.hold(-(this.#held.get(id) ?? 0))
    this.#held.delete(id)
  }

  /** For what an earlier process has left to be judged. @throws {StoreError} where the store does not answer */
  async restore(store: Pick<InstanceStore, 'list'>): Promise<void> {
    if (!this.#isAlone) return
    for (let after: string | undefined; ; ) {
      const page = await store.list({
        states: ['received'],
        order: 'oldest_first',
        limit: PAGE,
        ...(after !== undefined && { after }),
      })
      for (const { id, lengthBytes } of page) this.hold(id, lengthBytes)
      if (page.length < PAGE) return
      after = page.at(-1)?.id
    }
  }
}
