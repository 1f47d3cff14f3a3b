/**
 * Frame thread: decodes and draws frames in a thread of its own.
 *
 * Codestreams come from outside, and some take seconds: a gateway that decoded them itself would let its senders wait. One
 * frame at a time; one that takes too long, or ends the thread, is answered as failed, and the next one gets a new thread.
 */
import { Worker } from 'node:worker_threads'
import type { NativeFrame, PictureOrder } from '@fiducial/core/domain/view/render-frame.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { FrameMaker, StoredFrame } from '../../services/archive/ports.ts'
import type { FrameAnswer, FrameRequest } from './frame-messages.ts'

export interface FrameThreadOptions {
  /** For one frame. Default: 20 000. */
  readonly timeoutMs?: number
  /** Frames that wait. Default: 64. */
  readonly waiting?: number
  /** The thread's module. */
  readonly script?: URL
}

const TIMEOUT_MS = 20_000
const WAITING = 64
const HEAP_MB = 512

/** Starts its thread when the first frame comes; the thread keeps no program running. */
export class FrameThread implements FrameMaker {
  readonly #options: FrameThreadOptions
  #thread: Worker | undefined
  #last: Promise<unknown> = Promise.resolve()
  #count = 0
  #waiting = 0

  constructor(options: FrameThreadOptions = {}) {
    this.#options = options
  }

  async decode(frame: StoredFrame): Promise<NativeFrame> {
    const answer = await this.#ask(frame, null)
    if ('frame' in answer) return answer.frame
    throw failureOf(answer)
  }

  async draw(frame: StoredFrame, order: PictureOrder): Promise<Uint8Array> {
    const answer = await this.#ask(frame, order)
    if ('png' in answer) return answer.png
    throw failureOf(answer)
  }

  /** Frames in hand are answered as failed. */
  async close(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    await thread?.terminate()
  }

  /** @throws {StoreError} `gateway_overloaded` where too many wait */
  async #ask(frame: StoredFrame, order: PictureOrder | null): Promise<FrameAnswer> {
    if (this.#waiting >= (this.#options.waiting ?? WAITING))
      throw new StoreError('gateway_overloaded', 'too many frames wait')
    this.#waiting++
    const turn = this.#last.then(() => this.#perform({ id: ++this.#count, frame, order }))
    this.#last = turn
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }

  /** Never rejects. */
  #perform(request: FrameRequest): Promise<FrameAnswer> {
    const { id } = request
    this.#thread ??= this.#start()
    const thread = this.#thread
    return new Promise((resolve) => {
      const end = (answer: FrameAnswer): void => {
        clearTimeout(timer)
        for (const event of ['message', 'error', 'exit']) thread.removeAllListeners(event)
        thread.unref()
        resolve(answer)
      }
      const give = (): void => {
        if (this.#thread === thread) this.#thread = undefined
        // What it says from now on is nobody's.
        thread.on('error', () => undefined)
        void thread.terminate()
        end({ id, failure: { code: 'codec_failed', message: 'decoding it took too long, or ended its thread' } })
      }
      const timer = setTimeout(give, this.#options.timeoutMs ?? TIMEOUT_MS)
      thread.ref()
      thread.on('message', end).on('error', give).on('exit', give)
      thread.postMessage(request)
    })
  }

  #start(): Worker {
    const script = this.#options.script ?? new URL('./frame-worker.ts', import.meta.url)
    return new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } })
  }
}

function failureOf(answer: FrameAnswer): Error {
  const { code, message } =
    'failure' in answer ? answer.failure : { code: 'codec_failed' as const, message: 'no frame' }
  return new FormatError(code, message)
}
