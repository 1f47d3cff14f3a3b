/**
 * Lasting pool: threads that work for a program as long as it runs, each task answered whatever becomes of its thread.
 *
 * A thread that dies, or works too long on one task, takes that task with it and no other one; a new thread takes its place.
 * Threads that do not come up are not started over and over: tasks are answered as not done until one does. What a task is, is
 * left to the thread's own module (worker.ts).
 */
import { Worker } from 'node:worker_threads'
import type { Attempted } from '../services/gateway/examiner.ts'
import type { Answer } from './pool.ts'

export interface LastingPoolOptions {
  /** The thread's module; it answers each message `{id, task}` with `{id, result}`, and says `ready` before. */
  readonly script: URL
  /** Handed to every thread once. */
  readonly setup: unknown
  readonly threads: number
  /** A task that takes longer is taken for one that never ends. */
  readonly timeoutMs: number
}

/** Time after a thread that did not come up, before another one is tried. */
const PAUSE_MS = 1_000
/** How long a task waits for the thread that did the first one about the same. */
const WAIT_MS = 500
/** Things whose thread is remembered. */
const LATELY_LIMIT = 1_024
/** For what a hostile file makes of a heap; images themselves lie outside of it. */
const HEAP_MB = 1_024

interface Job {
  readonly task: unknown
  /** What the task is about; undefined where it does not matter which thread does it. */
  readonly about: string | undefined
  readonly resolve: (attempted: Attempted<unknown>) => void
}

export class LastingPool {
  readonly #options: LastingPoolOptions
  readonly #waiting: Job[] = []
  readonly #threads = new Set<Thread>()
  /** By what tasks were about lately, who did them: it may have kept something of it. */
  readonly #lately = new Map<string, Thread>()
  #timer: NodeJS.Timeout | undefined
  #failure: { readonly cause: Error; readonly at: number } | undefined
  #isClosed = false

  constructor(options: LastingPoolOptions) {
    this.#options = options
  }

  /** Has a thread come up before there is a task for it. Resolves when it has, and when it does not. */
  async begin(): Promise<void> {
    const [thread = this.#start()] = this.#threads
    await thread?.hasBegun
  }

  /**
   * Never rejects.
   * @param about  a second task about the same is given to the thread that did the first, if that is free in good time
   */
  run<Value>(task: unknown, about?: string): Promise<Attempted<Value>> {
    return new Promise((resolve) => {
      this.#waiting.push({ task, about, resolve: resolve as Job['resolve'] })
      this.#handOut()
    })
  }

  /** Ends all threads. What they had in hand is answered as not done. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await Promise.all([...this.#threads].map((thread) => thread.stop()))
    this.#answerAll(new Error('the gateway is ending'))
  }

  #handOut(): void {
    if (this.#isClosed) return this.#answerAll(new Error('the gateway is ending'))
    for (const thread of this.#threads) if (thread.isIdle) this.#give(thread)
    while (this.#waiting.some(({ about }) => this.#threadFor(about) === undefined)) {
      const thread = this.#start()
      if (thread === undefined) break
      this.#give(thread)
    }
    this.#lookAgain()
  }

  /** What waits for a thread that takes long is given to another one in the end. */
  #lookAgain(): void {
    clearTimeout(this.#timer)
    const isIdling = [...this.#threads].some(({ isIdle }) => isIdle) || this.#threads.size < this.#options.threads
    if (this.#waiting.length > 0 && isIdling) this.#timer = setTimeout(() => this.#handOut(), WAIT_MS).unref()
  }

  /** Second tasks go first: what was kept for them is let go sooner. */
  #give(thread: Thread): void {
    const own = this.#waiting.findIndex(({ about }) => this.#threadFor(about) === thread)
    const at = own >= 0 ? own : this.#waiting.findIndex(({ about }) => this.#threadFor(about) === undefined)
    const [job] = at >= 0 ? this.#waiting.splice(at, 1) : []
    if (job === undefined) return
    if (job.about !== undefined) this.#remember(job.about, thread)
    thread.take(job)
  }

  /** The thread that a task has to wait for; undefined where any will do. */
  #threadFor(about: string | undefined): Thread | undefined {
    const thread = about === undefined ? undefined : this.#lately.get(about)
    return thread !== undefined && this.#threads.has(thread) && thread.busyMs < WAIT_MS ? thread : undefined
  }

  #remember(about: string, thread: Thread): void {
    this.#lately.delete(about)
    this.#lately.set(about, thread)
    const [oldest] = this.#lately.keys()
    if (this.#lately.size > LATELY_LIMIT && oldest !== undefined) this.#lately.delete(oldest)
  }

  /** Undefined where there are enough, or the last one did not come up just now. */
  #start(): Thread | undefined {
    const { threads } = this.#options
    if (this.#threads.size >= threads) return undefined
    if (this.#failure !== undefined && performance.now() - this.#failure.at < PAUSE_MS) {
      // Those that came up before take the others.
      if (this.#threads.size === 0) this.#answerAll(this.#failure.cause)
      return undefined
    }
    const thread: Thread = new Thread(this.#options, {
      onFree: () => this.#handOut(),
      onEnd: (job, cause, hasBegun) => this.#mourn(thread, { job, cause, hasBegun }),
    })
    this.#threads.add(thread)
    return thread
  }

  #mourn(
    thread: Thread,
    { job, cause, hasBegun }: { readonly job: Job | undefined; readonly cause: Error; readonly hasBegun: boolean },
  ): void {
    this.#threads.delete(thread)
    if (!hasBegun) this.#failure = { cause, at: performance.now() }
    const outcome = hasBegun && !this.#isClosed ? 'died' : 'unavailable'
    job?.resolve({ outcome, cause })
    this.#handOut()
  }

