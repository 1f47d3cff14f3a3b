/**
 * Read whole: files of a log, which may be a copy that somebody else has made: no more of them than they can have, and
 * nothing that is no file.
 *
 * A file that pretends to have terabytes would take all memory, and a named pipe would be waited for without end.
 */
import { close, closeSync, constants, fstat, fstatSync, open, openSync, readSync, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import { StoreError } from '@fiducial/core/errors.ts'
import { isCode, readAt } from './durable.ts'

// Without waiting for whoever might write to it.
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
const later = { open: promisify(open), close: promisify(close), fstat: promisify(fstat) }

/**
 * A file, or undefined where there is none, be it that a folder has its name.
 * @param limit  bytes that it may have
 * @throws {StoreError} `log_corrupted` for a longer one, and for what is no file; the system's errors pass through
 */
export async function readWhole(path: string, limit: number): Promise<Uint8Array | undefined> {
  let descriptor: number
  try {
    descriptor = await later.open(path, FLAGS)
  } catch (cause) {
    if (isCode(cause, 'ENOENT', 'ENOTDIR')) return undefined
    throw cause
  }
  try {
    const stats = await later.fstat(descriptor)
    return stats.isDirectory() ? undefined : await readAt(descriptor, 0, lengthOf(stats, limit))
  } finally {
    await later.close(descriptor)
  }
}

/** The same at once, for small files; of a folder, the system's error. @throws as {@link readWhole} */
export function readWholeNow(path: string, limit: number): Uint8Array | undefined {
  let descriptor: number
  try {
    descriptor = openSync(path, FLAGS)
  } catch (cause) {
    if (isCode(cause, 'ENOENT', 'ENOTDIR')) return undefined
    throw cause
  }
  try {
    const bytes = new Uint8Array(lengthOf(fstatSync(descriptor), limit))
    let done = 0
    while (done < bytes.length) {
      const count = readSync(descriptor, bytes, done, bytes.length - done, done)
      if (count === 0) break
      done += count
    }
    return bytes.subarray(0, done)
  } finally {
    closeSync(descriptor)
  }
}

function lengthOf(stats: Stats, limit: number): number {
  // Of a folder, the system says that it cannot be read.
  if (!stats.isFile() && !stats.isDirectory())
    throw new StoreError('log_corrupted', 'what lies in the place of a file of the log is none')
  if (stats.size > limit) throw new StoreError('log_corrupted', `a file of the log has ${stats.size} bytes`)
  return stats.size
}
