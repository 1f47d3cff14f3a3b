/** Worker: a thread that performs tasks until it is told to stop. Entry point, started by pool.ts. */
import { enableCompileCache, flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { compileCacheFolder } from './compile-cache.ts'

enableCompileCache(compileCacheFolder())
const { openWork } = await import('./perform.ts')

const perform = await openWork(workerData)
let last: Promise<void> = Promise.resolve()
// One after the other: should this thread die, the first of its tasks was at fault.
parentPort?.on('message', ({ id, task }: { readonly id: number; readonly task: unknown }) => {
  last = last.then(async () => parentPort?.postMessage({ id, result: await perform(task) }))
})
parentPort?.postMessage('ready')
// A thread is stopped without warning, so it does not come to write what it has compiled.
flushCompileCache()
