/**
 * Seal log: records what a run has sealed in the custody log of the site, and puts a proof beside each image.
 *
 * Images are recorded as they come; one that an earlier run sealed and did not come to record is recorded now, and one
 * that is recorded already keeps its place. The proofs are made at the end, all under one published checkpoint.
 */
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import type { OpenSiteLog } from '../../services/log/log-access.ts'
import { PROOF_SUFFIX, SEAL_SUFFIX } from '../adapters.ts'
import type { Context } from '../context.ts'
import { describeFailure } from '../failure.ts'
import type { Ring, Secrets } from '../ring.ts'
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

/** Makes the log of a site that has none. */
export async function ensureLog(ring: Ring, secrets: Secrets, context: Context): Promise<string> {
  const { adapters, home, output, terminal } = context
  const found = await adapters.log.find(home)
  if (found !== undefined) return found.folder
  const made = await adapters.log.create(home, secrets, {})
  output.note(`made the custody log ${visible(made.origin)}`)
  await using open = await adapters.log.open(home, secrets, terminal.interruption)
  await recordKeys(open.site, ring.list())
  await open.site.settle()
  return made.folder
}

export class SealLog {
  readonly #context: Context
  readonly #open: OpenSiteLog
  readonly #recorded: Recorded[] = []
  readonly #pending = new Set<Promise<void>>()

  private constructor(open: OpenSiteLog, context: Context) {
    this.#open = open
    this.#context = context
  }

  /** @throws {StoreError} `log_locked`, `log_corrupted` and others; {KeyError} */
  static async open(secrets: Secrets, context: Context): Promise<SealLog> {
    const { adapters, home, terminal } = context
    return new SealLog(await adapters.log.open(home, secrets, terminal.interruption), context)
  }

  /** Records a sealed image; waits only while very many are on their way. @throws what an earlier one failed with */
  async record({ target }: SealedImage): Promise<void> {
    const bytes = await this.#context.adapters.readFile(`${target}${SEAL_SUFFIX}`)
    if (bytes === undefined) throw new StoreError('input_missing', `the seal of ${target} is gone`)
    const recording = this.#open.site.recorder.recordSeal(parseSeal(bytes)).then(({ index, isNew }) => {
      this.#recorded.push({ target, index, isNew })
    })
    const settled = recording.finally(() => this.#pending.delete(settled))
    settled.catch(() => undefined)
    this.#pending.add(settled)
    if (this.#pending.size >= PENDING_LIMIT) await Promise.race(this.#pending)
  }

  /**
   * Settles with the log, and writes the proofs.
   * @throws {StoreError} `witness_quorum_missing` and others: all images are sealed, and recorded or told of by the error
   */
  async finish(): Promise<SealLogSummary> {
    await Promise.all(this.#pending)
    const { site, facts } = this.#open
    const { output } = this.#context
    for (const failure of (await site.settle()).failures) {
      const { message, code } = describeFailure(failure)
      output.note(`no timestamp for the log from one authority: ${message} (${code})`)
    }
    const last = this.#recorded.reduce((most, { index }) => (index > most ? index : most), -1n)
    if (last >= 0n) await site.log.published(last)
    await this.#writeProofs()
    const recorded = this.#recorded.filter(({ isNew }) => isNew).length
    return { origin: facts.origin, recorded, already: this.#recorded.length - recorded }
  }

  async #writeProofs(): Promise<void> {
    const { adapters, home, output } = this.#context
    await using reader = await adapters.log.read(home)
    const view = await reader.view()
    for (const { target, index, isNew } of this.#recorded) {
      const path = `${target}${PROOF_SUFFIX}`
      if (view === undefined) throw new StoreError('entry_missing', 'the log has no checkpoint')
      if (isNew || (await adapters.readFile(path)) === undefined) {
        const { proof } = await view.prove(index)
        const text = formatTlogProof({ index, hashes: proof, checkpoint: view.checkpoint.note })
        await adapters.writeFile(path, new TextEncoder().encode(text))
      }
      output.record({ state: 'recorded', output: target, index: String(index), proof: path })
    }
  }

  /** Publishes what was recorded, and lets the log go. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#pending)
    await this.#open[Symbol.asyncDispose]()
  }
}
