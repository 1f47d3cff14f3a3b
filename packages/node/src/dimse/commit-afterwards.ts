/**
 * Commit afterwards: asks a destination to commit to what it was sent, and notes to what it did, and what it has lost.
 *
 * An archive may index what it has stored a while later. So it has lost what it says that it does not have when it is asked a
 * second time or later. Who gives no answer has said nothing.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { isAbsence } from '@fiducial/core/domain/gateway/commitment.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Outgoing } from '../services/gateway/ports.ts'
import type { RemoteNode } from './remote-node.ts'
import { type CommitmentReports, type CommitmentWaits, requestCommitment } from './request-commitment.ts'

/** A copy that a destination has stored. */
export type StoredCopy = Pick<Outgoing, 'deliveryId' | 'sopClassUid' | 'sopInstanceUid'>

/** What becomes of copies that a destination does not commit to. */
export interface Refusals {
  /**
   * Told of those that it has lost: they are not asked for again. Where it rejects, they are.
   * @returns how many somebody takes care of
   */
  readonly onLost: (copies: readonly StoredCopy[]) => Promise<number>
  /** Told of how many it does not commit to, however often it is asked. */
  readonly onRefused: (count: number) => void
}

export interface AfterwardsOptions {
  readonly reports: CommitmentReports
  /** Told of deliveries that a destination has committed to. */
  readonly onCommitted: (deliveryIds: readonly string[]) => Promise<void>
  /** Told of each request that failed. */
  readonly onError: (error: unknown) => void
  readonly waits?: CommitmentWaits
  /** How long after each answer what is not committed to is asked for again. Default: {@link waitsToAskAgain} of a minute. */
  readonly againMs?: readonly number[]
}

/** References of one request. */
const TOGETHER = 500
/** Between the first answer and the second question. */
const AGAIN_MS = 60_000
/** Further questions to a destination that takes no connection: as many hours as there are in 14 days. */
const WHILE_AWAY = 336

/** When to ask again. @param firstMs  from the first answer to the second question */
export const waitsToAskAgain = (firstMs: number): readonly number[] => [firstMs, 10 * firstMs, 60 * firstMs]

interface Answer {
  /** What it does not commit to. */
  readonly open: readonly StoredCopy[]
  /** What of that it says that it does not have. */
  readonly absent: readonly StoredCopy[]
}

/** For what a sender has stored. Requests go on beside it; closing gives up those under way. */
export class CommitAfterwards {
  readonly #options: AfterwardsOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(options: AfterwardsOptions) {
    this.#options = options
  }

  /** Asks a node to commit to copies that it has stored. */
  ask(node: RemoteNode, stored: readonly StoredCopy[], { onLost, onRefused }: Refusals): void {
    for (let at = 0; at < stored.length; at += TOGETHER) {
      const running = this.#askAgain(node, stored.slice(at, at + TOGETHER), onLost).then((refused) => {
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
  async #askAgain(node: RemoteNode, stored: readonly StoredCopy[], onLost: Refusals['onLost']): Promise<number> {
    const { onError, againMs = waitsToAskAgain(AGAIN_MS) } = this.#options
    const { signal } = this.#stop
    let copies = stored
    let refused = 0
    let isAway = false
    for (let turn = 0; turn <= againMs.length + (isAway ? WHILE_AWAY : 0); turn++) {
      const waitMs = againMs[Math.min(turn, againMs.length) - 1] ?? 0
      if (waitMs > 0) await pause(waitMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) break
      try {
        const { open, absent } = await this.#ask(node, copies)
        copies = open
        isAway = false
        if (turn > 0 && absent.length > 0) {
          refused += absent.length - (await onLost(absent))
          copies = open.filter((copy) => !absent.includes(copy))
        }
      } catch (error) {
        isAway = error instanceof StoreError && error.code === 'service_unreachable'
        if (!signal.aborted) onError(error)
      }
      if (copies.length === 0) break
    }
    return copies.length + refused
  }

  async #ask(node: RemoteNode, copies: readonly StoredCopy[]): Promise<Answer> {
    const { reports, waits, onCommitted } = this.#options
    const unique = new Map(copies.map((copy) => [copy.sopInstanceUid, copy]))
    const references = [...unique.values()].map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }))
    const report = await requestCommitment(node, references, reports, { ...waits, signal: this.#stop.signal })
    const committed = new Set(report.committed.map(({ sopInstanceUid }) => sopInstanceUid))
    const absent = new Set(
      report.failed.filter(({ reason }) => isAbsence(reason)).map(({ sopInstanceUid }) => sopInstanceUid),
    )
    const ids = copies.filter(({ sopInstanceUid }) => committed.has(sopInstanceUid)).map(({ deliveryId }) => deliveryId)
    if (ids.length > 0) await onCommitted(ids)
    const open = copies.filter(({ sopInstanceUid }) => !committed.has(sopInstanceUid))
    return { open, absent: open.filter(({ sopInstanceUid }) => absent.has(sopInstanceUid)) }
  }
}
