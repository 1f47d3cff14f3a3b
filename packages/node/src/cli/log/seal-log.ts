/**
 * Seal log: records what a run has sealed in the custody log of the site, and puts a proof beside each image.
 *
 * Images are recorded as they come; one that an earlier run sealed and did not come to record is recorded now, and one
 * that is recorded already keeps its place. The proofs are made at the end, all under one published checkpoint. A seal
 * that no log takes keeps none of the others back.
 */
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { formatTlogProof, parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import type { OpenSiteLog } from '../../services/log/log-access.ts'
import { PROOF_SUFFIX, SEAL_SUFFIX } from '../adapters.ts'
import type { Context } from '../context.ts'
import { describeFailure, withHint } from '../failure.ts'
import type { Secrets } from '../ring.ts'
import { visible } from '../visible.ts'
import type { SealedImage } from '../work.ts'
import { recordKeys } from './record-keys.ts'

/** Entries that are on their way at once. */
const PENDING_LIMIT = 512

/** An image with its place in the log. */
interface Recorded {
  readonly target: string
  readonly index: bigint
  readonly isNew: boolean
}

export interface SealLogSummary {
  readonly origin: string
  readonly recorded: number
  readonly already: number
}

export class SealLog {
  readonly #secrets: Secrets
  readonly #context: Context
  readonly #recorded: Recorded[] = []
  readonly #pending = new Set<Promise<void>>()
  /** Opened, and made where there is none, for the first image. */
  #opening: Promise<OpenSiteLog> | undefined
  /** Of the log: nothing is recorded any more. */
  #failure: unknown
  /** Of single images. */
  readonly #refused: { readonly target: string; readonly error: FormatError }[] = []

  constructor(secrets: Secrets, context: Context) {
    this.#secrets = secrets
    this.#context = context
  }

  /**
   * Records a sealed image; waits only while very many are on their way. A log that fails does not keep others from
   * being sealed: {@link SealLog.finish} tells of it.
   */
  async record({ target }: SealedImage): Promise<void> {
    if (this.#failure !== undefined) return
    const recording = this.#record(target).catch((error: unknown) => {
      if (error instanceof FormatError) this.#refused.push({ target, error })
      else this.#failure ??= error
    })
    const settled = recording.finally(() => this.#pending.delete(settled))
    this.#pending.add(settled)
    if (this.#pending.size >= PENDING_LIMIT) await Promise.race(this.#pending)
  }

  async #record(target: string): Promise<void> {
    const bytes = await this.#context.adapters.readFile(`${target}${SEAL_SUFFIX}`)
    if (bytes === undefined) throw new StoreError('input_missing', `the seal of ${target} is gone`)
    const { site } = await this.#log()
    const { index, isNew } = await site.recorder.recordSeal(parseSeal(bytes))
    this.#recorded.push({ target, index, isNew })
  }

  #log(): Promise<OpenSiteLog> {
    this.#opening ??= openOrMake(this.#secrets, this.#context)
    return this.#opening
  }

  /**
   * Settles with the log, and writes the proofs.
   * @throws {StoreError} `witness_quorum_missing`, `log_locked` and others: the images are sealed all the same, and the same
   *   run again records those that are not yet
   */
  async finish(): Promise<SealLogSummary> {
    await Promise.all(this.#pending)
    if (this.#failure !== undefined) throw this.#failure
    const { site, facts } = await this.#log()
    const { output } = this.#context
    for (const failure of (await site.settle()).failures) {
      const { message, code } = describeFailure(failure)
      output.note(`no timestamp for the log from one authority: ${message} (${code})`)
    }
    const last = this.#recorded.reduce((most, { index }) => (index > most ? index : most), -1n)
    if (last >= 0n) await site.log.published(last)
    await this.#writeProofs()
    this.#tellRefused()
    const recorded = this.#recorded.filter(({ isNew }) => isNew).length
    return { origin: facts.origin, recorded, already: this.#recorded.length - recorded }
  }

  /** @throws {FormatError} the first one, once all are told of */
  #tellRefused(): void {
    const [first] = this.#refused
    if (first === undefined) return
    for (const { target, error } of this.#refused)
      this.#context.output.note(`not recorded: ${visible(target)}: ${visible(error.message)} (${error.code})`)
    throw withHint(first.error, 'the image is sealed, and no log takes its seal; all others are recorded')
  }

  async #writeProofs(): Promise<void> {
    const { adapters, home, output } = this.#context
    await using reader = await adapters.log.read(home)
    const view = await reader.view()
    for (const { target, index, isNew } of this.#recorded) {
      const path = `${target}${PROOF_SUFFIX}`
      if (view === undefined) throw new StoreError('entry_missing', 'the log has no checkpoint')
      if (isNew || !isOfEntry(await adapters.readFile(path), index)) {
        const { proof } = await view.prove(index)
        const text = formatTlogProof({ index, hashes: proof, checkpoint: view.checkpoint.note })
        await adapters.writeFile(path, new TextEncoder().encode(text))
      }
      output.record({ state: 'recorded', output: target, index: String(index), proof: path })
    }
  }

  /** Publishes what was recorded, and lets the log go. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pending)
    // Whether it could be opened has been told.
    const open = await this.#opening?.catch(() => undefined)
    await open?.[Symbol.asyncDispose]()
  }
}

/** Whether a proof of an earlier run is of this entry: the image may have been sealed anew since. */
function isOfEntry(proof: Uint8Array | undefined, index: bigint): boolean {
  if (proof === undefined) return false
  try {
    return parseTlogProof(proof).index === index
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

/** The site's log; made where it has none, with those who are certified by now. */
async function openOrMake(secrets: Secrets, context: Context): Promise<OpenSiteLog> {
  const { adapters, home, output, terminal } = context
  if ((await adapters.log.find(home)) !== undefined) return adapters.log.open(home, secrets, terminal.interruption)
  try {
    const { origin } = await adapters.log.create(home, secrets, {})
    output.note(`made the custody log ${visible(origin)}`)
  } catch (error) {
    // Another run was faster.
    const isThere = error instanceof StoreError && ['log_exists', 'log_locked'].includes(error.code)
    if (!isThere) throw error
  }
  const open = await adapters.log.open(home, secrets, terminal.interruption)
  try {
    const ring = await adapters.openRing(home, secrets)
    await recordKeys(open.site, ring.list())
    return open
  } catch (error) {
    await open[Symbol.asyncDispose]()
    throw error
  }
}
