/**
 * Held room: whatever is taken in has room for its copy with a seal, too.
 *
 * Copies of a study leave in their order. Without this, a disk that is full of images could have no room for the copy of
 * the first one, and all others would wait for it for ever.
 */
import type { InstanceStore, Spool } from './ports.ts'

const PAGE = 1_000

export class HeldRoom {
  readonly #spool: Pick<Spool, 'hold'>
  /** Bytes by instance. */
  readonly #held = new Map<string, number>()

  constructor(spool: Pick<Spool, 'hold'>) {
    this.#spool = spool
  }

  /** For an instance that waits to be judged. */
  hold(id: string, bytes: number): void {
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
