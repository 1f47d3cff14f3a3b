/** Unprivileged: tests of refused permissions, also where the superuser runs them. */
import { chownSync } from 'node:fs'

const NOBODY = 65_534

/**
 * Takes steps without the rights of the superuser, who may read and write everywhere. Changes the whole process
 * until the steps have been taken: not for tests that run at the same time.
 *
 * @param folder  is given to the user without rights
 */
export async function unprivileged<T>(folder: string, steps: () => T | Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return await steps()
  chownSync(folder, NOBODY, NOBODY)
  process.seteuid?.(NOBODY)
  try {
    return await steps()
  } finally {
    process.seteuid?.(0)
  }
}
