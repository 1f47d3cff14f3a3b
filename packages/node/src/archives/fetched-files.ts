/**
 * Fetched files: where what an archive on the network gives lies while it is examined.
 *
 * Images of patients: in a folder that nobody else may enter, each removed once it is examined; what a process left that was
 * killed is removed before the first one is fetched.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { FailedFetch, FetchedInstance } from '../services/audit/ports.ts'

export class FetchedFiles {
  readonly #folder: string
  #isMade = false

  constructor(folder: string) {
    this.#folder = folder
  }

  /** A path for one more file. @throws {StoreError} `output_unwritable` */
  newPath(): string {
    try {
      if (!this.#isMade) {
        rmSync(this.#folder, { recursive: true, force: true })
        mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      }
    } catch (cause) {
      throw new StoreError('output_unwritable', 'there is no place for what is fetched', { cause })
    }
    this.#isMade = true
    return join(this.#folder, randomUUID())
  }

  /** A file that is there whole. */
  take(key: string, path: string): FetchedInstance {
    const lengthBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    return { key, path, lengthBytes, [Symbol.asyncDispose]: () => rm(path, { force: true }) }
  }

  async remove(path: string): Promise<void> {
    await rm(path, { force: true })
  }

  close(): void {
    if (this.#isMade) rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** What is wrong with one instance; all else is wrong with the archive. */
const OF_INSTANCE: ReadonlySet<string> = new Set(['instance_missing', 'service_refused', 'peer_refused'])

/**
 * Fetches several at once, and gives each as it comes.
 * @param fetchOne  rejects with a {StoreError}: one about the instance is said of it, any other one ends it all
 */
export async function* fetchTogether<T extends { readonly key: string }>(
  wanted: readonly T[],
  { together, signal }: { readonly together: number; readonly signal: AbortSignal },
  fetchOne: (one: T) => Promise<FetchedInstance>,
): AsyncGenerator<FetchedInstance | FailedFetch> {
  const waiting = [...wanted]
  const underWay = new Map<string, Promise<FetchedInstance | FailedFetch>>()
  try {
    for (;;) {
      while (underWay.size < together && !signal.aborted) {
        const one = waiting.shift()
        if (one === undefined) break
        underWay.set(one.key, orFailure(one.key, fetchOne(one)))
      }
      if (underWay.size === 0) return
      const got = await Promise.race(underWay.values())
      underWay.delete(got.key)
      yield got
    }
  } finally {
    // Whoever stops listening takes nothing more, and what still comes has to go.
    for (const rest of await Promise.allSettled(underWay.values())) {
      if (rest.status === 'fulfilled' && 'path' in rest.value) await rest.value[Symbol.asyncDispose]()
    }
  }
}

async function orFailure(key: string, fetching: Promise<FetchedInstance>): Promise<FetchedInstance | FailedFetch> {
  try {
    return await fetching
  } catch (error) {
    if (error instanceof StoreError && OF_INSTANCE.has(error.code)) return { key, code: error.code }
    throw error
  }
}
