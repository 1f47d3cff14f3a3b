/**
 * Custody log: gives entries their places, and answers each with its proof once it is durable.
 *
 * Group commit: what came in while one batch was being written becomes the next one, with one append of the sequencer
 * and one signed checkpoint for all of them. The next batch is hashed while the former is written. Everything else
 * (tiles, bundles, published checkpoints) is derived afterwards by the integrator.
 *
 * A failure of the sequencer stops the log for good: what was acknowledged is safe, what was under way is answered with
 * the failure and may or may not be there. Whoever sends it again after a restart gets the place it has, or a new one.
 */

import { decodeLatin1 } from '@fiducial/core/bytes/text.ts'
import { signCheckpoint } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { proveConsistency, proveInclusion } from '@fiducial/core/domain/log/tile-proofs.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { Admission, type AdmissionLimits, type Waiting } from './admission.ts'
import type { LogClock } from './clock.ts'
import { Integrator, type IntegratorOptions } from './integrator.ts'
import { guardStored } from './log-view.ts'
import type { LogPorts, NewEntry, SequencedBatch } from './ports.ts'
import type { Receipt } from './receipt.ts'
import { type Recovered, type RecoverOptions, recover } from './recover.ts'
import type { Tail } from './tail.ts'

export interface LogOptions extends RecoverOptions, Omit<IntegratorOptions, 'onFailure' | 'prove'> {
  readonly admission?: AdmissionLimits
  /** Entries of a batch. Default: 1,024; over some 2,000 the first ones wait too long for the last. */
  readonly batchEntries?: number
  /** Bytes of a batch. Default: 16 MiB. */
  readonly batchBytes?: number
}

const BATCH_ENTRIES = 1024
const BATCH_BYTES = 16 * 1024 * 1024

/** How far a log is. */
export interface LogState {
  /** Entries that are durable. */
  readonly size: bigint
  /** Entries under the newest checkpoint that others may see. */
  readonly publishedSize: bigint
  /** Entries admitted and not answered. */
  readonly waiting: number
  /** Code of the failure that stopped the log. */
  readonly failure?: string
}

/** The log as far as it is durable. */
interface Durable {
  readonly size: bigint
  readonly root: Uint8Array
  /** Its checkpoint; undefined until it is first asked for. */
  note: Promise<string> | undefined
}

/** Entries that have their places. */
interface Batch {
  readonly first: bigint
  readonly leaves: readonly Uint8Array[]
  readonly prove: (index: bigint) => readonly Uint8Array[]
  /** Resolves with the checkpoint once all of them are durable. */
  readonly isWritten: Promise<string>
}

/** An entry of a batch, by its number in it. */
interface Place {
  readonly batch: Batch
  readonly number: number
}

/** A log that is open for appending; made by {@link openCustodyLog}. */
export class CustodyLog {
  readonly #ports: LogPorts
  readonly #options: LogOptions
  readonly #fence: bigint
  readonly #tail: Tail
  readonly #admission: Admission
  readonly #clock: LogClock
  readonly #integrator: Integrator
  /** Statements that have a place and are not durable, by identity. */
  readonly #underWay = new Map<string, Place>()
  #durable: Durable
  #failure: unknown
  /** Whether somebody has had the failure for an answer. */
  #isFailureTold = false
  #closing: Promise<void> | undefined
  #loop: Promise<void> | undefined
  #wake: (() => void) | undefined
  /** Settles, never rejects, when the newest batch is written; the other one when the batch before it is. */
  #writing: Promise<void> = Promise.resolve()
  #writingBefore: Promise<void> = Promise.resolve()

