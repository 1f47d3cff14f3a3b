/**
 * Seal: signs images as device and technologist, and writes the sealed copies into another folder.
 *
 * Who signs is settled before the first image is read. A run that was cut off can be started again: what it had
 * sealed is known and left alone.
 */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { type Input, SEAL_SUFFIX } from './adapters.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from './exit.ts'
import { describeFailure, type Failure, nameInput, showDetail, showFailure, withHint } from './failure.ts'
import { Images, isPassedOver, isSeriesFile } from './images.ts'
import { SealLog, type SealLogSummary } from './log/seal-log.ts'
import { Progress } from './progress.ts'
import { choose } from './prompt.ts'
import type { Holder, Ring, Secrets } from './ring.ts'
import { type SecretOptions, withRing } from './secrets.ts'
import { counted } from './table.ts'
import { canAsk } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { visible } from './visible.ts'
import type { Done, MarkLayers, SealedImage, SealSettings, SealTask } from './work.ts'

export interface SealOptions extends SecretOptions {
  readonly out: string
  readonly device?: string
  readonly operator?: string
  readonly series?: boolean
  readonly tsa?: string
  readonly hash?: 'sha256' | 'sha384' | 'sha512'
  readonly overwrite?: boolean
  readonly mark?: boolean
  readonly markLayers?: MarkLayers
  readonly log: boolean
}

export async function sealInputs(words: readonly string[], options: SealOptions, context: Context): Promise<ExitCode> {
  checkOptions(options)
  checkOutput(words, options.out)
  // The steps may run again once a passphrase was asked for; who signs is asked only once.
  let sealers: Sealers | undefined
  return withRing(options, context, async (ring, secrets) => {
    sealers ??= await pickSealers(ring, options, context)
    const log = options.log ? await context.adapters.log.find(context.home) : undefined
    const settings = {
      ...settle(sealers, secrets, options, context),
      ...(log !== undefined && { logFolder: log.folder }),
    }
    return new SealRun(words, options, settings, context).run()
  })
}

function checkOptions({ mark, markLayers, tsa }: SealOptions): void {
  if (markLayers !== undefined && mark !== true)
    throw new UsageError('--mark-layers goes with --mark', 'without it, images are sealed unmarked')
  if (tsa !== undefined && !/^https?:$/.test(URL.parse(tsa)?.protocol ?? '')) {
    throw new UsageError(`--tsa ${visible(tsa)} is no address`, 'such as http://timestamp.example.org')
  }
}

function describeLogged({ origin, recorded, already }: SealLogSummary): string {
  const parts = [
    ...(recorded > 0 || already === 0 ? [`${recorded} recorded`] : []),
    ...(already > 0 ? [`${already} recorded before`] : []),
  ]
  return `${parts.join(', ')} in the custody log ${visible(origin)}`
}

/** Ids of those who sign. */
type Sealers = Pick<SealSettings, 'device' | 'operator'>

async function pickSealers(ring: Ring, { device, operator }: SealOptions, context: Context): Promise<Sealers> {
  const holders = ring.list()
  return {
    device: (await pick(holders, 'device', device, context)).id,
    operator: (await pick(holders, 'person', operator, context)).id,
  }
}

function settle(sealers: Sealers, secrets: Secrets, options: SealOptions, { home }: Context): SealSettings {
  const { tsa, hash, series = false, overwrite = false, mark = false, markLayers = 'both' } = options
  return {
    ...sealers,
    home,
    secrets,
    isSeries: series,
    isOverwriting: overwrite,
    ...(tsa !== undefined && { timestampUrl: tsa }),
    ...(hash !== undefined && { hash }),
    ...(mark && { mark: { layers: markLayers } }),
  }
}

const OPTION_NAMES = { device: '--device', person: '--operator' } as const

/** The holder that was named, the only one there is, or the one that is chosen. */
async function pick(
  holders: readonly Holder[],
  role: 'device' | 'person',
  asked: string | undefined,
  context: Context,
): Promise<Holder> {
  if (asked !== undefined) return findAsked(holders, role, asked)
  const active = holders.filter((holder) => holder.role === role && holder.status === 'active')
  const [only, ...others] = active
  if (only === undefined)
    throw withHint(new KeyError('key_missing', `no ${role} is enrolled`), `fiducial keys enrol ${role} NAME`)
  if (others.length === 0) return only
  const option = OPTION_NAMES[role]
  if (!canAsk(context.terminal)) {
    throw new UsageError(
      `there are several of role ${role}: say which with ${option}`,
      active.map(({ id }) => id).join(', '),
    )
  }
  const index = await choose(
    `Which ${role}? (${option} spares the question)`,
    active.map(({ id, name }) => `${id}  ${visible(name)}`),
    context.terminal,
  )
  return active[index] ?? only
}

