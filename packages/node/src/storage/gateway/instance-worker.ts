/**
 * Instance worker: the thread that has the database of the gateway. Entry point, started by sqlite-instances.ts.
 *
 * Whatever has come in by the time a transaction begins goes into it together.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type InstanceCall, InstanceCalls, type ThreadMessage } from './instance-calls.ts'
import { openInstanceDatabase } from './instance-schema.ts'

/** Calls after which a transaction is ended. */
const GROUP = 500

const post = (message: ThreadMessage): void => parentPort?.postMessage(message)

function serve(path: string): void {
  const database = openInstanceDatabase(path)
  const calls = new InstanceCalls(database)

  const perform = (group: readonly InstanceCall[]): void => {
    if (group.length > 0) post({ kind: 'answers', answers: calls.perform(group) })
  }

  parentPort?.on('message', (first: readonly InstanceCall[] | 'close') => {
    let group: InstanceCall[] = []
    for (let next: readonly InstanceCall[] | 'close' | undefined = first; next !== undefined; ) {
      if (next === 'close') {
        perform(group)
        database.close()
        parentPort?.close()
        return
      }
      group.push(...next)
      if (group.length >= GROUP) {
        perform(group)
        group = []
      }
      next = parentPort === null ? undefined : receiveMessageOnPort(parentPort)?.message
    }
    perform(group)
  })
  post({ kind: 'ready' })
}

try {
  serve(String(workerData))
} catch (cause) {
  const { code = 'spool_unwritable', message } = cause as { readonly code?: string; readonly message?: string }
  post({ kind: 'failed', code, message: String(message) })
  parentPort?.close()
}
