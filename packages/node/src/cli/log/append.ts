/**
 * Log append: records what happened, and says which place each event has.
 *
 * Many are on their way at once, and reported in the order in which they came. What was said to be recorded is durable.
 */

import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import type { OpenSiteLog } from '../../services/log/log-access.ts'
import { checkEventType, makeNews, STATED_EVENTS } from '../../services/log/read-news.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from '../exit.ts'
import { describeFailure } from '../failure.ts'
import { Images, isPassedOver, isSeriesFile } from '../images.ts'
import { Progress } from '../progress.ts'
import type { SecretOptions } from '../secrets.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { type Event, type Item, itemOfEvent, itemOfImage, itemsOfFile } from './append-items.ts'
import { type Appended, AppendReport } from './append-report.ts'
import { finishRun } from './finish-run.ts'
import { readMoment } from './moments.ts'
import { writeProofs } from './proof-files.ts'
import { withSite } from './session.ts'

export interface AppendOptions extends SecretOptions {
  readonly event?: string
  /** JSON, or `@` and the name of a file with it. */
  readonly details?: string
  readonly at?: string
  /** A file for the one proof, or a folder. */
  readonly proof?: string
}

/** Entries that are on their way at once. */
const PENDING_LIMIT = 512

export async function appendEvents(
  words: readonly string[],
  options: AppendOptions,
  context: Context,
): Promise<ExitCode> {
  const event = await readEvent(options, context)
  if (event === undefined && words.length === 0)
    throw new UsageError(
      'nothing to append',
      'name statements, seals or folders of sealed images, or give --event TYPE',
    )
  const { hash } = await context.adapters.crypto()
  const { codes, appended } = await withSite(options, context, async (open) => {
    const run = new AppendRun(open, event, { context, hashes: hash })
    await run.record(words)
    await finishRun(open, run.appended, context)
    return run
  })
  // With witnesses, only what is published by now carries their signatures.
  if (options.proof !== undefined) await writeProofs(options.proof, appended, context)
  context.terminal.interruption.throwIfAborted()
  return worstOf([EXIT.ok, ...codes])
}

/** What the options say that happened; undefined where the inputs say it. */
async function readEvent({ event, details, at }: AppendOptions, context: Context): Promise<Event | undefined> {
  if (event === undefined) {
    if (details !== undefined) throw new UsageError('--details belongs to --event TYPE')
    if (at !== undefined) throw new UsageError('--at belongs to --event TYPE', 'a statement says its own moment')
    return undefined
  }
  const stated = {
    type: checkType(event),
    details: await readDetails(details, context),
    at: at === undefined ? undefined : readMoment(at, '--at'),
  }
  checkDetails(stated)
  return stated
}

/** Before the first image is read: what is wrong with the details is wrong with those of every image. */
function checkDetails({ type, details, at }: Event): void {
  try {
    makeNews(type, { at, instance: null, digests: null, details })
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new UsageError(
      `--event ${type}: ${error.message}`,
      `--details '{…}' has what docs/reference/log-events.md says of ${type}`,
    )
  }
}

function checkType(event: string): Event['type'] {
  try {
    return checkEventType(event)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new UsageError(`--event ${visible(event)}: ${error.message}`, `events: ${STATED_EVENTS.join(', ')}`)
  }
}

async function readDetails(text: string | undefined, { adapters }: Context): Promise<JsonValue> {
  if (text === undefined) return {}
  const bytes = text.startsWith('@') ? await adapters.readFile(text.slice(1)) : new TextEncoder().encode(text)
  if (bytes === undefined) throw new UsageError(`there is no file ${visible(text.slice(1))}`)
  try {
    return parseJson(bytes)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new UsageError(`--details: ${error.message}`, 'such as \'{"protocol":"file"}\', or @FILE')
  }
}

/** An item and what becomes of it. */
interface Underway {
  readonly item: Item
  readonly outcome: Promise<PromiseSettledResult<Appended>>
}

/** One run over all inputs. */
class AppendRun {
  readonly appended: Appended[] = []
  readonly codes: ExitCode[] = []
  readonly #open: OpenSiteLog
  readonly #event: Event | undefined
  readonly #context: Context
  readonly #report: AppendReport
  readonly #underway: Underway[] = []

  constructor(
    open: OpenSiteLog,
    event: Event | undefined,
    { context, hashes }: { context: Context; hashes: HashFactory },
  ) {
    this.#open = open
    this.#event = event
    this.#context = context
    this.#report = new AppendReport(context, hashes)
  }

  /** @throws {StoreError} what stops the log; what was recorded by then is reported */
  async record(words: readonly string[]): Promise<void> {
    const { adapters, output, terminal } = this.#context
    if (words.length === 0 && this.#event !== undefined) await this.#send(itemOfEvent('', this.#event))
    using inputs = await adapters.findInputs(words)
    const images = new Images(inputs, (input) => !isSeriesFile(input) || words.includes(input.label))
    const progress = new Progress(output, 'recording', images)
    for await (const input of images) {
      if (terminal.interruption.aborted) break
      try {
        for (const item of await this.#itemsOf(input)) {
          if (terminal.interruption.aborted) break
          await this.#send(item)
        }
      } catch (error) {
        if (!isOfTheInput(error)) throw error
        const failure = describeFailure(error)
        if (this.#event !== undefined && isPassedOver(input, failure, words)) this.#report.passedOver++
        else {
          await this.#drain(0)
          this.#fail(input.label, error)
        }
      }
      progress.advance(0)
    }
    await this.#drain(0)
    output.endProgress()
    if (this.#report.isEmpty)
      throw new StoreError('no_images', `there is nothing to record in ${words.map(visible).join(' ')}`)
    this.#report.summarize(this.#open.facts.origin)
  }

  async #itemsOf(input: Parameters<typeof itemsOfFile>[0]): Promise<readonly Item[]> {
    if (this.#event !== undefined) return [await itemOfImage(input, this.#event, this.#context)]
    const { facts, site } = this.#open
    const newsSite = {
      origin: facts.origin,
      recorder: { id: facts.holder, name: site.log.origin },
      isDemo: facts.isDemo,
    }
    return itemsOfFile(input, newsSite, this.#context)
  }

  async #send(item: Item): Promise<void> {
    const recording = item.record(this.#open.site.recorder)
    const [outcome] = [Promise.allSettled([recording.then((receipt) => ({ item, receipt }))])]
    this.#underway.push({ item, outcome: outcome.then(([settled]) => settled) })
    await this.#drain(PENDING_LIMIT)
  }

  /** Waits until no more than so many are on their way. */
  async #drain(limit: number): Promise<void> {
    while (this.#underway.length > limit) {
      const { item, outcome } = this.#underway.shift() as Underway
      const settled = await outcome
      if (settled.status === 'fulfilled') {
        this.appended.push(settled.value)
        this.#report.show(settled.value)
      } else if (isOfTheInput(settled.reason)) this.#fail(item.label, settled.reason)
      else throw settled.reason
    }
  }

  #fail(label: string, error: unknown): void {
    const failure = describeFailure(error)
    this.codes.push(exitCodeOf(failure.code))
    this.#report.fail(label, failure)
  }
}

/** Whether an error is about one input, and not about the log. */
const isOfTheInput = (error: unknown): boolean =>
  error instanceof FormatError || (error instanceof StoreError && error.code.startsWith('input_'))
