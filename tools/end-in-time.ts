/**
 * End in time: loaded into every test file's process, it ends one that does not end by itself.
 *
 * node:test limits how long a test takes, not how long its process stays after the last one: a thread or a socket left
 * behind would hold up the whole run without a word.
 */
import { isMainThread } from 'node:worker_threads'

const LIMIT_MS = 8 * 60_000

const limit = (): void => {
  const left = process.getActiveResourcesInfo().join(', ')
  process.stderr.write(`the file did not end within ${LIMIT_MS / 60_000} minutes; still active: ${left}\n`)
  process.exit(1)
}

// Threads inherit what is loaded first; their process is watched already.
if (isMainThread) setTimeout(limit, LIMIT_MS).unref()
