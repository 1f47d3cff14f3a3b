/**
 * File spool: whole files on their way through, on a disk.
 *
 *     FOLDER/01K9ZQ4/01K9ZQ4T0V6Y3M8E7R1C5W2BNX        committed
 *     FOLDER/01K9ZQ4/01K9ZQ4T0V6Y3M8E7R1C5W2BNX.part   begun
 *
 * A file gets its name before it is flushed; file and folder are then flushed side by side. After a crash, a name says
 * that all bytes had been written; only after a power cut can such a file be cut short, and then nobody was told that
 * it is there: whoever recovers compares length and digest with the record. Files are for their owner alone.
 */
import { createHash } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Spool, SpooledBytes, SpooledFile, SpoolWriter } from '../../services/gateway/ports.ts'
import { openFileSource } from '../file-source.ts'
import { FolderSyncs } from './folder-syncs.ts'
import { FreeRoom, freeBytesAt } from './free-room.ts'
import { attempt, isCode, spoolError, spoolFiles } from './spool-files.ts'
import { folderOfKey, isSpoolFolder, isSpoolKey, makeSpoolKey } from './spool-key.ts'

const FILE_MODE = 0o600
const FOLDER_MODE = 0o700
const BEGUN = '.part'
/** Room that is left for databases and logs on the same disk. */
const RESERVE_BYTES = 512 * 2 ** 20
/** Pieces below this size are collected. */
const LARGE_BYTES = 64 * 2 ** 10
const BUFFER_BYTES = 256 * 2 ** 10
const KEPT_BUFFERS = 16
/** Files up to this size are read whole. */
const IN_MEMORY_BYTES = 4 * 2 ** 20
/** Folders that are known to be there. */
const KNOWN_FOLDERS = 32
/** A folder of keys that are so old takes no new ones, but from a writer that has begun then. */
const OLD_FOLDER_MS = 120_000

export interface FileSpoolOptions {
  /** Bytes that stay free on the disk; default 512 MiB. */
  readonly reserveBytes?: number
  /** Asked instead of the disk. */
  readonly freeBytes?: () => number
  /** Flushes nothing: for files that are kept elsewhere, too. */
  readonly isVolatile?: boolean
}

export class FileSpool implements Spool {
  readonly #folder: string
  readonly #room: FreeRoom
  readonly #isVolatile: boolean
  readonly #syncs = new FolderSyncs()
  /** Folders of keys that are there, and when their own names are flushed. */
  readonly #folders = new Map<string, Promise<void>>()
  readonly #buffers: Buffer[] = []

  private constructor(folder: string, options: FileSpoolOptions) {
    const { reserveBytes = RESERVE_BYTES, freeBytes, isVolatile = false } = options
    this.#folder = folder
    this.#isVolatile = isVolatile
    this.#room = new FreeRoom(reserveBytes, freeBytes ?? (() => freeBytesAt(folder)))
  }

  /**
   * Opens the spool in a folder, which is made where there is none.
   * @param folder  absolute
   * @throws {StoreError} `spool_unwritable`
   */
  static async open(folder: string, options: FileSpoolOptions = {}): Promise<FileSpool> {
    const spool = new FileSpool(folder, options)
    await attempt('opening the spool', async () => {
      const made = spoolFiles.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
      if (made !== undefined) await spool.#syncUpTo(dirname(made))
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    })
    return spool
  }

