/**
 * Images: the files that a command line stands for, found ahead of the work, so that progress can say how much is
 * left; and which of them are passed over in silence.
 */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Input, type Inputs, SEAL_SUFFIX } from './adapters.ts'
import type { Failure } from './failure.ts'

/** Finding a file is quick; so many are found before anybody else gets a turn. */
const BATCH = 64

export class Images implements AsyncIterable<Input> {
  /** Files found so far. */
  found = 0
  /** Whether there are no more. */
  isComplete = false
  readonly #inputs: Inputs
  readonly #accepts: (input: Input) => boolean
  readonly #queue: Input[] = []
  #news: PromiseWithResolvers<void> = Promise.withResolvers()
  #failure: unknown

  /** @param accepts  which of the files found are to be looked at */
  constructor(inputs: Inputs, accepts: (input: Input) => boolean = () => true) {
    this.#inputs = inputs
    this.#accepts = accepts
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Input, void, undefined> {
    const search = this.#search()
    try {
      for (;;) {
        const input = this.#queue.shift()
        if (input !== undefined) yield input
        else if (this.isComplete) break
        else await this.#news.promise
      }
    } finally {
      this.isComplete = true
      await search
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  async #search(): Promise<void> {
    try {
      for await (const input of this.#inputs) {
        // Whoever asked may have stopped listening.
        if (this.isComplete) return
        if (!this.#accepts(input)) continue
        this.#queue.push(input)
        this.found++
        this.#tell()
        if (this.found % BATCH === 0) await nextTurn()
      }
    } catch (error) {
      this.#failure = error
    } finally {
      this.isComplete = true
      this.#tell()
    }
  }

  #tell(): void {
    const { resolve } = this.#news
    this.#news = Promise.withResolvers()
    resolve()
  }
}

/**
 * Whether a file that turned out not to be DICOM belongs to what lies about in folders of images: a text, a viewer's
 * program, a thumbnail. What was named itself, has the name of an image, or has a seal, is not passed over: somebody
 * may have made an image unreadable.
 */
export function isPassedOver(
  { label, path }: { readonly label: string; readonly path: string },
  failure: Failure,
  words: readonly string[],
): boolean {
  if (failure.code !== 'dicom_not_dicom' && failure.code !== 'input_empty') return false
  return !words.includes(label) && !isNamedLikeImage(basename(path)) && !existsSync(`${path}${SEAL_SUFFIX}`)
}

/** Whether a file is the list of a series: it belongs to images and is none. */
export const isSeriesFile = ({ path }: { readonly path: string }): boolean => path.endsWith(`.series${SEAL_SUFFIX}`)

/** Names of DICOM files have no ending, one of their own, or the last number of a UID. */
const isNamedLikeImage = (name: string): boolean =>
  !/\.[^.]+$/.test(name) || /\.(?:dcm|dicom|dic|ima|img|acr|\d+)$/i.test(name)
