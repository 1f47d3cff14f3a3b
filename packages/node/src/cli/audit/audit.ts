/**
 * Audit: sweeps an archive, writes what was found, and turns it into an exit code.
 *
 * The steps of a sweep stand in services/audit; which findings there are, in domain/audit.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import { revokedBy, trustIdOf } from '../../services/audit/access.ts'
import { enrolUnrecorded } from '../../services/audit/enrol.ts'
import { nextTime } from '../../services/audit/hours.ts'
import { learnLog } from '../../services/audit/learn-log.ts'
import type { ArchiveSource, SweepStore } from '../../services/audit/ports.ts'
import { recordFindings } from '../../services/audit/record-findings.ts'
import type { AuditSummary } from '../../services/audit/report.ts'
import { runSweep, type SweepProgress, type SweepResult } from '../../services/audit/sweep.ts'
import { Throttle } from '../../services/audit/throttle.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { findLogs } from '../find-logs.ts'
import { pause } from '../pause.ts'
import { readPolicy } from '../policy.ts'
import { Progress } from '../progress.ts'
import { withRing } from '../secrets.ts'
import { counted } from '../table.ts'
import { readTrust } from '../trust.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import type { VerifySettings } from '../work.ts'
import { type AuditOptions, readFormats, readLimits, readSchedule, readSince } from './options.ts'
import { showSummary } from './show-summary.ts'
import { writeReports } from './write-reports.ts'

const HOUR_MS = 3_600_000

export async function auditArchive(target: string, options: AuditOptions, context: Context): Promise<ExitCode> {
  const { output, terminal } = context
  if (!options.log && (options.enrol === true || options.record === true))
    throw new UsageError('--enrol and --record need the custody log, and --no-log forbids it')
  const schedule = options.schedule === undefined ? undefined : readSchedule(options.schedule)
  if (schedule === undefined) return new Auditor(target, options, context).run()
  const { interruption } = terminal
  for (let last: ExitCode = EXIT.ok; ; ) {
    const next = nextTime(schedule, new Date())
    output.note(`the next sweep begins at ${next.toLocaleString()}`)
    while (!interruption.aborted && Date.now() < next.getTime()) {
      // In pieces: a clock that is put right is seen.
      await pause(Math.min(60_000, next.getTime() - Date.now()), interruption)
    }
    if (interruption.aborted) return last
    last = await new Auditor(target, options, context).run()
  }
}

class Auditor {
  readonly #target: string
  readonly #options: AuditOptions
  readonly #context: Context

  constructor(target: string, options: AuditOptions, context: Context) {
    this.#target = target
    this.#options = options
    this.#context = context
  }

  async run(): Promise<ExitCode> {
    const options = this.#options
    const context = this.#context
    const { adapters, home, output } = context
    const formats = readFormats(options.format)
    const settings: VerifySettings = {
      anchors: await readTrust(options, context),
      policy: await readPolicy(options.policy, context),
      ...(await findLogs(options, context)),
    }
    if (options.enrol === true && settings.log === undefined)
      throw new StoreError('log_missing', 'there is no custody log to enrol into: fiducial log init makes one')
    await using source = disposable(await this.#openArchive())
    await using store = disposable(await adapters.audit.openStore(home, source))
    const result = await this.#sweep(source, store, settings)
    output.endProgress()
    const facts = {
      store,
      archive: source,
      policy: settings.policy.name,
      log: await this.#logFacts(settings),
      sweep: result.sweep,
      isFinished: result.isFinished,
      showsKeys: options.paths === true,
    }
    const enrolled = options.enrol === true && result.isFinished ? await this.#enrol(source, store) : undefined
    if (options.record === true && result.isFinished) await this.#record(store, settings)
    const order = options.out === undefined ? undefined : { folder: options.out, formats }
    const { summary, paths } = await writeReports(facts, order, context)
    showSummary({ summary, result, enrolled, paths }, output)
    this.#context.terminal.interruption.throwIfAborted()
    return exitCodeFor(summary)
  }

  async #openArchive(): Promise<ArchiveSource> {
    const { adapters, home } = this.#context
    const { credentialsFile, callingAet } = this.#options
    const credentials = credentialsFile === undefined ? undefined : await this.#readCredentials(credentialsFile)
    try {
      return await adapters.audit.openArchive({
        target: this.#target,
        temporary: home,
        ...(credentials !== undefined && { credentials }),
        ...(callingAet !== undefined && { callingAet }),
      })
    } catch (error) {
      if (error instanceof RangeError) throw new UsageError(error.message, TARGETS)
      throw error
    }
  }

  async #readCredentials(path: string): Promise<string> {
    const bytes = await this.#context.adapters.readFile(path)
    if (bytes === undefined) throw new UsageError(`there is no file ${visible(path)}`)
    return new TextDecoder().decode(bytes).trim()
  }

  async #sweep(source: ArchiveSource, store: SweepStore, settings: VerifySettings): Promise<SweepResult> {
    const { adapters, output, terminal } = this.#context
    const { full, since, rereadDays, limit, missingAfter } = this.#options
    const crypto = await adapters.crypto()
    const { anchors, policy } = settings
    const extent = { found: 0, isComplete: false }
    const progress = new Progress(output, 'sweeping', extent)
    let last: SweepProgress | undefined
    const onProgress = (now: SweepProgress): void => {
      extent.found = now.total ?? now.listed
      extent.isComplete = now.isListed || now.total !== undefined
      progress.advance(now.bytes - (last?.bytes ?? 0), now.done - (last?.done ?? 0))
      last = now
    }
    return runSweep({
      source,
      store,
      examineAll: (tasks, signal) => adapters.audit.examineAll(tasks, settings, signal),
      throttle: new Throttle(readLimits(this.#options), {
        elapsedMs: () => performance.now(),
        now: () => new Date(),
        pause,
      }),
      ...(settings.log !== undefined && { learn: (signal) => this.#learn(store, signal) }),
      anchors,
      trustId: trustIdOf(anchors, policy, crypto),
      revoked: revokedBy(anchors, crypto),
      now: () => new Date(),
      signal: terminal.interruption,
      isFull: full === true,
      rereadDays,
      graceMs: missingAfter * HOUR_MS,
      ...(since !== undefined && { since: readSince(since) }),
      ...(limit !== undefined && { limit }),
      onProgress,
    })
  }

  async #learn(store: SweepStore, signal: AbortSignal): Promise<bigint> {
    const { adapters, home } = this.#context
    await using reader = await adapters.log.read(home)
    const view = await reader.view()
    const { records } = reader
    if (view === undefined || records === undefined) return 0n
    return await learnLog({ view, records, store, crypto: await adapters.crypto(), signal })
  }

  async #logFacts({ log }: VerifySettings): Promise<{ origin: string; size: string } | null> {
    const { adapters, home } = this.#context
    if (log === undefined) return null
    await using reader = await adapters.log.read(home)
    const view = await reader.view()
    return view === undefined ? null : { origin: view.origin, size: String(view.size) }
  }

  #enrol(source: ArchiveSource, store: SweepStore): Promise<number> {
    const { adapters, home, output, terminal } = this.#context
    return withRing(this.#options, this.#context, async (_ring, secrets) => {
      await using log = await adapters.log.open(home, secrets, terminal.interruption)
      const onProgress = (count: number): void => output.progress(() => `enrolled ${count}`)
      const { recorder } = log.site
      const count = await enrolUnrecorded({
        store,
        recorder,
        kind: source.kind,
        signal: terminal.interruption,
        onProgress,
      })
      await log.site.settle()
      output.endProgress()
      return count
    })
  }

  #record(store: SweepStore, { policy }: VerifySettings): Promise<void> {
    const { adapters, home, output, terminal } = this.#context
    return withRing(this.#options, this.#context, async (_ring, secrets) => {
      await using log = await adapters.log.open(home, secrets, terminal.interruption)
      const { recorder } = log.site
      const count = await recordFindings({ store, recorder, policy: policy.name, signal: terminal.interruption })
      await log.site.settle()
      output.note(`${counted(count, 'event')} recorded in the custody log ${visible(log.facts.origin)}`)
    })
  }
}

const TARGETS = 'a folder, https://HOST/dicom-web, dicom://AET@HOST:PORT, or orthanc+http://HOST:PORT'

/** Alarms are what is not authentic; warnings are what is undetermined. */
function exitCodeFor({ severities: { alarm, warning } }: AuditSummary): ExitCode {
  return alarm > 0 ? EXIT.notAuthentic : warning > 0 ? EXIT.undetermined : EXIT.ok
}

function disposable<T extends { close(): Promise<void> }>(value: T): T & AsyncDisposable {
  return Object.assign(value, { [Symbol.asyncDispose]: () => value.close() })
}
