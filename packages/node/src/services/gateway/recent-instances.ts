/**
 * Recent instances: what was judged just now, for those who send it and would have to ask the store for it.
 *
 * Nothing of what is kept here changes once an instance is judged.
 */
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import type { StoredInstance } from './ports.ts'

/** What an event about a copy of it says. */
export type KnownInstance = ReceivedInstance & Pick<StoredInstance, 'description' | 'otherKeys'>

const LIMIT = 4_096

export class RecentInstances {
  readonly #known = new Map<string, KnownInstance>()

  put(instance: KnownInstance): void {
    this.#known.set(instance.id, instance)
    if (this.#known.size <= LIMIT) return
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest)
      break
    }
  }

  get(id: string): KnownInstance | undefined {
    return this.#known.get(id)
  }
}