  constructor(ports: LogPorts, options: LogOptions, recovered: Recovered) {
    this.#ports = ports
    this.#options = options
    this.#fence = recovered.fence
    this.#tail = recovered.tail
    this.#clock = recovered.clock
    this.#durable = { size: recovered.tail.size, root: recovered.tail.root, note: undefined }
    this.#admission = new Admission(options.admission)
    this.#integrator = new Integrator(ports, recovered, {
      ...options,
      onFailure: (error, isTold) => this.#fail(error, isTold),
      prove: (first, second) => this.proveConsistency(first, second),
    })
  }

  /** Integrates what was durable and not integrated when the log ended, and shows what nobody was shown yet. */
  async resume({ unintegrated: mark }: Recovered): Promise<void> {
    if (mark === undefined) this.#integrator.resume()
    else this.#integrator.resume({ mark, checkpoint: await this.#noteOf(this.#durable) })
  }

  /** Origin of the log: its name in every checkpoint. */
  get origin(): string {
    return this.#options.signer.origin
  }

  get state(): LogState {
    return {
      size: this.#durable.size,
      publishedSize: this.#integrator.publishedSize,
      waiting: this.#admission.size,
      ...(this.#failure !== undefined && { failure: codeOf(this.#failure) }),
    }
  }

  /**
   * Adds an entry, or finds it. When the promise resolves the entry is durable.
   *
   * @throws {FormatError} `entry_too_large`, `entry_malformed`: never accepted
   * @throws {StoreError} `log_overloaded`: never accepted; `clock_went_back`: never accepted; `log_stopped`; from the
   *   storage `fence_lost`, `log_unwritable` and others: may have been accepted, send it again
   */
  async append(entry: NewEntry): Promise<Receipt> {
    this.#checkOpen()
    this.#clock.check()
    const receipt = this.#admission.admit(entry)
    this.#loop ??= this.#run()
    this.#wake?.()
    return receipt
  }

  /** Proof that an entry is in the log as it stands, with the entry. @throws {StoreError} `entry_missing`, `log_corrupted` */
  async prove(index: bigint): Promise<Receipt> {
    const durable = this.#durable
    const { size, root } = durable
    if (index < 0n || index >= size) throw new StoreError('entry_missing', `the log has ${size} entries`)
    const { hasher, crypto } = this.#options
    const [leaf, proof, checkpoint] = await guardStored(
      Promise.all([
        this.#tail.readEntry(index),
        proveInclusion(index, size, this.#tail.readTile, hasher),
        this.#noteOf(durable),
      ]),
    )
    // The root was made while entries were appended; what lies on the disk may have changed since.
    if (!verifyInclusion(crypto.hash, { entry: leaf, index, size, proof, root })) {
      throw new StoreError('log_corrupted', `entry ${index} does not come to the root`)
    }
    return { index, leaf, proof, checkpoint, isNew: false }
  }

  /** RFC 6962 consistency proof between two sizes of the log. @throws {StoreError} `entry_missing`, `log_corrupted` */
  async proveConsistency(first: bigint, second: bigint): Promise<readonly Uint8Array[]> {
    const { size } = this.#durable
    if (first > second || second > size) throw new StoreError('entry_missing', `the log has ${size} entries`)
    return guardStored(proveConsistency(first, second, this.#tail.readTile, this.#options.hasher))
  }

  /**
   * Waits until the entry stands under a checkpoint that others can see: with witnesses, a cosigned one.
   * @throws {StoreError} `witness_quorum_missing`, `witness_conflict`: the entry is durable and not shown to anybody
   */
  async published(index: bigint): Promise<string> {
    try {
      return await this.#integrator.until(index + 1n)
    } catch (error) {
      this.#isFailureTold ||= this.#failure !== undefined
      throw error
    }
  }

  /** Newest checkpoint that others can see; undefined before the first. */
  get publishedCheckpoint(): string | undefined {
    return this.#integrator.published
  }

  /**
   * Writes everything out that is durable, and lets go. Entries that wait are still answered.
   * @throws {StoreError} what kept the log from writing out, unless somebody has been told; what is durable stays so
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#wake?.()
    try {
      await this.#loop
      await this.#integrator.close()
    } finally {
      await this.#ports.sequencer.close()
    }
    if (this.#failure !== undefined && !this.#isFailureTold) throw this.#failure
  }

  #checkOpen(): void {
    if (this.#failure !== undefined) {
      this.#isFailureTold = true
      throw new StoreError('log_stopped', 'the log has stopped after a failure', { cause: this.#failure })
    }
    if (this.#closing !== undefined) throw new StoreError('log_stopped', 'the log is being closed')
  }

  #fail(error: unknown, isTold = true): void {
    this.#failure ??= error
    this.#isFailureTold ||= isTold || !this.#admission.isEmpty
    this.#admission.rejectAll(error)
    this.#wake?.()
  }

  async #run(): Promise<void> {
    while (true) {
      if (this.#admission.isEmpty) {
        if (this.#closing !== undefined || this.#failure !== undefined) break
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
        continue
      }
      // One batch is hashed while the one before it is written; all that comes in meanwhile makes the next one larger.
      await this.#writingBefore
      await this.#integrator.room()
      const { batchEntries = BATCH_ENTRIES, batchBytes = BATCH_BYTES } = this.#options
      const taken = this.#admission.take(batchEntries, batchBytes)
      try {
        await this.#sequence(taken)
      } catch (error) {
        for (const waiting of taken) waiting.reject(error)
        this.#fail(error)
      }
    }
    await this.#writing
  }

  /** Gives the new ones among the entries their places and starts to write them. */
  async #sequence(taken: readonly Waiting[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const fresh = await this.#sortOut(taken)
    if (fresh.size === 0) return
    const first = this.#tail.size
    const waiting = [...fresh.values()]
    const entries = waiting.map(({ entry }) => entry)
    const leaves = entries.map(({ leaf }) => leaf)
    const prove = this.#tail.append(leaves, this.#options.hasher.hashLeaves(leaves))
    const mark = this.#tail.mark()
    const { size, root } = mark
    const isWritten = this.#write({ first, entries, root }, this.#checkpointOf(size, root))
    const batch = { first, leaves, prove, isWritten }
    let number = 0
    for (const key of fresh.keys()) this.#underWay.set(key, { batch, number: number++ })
    isWritten.then(
      (checkpoint) => {
        this.#durable = { size, root, note: isWritten }
        for (const key of fresh.keys()) this.#underWay.delete(key)
        this.#integrator.offer(mark, checkpoint)
        for (const [i, one] of waiting.entries()) one.resolve(receiptOf(batch, i, checkpoint))
      },
      (error) => {
        for (const one of waiting) one.reject(error)
      },
    )
  }

  /** The entries that no one has sent before; the others are answered as soon as theirs is durable. */
  async #sortOut(taken: readonly Waiting[]): Promise<Map<string, Waiting>> {
    const fresh = new Map<string, Waiting>()
    const twice: Waiting[] = []
    const unknown: (readonly [string, Waiting])[] = []
    for (const waiting of taken) {
      const key = keyOf(waiting.entry)
      const place = this.#underWay.get(key)
      if (place === undefined) unknown.push([key, waiting])
      else answerLike(place, waiting)
    }
    const places = await this.#ports.sequencer.find(unknown.map(([, { entry }]) => entry.identity))
    for (const [i, [key, waiting]] of unknown.entries()) {
      const place = places[i]
      if (place !== undefined) this.prove(place).then(waiting.resolve, waiting.reject)
      else if (fresh.has(key)) twice.push(waiting)
      else fresh.set(key, waiting)
    }
    // The same statement twice in one batch: the second waits for the first.
    for (const waiting of twice) {
      const first = fresh.get(keyOf(waiting.entry)) as Waiting
      const { resolve, reject } = first
      fresh.set(keyOf(waiting.entry), {
        ...first,
        resolve: (receipt) => {
          resolve(receipt)
          waiting.resolve({ ...receipt, isNew: false })
        },
        reject: (error) => {
          reject(error)
          waiting.reject(error)
        },
      })
    }
    return fresh
  }

  /** Appends to the sequencer, one batch after the other; resolves with the checkpoint once all of it is durable. */
  #write(batch: SequencedBatch, checkpoint: Promise<string>): Promise<string> {
    const appended = this.#writing.then(() => {
      if (this.#failure !== undefined) throw this.#failure
      return this.#ports.sequencer.append(batch, this.#fence)
    })
    const written = Promise.all([checkpoint, appended]).then(([note]) => note)
    this.#writingBefore = this.#writing
    this.#writing = written.then(
      () => undefined,
      (error) => this.#fail(error),
    )
    return written
  }

  /** Signing takes longer than all else that a proof needs, so that all proofs under one size share a signature. */
  #noteOf(durable: Durable): Promise<string> {
    if (durable.note !== undefined) return durable.note
    const note = this.#checkpointOf(durable.size, durable.root)
    durable.note = note
    note.catch(() => {
      durable.note = undefined
    })
    return note
  }

  #checkpointOf(size: bigint, root: Uint8Array): Promise<string> {
    const { signer } = this.#options
    return signCheckpoint({ origin: signer.origin, size, root, extensions: [] }, signer, this.#clock.seconds())
  }
}

