/**
 * DIMSE sender: sends copies to a node by C-STORE, over several associations at once.
 *
 * A peer that waits before each answer is fast only with many of them. Copies of one order key go over one association,
 * each after the one before is answered, so that their order holds. Commitment, where the destination is asked for it, is
 * a matter of commit-afterwards.
 */
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { Outgoing, RelayedNames, Sender, SendFate, SendResult } from '../services/gateway/ports.ts'
import { AssociationPool, type Need, type PooledAssociation, type PoolOptions } from './association-pool.ts'
import { CONTEXTS_PER_ASSOCIATION } from './propose.ts'
import { echo, VERIFICATION } from './query.ts'
import { RelayStore } from './relay-store.ts'
import type { RemoteNode } from './remote-node.ts'
import { openAssociation } from './requestor.ts'
import { ResultStream } from './result-stream.ts'
import { storeInstance } from './store-instance.ts'
import { fateOf, fateOfContext } from './store-status.ts'

export interface DimseSenderOptions extends PoolOptions {
  /** Associations at once. Default: 4. */
  readonly parallel?: number
  /** Told of all copies of a batch that were stored, such as to ask for storage commitment. */
  readonly onStored?: (stored: readonly Outgoing[]) => void
}

/** Implicit VR little endian: what every peer must take for an echo. */
const IMPLICIT = '1.2.840.10008.1.2'

export class DimseSender implements Sender {
  readonly #node: RemoteNode
  readonly #parallel: number
  readonly #pool: AssociationPool
  /** Under way, and not asked to end. */
  readonly #relays = new Set<RelayStore>()
  readonly #onStored: DimseSenderOptions['onStored']

  constructor(node: RemoteNode, { parallel = 4, onStored, ...pool }: DimseSenderOptions = {}) {
    this.#node = node
    this.#parallel = parallel
    this.#pool = new AssociationPool(node, { ...pool, limit: parallel })
    this.#onStored = onStored
  }

  async *send(batch: readonly Outgoing[], signal: AbortSignal): AsyncGenerator<SendResult> {
    const results = new ResultStream<SendResult>()
    const stored: Outgoing[] = []
    const stop = new AbortController()
    const either = AbortSignal.any([signal, stop.signal])
    const lanes = Lane.share(batch, this.#parallel).map((queue) =>
      new Lane({ pool: this.#pool, onSpent: () => this.#giveWay() }, queue, either, async (copy, fate) => {
        if (fate.outcome === 'stored') stored.push(copy)
        const put = results.put({ deliveryId: copy.deliveryId, ...fate })
        // What comes after a copy that failed may be held back by it: the reader has to know first.
        if (fate.outcome === 'failed') await put
      }).run(),
    )
    const all = Promise.all(lanes).finally(() => results.end())
    all.catch(() => undefined)
    try {
      yield* results.read()
      await all
    } finally {
      // A reader that goes away before the end leaves nothing running.
      stop.abort()
      if (stored.length > 0) this.#onStored?.(stored)
    }
  }

  async ping(signal: AbortSignal): Promise<void> {
    const proposals = [{ abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT] }]
    const association = await openAssociation(this.#node, { proposals, signal })
    try {
      await echo(association)
    } finally {
      await association.release()
    }
  }

