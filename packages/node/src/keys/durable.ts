/**
 * Durable: files that are there whole or not at all, also after a power cut.
 *
 * Written under a temporary name, flushed, then renamed; the folder is flushed, too, since the name is its content.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** For private keys: the owner reads and writes, nobody else does anything. */
export const SECRET_MODE = 0o600
export const PUBLIC_MODE = 0o644

/** Puts a file in place of what stood there. */
export function replaceFile(path: string, bytes: Uint8Array | string, mode: number): void {
  withTemporary(path, bytes, mode, (temporary) => renameSync(temporary, path))
}

/** Puts a file where none stands. @returns false, with nothing changed, if there is one */
export function createFile(path: string, bytes: Uint8Array | string, mode: number): boolean {
  let isCreated = false
  withTemporary(path, bytes, mode, (temporary) => {
    try {
      linkSync(temporary, path)
      isCreated = true
    } catch (cause) {
      if (!isCode(cause, 'EEXIST')) throw cause
    } finally {
      rmSync(temporary, { force: true })
    }
  })
  return isCreated
}

/** Makes the names inside a folder survive a power cut; where folders cannot be flushed, does nothing. */
export function flushFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** A name beside `path` that nobody else uses. */
export const temporaryBeside = (path: string): string => `${path}.tmp-${randomBytes(6).toString('hex')}`

/** Whether an error is one of the system's, with this code. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** Whether a folder could not be renamed because its new name is taken. */
export function isTaken(error: unknown): boolean {
  return isCode(error, 'ENOTEMPTY', 'EEXIST', 'EPERM') && (error as NodeJS.ErrnoException).syscall === 'rename'
}

function withTemporary(
  path: string,
  bytes: Uint8Array | string,
  mode: number,
  place: (temporary: string) => void,
): void {
  const temporary = temporaryBeside(path)
  try {
    const file = openSync(temporary, 'wx', mode)
    try {
      const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
      for (let written = 0; written < content.length; ) written += writeSync(file, content, written)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    place(temporary)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw cause
  }
  flushFolder(dirname(path))
}