  #answerAll(cause: Error): void {
    for (const job of this.#waiting.splice(0)) job.resolve({ outcome: 'unavailable', cause })
  }
}

interface ThreadEvents {
  readonly onFree: () => void
  readonly onEnd: (job: Job | undefined, cause: Error, hasBegun: boolean) => void
}

class Thread {
  /** Resolves once it has come up, or has ended. */
  readonly hasBegun: Promise<void>
  readonly #worker: Worker
  readonly #timeoutMs: number
  #job: Job | undefined
  #timer: NodeJS.Timeout | undefined
  #hasBegun = false
  #since = 0
  #cause: Error | undefined
  #nextId = 0

  constructor({ script, setup, timeoutMs }: LastingPoolOptions, { onFree, onEnd }: ThreadEvents) {
    this.#timeoutMs = timeoutMs
    this.#worker = new Worker(script, { workerData: setup, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } })
    this.#worker.on('message', (message: Answer<Attempted<unknown>> | 'ready') => {
      this.#hasBegun = true
      // The time that it takes to begin is not the task's.
      if (message === 'ready') return this.#watch()
      clearTimeout(this.#timer)
      const job = this.#job
      this.#job = undefined
      job?.resolve(message.result)
      onFree()
    })
    this.hasBegun = new Promise((resolve) => {
      this.#worker.once('message', () => resolve())
      this.#worker.once('exit', () => resolve())
    })
    this.#worker.on('error', (cause: unknown) => {
      this.#cause ??= cause instanceof Error ? cause : new Error(String(cause))
    })
    this.#worker.on('exit', (code) => {
      clearTimeout(this.#timer)
      onEnd(this.#job, this.#cause ?? new Error(`a thread ended with code ${code}`), this.#hasBegun)
    })
  }

  get isIdle(): boolean {
    return this.#job === undefined
  }

  /** Since it began with what it has in hand. */
  get busyMs(): number {
    return this.#job === undefined ? 0 : performance.now() - this.#since
  }

  take(job: Job): void {
    this.#job = job
    this.#since = performance.now()
    this.#worker.postMessage({ id: this.#nextId++, task: job.task })
    if (this.#hasBegun) this.#watch()
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #watch(): void {
    clearTimeout(this.#timer)
    if (this.#job === undefined) return
    this.#timer = setTimeout(() => {
      this.#cause = new Error(`a task took more than ${this.#timeoutMs} ms`)
      this.#worker.terminate().catch(() => undefined)
    }, this.#timeoutMs)
    this.#timer.unref()
  }
}
