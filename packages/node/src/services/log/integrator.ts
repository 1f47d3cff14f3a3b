/**
 * Integrator: derives from durable entries what everybody else reads: tiles, entry bundles, checkpoints.
 *
 * The order is what makes a crash harmless: objects first, then the head from which recovery begins, then the sequencer
 * may forget, then the checkpoint is shown. With witnesses it is shown only once a quorum has cosigned it: the log fails
 * closed, and goes on taking entries meanwhile.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import {
  entriesPath,
  partialTiles,
  TILE_WIDTH,
  type TileCoordinate,
  tilePath,
} from '@fiducial/core/formats/tlog/tile.ts'
import type { LogPorts } from './ports.ts'
import type { Mark, Tail } from './tail.ts'

/** Asks witnesses to cosign. */
export interface Witnessing {
  /**
   * @returns the note with the cosignatures of a quorum
   * @throws {StoreError} `witness_quorum_missing`, `witness_conflict`
   */
  cosign(request: CosignRequest): Promise<string>
}

export interface CosignRequest {
  /** Checkpoint with the signatures of the log. */
  readonly note: string
  readonly size: bigint
  /** RFC 6962 consistency proof between two sizes of the log. */
  prove(first: bigint, second: bigint): Promise<readonly Uint8Array[]>
}

export interface IntegratorOptions {
  /** Waits; ends early when the signal is aborted. Handed in, so that tests need not wait. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** Time between two published checkpoints of a busy log. Default: 1,000. */
  readonly publishIntervalMs?: number
  /** Time until witnesses that did not agree are asked again. Default: 10,000. */
  readonly witnessRetryMs?: number
  /** Absent for a log without witnesses. */
  readonly witnessing?: Witnessing
  /** Unintegrated bytes from which on new batches wait. Default: 256 MiB. */
  readonly unintegratedBytes?: number
  /** @param isTold  whether somebody who waited was told */
  readonly onFailure: (error: unknown, isTold: boolean) => void
  readonly prove: CosignRequest['prove']
}

export interface IntegratorStart {
  readonly tail: Tail
  /** Newest integrated checkpoint. */
  readonly head: string | undefined
  readonly headSize: bigint
  readonly published: string | undefined
  readonly publishedSize: bigint
}

const UNINTEGRATED_BYTES = 256 * 1024 * 1024
const PUBLISH_INTERVAL_MS = 1000
const WITNESS_RETRY_MS = 10_000

const WIDTH = BigInt(TILE_WIDTH)

/** Entries that a log needs for the tile to be full. */
const endOf = ({ level, index }: TileCoordinate): bigint => (index + 1n) * WIDTH ** BigInt(level + 1)

interface Offer {
  readonly mark: Mark
  readonly checkpoint: string
}

interface Waiter {
  readonly size: bigint
  resolve(note: string): void
  reject(error: unknown): void
}

export class Integrator {
  readonly #ports: LogPorts
  readonly #options: IntegratorOptions
  readonly #tail: Tail
  readonly #closing = new AbortController()
  #head: string | undefined
  #headSize: bigint
  #published: string | undefined
  #publishedSize: bigint
  /** The newest durable state that is not integrated. */
  #offered: Offer | undefined
  #integrating: Promise<void> | undefined
  #publishing: Promise<void> | undefined
  /** Stored partial objects, by the path of the full one that will replace them, with its end. */
  readonly #partials: { readonly path: string; readonly end: bigint }[] = []
  readonly #waiters = new Set<Waiter>()
  /** Batches that wait for the end of a round. */
  #roomWaiters: (() => void)[] = []
  /** Ends the pause between two rounds. */
  #nap: AbortController | undefined
  /** Ends the pause until witnesses are asked again: whoever waits is told what they say now. */
  #witnessNap: AbortController | undefined
  #isBroken = false
  #isClosed = false

  constructor(ports: LogPorts, start: IntegratorStart, options: IntegratorOptions) {
    this.#ports = ports
    this.#options = options
    this.#tail = start.tail
    this.#head = start.head
    this.#headSize = start.headSize
    this.#published = start.published
    this.#publishedSize = start.publishedSize
    this.#rememberPartials()
  }