  /** @returns undefined while all associations are in use */
  relay(names: RelayedNames, isClear: Promise<boolean>): RelayStore | undefined {
    if (this.#pool.isSpent) return undefined
    const relay = new RelayStore(this.#pool, names, isClear)
    this.#relays.add(relay)
    void relay.ending.then(() => this.#relays.delete(relay))
    return relay
  }

  /** What has to be sent goes before what waits for its verdict, which may come after it in their order. */
  #giveWay(): void {
    const latest = [...this.#relays].at(-1)
    latest?.abort()
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

type Report = (copy: Outgoing, fate: SendFate) => Promise<void>
type Failed = Extract<SendFate, { outcome: 'failed' }>

const codeOf = (error: unknown): string | undefined => (error instanceof StoreError ? error.code : undefined)

const needOf = ({ sopClassUid, transferSyntaxUid }: Outgoing): Need => ({ sopClassUid, transferSyntaxUid })

/** Where lanes get their associations. */
interface Source {
  readonly pool: AssociationPool
  /** Told before one is asked for while all are in use. */
  readonly onSpent: () => void
}

/** Copies that are sent one after the other, over one association at a time. */
class Lane {
  readonly #source: Source
  readonly #queue: readonly Outgoing[]
  readonly #signal: AbortSignal
  readonly #report: Report
  #pooled: PooledAssociation | undefined
  /** Associations that ended one after the other without a copy stored between them. */
  #losses = 0

  constructor(source: Source, queue: readonly Outgoing[], signal: AbortSignal, report: Report) {
    this.#source = source
    this.#queue = queue
    this.#signal = signal
    this.#report = report
  }

  /** Deals copies out to lanes, those of one order key to one; each lane gets about as many. */
  static share(batch: readonly Outgoing[], lanes: number): readonly (readonly Outgoing[])[] {
    const keys = [...Map.groupBy(batch, ({ orderKey }) => orderKey).values()].sort((a, b) => b.length - a.length)
    const queues: Outgoing[][] = Array.from({ length: Math.min(lanes, keys.length) }, () => [])
    for (const copies of keys)
      queues.reduce((least, next) => (next.length < least.length ? next : least)).push(...copies)
    return queues
  }

  async run(): Promise<void> {
    const abort = (): void => this.#pooled?.association.abort()
    this.#signal.addEventListener('abort', abort)
    try {
      for (const [i, copy] of this.#queue.entries()) {
        const fate = await this.#send(copy, i)
        await this.#report(copy, fate)
        if (fate.outcome === 'failed' && this.#isLost(fate)) {
          await Promise.all(this.#queue.slice(i + 1).map((rest) => this.#report(rest, fate)))
          return
        }
      }
    } finally {
      this.#signal.removeEventListener('abort', abort)
      this.#giveBack()
    }
  }

  /** The peer is away, or ends one association after the other: what holds for one holds for all that come after it. */
  #isLost({ code }: Failed): boolean {
    return this.#signal.aborted || code === 'service_unreachable' || code === 'association_rejected' || this.#losses > 1
  }

  async #send(copy: Outgoing, index: number): Promise<SendFate> {
    try {
      const relayed = await this.#finish(copy)
      if (relayed !== undefined) return relayed
      const pooled = await this.#connect(index)
      const fate = await this.#store(pooled, copy)
      if (fate.outcome === 'stored') this.#losses = 0
      pooled.isReused = false
      return fate
    } catch (error) {
      // What was kept may have been closed by the peer just now: nothing was wrong with the copy.
      const isStale = this.#pooled?.isReused === true && codeOf(error) === 'association_aborted'
      if (!isStale || this.#signal.aborted) return this.#failure(error)
      this.#giveBack()
      return this.#send(copy, index)
    }
  }

  /** Has a copy that is under way come to its end; undefined where it has to be sent. */
  async #finish(copy: Outgoing): Promise<SendFate | undefined> {
    const relayed = copy.relayed?.()
    try {
      return await relayed?.finish(this.#signal)
    } catch (error) {
      if (!(error instanceof StoreError) || this.#signal.aborted) throw error
      return undefined
    }
  }

  async #connect(index: number): Promise<PooledAssociation> {
    const needs = needsFrom(this.#queue, index)
    // The next copy's own need is the first.
    if (this.#pooled?.association.isOpen && this.#pooled.covers(needs.slice(0, 1))) return this.#pooled
    this.#giveBack()
    this.#signal.throwIfAborted()
    const { pool, onSpent } = this.#source
    if (pool.isSpent) onSpent()
    this.#pooled = await pool.lend(needs, this.#signal)
    return this.#pooled
  }

  #giveBack(): void {
    if (this.#pooled !== undefined) this.#source.pool.giveBack(this.#pooled)
    this.#pooled = undefined
  }

  async #store(pooled: PooledAssociation, copy: Outgoing): Promise<SendFate> {
    const { association } = pooled
    const context = association.find(copy.sopClassUid, copy.transferSyntaxUid)
    if (context === undefined) return fateOfContext(pooled.resultOf(needOf(copy)))
    await using source = await copy.open()
    const { status } = await storeInstance(association, context, { ...copy, source })
    return fateOf(status)
  }

  #failure(error: unknown): Failed {
    if (error instanceof FormatError) return { outcome: 'failed', code: error.code, isFinal: true }
    if (!(error instanceof StoreError)) {
      if (this.#signal.aborted) return { outcome: 'failed', code: 'association_aborted', isFinal: false }
      throw error
    }
    const isOfNetwork = error.code === 'association_aborted' || error.code === 'peer_timeout'
    if (isOfNetwork) this.#losses++
    return { outcome: 'failed', code: error.code, isFinal: false }
  }
}

/** What the copies from `index` on need, as many as one association can propose. */
function needsFrom(queue: readonly Outgoing[], index: number): readonly Need[] {
  const needs = new Map<string, Need>()
  for (const copy of queue.slice(index)) {
    const need = needOf(copy)
    needs.set(`${need.sopClassUid} ${need.transferSyntaxUid}`, need)
    if (needs.size === CONTEXTS_PER_ASSOCIATION) break
  }
  return [...needs.values()]
}
