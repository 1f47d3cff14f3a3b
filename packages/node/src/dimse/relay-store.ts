/**
 * Relay store: a C-STORE whose data set is still coming, and whose end waits until it is asked for.
 *
 * Source: PS3.7 section 9.1.1, PS3.8 annex E.2: a message ends with the fragment that says so. That fragment and at least
 * one byte of the data set with it are not sent before {@link RelayStore.finish}. A peer that gets an A-ABORT before has no
 * whole message, and keeps nothing.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { RelayedCopy, RelayedNames, SendFate } from '../services/gateway/ports.ts'
import type { AssociationPool } from './association-pool.ts'
import { DataPipe } from './data-pipe.ts'
import type { OpenContext } from './propose.ts'
import type { Association } from './requestor.ts'
import { fateOf, fateOfContext } from './store-status.ts'

export class RelayStore implements RelayedCopy {
  readonly lost: Promise<string>
  /** Resolves once it is asked to end, or has ended. */
  readonly ending: Promise<void>
  readonly #pipe = new DataPipe()
  readonly #ending = new AbortController()
  readonly #fate: Promise<SendFate>
  readonly #asked = Promise.withResolvers<void>()
  #lengthBytes = 0

  /** Begins at once, with an association of the pool. @param isClear  as `Sender.relay` has it */
  constructor(pool: AssociationPool, names: RelayedNames, isClear: Promise<boolean>) {
    this.#fate = this.#send(pool, names, isClear)
    this.lost = this.#fate.then(
      (fate) => (fate.outcome === 'failed' ? fate.code : 'association_aborted'),
      (error) => (error instanceof StoreError ? error.code : 'association_aborted'),
    )
    this.ending = Promise.race([this.#asked.promise, this.lost.then(() => undefined)])
    // Bytes that nobody takes must not hold up their sender.
    void this.lost.then(() => this.#pipe.close())
  }

  write(bytes: Uint8Array, resume: () => void): boolean {
    this.#lengthBytes += bytes.length
    return this.#pipe.write(bytes, resume)
  }

  async finish(signal: AbortSignal): Promise<SendFate> {
    this.#asked.resolve()
    // Of those, what goes out is padded or refused, which is left to whoever sends the file.
    if (this.#lengthBytes % 2 === 1) {
      this.abort()
      throw new StoreError('association_aborted', 'a data set of odd length')
    }
    const onAbort = (): void => this.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) this.abort()
    this.#pipe.end()
    try {
      return await this.#fate
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  abort(): void {
    this.#asked.resolve()
    this.#ending.abort()
  }

  async #send(pool: AssociationPool, names: RelayedNames, isClear: Promise<boolean>): Promise<SendFate> {
    const { signal } = this.#ending
    const pooled = await pool.lend([names], signal).catch((cause: unknown) => {
      throw signal.aborted ? notBegun(cause) : cause
    })
    try {
      if (!(await isClear) || signal.aborted) throw notBegun()
      const context = pooled.association.find(names.sopClassUid, names.transferSyntaxUid)
      if (context === undefined) return fateOfContext(pooled.resultOf(names))
      return await this.#store(pooled.association, context, names)
    } finally {
      pool.giveBack(pooled)
    }
  }

  async #store(
    association: Association,
    context: OpenContext,
    { sopClassUid, sopInstanceUid }: RelayedNames,
  ): Promise<SendFate> {
    const { signal } = this.#ending
    const onAbort = (): void => association.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const { response } = await association.ask(
        context,
        {
          kind: 'c_store_rq',
          affectedSopClassUid: sopClassUid,
          affectedSopInstanceUid: sopInstanceUid,
          priority: 0,
        },
        this.#pipe.read(),
      )
      return fateOf(response.status)
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

const notBegun = (cause?: unknown): StoreError =>
  new StoreError('association_aborted', 'it ended before it was begun', { cause })
