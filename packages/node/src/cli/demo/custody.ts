/**
 * Custody: the log of the demonstration: what the room seals and sends is recorded, and what is missing is missed.
 */
import { createHash } from 'node:crypto'
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import type { LogFacts, OpenSiteLog } from '../../services/log/log-access.ts'
import { PROOF_SUFFIX, SEAL_SUFFIX } from '../adapters.ts'
import type { Context } from '../context.ts'
import { recordKeys } from '../log/record-keys.ts'
import type { VerifySettings } from '../work.ts'
import type { DemoKeys } from './keys.ts'

/** Called AE title of the simulated archive. */
const ARCHIVE_AET = 'DEMO_PACS'

/** What recording came to. */
export interface Recorded {
  readonly origin: string
  /** Entries of the log by then. */
  readonly entries: bigint
  /** Tokens of timestamp authorities. */
  readonly tokens: number
}

/** An image that was sealed, and where its copy in the archive is. */
export interface SentImage {
  /** Of the sealed image; its seal lies beside it. */
  readonly path: string
  /** Of the copy; absent for one that was sent nowhere. */
  readonly archived?: string
}

/** The demonstration's log. */
export class DemoCustody {
  readonly facts: LogFacts
  readonly #context: Context
  readonly #keys: DemoKeys

  private constructor(facts: LogFacts, keys: DemoKeys, context: Context) {
    this.facts = facts
    this.#keys = keys
    this.#context = context
  }

  /** Makes the log, with the keys of the hospital as its first entries. */
  static async make(keys: DemoKeys, context: Context): Promise<DemoCustody> {
    // Each time that the log settles, the authority sees it: in a demonstration nobody waits for an hour.
    const facts = await context.adapters.log.create(keys.home, {}, { timestampMinutes: 0 })
    const custody = new DemoCustody(facts, keys, context)
    await custody.#append((log) => recordKeys(log.site, keys.ring.list()))
    return custody
  }

  /** Records images as sealed, and as forwarded where they were; then puts the proofs beside them. */
  async record(images: readonly SentImage[]): Promise<Recorded> {
    const indexes = new Map<string, bigint>()
    const recorded = await this.#append(async (log) => {
      for (const { path, archived } of images) {
        const seal = parseSeal(await this.#read(`${path}${SEAL_SUFFIX}`))
        const { index } = await log.site.recorder.recordSeal(seal)
        indexes.set(path, index)
        if (archived === undefined) continue
        const { instance, file, dataset, pixels } = seal.statement
        const { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid, transferSyntaxUid } = instance
        await log.site.recorder.record({
          type: 'forwarded',
          instance: { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid, transferSyntaxUid },
          digests: { file, dataset, pixels: null, frames: pixels && { count: pixels.count, root: pixels.root } },
          details: { toAet: ARCHIVE_AET, toAddress: null, protocol: 'file' },
        })
      }
    })
    await this.#writeProofs(indexes)
    return recorded
  }

  /** What a verifier of this hospital asks. */
  verifySettings(): Pick<VerifySettings, 'log'> {
    const ownRoots = this.#keys.ring.trust().roots.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'))
    return { log: { folder: this.facts.folder, ownRoots } }
  }

  /** The keys by which others check the proofs, as a C2SP tlog-policy. */
  async readPolicy(): Promise<Uint8Array> {
    return this.#read(`${this.facts.folder}/policy`)
  }

  async #append(work: (log: OpenSiteLog) => Promise<void>): Promise<Recorded> {
    const { adapters, terminal } = this.#context
    await using log = await adapters.log.open(this.#keys.home, {}, terminal.interruption)
    await work(log)
    const { tokens = 0 } = await log.site.settle()
    return { origin: this.facts.origin, entries: log.site.log.state.size, tokens }
  }

  async #writeProofs(indexes: ReadonlyMap<string, bigint>): Promise<void> {
    const { adapters } = this.#context
    await using reader = await adapters.log.read(this.#keys.home)
    const view = await reader.view()
    if (view === undefined) throw new StoreError('entry_missing', 'the log has no checkpoint')
    for (const [path, index] of indexes) {
      const { proof } = await view.prove(index)
      const text = formatTlogProof({ index, hashes: proof, checkpoint: view.checkpoint.note })
      await adapters.writeFile(`${path}${PROOF_SUFFIX}`, new TextEncoder().encode(text))
    }
  }

  async #read(path: string): Promise<Uint8Array> {
    const bytes = await this.#context.adapters.readFile(path)
    if (bytes === undefined) throw new StoreError('input_missing', `${path} is gone`)
    return bytes
  }
}
