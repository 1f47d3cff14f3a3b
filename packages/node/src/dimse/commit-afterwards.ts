/** Commit afterwards: asks a destination to commit to what it was sent, and notes to what it did. */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Outgoing } from '../services/gateway/ports.ts'
import type { RemoteNode } from './remote-node.ts'
import { type CommitmentReports, type CommitmentWaits, requestCommitment } from './storage-commitment.ts'

export interface AfterwardsOptions {
  readonly node: RemoteNode
  readonly reports: CommitmentReports
  /** Told of deliveries that the destination has committed to. */
  readonly onCommitted: (deliveryIds: readonly string[]) => Promise<void>
  /** Told of copies that it refused to commit to, and of requests that failed. */
  readonly onError: (error: unknown) => void
  readonly waits?: CommitmentWaits
}

/** References of one request. */
const TOGETHER = 500

/** For `onStored` of a sender. Requests go on beside it; closing gives up those under way. */
export class CommitAfterwards {
  readonly #options: AfterwardsOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(options: AfterwardsOptions) {
    this.#options = options
  }

  readonly onStored = (stored: readonly Outgoing[]): void => {
    for (let at = 0; at < stored.length; at += TOGETHER) {
      const running = this.#ask(stored.slice(at, at + TOGETHER)).catch((error) => {
        if (!this.#stop.signal.aborted) this.#options.onError(error)
      })
      this.#running.add(running)
      void running.finally(() => this.#running.delete(running))
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  async #ask(copies: readonly Outgoing[]): Promise<void> {
    const { node, reports, waits, onCommitted, onError } = this.#options
    const unique = new Map(copies.map((copy) => [copy.sopInstanceUid, copy]))
    const references = [...unique.values()].map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }))
    const report = await requestCommitment(node, references, reports, { ...waits, signal: this.#stop.signal })
    const committed = new Set(report.committed.map(({ sopInstanceUid }) => sopInstanceUid))
    const ids = copies.flatMap(({ deliveryId, sopInstanceUid }) => (committed.has(sopInstanceUid) ? deliveryId : []))
    if (ids.length > 0) await onCommitted(ids)
    if (ids.length < copies.length) {
      onError(new StoreError('peer_refused', `${copies.length - ids.length} of ${copies.length} are not committed to`))
    }
  }
}
