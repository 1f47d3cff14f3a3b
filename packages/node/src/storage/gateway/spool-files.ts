/**
 * Spool files: every call of node:fs by which a spool changes something, in one place, so that a test can let each of
 * them fail; and the words for what fails.
 *
 * Whatever the system refuses comes out as `spool_unwritable`, and a full disk as `spool_full`. A failed fsync is not
 * tried again: the system may have thrown the bytes away, and a second one would say that all is well.
 */
import { closeSync, fdatasync, fsync, mkdirSync, openSync, renameSync, writeSync, writevSync } from 'node:fs'
import { rm, rmdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { StoreError } from '@fiducial/core/errors.ts'

export const spoolFiles = {
  openSync,
  writeSync,
  writevSync,
  renameSync,
  mkdirSync,
  closeSync,
  fdatasync: promisify(fdatasync),
  fsync: promisify(fsync),
  rm,
  rmdir,
}

/** An error of the system as one of ours; one of ours, and a mistake of the caller, as it is. */
export function spoolError(what: string, cause: unknown): unknown {
  if (cause instanceof StoreError || cause instanceof RangeError || cause instanceof TypeError) return cause
  const { code = 'no code' } = cause as NodeJS.ErrnoException
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new StoreError(isFull ? 'spool_full' : 'spool_unwritable', `${what}: ${code}`, { cause })
}

/** Runs a step. @throws {StoreError} `spool_unwritable`, `spool_full` for an error of the system; ours pass through */
export async function attempt<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    throw spoolError(what, cause)
  }
}

/** Whether an error is one of the system's, with one of these codes. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
