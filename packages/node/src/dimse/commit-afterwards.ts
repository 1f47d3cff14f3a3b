/** Commit afterwards: asks a destination to commit to what it was sent, and notes to what it did. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Outgoing } from '../services/gateway/ports.ts'
import type { RemoteNode } from './remote-node.ts'
import { type CommitmentReports, type CommitmentWaits, requestCommitment } from './request-commitment.ts'

/** A copy that a destination has stored. */
export type StoredCopy = Pick<Outgoing, 'deliveryId' | 'sopClassUid' | 'sopInstanceUid'>

export interface AfterwardsOptions {
  readonly reports: CommitmentReports
  /** Told of deliveries that a destination has committed to. */
  readonly onCommitted: (deliveryIds: readonly string[]) => Promise<void>
  /** Told of each request that failed. */
  readonly onError: (error: unknown) => void
  readonly waits?: CommitmentWaits
  /** How long after each answer what is not committed to is asked for again. Default: a minute, ten minutes, an hour. */
  readonly againMs?: readonly number[]
}

/** References of one request. */
const TOGETHER = 500
/** An archive may answer that it has an image, and index it a while later. */
const AGAIN_MS = [60_000, 600_000, 3_600_000]

/** For what a sender has stored. Requests go on beside it; closing gives up those under way. */
export class CommitAfterwards {
  readonly #options: AfterwardsOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(options: AfterwardsOptions) {
    this.#options = options
  }

  /**
   * Asks a node to commit to copies that it has stored.
   * @param onRefused  told of how many it does not commit to, however often it is asked
   */
  ask(node: RemoteNode, stored: readonly StoredCopy[], onRefused: (count: number) => void): void {
    for (let at = 0; at < stored.length; at += TOGETHER) {
      const running = this.#askAgain(node, stored.slice(at, at + TOGETHER)).then((refused) => {
        if (refused > 0 && !this.#stop.signal.aborted) onRefused(refused)
      })
      this.#running.add(running)
      void running.finally(() => this.#running.delete(running))
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  /** @returns how many it does not commit to in the end */
  async #askAgain(node: RemoteNode, stored: readonly StoredCopy[]): Promise<number> {
    const { onError, againMs = AGAIN_MS } = this.#options
    const { signal } = this.#stop
    let copies = stored
    for (const waitMs of [0, ...againMs]) {
      if (waitMs > 0) await pause(waitMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) break
      try {
        copies = await this.#ask(node, copies)
      } catch (error) {
        if (!signal.aborted) onError(error)
      }
      if (copies.length === 0) break
    }
    return copies.length
  }

  /** @returns those that it does not commit to */
  async #ask(node: RemoteNode, copies: readonly StoredCopy[]): Promise<readonly StoredCopy[]> {
    const { reports, waits, onCommitted } = this.#options
    const unique = new Map(copies.map((copy) => [copy.sopInstanceUid, copy]))
    const references = [...unique.values()].map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }))
    const report = await requestCommitment(node, references, reports, { ...waits, signal: this.#stop.signal })
    const committed = new Set(report.committed.map(({ sopInstanceUid }) => sopInstanceUid))
    const isCommitted = ({ sopInstanceUid }: StoredCopy): boolean => committed.has(sopInstanceUid)
    const ids = copies.filter(isCommitted).map(({ deliveryId }) => deliveryId)
    if (ids.length > 0) await onCommitted(ids)
    return copies.filter((copy) => !isCommitted(copy))
  }
}
