/**
 * Instance thread: the thread that has the database of the gateway. Entry point, started by sqlite-instances.ts.
 *
 * Whatever has come in by the time a transaction begins goes into it together.
 */
import { backup } from 'node:sqlite'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type InstanceCall, InstanceCalls, refusal, type ThreadMessage } from './instance-calls.ts'
import { openInstanceDatabase } from './instance-schema.ts'

/** Calls after which a transaction is ended. */
const GROUP = 500

const post = (message: ThreadMessage): void => parentPort?.postMessage(message)

function serve(path: string): void {
  const database = openInstanceDatabase(path)
  const calls = new InstanceCalls(database)

  const backUp = async ({ id, args }: InstanceCall): Promise<void> => {
    try {
      await backup(database, String(args[0]))
      post({ kind: 'answers', answers: [{ id, result: undefined }] })
    } catch (cause) {
      post({ kind: 'answers', answers: [refusal(id, cause)] })
    }
  }
  const perform = (all: readonly InstanceCall[]): void => {
    for (const call of all) if (call.name === 'backUp') void backUp(call)
    const group = all.filter(({ name }) => name !== 'backUp')
    if (group.length > 0) post({ kind: 'answers', answers: calls.perform(group) })
  }

  parentPort?.on('message', (first: readonly InstanceCall[] | 'close') => {
    let group: InstanceCall[] = []
    for (let next: readonly InstanceCall[] | 'close' | undefined = first; next !== undefined; ) {
      if (next === 'close') {
        if (group.length > 0) perform(group)
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
    if (group.length > 0) perform(group)
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
