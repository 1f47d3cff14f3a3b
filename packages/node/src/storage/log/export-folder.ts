/**
 * Export folder: where an export of a log is written, so that it can be gone on with after it was cut off.
 *
 * A file appears whole or not at all, and one that holds the right bytes already is left alone. The index is written
 * under another name and gets its own last, when everything else is on the disk: with it, the export is whole.
 */
import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import { isCode, syncFolder, writeNew } from './durable.ts'

/** A file of an export, or the next part of the index. */
export interface FolderFile {
  /** Relative path with forward slashes. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** Names of its temporary files begin so; what an earlier run left of them is removed. */
const TEMPORARY = '.fiducial-export-'
/** Files that are written at the same time. */
const WIDTH = 16

export class ExportFolder implements AsyncDisposable {
  /** Files that were written, and those that were right already. */
  readonly counts = { written: 0, kept: 0 }
  readonly #folder: string
  readonly #indexName: string
  readonly #indexPath: string
  #index: FileHandle | undefined
  readonly #changed = new Set<string>()

  private constructor(folder: string, indexName: string) {
    this.#folder = folder
    this.#indexName = indexName
    this.#indexPath = join(folder, `${TEMPORARY}${randomUUID()}.tmp`)
  }

  /**
   * Opens a folder, and makes it where there is none.
   * @param mark  a file that every export has from its first moment on: a folder that holds others without it is refused
   * @throws {StoreError} `output_exists`, `output_unwritable`
   */
  static async open(
    folder: string,
    { mark, index }: { readonly mark: string; readonly index: string },
  ): Promise<ExportFolder> {
    return await attempt(async () => {
      await mkdir(folder, { recursive: true })
      const names = await readdir(folder)
      const own = names.filter((name) => name.startsWith(TEMPORARY))
      if (names.length > own.length && !names.includes(mark))
        throw new StoreError('output_exists', `${folder} holds other things than an export`)
      for (const name of own) await rm(join(folder, name), { force: true })
      return new ExportFolder(folder, index)
    })
  }

  /** Whether an export came to its end here. */
  async isWhole(): Promise<boolean> {
    return (await this.read(this.#indexName)) !== undefined
  }

  /** @throws {StoreError} `output_unwritable` for a file that is there and cannot be read */
  async read(name: string): Promise<Uint8Array | undefined> {
    return await attempt(() => readOrNothing(join(this.#folder, name)))
  }

  /** From here on, what is here counts as not whole. @throws {StoreError} `output_unwritable` */
  async begin(): Promise<void> {
    await attempt(() => rm(join(this.#folder, this.#indexName), { force: true }))
  }

  /** Writes files, those of the index behind each other. @throws {StoreError} `output_unwritable` */
  async write(files: readonly FolderFile[]): Promise<void> {
    await attempt(async () => {
      const waiting = files.filter(({ name }) => name !== this.#indexName)
      for (const folder of new Set(waiting.map(({ name }) => dirname(join(this.#folder, name))))) {
        await mkdir(folder, { recursive: true })
        this.#changed.add(folder)
      }
      const writers = Array.from({ length: Math.min(WIDTH, waiting.length) }, async () => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await this.#put(next)
      })
      for (const result of await Promise.allSettled(writers)) if (result.status === 'rejected') throw result.reason
      for (const { bytes } of files.filter(({ name }) => name === this.#indexName)) await this.#addToIndex(bytes)
    })
  }

  /** Gives the index its name. When it resolves, the export survives a power cut. @throws {StoreError} `output_unwritable` */
  async finish(): Promise<void> {
    await attempt(async () => {
      for (const folder of this.#changed) await syncFolder(folder)
      await this.#index?.sync()
      await this.#index?.close()
      if (this.#index !== undefined) await rename(this.#indexPath, join(this.#folder, this.#indexName))
      this.#index = undefined
      await syncFolder(this.#folder)
    })
  }

  /** Removes what is not finished of the index. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#index?.close()
    await rm(this.#indexPath, { force: true })
  }

  async #put({ name, bytes }: FolderFile): Promise<void> {
    const path = join(this.#folder, name)
    const there = await readOrNothing(path)
    if (there !== undefined && Buffer.compare(there, bytes) === 0) {
      this.counts.kept++
      return
    }
    const temporary = join(this.#folder, `${TEMPORARY}${randomUUID()}.tmp`)
    try {
      await writeNew(temporary, bytes)
      await rename(temporary, path)
    } finally {
      await rm(temporary, { force: true })
    }
    this.counts.written++
  }

  async #addToIndex(bytes: Uint8Array): Promise<void> {
    this.#index ??= await open(this.#indexPath, 'wx')
    await this.#index.writeFile(bytes)
  }
}

async function readOrNothing(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

async function attempt<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new StoreError('output_unwritable', `the export cannot be written (${code})`, { cause })
  }
}
