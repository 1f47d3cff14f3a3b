/**
 * File checkpoint cell: the newest checkpoint of a log, in a file that is replaced as a whole.
 *
 * The new text is flushed under a name of its own first. Comparing and renaming then happen in one step, under a lock
 * of SQLite on an empty file beside it, which the kernel takes back from a process that dies.
 */
import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { NOTE_LIMIT } from '@fiducial/core/formats/note/note.ts'
import type { CheckpointCell } from '../../services/log/ports.ts'
import { attempt, files, syncFolder, unwritable, writeNew } from './durable.ts'
import { readWholeNow } from './read-whole.ts'
import { guard, openDatabase } from './sqlite.ts'

export class FileCheckpointCell implements CheckpointCell {
  readonly #path: string
  readonly #lockPath: string
  #lock: DatabaseSync | undefined

  /**
   * @param path      of the file
   * @param lockPath  of the file that is locked while the other one is replaced
   */
  constructor(path: string, lockPath: string) {
    this.#path = path
    this.#lockPath = lockPath
  }

  async read(): Promise<string | undefined> {
    return this.#read()
  }

  async compareAndSwap(expected: string | undefined, next: string): Promise<void> {
    const folder = dirname(this.#path)
    const temporary = join(folder, '.tmp', `${basename(this.#path)}-${randomUUID()}.tmp`)
    await attempt('storing a checkpoint', async () => {
      for (const path of [dirname(temporary), dirname(this.#lockPath)]) await files.mkdir(path, { recursive: true })
      try {
        await writeNew(temporary, Buffer.from(next, 'utf8'))
        this.#replace(temporary, expected)
      } finally {
        await files.rm(temporary, { force: true })
      }
      await syncFolder(folder)
    })
  }

  /** Gives the lock file back. The cell can still be used. */
  async close(): Promise<void> {
    this.#lock?.close()
    this.#lock = undefined
  }

  /** Not interrupted by anything else in this thread, nor by another process. */
  #replace(temporary: string, expected: string | undefined): void {
    this.#lock ??= openDatabase(this.#lockPath, '')
    const lock = this.#lock
    guard(() => lock.exec('BEGIN IMMEDIATE'))
    try {
      if (this.#read() !== expected) throw new StoreError('checkpoint_moved', 'another checkpoint is current')
      files.renameSync(temporary, this.#path)
    } finally {
      guard(() => lock.exec('ROLLBACK'))
    }
  }

  #read(): string | undefined {
    try {
      const bytes = readWholeNow(this.#path, NOTE_LIMIT)
      return bytes && new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    } catch (cause) {
      throw unwritable('reading a checkpoint', cause)
    }
  }
}