  create(): SpoolWriter {
    try {
      this.#room.take(1)
    } catch (cause) {
      throw spoolError('looking for room', cause)
    }
    const key = makeSpoolKey(new Date())
    return new FileWriter(key, {
      path: this.#pathOf(key),
      take: (bytes) => this.#room.take(bytes),
      open: () => this.#openNew(key),
      sync: (descriptor) => this.#sync(key, descriptor),
      lendBuffer: () => this.#buffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES),
      returnBuffer: (buffer) => {
        if (this.#buffers.length < KEPT_BUFFERS) this.#buffers.push(buffer)
      },
    })
  }

  async open(key: string): Promise<SpooledFile> {
    const path = this.#pathOf(key)
    const handle = await this.#openOld(path)
    try {
      const { size } = await handle.stat()
      if (size <= IN_MEMORY_BYTES) {
        const bytes = new Uint8Array(await handle.readFile())
        return { ...memorySource(bytes), [Symbol.asyncDispose]: async () => undefined }
      }
      const source = openFileSource(path, { inMemoryBytes: 0 })
      return Object.assign(source, { [Symbol.asyncDispose]: async () => source.close() })
    } catch (cause) {
      throw unreadable(cause)
    } finally {
      await handle.close()
    }
  }

  async pathOf(key: string): Promise<string> {
    const path = this.#pathOf(key)
    await (await this.#openOld(path)).close()
    return path
  }

  async remove(key: string): Promise<void> {
    const path = this.#pathOf(key)
    await attempt('removing a file of the spool', async () => {
      await spoolFiles.rm(path, { force: true })
      if (folderOfKey(key) < folderOfKey(makeSpoolKey(new Date(Date.now() - OLD_FOLDER_MS)))) {
        await this.#removeFolder(folderOfKey(key))
      }
    })
  }

  async *list(): AsyncIterable<string> {
    for await (const { name } of this.#names()) if (isSpoolKey(name)) yield name
  }

  async sweep(): Promise<number> {
    return await attempt('sweeping the spool', async () => {
      let count = 0
      for await (const { folder, name } of this.#names()) {
        if (!name.endsWith(BEGUN)) continue
        await spoolFiles.rm(join(this.#folder, folder, name), { force: true })
        count++
      }
      for (const folder of await this.#folderNames()) await this.#removeFolder(folder)
      return count
    })
  }

  async freeBytes(): Promise<number | undefined> {
    return await attempt('looking for room', async () => this.#room.leftBytes())
  }

  hold(bytes: number): void {
    this.#room.hold(bytes)
  }

  async close(): Promise<void> {
    this.#buffers.length = 0
  }

  #pathOf(key: string): string {
    return join(this.#folder, folderOfKey(key), key)
  }

  async #openOld(path: string): Promise<FileHandle> {
    try {
      return await open(path, 'r')
    } catch (cause) {
      throw unreadable(cause)
    }
  }

  /** Opens the file of a new key. */
  #openNew(key: string): number {
    const path = `${this.#pathOf(key)}${BEGUN}`
    const folder = folderOfKey(key)
    if (!this.#folders.has(folder)) this.#makeFolder(folder)
    try {
      return spoolFiles.openSync(path, 'wx', FILE_MODE)
    } catch (cause) {
      // It was empty for a while, and was removed.
      if (!isCode(cause, 'ENOENT')) throw cause
      this.#makeFolder(folder)
      return spoolFiles.openSync(path, 'wx', FILE_MODE)
    }
  }

  #makeFolder(folder: string): void {
    try {
      spoolFiles.mkdirSync(join(this.#folder, folder), { mode: FOLDER_MODE })
    } catch (cause) {
      // Whoever made it may not have come to flush its name.
      if (!isCode(cause, 'EEXIST')) throw cause
    }
    const synced = this.#syncs.sync(this.#folder)
    synced.catch(() => this.#folders.delete(folder))
    this.#folders.set(folder, synced)
    // One that is forgotten is made, and its name flushed, once more.
    const [oldest] = this.#folders.keys()
    if (this.#folders.size > KNOWN_FOLDERS && oldest !== undefined) this.#folders.delete(oldest)
  }

  /** Flushes a file, its name, and that of its folder. */
  async #sync(key: string, descriptor: number): Promise<void> {
    if (this.#isVolatile) return
    const folder = folderOfKey(key)
    const results = await Promise.allSettled([
      spoolFiles.fdatasync(descriptor),
      this.#folders.get(folder) ?? this.#syncs.sync(this.#folder),
      this.#syncs.sync(join(this.#folder, folder)),
    ])
    // All have ended before the file is closed, also where one fails.
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** Flushes the names of folders that were just made, down to that of the spool. */
  async #syncUpTo(top: string): Promise<void> {
    for (let folder = dirname(this.#folder); ; folder = dirname(folder)) {
      await this.#syncs.sync(folder)
      if (folder === top || folder === dirname(folder)) return
    }
  }

  /** Takes a folder away if nothing lies in it. */
  async #removeFolder(folder: string): Promise<void> {
    try {
      await spoolFiles.rmdir(join(this.#folder, folder))
      this.#folders.delete(folder)
    } catch (cause) {
      if (!isCode(cause, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw cause
    }
  }

  async #folderNames(): Promise<readonly string[]> {
    return (await readdir(this.#folder)).filter(isSpoolFolder)
  }

  async *#names(): AsyncGenerator<{ readonly folder: string; readonly name: string }> {
    for (const folder of await attempt('listing the spool', () => this.#folderNames())) {
      const names = await attempt('listing the spool', () => namesIn(join(this.#folder, folder)))
      for (const name of names) yield { folder, name }
    }
  }
}

/** What a writer has of its spool. */
interface Surroundings {
  /** Of the committed file. */
  readonly path: string
  take(bytes: number): void
  open(): number
  sync(descriptor: number): Promise<void>
  lendBuffer(): Buffer
  returnBuffer(buffer: Buffer): void
}

class FileWriter implements SpoolWriter {
  readonly key: string
  readonly #spool: Surroundings
  readonly #hash = createHash('sha256')
  #lengthBytes = 0
  #descriptor: number | undefined
  #buffer: Buffer | undefined
  #bufferedBytes = 0
  #finished: SpooledBytes | undefined
  #isNamed = false
  #hasEnded = false
  #failure: unknown

  constructor(key: string, spool: Surroundings) {
    this.key = key
    this.#spool = spool
  }

  write(bytes: Uint8Array): void {
    if (this.#hasEnded || this.#finished !== undefined) throw new TypeError('the writer has ended')
    this.#guard(() => {
      this.#spool.take(bytes.length)
      this.#lengthBytes += bytes.length
      if (bytes.length >= LARGE_BYTES || this.#bufferedBytes + bytes.length > BUFFER_BYTES) return this.#flush(bytes)
      this.#buffer ??= this.#spool.lendBuffer()
      this.#buffer.set(bytes, this.#bufferedBytes)
      this.#bufferedBytes += bytes.length
    })
  }

  finish(): SpooledBytes {
    if (this.#hasEnded) throw new TypeError('the writer has ended')
    this.#finished ??= this.#guard(() => {
      this.#flush()
      this.#releaseBuffer()
      spoolFiles.renameSync(`${this.#spool.path}${BEGUN}`, this.#spool.path)
      this.#isNamed = true
      return { lengthBytes: this.#lengthBytes, sha256: new Uint8Array(this.#hash.digest()) }
    })
    return this.#finished
  }

  async commit(): Promise<SpooledBytes> {
    const finished = this.finish()
    this.#hasEnded = true
    try {
      await this.#spool.sync(this.#descriptor as number)
      this.#close()
      return finished
    } catch (cause) {
      await this.#remove().catch(() => undefined)
      throw spoolError('committing a file to the spool', cause)
    }
  }

  async abort(): Promise<void> {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#releaseBuffer()
    await attempt('taking a file out of the spool', () => this.#remove())
  }

  /** Writes what was collected, and more. */
  #flush(more?: Uint8Array): void {
    this.#descriptor ??= this.#spool.open()
    const pieces: Uint8Array[] = []
    if (this.#bufferedBytes > 0) pieces.push((this.#buffer as Buffer).subarray(0, this.#bufferedBytes))
    if (more !== undefined && more.length > 0) pieces.push(more)
    writeAll(this.#descriptor, pieces)
    for (const piece of pieces) this.#hash.update(piece)
    this.#bufferedBytes = 0
  }

  /** After a failure, nothing but `abort` does anything. */
  #guard<T>(step: () => T): T {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return step()
    } catch (cause) {
      this.#failure = spoolError('writing to the spool', cause)
      throw this.#failure
    }
  }

  #releaseBuffer(): void {
    if (this.#buffer !== undefined) this.#spool.returnBuffer(this.#buffer)
    this.#buffer = undefined
    this.#bufferedBytes = 0
  }

  /** At once: what was flushed has nothing left to write, and a thread for it takes longer than the call. */
  #close(): void {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    if (descriptor !== undefined) spoolFiles.closeSync(descriptor)
  }

  async #remove(): Promise<void> {
    try {
      this.#close()
    } finally {
      await spoolFiles.rm(this.#isNamed ? this.#spool.path : `${this.#spool.path}${BEGUN}`, { force: true })
    }
  }
}

/** Writes pieces one after the other; the system may take fewer bytes than it is offered. */
function writeAll(descriptor: number, pieces: readonly Uint8Array[]): void {
  const [first, ...others] = pieces
  if (first === undefined) return
  let rest = pieces
  if (others.length > 0) rest = without(pieces, spoolFiles.writevSync(descriptor, pieces))
  for (const piece of rest) {
    for (let done = 0; done < piece.length; ) {
      done += spoolFiles.writeSync(descriptor, piece, done, piece.length - done, null)
    }
  }
}

/** What is left of pieces without their first bytes. */
function without(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let taken = bytes
  return pieces.flatMap((piece) => {
    const from = Math.min(taken, piece.length)
    taken -= from
    return from < piece.length ? [piece.subarray(from)] : []
  })
}

function unreadable(cause: unknown): unknown {
  if (cause instanceof RangeError || cause instanceof TypeError) return cause
  const { code = 'no code' } = cause as { readonly code?: string }
  return new StoreError('spool_corrupted', `a file of the spool cannot be read: ${code}`, { cause })
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return []
    throw cause
  }
}
