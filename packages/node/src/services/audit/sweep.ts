/**
 * Sweep: goes through an archive, reads what is new, changed or due, and takes down what was found.
 *
 * The order of steps: learn what the log says since last time, mark what has to be read again, list and read, and then
 * judge the whole. Each step leaves a state from which the next run goes on: an instance whose reading was taken down is not
 * read twice. What a finding is, domain/audit says.
 */
import { finding } from '@fiducial/core/domain/audit/finding.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { compareReadings } from './compare-sweeps.ts'
import { reasonToRead } from './due.ts'
import { judgeArchive } from './judge-archive.ts'
import type {
  ArchiveSource,
  Examined,
  FetchedInstance,
  KnownVersion,
  ListedInstance,
  ListedPage,
  Sighting,
  Sweep,
  SweepStore,
} from './ports.ts'
import type { Throttle } from './throttle.ts'

/** An instance that lies ready to be examined. */
export interface ExamineTask {
  /** Its key: what to call it. */
  readonly label: string
  readonly path: string
}

/** How that went; in the order of the tasks. */
export type ExamineDone = { readonly task: ExamineTask; readonly bytes: number } & (
  | { readonly value: Examined }
  | { readonly failure: { readonly code: string } }
)

/** Examines instances as they come, with all processor cores; ends early once the signal is set off. */
export type ExamineAll = (tasks: AsyncIterable<ExamineTask>, signal: AbortSignal) => AsyncIterable<ExamineDone>

export interface SweepOptions {
  readonly source: ArchiveSource
  readonly store: SweepStore
  readonly examineAll: ExamineAll
  readonly throttle: Throttle
  /** Takes down what the log says since last time; absent where there is no log. @returns entries that were new */
  readonly learn?: (signal: AbortSignal) => Promise<bigint>
  readonly anchors: TrustAnchors
  /** Digest of whom one believes and of the policy: where it is another one, everything signed is read again. */
  readonly trustId: string
  /** Certificates that were taken back, as `Examined.signers` names them. */
  readonly revoked: readonly string[]
  readonly now: () => Date
  readonly signal: AbortSignal
  /** Reads everything again. */
  readonly isFull: boolean
  /** Lists only what is new: `last` since the sweep before, else a cursor of the source. Absent lists all. */
  readonly since?: string
  readonly rereadDays: number
  /** For so long an image of the log may be on its way to the archive. */
  readonly graceMs: number
  /** Reads no more than so many, and leaves the rest to the next run. */
  readonly limit?: number
  readonly onProgress?: (progress: SweepProgress) => void
}

export interface SweepProgress {
  /** Instances that the archive has told of so far, and in all where it says so; else as many as there were before. */
  readonly listed: number
  readonly total: number | undefined
  readonly isListed: boolean
  /** Instances that are done: read, passed over, or not to be had. */
  readonly done: number
  readonly bytes: number
}

export interface SweepResult {
  readonly sweep: Sweep
  /** False where it was interrupted, or stopped at its limit: the next run goes on. */
  readonly isFinished: boolean
  /** Whether it went on with one that was cut off. */
  readonly isResumed: boolean
  /** Entries of the log that it had not seen before. */
  readonly logEntries: bigint
  /** Instances that this run has read; those of an earlier run of the same sweep are not counted. */
  readonly readNow: number
}

/** Instances that are taken down together, at the latest after so long. */
const BATCH = 200
const BATCH_MS = 1_000
const KNOWN_AT_ONCE = 500

/** Runs a sweep, or goes on with the one that was cut off. @throws {StoreError} what source, log and store say */
export async function runSweep(options: SweepOptions): Promise<SweepResult> {
  return new SweepRun(options).run()
}

class SweepRun {
  readonly #options: SweepOptions
  readonly #fetched = new Map<string, { readonly listed: ListedInstance; readonly fetched: FetchedInstance }>()
  readonly #versions = new Map<string, KnownVersion | undefined>()
  #pending: Sighting[] = []
  #pendingBytes = 0
  #savedAtMs = 0
  #listed = 0
  #total: number | undefined
  #isListed = false
  /** As many as are remembered: a guess at how many there are, for an archive that does not say. */
  #remembered = 0
  #done = 0
  #bytes = 0
  #read = 0
  #readNow = 0
  #cursor: string | null = null

  constructor(options: SweepOptions) {
    this.#options = options
  }