/** By id; by name where that is the only one. What is wrong with the holder is told when its keys are opened. */
function findAsked(holders: readonly Holder[], role: 'device' | 'person', asked: string): Holder {
  const named = holders.filter(
    (holder) => holder.role === role && (holder.name === asked || holder.name === `DEMO ${asked}`),
  )
  const found = holders.find(({ id }) => id === asked) ?? (named.length === 1 ? named[0] : undefined)
  if (found !== undefined && found.role !== role)
    throw new KeyError('key_role_mismatch', `${found.id} is a ${found.role}, not a ${role}`)
  if (found !== undefined) return found
  const ids = holders.filter((holder) => holder.role === role).map(({ id }) => id)
  throw withHint(
    new KeyError('key_missing', `there is no ${role} ${visible(asked)}`),
    ids.length > 0 ? `enrolled: ${ids.join(', ')}` : `fiducial keys enrol ${role} NAME`,
  )
}

/** The sealed copies must not land among what is being sealed. */
function checkOutput(words: readonly string[], out: string): void {
  for (const word of words) {
    if (word !== '-' && realOf(word) === realOf(out)) {
      throw new UsageError(
        '--out is the folder that is to be sealed',
        'give another folder: originals are never changed',
      )
    }
  }
}

/** The path without links, as far as it exists. */
function realOf(path: string): string {
  const absolute = resolve(path)
  if (existsSync(absolute)) return realpathSync(absolute)
  const parent = dirname(absolute)
  return parent === absolute ? absolute : join(realOf(parent), basename(absolute))
}

const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

/** One run over all inputs. */
class SealRun {
  readonly #words: readonly string[]
  readonly #out: string
  /** The same as it was typed. */
  readonly #outName: string
  readonly #settings: SealSettings
  readonly #context: Context
  readonly #counts = { sealed: 0, already: 0, passedOver: 0 }
  readonly #failures: ExitCode[] = []
  readonly #isLogged: boolean
  #logExit: ExitCode = EXIT.ok
  /** Which input has claimed an output. */
  readonly #targets = new Map<string, string>()

  constructor(
    words: readonly string[],
    { out, log }: Pick<SealOptions, 'out' | 'log'>,
    settings: SealSettings,
    context: Context,
  ) {
    this.#words = words
    this.#out = resolve(out)
    this.#outName = out
    this.#isLogged = log
    this.#settings = settings
    this.#context = context
  }

