/**
 * Log index worker: the thread that fills the index of a log. Entry point, started by log-index.ts.
 *
 * Whatever has come in by the time a transaction begins goes into it together; a transaction that waited is larger, so
 * the thread catches up by itself.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { StoreError } from '@fiducial/core/errors.ts'
import type { IndexAnswer, IndexTask } from './log-index-messages.ts'
import { LogIndexWriter } from './log-index-writer.ts'

/** Entries after which a transaction is ended. */
const GROUP = 4_000

const post = (answer: IndexAnswer, transfer: ArrayBuffer[] = []): void => parentPort?.postMessage(answer, transfer)

function fail(cause: unknown): void {
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown }
  post({ kind: 'failed', code: String(code), message: String(message) })
  parentPort?.close()
}

function serve(writer: LogIndexWriter): void {
  /** Buffers to give back with the next commit. */
  let used: ArrayBuffer[] = []
  let added = 0

  const commit = (): void => {
    writer.commit()
    post({ kind: 'committed', size: writer.state.size, buffers: used }, used)
    used = []
    added = 0
  }
  const erase = (id: number, number: number): void => {
    try {
      post({ kind: 'done', id, result: writer.erase(number) })
    } catch (cause) {
      // A reader is in the way: the index itself is as it should be.
      if (!(cause instanceof StoreError) || cause.code !== 'log_locked') throw cause
      post({ kind: 'refused', id, message: cause.message })
    }
  }
  const perform = (task: IndexTask): void => {
    if (task.kind === 'add') {
      writer.add(Buffer.from(task.buffer, 0, task.lengthBytes), task.first, task.count)
      used.push(task.buffer)
      added += task.count
      if (added >= GROUP) commit()
      return
    }
    // What was added before has to count as committed before the answer comes.
    if (used.length > 0) commit()
    if (task.kind === 'erase') return erase(task.id, task.number)
    if (task.kind === 'release') writer.release(task.size)
    else if (task.kind === 'close') writer.close()
    post({ kind: 'done', id: task.id, result: true })
    if (task.kind === 'close') parentPort?.close()
  }

  parentPort?.on('message', (task: IndexTask) => {
    try {
      perform(task)
      for (;;) {
        const next = parentPort === null ? undefined : receiveMessageOnPort(parentPort)
        if (next === undefined) break
        perform(next.message as IndexTask)
      }
      if (used.length > 0) commit()
    } catch (cause) {
      fail(cause)
    }
  })
}

try {
  const writer = new LogIndexWriter(String(workerData))
  post({ kind: 'ready', state: writer.state })
  serve(writer)
} catch (cause) {
  fail(cause)
}
