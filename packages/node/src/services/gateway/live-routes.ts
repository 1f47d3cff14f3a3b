/**
 * Live routes: the routes in force, while their file may change at any time.
 *
 * A new file takes the place of the old one whole, between two instances, or not at all: what is malformed leaves the routes in
 * force that were, and says so until it is mended. What was decided stays decided. Who reads the file, and when, is left to the
 * rim.
 */
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { TROUBLES } from '@fiducial/core/domain/gateway/facts.ts'
import type { Routes } from '@fiducial/core/domain/gateway/routes.ts'
import { FormatError } from '@fiducial/core/errors.ts'

/** Routes that were read, and from which bytes. */
export interface RoutesInForce {
  readonly routes: Routes
  /** SHA-256 of the file. */
  readonly sha256: Uint8Array
  readonly loadedAt: Date
}

export interface LiveRoutesMeans {
  readonly hash: HashFactory
  readonly now: () => Date
  /** @throws {FormatError} `routes_malformed` */
  readonly parse: (bytes: Uint8Array) => Routes
}

/** What became of a file that was offered. */
export type RoutesChange =
  | { readonly outcome: 'same' }
  | { readonly outcome: 'changed'; readonly before: string; readonly now: string }
  | { readonly outcome: 'refused'; readonly problem: string }

export class LiveRoutes {
  readonly #means: LiveRoutesMeans
  readonly #listeners = new Set<(change: RoutesChange) => void>()
  #current: RoutesInForce
  #problem: string | null = null

  /** @throws {FormatError} `routes_malformed`: without routes to begin with, there is nothing to go on with */
  constructor(bytes: Uint8Array, means: LiveRoutesMeans) {
    this.#means = means
    this.#current = this.#read(bytes)
  }

  /** The same object as long as nothing changes. */
  get current(): RoutesInForce {
    return this.#current
  }

  /** Why the newest file is not in force; null where it is. */
  get problem(): string | null {
    return this.#problem
  }

  /** Puts a file in force if it can be read. */
  offer(bytes: Uint8Array): RoutesChange {
    const change = this.#take(bytes)
    if (change.outcome !== 'same') for (const listener of this.#listeners) listener(change)
    return change
  }

  /** Says that the file could not be read at all: what was in force stays. */
  fail(problem: string): RoutesChange {
    const isNews = this.#problem !== problem
    this.#problem = problem
    const change: RoutesChange = { outcome: 'refused', problem }
    if (isNews) for (const listener of this.#listeners) listener(change)
    return change
  }

  /** Tells of changes and refusals from now on. @returns a function that ends it */
  listen(listener: (change: RoutesChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #take(bytes: Uint8Array): RoutesChange {
    const before = this.#current
    try {
      const next = this.#read(bytes)
      this.#problem = null
      if (equalBytes(next.sha256, before.sha256)) return { outcome: 'same' }
      this.#current = next
      return { outcome: 'changed', before: encodeHex(before.sha256), now: encodeHex(next.sha256) }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#problem = error.message
      return { outcome: 'refused', problem: error.message }
    }
  }

  #read(bytes: Uint8Array): RoutesInForce {
    const { hash, now, parse } = this.#means
    const routes = parse(bytes)
    const digest = hash('sha256')
    digest.update(bytes)
    return { routes, sha256: digest.digest(), loadedAt: now() }
  }
}

/** Routes that let something pass in spite of a trouble: shown wherever the state of the gateway is. */
export const failOpenRoutes = ({ routes }: Routes): readonly string[] =>
  routes
    .filter(({ onProblem }) => TROUBLES.some((trouble) => onProblem[trouble] === 'failOpen'))
    .map(({ name }) => name)
