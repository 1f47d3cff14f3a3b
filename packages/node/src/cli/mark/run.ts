/**
 * Run: one command of the mark over all its inputs, image by image, with progress and a report of what could not be read.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { StoreError } from '@fiducial/core/errors.ts'
import type { MarkMeans } from '../../services/mark/ports.ts'
import type { Input } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from '../exit.ts'
import { describeFailure, type Failure, nameInput, showDetail, showFailure } from '../failure.ts'
import { Images, isPassedOver } from '../images.ts'
import { Progress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { type OpenImage, openImage, type RawOption, readRawOption } from './open-image.ts'

export interface RunOptions extends RawOption {
  readonly words: readonly string[]
  /** What happens, such as `marking`. */
  readonly verb: string
  /** What did not happen, such as `not marked`. */
  readonly failed: string
  readonly accepts?: (input: Input) => boolean
  readonly isStrict?: boolean
}

/** What a run has come to. */
export interface RunResult {
  /** Images that were done. */
  readonly done: number
  readonly exit: ExitCode
  /** Speed and amount, in words. */
  readonly summary: string
}

/** What is done with one image. @returns what it means for the exit code */
export type Step = (image: OpenImage, input: Input) => Promise<ExitCode>

/** @throws {StoreError} `no_images` where there are none */
export async function runOverImages(
  options: RunOptions,
  means: MarkMeans,
  context: Context,
  step: Step,
): Promise<RunResult> {
  const { adapters, output, terminal } = context
  const { words, verb, isStrict = false } = options
  const raw = readRawOption(options)
  using inputs = await adapters.findInputs(words)
  const images = new Images(inputs, options.accepts)
  const progress = new Progress(output, verb, images)
  const exits: ExitCode[] = []
  let done = 0
  let reported = 0
  for await (const input of images) {
    // Work on images leaves no turn to anybody else, such as Ctrl-C.
    await nextTurn()
    if (terminal.interruption.aborted) break
    try {
      using image = await openImage(input.path, { raw, adapters, means, isStrict })
      exits.push(await step(image, input))
      done++
      progress.advance(image.lengthBytes)
    } catch (error) {
      if (error instanceof UsageError) throw error
      const failure = describeFailure(error)
      progress.advance(0)
      if (isLeftOut(input, failure, options)) continue
      reported++
      exits.push(exitCodeOf(failure.code))
      const isOnly = images.isComplete && images.found === 1
      report(input, failure, { isOnly, failed: options.failed }, context)
    }
  }
  output.endProgress()
  terminal.interruption.throwIfAborted()
  if (done + reported === 0) throw new StoreError('no_images', `there are no images in ${words.map(visible).join(' ')}`)
  return { done, exit: exits.length === 0 ? EXIT.ok : worstOf(exits), summary: progress.summary() }
}

/** What lies about in folders and is no image is passed over, reports and presentation states among it. */
const isLeftOut = (input: Input, failure: Failure, { words }: RunOptions): boolean =>
  isPassedOver(input, failure, words) || (failure.code === 'pixels_absent' && !words.includes(input.label))

function report(
  { label }: Input,
  failure: Failure,
  { isOnly, failed }: { readonly isOnly: boolean; readonly failed: string },
  { output, terminal }: Context,
): void {
  const { code, message, hint } = failure
  output.record({ path: label, state: 'failed', error: { code, message, ...(hint !== undefined && { hint }) } })
  if (isOnly) {
    showFailure(nameInput(label, failure), output, terminal)
    return
  }
  showDetail(failure, output, terminal)
  output.line(`${output.style.red(`! ${failed}`)}  ${visible(label)}: ${message} (${code})`)
}
