/**
 * Durable: the steps by which files and names reach the disk, without holding up the thread.
 *
 * Whatever the system refuses comes out as `log_unwritable`. A failed fsync is not tried again by anybody: the system
 * may have thrown the bytes away, and a second one would say that all is well.
 */
import { close, fdatasync, fsync, ftruncate, open, read, renameSync, write } from 'node:fs'
import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { StoreError } from '@fiducial/core/errors.ts'

/**
 * Every call of node:fs by which a log in files changes something, in one place, so that a test can let each of them
 * fail. Those on descriptors are cheaper than file handles: one call is one step of work.
 */
export const files = {
  open: promisify(open),
  close: promisify(close),
  write: promisify(write),
  fdatasync: promisify(fdatasync),
  fsync: promisify(fsync),
  ftruncate: promisify(ftruncate),
  copyFile,
  link,
  mkdir,
  rename,
  renameSync,
  rm,
}
const readOnce = promisify(read)

/** Runs a step. @throws {StoreError} `log_unwritable` for an error of the system; our own pass through */
export async function attempt<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    throw unwritable(what, cause)
  }
}

/** An error of the system as one of ours; one of ours as it is. */
export function unwritable(what: string, cause: unknown): unknown {
  if (cause instanceof StoreError || cause instanceof RangeError || cause instanceof TypeError) return cause
  const { code = 'no code' } = cause as NodeJS.ErrnoException
  return new StoreError('log_unwritable', `${what}: ${code}`, { cause })
}

/** Writes all bytes at a place of a file. */
export async function writeAt(descriptor: number, bytes: Uint8Array, position: number): Promise<void> {
  // The system may take fewer bytes than it is offered.
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await files.write(descriptor, bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

/** Reads up to `length` bytes at a place of a file; fewer only at its end. */
export async function readAt(descriptor: number, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await readOnce(descriptor, buffer, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

/** Makes the names in a folder survive a power cut; where folders cannot be flushed, does nothing. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await withFile(path, 'r', (folder) => files.fsync(folder))
}

/**
 * Makes a folder and those above it, so that it survives a power cut: what is flushed in it would go with it.
 * @param path  absolute
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  const made = await files.mkdir(path, { recursive: true, ...(mode !== undefined && { mode }) })
  // Its own name always: whoever made it may not have come to flush it.
  const last = made === undefined ? path : made
  for (let folder = path; ; folder = dirname(folder)) {
    await syncFolder(dirname(folder)).catch(passIfForbidden)
    if (folder === last || folder === dirname(folder)) return
  }
}

/** Folders above that of a log may be none that we may read. */
function passIfForbidden(cause: unknown): void {
  if (!isCode(cause, 'EACCES', 'EPERM')) throw cause
}

/** Opens a file for as long as a step takes. */
export async function withFile<T>(path: string, flags: string, step: (descriptor: number) => Promise<T>): Promise<T> {
  const descriptor = await files.open(path, flags)
  try {
    return await step(descriptor)
  } finally {
    await files.close(descriptor)
  }
}

/**
 * Writes a new file and flushes it; its name is flushed by nobody yet.
 * @param flushing  in what turn; default: at once
 */
export async function writeNew(path: string, bytes: Uint8Array, flushing: Turns = (step) => step()): Promise<void> {
  await withFile(path, 'wx', async (descriptor) => {
    await writeAt(descriptor, bytes, 0)
    await flushing(() => files.fsync(descriptor))
  })
}

/** Runs a step when it is its turn. */
export type Turns = (step: () => Promise<void>) => Promise<void>

/** Turns in which so many steps run at a time, and the others after them. */
export function takeTurns(atOnce: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0
  return async (step) => {
    if (running === atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      await step()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}

/** Whether an error is one of the system's, with one of these codes. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