  async run(): Promise<ExitCode> {
    const { adapters, output, terminal } = this.#context
    using inputs = await adapters.findInputs(this.#words)
    const realOut = realOf(this.#out)
    // Sealed copies may lie below what is searched: they are not sealed again.
    const images = new Images(inputs, (input) => this.#isAccepted(input, realOut))
    const progress = new Progress(output, 'sealing', images)
    const sealedImages: SealedImage[] = []
    await using log = this.#isLogged ? new SealLog(this.#settings.secrets, this.#context) : undefined
    for await (const done of adapters.work.seal(this.#tasks(images), this.#settings, terminal.interruption)) {
      progress.advance(done.bytes)
      if ('value' in done) {
        sealedImages.push(done.value)
        await log?.record(done.value)
      }
      this.#report(done, images)
    }
    output.endProgress()
    if (terminal.interruption.aborted)
      output.note('interrupted: what is sealed is whole; the same command again goes on from there')
    terminal.interruption.throwIfAborted()
    const { sealed, already, passedOver } = this.#counts
    if (sealed + already + this.#failures.length === 0) {
      throw new StoreError('no_images', `there are no DICOM images in ${this.#words.map(visible).join(' ')}`)
    }
    if (this.#settings.isSeries) await this.#sealSeries(sealedImages)
    const logged = sealed + already > 0 ? await this.#finishLog(log) : undefined
    if (sealed + already > 0) {
      const parts = [
        `${counted(sealed, 'image')} sealed`,
        ...(already > 0 ? [`${already} already sealed and intact`] : []),
        ...(this.#failures.length > 0 ? [`${this.#failures.length} not sealed`] : []),
        ...(passedOver > 0 ? [`${counted(passedOver, 'other file')} passed over`] : []),
      ]
      output.line(`${parts.join(', ')}; ${progress.summary()}`)
      if (logged !== undefined) output.line(`  ${describeLogged(logged)}`)
      output.line(
        `  in ${visible(this.#outName)}, each with its seal beside it; check them: fiducial verify ${visible(this.#outName)}`,
      )
    }
    return worstOf([this.#logExit, ...this.#failures])
  }

  /** The log's word on what was recorded; what it could not record is told of, and everything is sealed all the same. */
  async #finishLog(log: SealLog | undefined): Promise<SealLogSummary | undefined> {
    try {
      return await log?.finish()
    } catch (error) {
      const failure = describeFailure(error)
      const hint = 'the images are sealed; the same command again records what is not in the custody log yet'
      showFailure({ ...failure, hint: failure.hint ?? hint }, this.#context.output, this.#context.terminal)
      this.#logExit = exitCodeOf(failure.code)
      return undefined
    }
  }

  #isAccepted(input: Input, realOut: string): boolean {
    if (this.#words.includes(input.label)) return true
    return !isSeriesFile(input) && !isBelow(realOf(input.path), realOut)
  }

  async *#tasks(images: Images): AsyncGenerator<SealTask> {
    for await (const input of images) {
      const target = this.#targetOf(input)
      if (realOf(target) === realOf(input.path)) {
        throw new UsageError(
          '--out is the folder that the image lies in',
          'give another folder: originals are never changed',
        )
      }
      const other = this.#targets.get(target)
      if (other !== undefined) {
        throw new UsageError(
          `${visible(other)} and ${visible(input.label)} would become the same file`,
          'seal them into different folders',
        )
      }
      this.#targets.set(target, input.label)
      yield { path: input.path, label: input.label, target }
    }
  }

  #targetOf({ path, root, label }: Input): string {
    return join(this.#out, label === '-' ? 'standard-input.dcm' : relative(root, path))
  }

  #report(done: Done<SealTask, SealedImage>, images: Images): void {
    const { output } = this.#context
    const { style } = output
    const { label } = done.task
    if ('value' in done) {
      const { state, target, ...rest } = done.value
      this.#counts[state]++
      output.record({ path: label, state, output: target, seal: `${target}${SEAL_SUFFIX}`, ...rest })
      if (state === 'already') output.line(style.dim(`– already sealed  ${visible(label)}`))
      else if (rest.markRecordId === null)
        output.line(`${style.green('✔ sealed')}          ${visible(label)}${this.#unmarked()}`)
      else output.line(`${style.green('✔ marked, sealed')}  ${visible(label)}: record ${rest.markRecordId}`)
    } else if (isPassedOver(done.task, done.failure, this.#words)) {
      this.#counts.passedOver++
    } else {
      this.#fail(label, done.failure, images.isComplete && images.found === 1)
    }
  }

  /** Why an image that was to be marked has no mark. */
  #unmarked(): string {
    return this.#settings.mark === undefined ? '' : ': no pixels to mark'
  }

  /** @param isOnly  whether there is no other image: then the failure is that of the command */
  #fail(label: string, failure: Failure, isOnly: boolean): void {
    const { output, terminal } = this.#context
    const { code, message, hint } = failure
    this.#failures.push(exitCodeOf(code))
    output.record({ path: label, state: 'failed', error: { code, message, ...(hint !== undefined && { hint }) } })
    if (isOnly) {
      showFailure(nameInput(label, failure), output, terminal)
      return
    }
    showDetail(failure, output, terminal)
    output.line(`${output.style.red('! not sealed')}      ${visible(label)}: ${message} (${code})`)
  }

  /** Signs each series that holds an image without the technologist's signature. */
  async #sealSeries(images: readonly SealedImage[]): Promise<void> {
    const { adapters, output } = this.#context
    if (this.#failures.length > 0) {
      output.line('! no series signed: an image is missing; mend what failed and run the command again')
      return
    }
    for (const [uid, members] of Map.groupBy(images, ({ seriesInstanceUid }) => seriesInstanceUid)) {
      if (members.every(({ isSignedByOperator }) => isSignedByOperator)) continue
      if (uid === null)
        throw new FormatError('seal_malformed', `${visible(members[0]?.target ?? '')} belongs to no series`)
      const series = await adapters.work.sealSeries(members, this.#out, this.#settings)
      output.record({ state: 'series_signed', seriesInstanceUid: uid, images: series.images, output: series.path })
      output.line(
        `${output.style.green('✔ series signed')}   ${counted(series.images, 'image')}, ${visible(series.path)}`,
      )
    }
  }
}
