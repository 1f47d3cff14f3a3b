/** Commit afterwards: asks a destination to commit to what it was sent, and notes to what it did. */
import type { Outgoing } from '../services/gateway/ports.ts'
import type { RemoteNode } from './remote-node.ts'
import { type CommitmentReports, type CommitmentWaits, requestCommitment } from './storage-commitment.ts'

export interface AfterwardsOptions {
  readonly reports: CommitmentReports
  /** Told of deliveries that a destination has committed to. */
  readonly onCommitted: (deliveryIds: readonly string[]) => Promise<void>
  /** Told of requests that failed; they are not made again. */
  readonly onError: (error: unknown) => void
  readonly waits?: CommitmentWaits
}

/** References of one request. */
const TOGETHER = 500

/** For what a sender has stored. Requests go on beside it; closing gives up those under way. */
export class CommitAfterwards {
  readonly #options: AfterwardsOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(options: AfterwardsOptions) {
    this.#options = options
  }

  /** Asks a node to commit to copies that it has stored. @param onRefused  told of how many it does not commit to */
  ask(node: RemoteNode, stored: readonly Outgoing[], onRefused: (count: number) => void): void {
    for (let at = 0; at < stored.length; at += TOGETHER) {
      const copies = stored.slice(at, at + TOGETHER)
      const running = this.#ask(node, copies).then(
        (refused) => {
          if (refused > 0) onRefused(refused)
        },
        (error) => {
          if (!this.#stop.signal.aborted) this.#options.onError(error)
        },
      )
      this.#running.add(running)
      void running.finally(() => this.#running.delete(running))
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  /** @returns how many it does not commit to */
  async #ask(node: RemoteNode, copies: readonly Outgoing[]): Promise<number> {
    const { reports, waits, onCommitted } = this.#options
    const unique = new Map(copies.map((copy) => [copy.sopInstanceUid, copy]))
    const references = [...unique.values()].map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }))
    const report = await requestCommitment(node, references, reports, { ...waits, signal: this.#stop.signal })
    const committed = new Set(report.committed.map(({ sopInstanceUid }) => sopInstanceUid))
    const ids = copies.flatMap(({ deliveryId, sopInstanceUid }) => (committed.has(sopInstanceUid) ? deliveryId : []))
    if (ids.length > 0) await onCommitted(ids)
    return copies.length - ids.length
  }
}
