/** Fast folder: a temporary folder in memory where the system has one, for tests that make a new log hundreds of times. */
import { accessSync, constants, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

const MEMORY = '/dev/shm'

/**
 * Makes an empty folder; it goes when the surrounding suite or file has ended. What is flushed there survives no power
 * cut: not for tests of what reaches a disk.
 */
export function fastFolder(): string {
  const folder = mkdtempSync(join(isWritable(MEMORY) ? MEMORY : tmpdir(), 'fiducial-test-'))
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Bytes of all files in it. */
export function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}