  async run(): Promise<SweepResult> {
    const { store, source, examineAll, learn, signal, now, anchors, graceMs } = this.#options
    const logEntries = (await learn?.(signal)) ?? 0n
    await this.#markDue()
    const cutOff = await store.current()
    const sweep = cutOff ?? (await this.#begin())
    try {
      // What was read before it was cut off is known by the number of the sweep.
      for await (const done of examineAll(this.#tasks(sweep), signal)) await this.#take(done)
      await this.#save()
    } finally {
      for (const { fetched } of this.#fetched.values()) await fetched[Symbol.asyncDispose]()
    }
    const isFinished = this.#isListed && !signal.aborted
    if (!isFinished)
      return {
        sweep: (await store.current()) ?? sweep,
        isFinished,
        isResumed: cutOff !== undefined,
        logEntries,
        readNow: this.#readNow,
      }
    const isWhole = source.isComplete(sweep.cursor ?? undefined)
    if (isWhole) await store.markGone(now())
    const isComplete = isWhole || (await store.note('listed')) === 'yes'
    if (isWhole) await store.setNote('listed', 'yes')
    const rule = { startedAt: sweep.startedAt, graceMs, now: now(), anchors, isComplete }
    await store.setSweepFindings(await judgeArchive(store, rule))
    const ended = await store.end(now(), this.#cursor)
    return { sweep: ended, isFinished, isResumed: cutOff !== undefined, logEntries, readNow: this.#readNow }
  }

  async #begin(): Promise<Sweep> {
    const { store, isFull, since, now } = this.#options
    const cursor = since === 'last' ? await store.note('cursor') : since
    return store.begin({ at: now(), isFull, cursor: cursor === undefined || cursor === '' ? null : cursor })
  }

  /** What has to be read again though the archive says that it did not change. */
  async #markDue(): Promise<void> {
    const { store, now, trustId, revoked } = this.#options
    await store.markDue({ before: now() })
    if ((await store.note('trust')) !== trustId) {
      await store.markDue('signed')
      await store.setNote('trust', trustId)
    }
    const known = new Set(((await store.note('revoked')) ?? '').split(' '))
    const fresh = revoked.filter((name) => !known.has(name))
    if (fresh.length === 0) return
    await store.markDue({ signers: fresh })
    await store.setNote('revoked', revoked.join(' '))
  }

  async *#tasks(sweep: Sweep): AsyncGenerator<ExamineTask> {
    const { source, store, signal } = this.#options
    if (sweep.cursor === null) this.#remembered = sumOf(await store.standings())
    for await (const page of source.list(sweep.cursor ?? undefined, signal)) {
      this.#see(page)
      for (let from = 0; from < page.instances.length; from += KNOWN_AT_ONCE) {
        const due = await this.#due(page.instances.slice(from, from + KNOWN_AT_ONCE), sweep)
        yield* this.#fetch(due)
        if (signal.aborted || this.#isAtLimit()) return
      }
    }
    this.#isListed = !signal.aborted
  }

  #see({ instances, total, cursor }: ListedPage): void {
    this.#listed += instances.length
    this.#total = total ?? this.#total
    this.#cursor = cursor ?? this.#cursor
  }

  /** Those that are to be read; the others are taken down as unchanged. */
  async #due(instances: readonly ListedInstance[], sweep: Sweep): Promise<readonly ListedInstance[]> {
    const { store, now, rereadDays } = this.#options
    const known = await store.known(instances.map(({ key }) => key))
    const rule = { rereadDays, now: now() }
    const due: ListedInstance[] = []
    for (const listed of instances) {
      const version = known.get(listed.key)
      if (reasonToRead(listed, version, sweep, rule) !== undefined) {
        this.#versions.set(listed.key, version)
        due.push(listed)
      } else {
        this.#done++
        if (version?.seenIn !== sweep.number) await this.#note({ kind: 'unchanged', key: listed.key }, 0)
      }
    }
    this.#tell()
    return due
  }

  async *#fetch(due: readonly ListedInstance[]): AsyncGenerator<ExamineTask> {
    const { source, throttle, signal, limit } = this.#options
    const rest = limit === undefined ? due.length : Math.max(0, limit - this.#read)
    const listed = new Map(due.slice(0, rest).map((one) => [one.key, one]))
    this.#read += listed.size
    if (listed.size === 0) return
    await throttle.admit(signal)
    for await (const got of source.fetch([...listed.values()], signal)) {
      const one = listed.get(got.key)
      if (one === undefined) continue
      if ('code' in got) await this.#fail(one, got.code)
      else {
        this.#fetched.set(got.key, { listed: one, fetched: got })
        throttle.read(got.lengthBytes)
        yield { label: got.key, path: got.path }
        await throttle.admit(signal)
      }
      if (signal.aborted) return
    }
  }

  #isAtLimit(): boolean {
    const { limit } = this.#options
    return limit !== undefined && this.#read >= limit
  }

  async #take(done: ExamineDone): Promise<void> {
    const { label } = done.task
    const held = this.#fetched.get(label)
    if (held === undefined) return
    this.#fetched.delete(label)
    await held.fetched[Symbol.asyncDispose]()
    if ('failure' in done) return this.#fail(held.listed, done.failure.code, held.fetched.mayBeOther)
    const earlier = this.#versions.get(label)?.content ?? null
    this.#versions.delete(label)
    const examined = done.value
    this.#done++
    this.#readNow++
    await this.#note(
      { kind: 'read', listed: held.listed, examined, findings: compareReadings(examined, earlier) },
      examined.lengthBytes,
    )
    this.#tell()
  }

  async #fail(listed: ListedInstance, code: string, mayBeOther = false): Promise<void> {
    this.#versions.delete(listed.key)
    this.#done++
    const isOther = mayBeOther && (code === 'dicom_not_dicom' || code === 'input_empty')
    await this.#note(
      isOther ? { kind: 'other', listed } : { kind: 'failed', listed, findings: [finding('unreadable', [code])] },
      0,
    )
    this.#tell()
  }

  async #note(sighting: Sighting, bytes: number): Promise<void> {
    this.#pending.push(sighting)
    this.#pendingBytes += bytes
    this.#bytes += bytes
    const isLate = this.#options.now().getTime() - this.#savedAtMs >= BATCH_MS
    if (this.#pending.length >= BATCH || isLate) await this.#save()
  }

  async #save(): Promise<void> {
    const { store, now } = this.#options
    const [sightings, bytes] = [this.#pending, this.#pendingBytes]
    this.#pending = []
    this.#pendingBytes = 0
    this.#savedAtMs = now().getTime()
    if (sightings.length > 0) await store.saw(sightings, bytes, now())
  }

  #tell(): void {
    this.#options.onProgress?.({
      listed: this.#listed,
      total: this.#total ?? (this.#remembered > this.#listed ? this.#remembered : undefined),
      isListed: this.#isListed,
      done: this.#done,
      bytes: this.#bytes,
    })
  }
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)
