/**
 * File objects: immutable objects in a folder, each in the file that its path names.
 *
 * The folder can be served as it is: the paths are those of C2SP tlog-tiles. A file is written and flushed under a name
 * of its own in `.tmp`, and only then linked to its place, which a link never takes from another file. Several objects
 * are flushed side by side, and each folder once for all of them.
 */

import { randomUUID } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { ImmutableStore, StoredObject } from '../../services/log/ports.ts'
import { attempt, files, isCode, syncFolder, takeTurns, writeNew } from './durable.ts'
import { checkObjectPath, checkPartialPath } from './object-path.ts'
import { readWhole } from './read-whole.ts'

/** Files that are written at the same time: each waits for the loop at every step, and a busy log keeps the loop busy. */
const WIDTH = 32
/** Of these, how many are flushed: the runtime has four threads for files, and whoever appends waits for one of them. */
const FLUSHES = 8
/** Bytes of an object. A full bundle has 256 entries of up to 65,537 bytes. */
const OBJECT_LIMIT = 32 * 1024 * 1024
/** Folders that are known to be there. */
const KNOWN_FOLDERS = 10_000
/** A temporary file that was not touched for so long belongs to nobody any more. */
const LEFTOVER_MS = 3_600_000

export class FileObjects implements ImmutableStore {
  readonly #folder: string
  /** Folders that are there, whose names are flushed. */
  readonly #known = new Set<string>()
  readonly #flushing = takeTurns(FLUSHES)

  /** @param folder  absolute; is made when the first object is stored */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** Removes temporary files that a process which died has left. Those of processes that may live stay. */
  async clean(): Promise<void> {
    await attempt('removing temporary files', async () => {
      const oldest = Date.now() - LEFTOVER_MS
      const names = await readdir(this.#temporary()).catch(emptyIfMissing)
      for (const name of names) {
        const path = this.#temporary(name)
        const found = await stat(path).catch(undefinedIfMissing)
        if (found !== undefined && found.mtimeMs < oldest) await files.rm(path, { force: true })
      }
    })
  }

  async get(path: string): Promise<Uint8Array | undefined> {
    checkObjectPath(path)
    return await attempt('reading an object', () => readOrNothing(join(this.#folder, path)))
  }

  async putOnce(path: string, bytes: Uint8Array): Promise<void> {
    await this.putAll([{ path, bytes }])
  }

  async putAll(objects: readonly StoredObject[]): Promise<void> {
    for (const { path } of objects) checkObjectPath(path)
    if (objects.length === 0) return
    await attempt('storing an object', async () => {
      const folders = new Set(objects.map(({ path }) => dirname(path)))
      await this.#makeFolders(['.tmp', ...folders])
      const waiting = [...objects]
      const conflicts: StoreError[] = []
      await inParallel(Math.min(WIDTH, waiting.length), async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
          if (!(await this.#put(next))) {
            conflicts.push(new StoreError('object_conflict', 'an object is there with other bytes'))
          }
        }
      })
      await inParallel([...folders], (folder) => syncFolder(join(this.#folder, folder)))
      if (conflicts[0] !== undefined) throw conflicts[0]
    })
  }

  async removePartial(path: string): Promise<void> {
    checkPartialPath(path)
    await attempt('removing a partial tile', async () => {
      await files.rm(join(this.#folder, path)).catch(undefinedIfMissing)
    })
  }

  /** Puts a file in its place; its folder is flushed by nobody yet. False where other bytes are there. */
  async #put({ path, bytes }: StoredObject): Promise<boolean> {
    const target = join(this.#folder, path)
    const there = await readOrNothing(target)
    // Whoever put it there may not have come to flush the folder; the caller does.
    if (there !== undefined) return isSame(there, bytes)
    const temporary = this.#temporary(`${randomUUID()}.tmp`)
    try {
      await writeNew(temporary, bytes, this.#flushing)
      if (await takeFreeName(temporary, target)) return true
      const winner = await readOrNothing(target)
      return winner !== undefined && isSame(winner, bytes)
    } finally {
      await files.rm(temporary, { force: true })
    }
  }

  /** Makes folders, and flushes those in which a new name stands. */
  async #makeFolders(folders: readonly string[]): Promise<void> {
    const changed = new Set<string>()
    for (const folder of folders) {
      if (this.#known.has(folder)) continue
      const made = await files.mkdir(join(this.#folder, folder), { recursive: true })
      // Also those that another process has made a moment ago.
      for (let path = folder; path !== '.'; path = dirname(path)) changed.add(dirname(path))
      if (made !== undefined) changed.add('..')
    }
    for (const folder of changed) await syncFolder(join(this.#folder, folder))
    if (this.#known.size > KNOWN_FOLDERS) this.#known.clear()
    for (const folder of folders) this.#known.add(folder)
  }

  #temporary(name = ''): string {
    return join(this.#folder, '.tmp', name)
  }
}

/** Gives a file a name that is free. A link never replaces, as a rename would. False where the name is taken. */
async function takeFreeName(temporary: string, target: string): Promise<boolean> {
  try {
    await files.link(temporary, target)
    return true
  } catch (cause) {
    if (isCode(cause, 'EEXIST')) return false
    if (!isCode(cause, 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP')) throw cause
    // File systems without links, such as FAT: between this look and the rename another writer could slip in.
    if ((await stat(target).catch(undefinedIfMissing)) !== undefined) return false
    await files.rename(temporary, target)
    return true
  }
}

const readOrNothing = (path: string): Promise<Uint8Array | undefined> => readWhole(path, OBJECT_LIMIT)

function undefinedIfMissing(cause: unknown): undefined {
  // A folder in the place of the file, or a file in that of a folder: no object has that path.
  if (isCode(cause, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined
  throw cause
}

function emptyIfMissing(cause: unknown): string[] {
  undefinedIfMissing(cause)
  return []
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

/** Starts the same step several times, or for several items, and waits for all of them, also if one fails. */
async function inParallel<T>(items: number | readonly T[], step: (item: T) => Promise<void>): Promise<void> {
  const steps = typeof items === 'number' ? Array.from<T>({ length: items }) : items
  const results = await Promise.allSettled(steps.map(step))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