const keyOf = ({ identity }: NewEntry): string => decodeLatin1(identity)

/**
 * The receipt of an entry whose batch is durable. Made as late as that: a proof is some twenty small objects, and what
 * waits for the disk is moved about by the garbage collector.
 */
function receiptOf({ first, leaves, prove }: Batch, number: number, checkpoint: string): Receipt {
  const index = first + BigInt(number)
  return { index, leaf: leaves[number] as Uint8Array, proof: prove(index), checkpoint, isNew: true }
}

function answerLike({ batch, number }: Place, waiting: Waiting): void {
  batch.isWritten.then(
    (checkpoint) => waiting.resolve({ ...receiptOf(batch, number, checkpoint), isNew: false }),
    waiting.reject,
  )
}

/** A failure may come from the storage, or from a key that does not sign. */
function codeOf(failure: unknown): string {
  return failure instanceof Error && 'code' in failure ? String(failure.code) : 'log_stopped'
}

/**
 * Opens a log for appending, after checking all that recovery trusts.
 *
 * @throws {StoreError} `log_locked`, `log_corrupted`, `clock_went_back`, `log_unwritable`
 */
export async function openCustodyLog(ports: LogPorts, options: LogOptions): Promise<CustodyLog> {
  try {
    const recovered = await recover(ports, options)
    recovered.clock.check()
    const log = new CustodyLog(ports, options, recovered)
    await log.resume(recovered)
    return log
  } catch (error) {
    await ports.sequencer.close()
    throw error
  }
}
