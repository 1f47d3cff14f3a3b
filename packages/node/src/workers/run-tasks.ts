/**
 * Run tasks: decides whether a run is worth threads, and runs it either way.
 *
 * A thread takes a tenth of a second to be of use; a few small files are done by then.
 */
import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { openWork } from './perform.ts'
import { runInPool } from './pool.ts'
import type { WorkSetup } from './setup.ts'

/** Rough figures of a small machine: good enough to tell a handful of files from an archive. */
const COSTS = {
  verify: { fileMs: 4, bytesPerMs: 400_000 },
  audit: { fileMs: 6, bytesPerMs: 250_000 },
  seal: { fileMs: 30, bytesPerMs: 150_000 },
  watch: { fileMs: 80, bytesPerMs: 20_000 },
} as const
/** Work below this is done in this thread. */
const WORTH_THREADS_MS = 250

export interface RunOptions<Task, Result> {
  readonly setup: WorkSetup
  readonly signal: AbortSignal
  readonly onCrash: (task: Task, cause: Error) => Result
}

/** Performs tasks as they come; results in the same order. Ends early once the signal is set off. */
export async function* runTasks<Task extends { readonly path: string }, Result>(
  tasks: AsyncIterable<Task>,
  { setup, signal, onCrash }: RunOptions<Task, Result>,
): AsyncGenerator<Result, void, undefined> {
  const iterator = tasks[Symbol.asyncIterator]()
  const { first, isAll } = await takeWhileCheap(iterator, setup.kind)
  const all = startingWith(first, iterator)
  if (isAll || usesToken(setup)) {
    const perform = await openWork(setup)
    for await (const task of all) {
      if (signal.aborted) return
      yield (await perform(task)) as Result
    }
    return
  }
  const script = new URL('./worker.ts', import.meta.url)
  yield* runInPool(all, { script, setup, threads: availableParallelism(), onCrash, signal })
}

/**
 * Whether a key is in a token: libraries of tokens are used from one thread, since not all of them allow for several,
 * and a token makes one signature at a time anyway.
 */
function usesToken(setup: WorkSetup): boolean {
  if (setup.kind !== 'seal') return false
  return [setup.device, setup.operator].some((holder) => Object.values(holder).some(({ kind }) => kind === 'token'))
}

/** The first tasks, up to the one that makes threads worth their while. */
async function takeWhileCheap<Task extends { readonly path: string }>(
  iterator: AsyncIterator<Task>,
  kind: WorkSetup['kind'],
): Promise<{ readonly first: readonly Task[]; readonly isAll: boolean }> {
  const { fileMs, bytesPerMs } = COSTS[kind]
  const first: Task[] = []
  for (let costMs = 0; costMs < WORTH_THREADS_MS; ) {
    const next = await iterator.next()
    if (next.done === true) return { first, isAll: true }
    first.push(next.value)
    costMs += fileMs + sizeOf(next.value.path) / bytesPerMs
  }
  return { first, isAll: false }
}

async function* startingWith<T>(first: readonly T[], rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield* first
  yield* { [Symbol.asyncIterator]: () => rest }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
