/**
 * Association pool: associations to one node that are kept for a while, since opening one costs several round trips.
 *
 * Each proposes what is asked of it and what was asked lately, so that the next batch finds its contexts, too.
 */

import { CONTEXTS_PER_ASSOCIATION } from './propose.ts'
import type { RemoteNode } from './remote-node.ts'
import { type Association, openAssociation } from './requestor.ts'

/** A pair of SOP Class and transfer syntax. */
export interface Need {
  readonly sopClassUid: string
  readonly transferSyntaxUid: string
}

export interface PoolOptions {
  /** How long an association that nobody uses is kept; 0 keeps none. Default: 5,000. */
  readonly idleMs?: number
  /** Associations that there are at once, as long as no more are lent. Default: any number. */
  readonly limit?: number
}

const keyOf = ({ sopClassUid, transferSyntaxUid }: Need): string => `${sopClassUid} ${transferSyntaxUid}`

/** An association that the pool lends. */
export class PooledAssociation {
  readonly association: Association
  /** It was used before: its end may have been under way when it was lent. */
  isReused = false
  timer: NodeJS.Timeout | undefined
  /** The peer's answer to each need that was proposed. */
  readonly #results: ReadonlyMap<string, number | undefined>

  constructor(association: Association, needs: readonly Need[]) {
    this.association = association
    this.#results = new Map(needs.map((need, i) => [keyOf(need), association.results[i]]))
  }

  /** All of these were proposed, whatever the peer answered. */
  covers(needs: readonly Need[]): boolean {
    return needs.every((need) => this.#results.has(keyOf(need)))
  }

  /** The peer's answer; undefined where it gave none. */
  resultOf(need: Need): number | undefined {
    return this.#results.get(keyOf(need))
  }
}

export class AssociationPool {
  readonly #node: RemoteNode
  readonly #idleMs: number
  readonly #limit: number
  readonly #idle: PooledAssociation[] = []
  /** Needs, the one asked for last at the end. */
  readonly #recent = new Map<string, Need>()
  #lent = 0
  #isClosed = false

  constructor(node: RemoteNode, { idleMs = 5_000, limit = Number.POSITIVE_INFINITY }: PoolOptions = {}) {
    this.#node = node
    this.#idleMs = idleMs
    this.#limit = limit
  }

  /** As many are lent as there are to be at once. */
  get isSpent(): boolean {
    return this.#lent >= this.#limit
  }

  /**
   * An association on which all of these were proposed.
   *
   * @param needs  1 to 128
   * @throws {StoreError} as `openAssociation`
   */
  async lend(needs: readonly Need[], signal: AbortSignal): Promise<PooledAssociation> {
    for (const need of needs) {
      this.#recent.delete(keyOf(need))
      this.#recent.set(keyOf(need), need)
    }
    const index = this.#idle.findIndex((pooled) => pooled.association.isOpen && pooled.covers(needs))
    const [pooled] = index < 0 ? [] : this.#idle.splice(index, 1)
    this.#lent++
    if (pooled !== undefined) {
      clearTimeout(pooled.timer)
      pooled.isReused = true
      return pooled
    }
    try {
      await this.#makeRoom()
      return await this.#open(needs, signal)
    } catch (error) {
      this.#lent--
      throw error
    }
  }

  /** Takes one back, once; one that has ended is forgotten. */
  giveBack(pooled: PooledAssociation): void {
    this.#lent--
    const { association } = pooled
    if (!association.isOpen) return
    if (this.#isClosed || this.#idleMs === 0 || association.isBusy) {
      void association.release()
      return
    }
    pooled.timer = setTimeout(() => this.#drop(pooled), this.#idleMs)
    pooled.timer.unref()
    this.#idle.push(pooled)
  }

  /** Releases all that nobody uses; those that are lent are released when they come back. */
  async close(): Promise<void> {
    this.#isClosed = true
    const idle = this.#idle.splice(0)
    for (const { timer } of idle) clearTimeout(timer)
    await Promise.all(idle.map(({ association }) => association.release()))
  }

  /** One that is kept and does not serve gives way: the peer may take no more. */
  async #makeRoom(): Promise<void> {
    const [oldest] = this.#idle
    if (oldest === undefined || this.#lent + this.#idle.length <= this.#limit) return
    this.#idle.shift()
    clearTimeout(oldest.timer)
    await oldest.association.release()
  }

  async #open(needs: readonly Need[], signal: AbortSignal): Promise<PooledAssociation> {
    const wanted = new Map(needs.map((need) => [keyOf(need), need]))
    for (const [key, need] of [...this.#recent].reverse()) {
      if (wanted.size < CONTEXTS_PER_ASSOCIATION) wanted.set(key, need)
    }
    for (const key of [...this.#recent.keys()].slice(0, -CONTEXTS_PER_ASSOCIATION)) this.#recent.delete(key)
    const proposals = [...wanted.values()].map(({ sopClassUid, transferSyntaxUid }) => ({
      abstractSyntax: sopClassUid,
      transferSyntaxes: [transferSyntaxUid],
    }))
    const association = await openAssociation(this.#node, { proposals, signal })
    return new PooledAssociation(association, [...wanted.values()])
  }

  #drop(pooled: PooledAssociation): void {
    const index = this.#idle.indexOf(pooled)
    if (index >= 0) this.#idle.splice(index, 1)
    void pooled.association.release()
  }
}