  /** Partial objects at the right edge that earlier runs may have left: of every width up to the present one. */
  #rememberPartials(): void {
    for (const tile of partialTiles(this.#headSize)) {
      for (let width = 1; width <= tile.width; width++) {
        this.#partials.push({ path: tilePath({ ...tile, width }), end: endOf(tile) })
      }
    }
    const number = this.#headSize / WIDTH
    for (let width = 1; width <= Number(this.#headSize % WIDTH); width++) {
      this.#partials.push({ path: entriesPath(number, width), end: (number + 1n) * WIDTH })
    }
  }

  get published(): string | undefined {
    return this.#published
  }

  get publishedSize(): bigint {
    return this.#publishedSize
  }

  /** Goes on where an earlier run ended: with what is durable and not integrated, and with what nobody was shown yet. */
  resume(unintegrated?: Offer): void {
    if (unintegrated !== undefined) this.offer(unintegrated.mark, unintegrated.checkpoint)
    this.#publish()
  }

  /** Says that the log is durable up to a mark. */
  offer(mark: Mark, checkpoint: string): void {
    // After a failure nobody knows what is on the disk: the next run looks.
    if (this.#isBroken) return
    this.#offered = { mark, checkpoint }
    this.#integrating ??= this.#run()
  }

  /** Waits while more is unintegrated than memory should hold. */
  async room(): Promise<void> {
    const { unintegratedBytes = UNINTEGRATED_BYTES } = this.#options
    while (this.#tail.bytes > unintegratedBytes && !this.#isBroken && this.#integrating !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#roomWaiters.push(resolve)
      this.#nap?.abort()
      await promise
    }
  }

  /** Resolves with a published checkpoint of at least a size. @throws {StoreError} see {@link Witnessing} */
  until(size: bigint): Promise<string> {
    if (this.#published !== undefined && this.#publishedSize >= size) return Promise.resolve(this.#published)
    if (this.#isBroken) return Promise.reject(new StoreError('log_stopped', 'the log has stopped after a failure'))
    if (this.#isClosed) return Promise.reject(new StoreError('log_stopped', 'the log was closed'))
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    this.#waiters.add({ size, resolve, reject })
    this.#nap?.abort()
    this.#wakeForWitnesses()
    return promise
  }

  /** Integrates and publishes the rest. Witnesses that do not agree are asked once more and no longer. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#integrating
    await this.#publishing
    this.#publish()
    await this.#publishing
    this.#isClosed = true
    this.#reject(new StoreError('log_stopped', 'the log was closed'))
  }

  async #run(): Promise<void> {
    try {
      while (this.#offered !== undefined) {
        const offer = this.#offered
        this.#offered = undefined
        await this.#integrate(offer)
        this.#letIn()
        this.#publish()
        await this.#rest()
      }
    } catch (error) {
      this.#break(error)
    } finally {
      this.#integrating = undefined
      this.#letIn()
    }
  }

  /** Lets those look again who wait for room. */
  #letIn(): void {
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
  }

  /** Lets entries gather for the next round, unless somebody waits for it. */
  async #rest(): Promise<void> {
    if (this.#closing.signal.aborted || this.#waiters.size > 0 || this.#roomWaiters.length > 0) return
    this.#nap = new AbortController()
    const signal = AbortSignal.any([this.#closing.signal, this.#nap.signal])
    await this.#options.pause(this.#options.publishIntervalMs ?? PUBLISH_INTERVAL_MS, signal)
    this.#nap = undefined
  }

  async #integrate({ mark, checkpoint }: Offer): Promise<void> {
    const { objects, head, sequencer } = this.#ports
    await objects.putAll(this.#tail.objectsOf(mark))
    await head.compareAndSwap(this.#head, checkpoint)
    this.#head = checkpoint
    this.#headSize = mark.size
    await sequencer.release(mark.size)
    this.#tail.forget(mark)
    await this.#dropPartials(mark)
  }

  /** Removes partial objects whose full ones are stored by now. */
  async #dropPartials({ size, edge, last }: Mark): Promise<void> {
    const dropped = this.#partials.filter(({ end }) => end <= size)
    for (const partial of dropped) {
      await this.#ports.objects.removePartial(partial.path)
      this.#partials.splice(this.#partials.indexOf(partial), 1)
    }
    for (const tile of edge) this.#partials.push({ path: tilePath(tile), end: endOf(tile) })
    if (last.length > 0) {
      const number = size / WIDTH
      this.#partials.push({ path: entriesPath(number, last.length), end: (number + 1n) * WIDTH })
    }
  }

  /** Shows the head to everybody, after the witnesses. One at a time; what comes meanwhile follows in one go. */
  #publish(): void {
    if (this.#unpublished !== undefined) this.#publishing ??= this.#publishAll()
    this.#wakeForWitnesses()
  }

  /** Whether somebody waits for what could be published now. */
  get #isAwaited(): boolean {
    return [...this.#waiters].some(({ size }) => size <= this.#headSize)
  }

  #wakeForWitnesses(): void {
    if (this.#isAwaited) this.#witnessNap?.abort()
  }

  /** The head, unless others can see it already. */
  get #unpublished(): string | undefined {
    return this.#headSize > this.#publishedSize && !this.#isBroken ? this.#head : undefined
  }

  async #publishAll(): Promise<void> {
    const { witnessing, pause, witnessRetryMs = WITNESS_RETRY_MS } = this.#options
    try {
      for (let note = this.#unpublished; note !== undefined; note = this.#unpublished) {
        const size = this.#headSize
        const cosigned = witnessing === undefined ? note : await this.#cosign(witnessing, note, size)
        if (cosigned !== undefined) {
          await this.#ports.published.compareAndSwap(this.#published, cosigned)
          this.#published = cosigned
          this.#publishedSize = size
          this.#answer()
        } else if (this.#closing.signal.aborted) {
          return
        } else if (!this.#isAwaited) {
          this.#witnessNap = new AbortController()
          await pause(witnessRetryMs, AbortSignal.any([this.#closing.signal, this.#witnessNap.signal]))
          this.#witnessNap = undefined
        }
      }
    } catch (error) {
      this.#break(error)
    } finally {
      // In one step with the last look at the head: for one that comes later, this begins anew.
      this.#publishing = undefined
    }
  }

  /** Undefined where the quorum was missed: those who wait for it are told, and it is tried again later. */
  async #cosign(witnessing: Witnessing, note: string, size: bigint): Promise<string | undefined> {
    try {
      return await witnessing.cosign({ note, size, prove: this.#options.prove })
    } catch (error) {
      for (const waiter of [...this.#waiters].filter((one) => one.size <= size)) {
        this.#waiters.delete(waiter)
        waiter.reject(error)
      }
      return undefined
    }
  }

  #answer(): void {
    for (const waiter of this.#waiters) {
      if (waiter.size > this.#publishedSize) continue
      this.#waiters.delete(waiter)
      waiter.resolve(this.#published as string)
    }
  }

  #break(error: unknown): void {
    this.#isBroken = true
    const isTold = this.#waiters.size > 0
    this.#reject(error)
    this.#options.onFailure(error, isTold)
  }

  #reject(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }
}
