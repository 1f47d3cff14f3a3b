/**
 * Pool: runs tasks on several threads, and gives the results back in the order of the tasks.
 *
 * Tasks and results are copied between threads, so they hold paths and reports and no images. A thread that dies takes
 * one task with it, which is answered for; the tasks that waited behind it go to others, and a new thread takes its
 * place. What a task is, is left to the thread's own module.
 */
import { Worker } from 'node:worker_threads'

/** Tasks that a thread holds at once: one to work on, one to turn to without waiting for us. */
const DEPTH = 2
/** Tasks under way or finished out of turn, for each thread: bounds what a slow task can pile up behind it. */
const WINDOW = 16

export interface PoolOptions<Task, Result> {
  /** The thread's module; it answers each message `{id, task}` with `{id, result}` or `{id, error}`. */
  readonly script: URL
  /** Handed to every thread once. */
  readonly setup: unknown
  readonly threads: number
  /** Answers for a task whose thread died. */
  readonly onCrash: (task: Task, cause: Error) => Result
  /** Once set off, no further task begins. */
  readonly signal?: AbortSignal
}

/** What a thread sends back. */
export interface Answer<Result> {
  readonly id: number
  readonly result: Result
}

/** A thread came to its end by itself: out of memory, or by a defect. */
class ThreadDeath extends Error {}

interface Job<Task, Result> {
  readonly task: Task
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Runs tasks as they come, results in the same order. Ends early, without an error, once the signal is set off.
 *
 * @throws what `tasks` throws; what the thread threw if a thread dies before it could do anything
 */
export async function* runInPool<Task, Result>(
  tasks: AsyncIterable<Task>,
  options: PoolOptions<Task, Result>,
): AsyncGenerator<Result, void, undefined> {
  const pool = new Pool(options)
  const underWay: Promise<Result | undefined>[] = []
  const iterator = tasks[Symbol.asyncIterator]()
  let isExhausted = false
  try {
    for (;;) {
      while (!isExhausted && underWay.length < options.threads * WINDOW && options.signal?.aborted !== true) {
        const next = await iterator.next()
        if (next.done === true) isExhausted = true
        else underWay.push(pool.run(next.value))
      }
      const result = await underWay.shift()
      if (result === undefined) return
      yield result
    }
  } finally {
    await iterator.return?.()
    await pool.close()
  }
}

class Pool<Task, Result> {
  readonly #options: PoolOptions<Task, Result>
  readonly #waiting: Job<Task, Result>[] = []
  readonly #threads = new Set<Thread<Task, Result>>()
  #failure: Error | undefined
  #isClosed = false

  constructor(options: PoolOptions<Task, Result>) {
    this.#options = options
  }

  /** @returns the result; undefined if the task was never begun because the signal came first */
  run(task: Task): Promise<Result | undefined> {
    const result = new Promise<Result | undefined>((resolve, reject) => this.#waiting.push({ task, resolve, reject }))
    // Whoever stops listening must not turn a failure into one that nobody handles.
    result.catch(() => undefined)
    this.#handOut()
    return result
  }

  /** Ends all threads. An answer that was on its way may still come in: it must start no thread that nobody would end. */
  async close(): Promise<void> {
    this.#isClosed = true
    const threads = [...this.#threads]
    this.#threads.clear()
    await Promise.all(threads.map((thread) => thread.stop()))
  }

  #handOut(): void {
    if (this.#isClosed) return
    const { threads, signal } = this.#options
    if (signal?.aborted === true || this.#failure !== undefined) {
      for (const job of this.#waiting.splice(0)) {
        if (this.#failure === undefined) (job.resolve as (nothing: undefined) => void)(undefined)
        else job.reject(this.#failure)
      }
      return
    }
    while (this.#waiting.length > 0) {
      const idle = [...this.#threads].find(({ load }) => load === 0)
      const isFull = this.#threads.size >= threads
      const free = idle ?? (isFull ? this.#leastLoaded() : this.#start())
      if (free.load >= DEPTH) return
      free.take(this.#waiting.shift() as Job<Task, Result>)
    }
  }

  #leastLoaded(): Thread<Task, Result> {
    return [...this.#threads].reduce((least, thread) => (thread.load < least.load ? thread : least))
  }

  #start(): Thread<Task, Result> {
    const thread: Thread<Task, Result> = new Thread(this.#options, {
      onAnswer: () => this.#handOut(),
      onDeath: (jobs, cause, hasAnswered) => this.#mourn(thread, jobs, cause, hasAnswered),
    })
    this.#threads.add(thread)
    return thread
  }

  #mourn(thread: Thread<Task, Result>, jobs: readonly Job<Task, Result>[], cause: Error, hasBegun: boolean): void {
    if (!this.#threads.delete(thread)) return
    const [running, ...others] = jobs
    // A thread that cannot even begin would be replaced for ever.
    if (!hasBegun) {
      this.#failure = cause
      for (const job of jobs) job.reject(cause)
    } else {
      running?.resolve(this.#options.onCrash(running.task, cause))
      this.#waiting.unshift(...others)
    }
    this.#handOut()
  }
}

interface ThreadEvents<Task, Result> {
  readonly onAnswer: () => void
  /** @param hasBegun  whether the thread's module was loaded */
  readonly onDeath: (jobs: readonly Job<Task, Result>[], cause: Error, hasBegun: boolean) => void
}

class Thread<Task, Result> {
  readonly #worker: Worker
  readonly #jobs = new Map<number, Job<Task, Result>>()
  #nextId = 0
  #hasBegun = false
  #cause: Error | undefined

  constructor({ script, setup }: PoolOptions<Task, Result>, { onAnswer, onDeath }: ThreadEvents<Task, Result>) {
    this.#worker = new Worker(script, { workerData: setup })
    this.#worker.on('message', (message: Answer<Result> | 'ready') => {
      this.#hasBegun = true
      if (message === 'ready') return
      const job = this.#jobs.get(message.id)
      this.#jobs.delete(message.id)
      job?.resolve(message.result)
      onAnswer()
    })
    this.#worker.on('error', (cause: unknown) => {
      this.#cause = cause instanceof Error ? cause : new ThreadDeath(String(cause))
    })
    this.#worker.on('exit', (code) => {
      const cause = this.#cause ?? new ThreadDeath(`a thread ended with code ${code}`)
      onDeath([...this.#jobs.values()], cause, this.#hasBegun)
    })
  }

  get load(): number {
    return this.#jobs.size
  }

  take(job: Job<Task, Result>): void {
    const id = this.#nextId++
    this.#jobs.set(id, job)
    this.#worker.postMessage({ id, task: job.task })
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}
