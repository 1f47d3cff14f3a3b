/**
 * Verify: judges images, one line or more for each, and counts.
 *
 * What the evidence adds up to is decided by domain/verdict; here it is shown, and turned into an exit code.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import { SEAL_SUFFIX } from './adapters.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from './exit.ts'
import { type Failure, nameInput, showDetail, showFailure } from './failure.ts'
import { findLogs, type LogOptions } from './find-logs.ts'
import { findMarks, type MarkReadingOptions } from './find-marks.ts'
import { Images, isPassedOver, isSeriesFile } from './images.ts'
import { recordVerdicts } from './log/record-verdicts.ts'
import { readPolicy } from './policy.ts'
import { Progress } from './progress.ts'
import { withRing } from './secrets.ts'
import { counted } from './table.ts'
import { readTrust, type TrustOptions } from './trust.ts'
import { UsageError } from './usage-error.ts'
import type { VerifyRecord } from './verify-record.ts'
import { VerifyReport } from './verify-report.ts'
import { judgeStudies, showStudies } from './verify-studies.ts'
import { findBrokenVolumes, showVolumes } from './verify-volumes.ts'
import { visible } from './visible.ts'
import type { VerifyTask } from './work.ts'

export interface VerifyOptions extends TrustOptions, LogOptions, MarkReadingOptions {
  /** Name of a policy, or a file with one. */
  readonly policy: string
  /** A seal elsewhere than beside the one image. */
  readonly seal?: string
  readonly verbose?: boolean
  /** Logs what it came to. */
  readonly record?: boolean
  /** Asks whether all images of each study are there. */
  readonly complete?: boolean
  /** Asks the watchdog, too. */
  readonly watch?: boolean
}

const EXIT_CODES = { authentic: EXIT.ok, not_authentic: EXIT.notAuthentic, undetermined: EXIT.undetermined } as const

export async function verifyInputs(
  words: readonly string[],
  options: VerifyOptions,
  context: Context,
): Promise<ExitCode> {
  const { adapters, output, terminal } = context
  if (!options.log && (options.complete === true || options.record === true)) {
    throw new UsageError('--complete and --record need the custody log, and --no-log forbids it')
  }
  const settings = {
    anchors: await readTrust(options, context),
    policy: await readPolicy(options.policy, context),
    ...(await findLogs(options, context)),
    ...(await findMarks(options, context)),
    isFileDigested: options.record === true,
    sealsOf: context.home,
    ...(options.watch === true && { watchModel: await findWatchModel(context) }),
  }
  using inputs = await adapters.findInputs(words)
  const images = new Images(inputs, (input) => !isSeriesFile(input) || words.includes(input.label))
  const progress = new Progress(output, 'verifying', images)
  const tally = new Tally()
  const isVerbose = options.verbose === true
  const found: VerifyRecord[] = []
  const slices: VerifyRecord[] = []
  const report = new VerifyReport(output, settings.policy, isVerbose)
  for await (const done of adapters.work.verify(tasksFor(images, options.seal), settings, terminal.interruption)) {
    progress.advance(done.bytes)
    const isOnly = images.isComplete && images.found === 1
    if ('value' in done) {
      tally.count(done.value.verdict)
      if (options.complete === true || options.record === true) found.push(done.value)
      if (done.value.mark.slice !== null && !words.includes(done.task.label)) slices.push(done.value)
      report.show(done.value, isOnly)
    } else if (isPassedOver(done.task, done.failure, words)) {
      tally.passedOver++
      if (isVerbose) report.passOver(done.task)
    } else {
      const failure = withSealHint(done.task, done.failure)
      tally.fail(failure)
      if (isOnly && !output.isJson) showFailure(nameInput(done.task.label, failure), output, terminal)
      else {
        report.fail(done.task, failure)
        showDetail(failure, output, terminal)
      }
    }
  }
  output.endProgress()
  terminal.interruption.throwIfAborted()
  if (tally.seen === 0)
    throw new StoreError('no_images', `there are no DICOM images in ${words.map(visible).join(' ')}`)
  if (images.found > 1) {
    output.line()
    output.line(`${tally}; ${progress.summary()}`)
  }
  const volumes = await showVolumes(findBrokenVolumes(slices, options.complete === true), output)
  if (options.record === true) {
    await withRing(options, context, (_ring, secrets) => recordVerdicts(found, settings.policy, secrets, context))
  }
  if (options.complete !== true) return worstOf([tally.exitCode, volumes])
  output.line()
  return worstOf([tally.exitCode, volumes, showStudies(await judgeStudies(found, context), output)])
}

/** @throws {UsageError} where the site has calibrated none: the shipped one knows no device */
async function findWatchModel({ adapters, home }: Context): Promise<string> {
  const path = await adapters.watch.siteModel(home)
  if (path !== undefined) return path
  throw new UsageError('--watch needs a watchdog that this site has calibrated', 'fiducial watch calibrate --help')
}

async function* tasksFor(images: Images, sealPath: string | undefined): AsyncGenerator<VerifyTask> {
  let count = 0
  for await (const { path, label } of images) {
    if (sealPath !== undefined && count++ > 0)
      throw new UsageError('--seal goes with one image', 'seals that lie beside their images are found by themselves')
    yield { path, label, ...(sealPath !== undefined && { sealPath }) }
  }
}

function withSealHint({ path }: VerifyTask, failure: Failure): Failure {
  if (failure.code !== 'dicom_not_dicom' || !path.endsWith(SEAL_SUFFIX)) return failure
  return { ...failure, hint: 'this is a seal: name its image, and --seal FILE where the two lie apart' }
}

/** What has been met so far. */
class Tally {
  passedOver = 0
  readonly #verdicts = { authentic: 0, not_authentic: 0, undetermined: 0 }
  readonly #failures: ExitCode[] = []

  get seen(): number {
    const { authentic, not_authentic, undetermined } = this.#verdicts
    return authentic + not_authentic + undetermined + this.#failures.length
  }

  get exitCode(): ExitCode {
    const met = (['authentic', 'not_authentic', 'undetermined'] as const).filter(
      (verdict) => this.#verdicts[verdict] > 0,
    )
    return worstOf([...met.map((verdict) => EXIT_CODES[verdict]), ...this.#failures])
  }

  count(verdict: VerifyRecord['verdict']): void {
    this.#verdicts[verdict]++
  }

  fail({ code }: Failure): void {
    this.#failures.push(exitCodeOf(code))
  }

  toString(): string {
    const { authentic, not_authentic, undetermined } = this.#verdicts
    return [
      `${counted(this.seen, 'image')}: ${authentic} authentic`,
      `${not_authentic} not authentic`,
      `${undetermined} undetermined`,
      ...(this.#failures.length > 0 ? [`${this.#failures.length} unreadable`] : []),
      ...(this.passedOver > 0 ? [`${counted(this.passedOver, 'other file')} passed over`] : []),
    ].join(', ')
  }
}
