/**
 * Audit: sweeps an archive, writes what was found, and turns it into an exit code.
 *
 * The steps of a sweep stand in services/audit; which findings there are, in domain/audit.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { ArchiveOrder } from '../../services/audit/access.ts'
import { type AuditOutcome, auditOnce } from '../../services/audit/audit-once.ts'
import { enrolUnrecorded } from '../../services/audit/enrol.ts'
import { Nightly, type NightlyStatus } from '../../services/audit/nightly.ts'
import type { ArchiveSource, SweepStore } from '../../services/audit/ports.ts'
import { recordFindings } from '../../services/audit/record-findings.ts'
import type { AuditSummary } from '../../services/audit/report.ts'
import type { SweepProgress } from '../../services/audit/sweep.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { findLogs } from '../find-logs.ts'
import { findMarks } from '../find-marks.ts'
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
  if (options.schedule === undefined) return (await new Auditor(target, options, context).run()).exitCode
  const { nightly, exitCode } = openNightlyAudit(
    target,
    { ...options, schedule: options.schedule },
    context,
    (status) => {
      if (status.last?.error != null) output.note(`the sweep failed (${status.last.error})`)
      output.note(`the next sweep begins at ${status.nextAt?.toLocaleString()}`)
    },
  )
  output.note(`the next sweep begins at ${nightly.status.nextAt?.toLocaleString()}`)
  await nightly.start(terminal.interruption)
  return exitCode()
}

/**
 * A sweep each day for a process that stays, such as a gateway; it runs once `start` is called.
 * @param onRun  told after each sweep
 */
export function openNightlyAudit(
  target: string,
  options: AuditOptions & { readonly schedule: string },
  context: Context,
  onRun: (status: NightlyStatus) => void = () => undefined,
): { readonly nightly: Nightly; readonly exitCode: () => ExitCode } {
  let last: ExitCode = EXIT.ok
  const nightly: Nightly = new Nightly({
    at: readSchedule(options.schedule),
    run: async () => {
      const { summary, exitCode } = await new Auditor(target, options, context).run()
      last = exitCode
      return summary
    },
    now: () => new Date(),
    pause,
    onRun: () => onRun(nightly.status),
  })
  return { nightly, exitCode: () => last }
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

  async run(): Promise<{ readonly summary: AuditSummary; readonly exitCode: ExitCode }> {
    const options = this.#options
    const context = this.#context
    const { adapters, home, output } = context
    const formats = readFormats(options.format)
    const settings: VerifySettings = {
      anchors: await readTrust(options, context),
      policy: await readPolicy(options.policy, context),
      ...(await findLogs(options, context)),
      ...(await findMarks({ ...options, mark: options.marks === true }, context)),
      sealsOf: home,
    }
    if (options.enrol === true && settings.log === undefined)
      throw new StoreError('log_missing', 'there is no custody log to enrol into: fiducial log init makes one')
    await using source = disposable(await this.#openArchive())
    await using store = disposable(await adapters.audit.openStore(home, source))
    const { result, facts } = await this.#sweep(source, store, settings)
    output.endProgress()
    const enrolled = options.enrol === true && result.isFinished ? await this.#enrol(source, store) : undefined
    if (options.record === true && result.isFinished) await this.#record(store, settings)
    const order = options.out === undefined ? undefined : { folder: options.out, formats }
    const { summary, paths } = await writeReports(facts, order, context)
    showSummary({ summary, result, enrolled, paths }, output)
    this.#context.terminal.interruption.throwIfAborted()
    return { summary, exitCode: exitCodeFor(summary) }
  }

  async #openArchive(): Promise<ArchiveSource> {
    const { adapters, home } = this.#context
    const { credentialsFile, callingAet, receivePort } = this.#options
    const tls = await this.#readTls()
    const credentials = credentialsFile === undefined ? undefined : (await this.#readText(credentialsFile)).trim()
    try {
      return await adapters.audit.openArchive({
        target: this.#target,
        temporary: home,
        ...(credentials !== undefined && { credentials }),
        ...(callingAet !== undefined && { callingAet }),
        ...(tls && { tls }),
        ...(receivePort !== undefined && { receivePort }),
      })
    } catch (error) {
      if (error instanceof RangeError) throw new UsageError(error.message, TARGETS)
      throw error
    }
  }

  async #readTls(): Promise<ArchiveOrder['tls']> {
    const { tlsCa, tlsCert, tlsKey } = this.#options
    if (tlsCa === undefined) {
      if (tlsCert !== undefined || tlsKey !== undefined)
        throw new UsageError('--tls-cert and --tls-key go with --tls-ca')
      return undefined
    }
    if ((tlsCert === undefined) !== (tlsKey === undefined)) throw new UsageError('--tls-cert and --tls-key go together')
    const [trusted, certificate, key] = await Promise.all(
      [tlsCa, tlsCert, tlsKey].map((path) => (path === undefined ? undefined : this.#readText(path))),
    )
    return {
      trusted: trusted ?? '',
      ...(certificate !== undefined && { certificate }),
      ...(key !== undefined && { key }),
    }
  }

  async #readText(path: string): Promise<string> {
    const bytes = await this.#context.adapters.readFile(path)
    if (bytes === undefined) throw new UsageError(`there is no file ${visible(path)}`)
    return new TextDecoder().decode(bytes)
  }

  async #sweep(source: ArchiveSource, store: SweepStore, settings: VerifySettings): Promise<AuditOutcome> {
    const { adapters, home, output, terminal } = this.#context
    const { full, since, rereadDays, limit, missingAfter, paths } = this.#options
    const order = {
      isFull: full === true,
      rereadDays,
      graceMs: missingAfter * HOUR_MS,
      limits: readLimits(this.#options),
      showsKeys: paths === true,
      ...(since !== undefined && { since: readSince(since) }),
      ...(limit !== undefined && { limit }),
    }
    return auditOnce(order, {
      source,
      store,
      examineAll: (tasks, signal) => adapters.audit.examineAll(tasks, settings, signal),
      crypto: await adapters.crypto(),
      anchors: settings.anchors,
      policy: settings.policy,
      ...(settings.log !== undefined && { readLog: () => adapters.log.read(home) }),
      now: () => new Date(),
      elapsedMs: () => performance.now(),
      pause,
      signal: terminal.interruption,
      onProgress: progressOn(output),
      onLogProgress: (done, size) => output.progress(() => `reading the custody log, ${done} of ${size}`),
    })
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

/** Shows how far a sweep is. */
function progressOn(output: Context['output']): (now: SweepProgress) => void {
  const extent = { found: 0, isComplete: false }
  const progress = new Progress(output, 'sweeping', extent)
  let last: SweepProgress | undefined
  return (now) => {
    extent.found = now.total ?? now.listed
    extent.isComplete = now.isListed || now.total !== undefined
    progress.advance(now.bytes - (last?.bytes ?? 0), now.done - (last?.done ?? 0))
    last = now
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
