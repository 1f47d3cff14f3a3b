/**
 * File source: the bytes of a file, as the port through which `core` reads.
 *
 * Small files are read whole, which is the faster way; larger ones stay on the disk and are read in pieces, so that
 * an image of gigabytes is indexed and hashed in a few megabytes of memory. Which files to read is left to
 * find-inputs; what their bytes mean, to `core`.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type ByteSource, memorySource } from '@fiducial/core/bytes/source.ts'
import { StoreError } from '@fiducial/core/errors.ts'

/** Files up to this size are read whole. Larger ones are faster in pieces that stay in the processor's cache. */
const IN_MEMORY_BYTES = 4 * 2 ** 20
/** What one read of a streamed range asks for. */
const CHUNK_BYTES = 2 ** 18
/** The most that one call of the system is asked for: some refuse 2 GiB. */
const READ_BYTES = 2 ** 30
/** What a read of a few bytes fetches, in the hope that the next few lie beside them. */
const BLOCK_BYTES = 2 ** 16
/** Views up to this size are copied out of the block. */
const SMALL_BYTES = 2 ** 12

/** An open file. Its content must not change until it is closed; {@link FileSource.hasChanged} tells. */
export interface FileSource extends ByteSource, Disposable {
  /** As it was given. */
  readonly path: string
  /**
   * Whether size, time of change or identity differ from those at opening. A file read whole is safe from changes
   * after that. Of one that is streamed, a writer could show one half to the index and another to the hash: ask
   * this after the last read.
   */
  hasChanged(): boolean
  /** Gives the file descriptor back; views stay valid. A second call does nothing. */
  close(): void
}

export interface FileSourceOptions {
  /** Files up to this size are read whole. Default: 4 MiB. */
  readonly inMemoryBytes?: number
  /** Gives room for a file that is read whole: views of it are views of that room. Default: new memory. */
  readonly room?: (bytes: number) => Uint8Array
}

/**
 * Opens a file for reading.
 *
 * @param path  a regular file, or a symbolic link to one
 * @throws {StoreError} `input_missing` where nothing lies there, `input_empty` for a file of no bytes,
 *   `input_unreadable` for a folder or device, without permission, or if the disk fails; the last also from the
 *   methods of the result, for a file that has become shorter
 */
export function openFileSource(path: string, options: FileSourceOptions = {}): FileSource {
  const { inMemoryBytes = IN_MEMORY_BYTES, room = (bytes) => new Uint8Array(bytes) } = options
  // Without O_NONBLOCK, opening a named pipe that nobody writes to would wait forever.
  const descriptor = attempt(path, () => openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)))
  try {
    const stats = attempt(path, () => fstatSync(descriptor, { bigint: true }))
    if (stats.isDirectory()) throw new StoreError('input_unreadable', `${path} is a folder`)
    if (!stats.isFile()) throw new StoreError('input_unreadable', `${path} is not a regular file`)
    if (stats.size === 0n) throw new StoreError('input_empty', `${path} is empty`)
    const file = new OpenFile(path, descriptor, stats)
    if (file.length > inMemoryBytes) return new StreamedFile(file)
    const bytes = room(file.length)
    file.read(bytes, 0)
    file.close()
    return {
      path,
      ...memorySource(bytes),
      hasChanged: () => false,
      close: () => undefined,
      [Symbol.dispose]: () => undefined,
    }
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** A file descriptor that is closed once, and reads that fill what they are given. */
class OpenFile {
  readonly path: string
  readonly length: number
  readonly #descriptor: number
  readonly #stats: BigIntStats
  #isOpen = true

  constructor(path: string, descriptor: number, stats: BigIntStats) {
    this.path = path
    this.length = Number(stats.size)
    this.#descriptor = descriptor
    this.#stats = stats
  }

  read(target: Uint8Array, position: number): void {
    if (!this.#isOpen) throw new TypeError('the file is closed')
    let filled = 0
    while (filled < target.length) {
      const count = attempt(this.path, () =>
        readSync(this.#descriptor, target, filled, Math.min(target.length - filled, READ_BYTES), position + filled),
      )
      if (count === 0) throw new StoreError('input_unreadable', `${this.path} has become shorter while it was read`)
      filled += count
    }
  }

  hasChanged(): boolean {
    if (!this.#isOpen) throw new TypeError('the file is closed')
    const now = attempt(this.path, () => fstatSync(this.#descriptor, { bigint: true }))
    return now.size !== this.#stats.size || now.mtimeNs !== this.#stats.mtimeNs || now.ctimeNs !== this.#stats.ctimeNs
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.#descriptor)
  }
}

class StreamedFile implements FileSource {
  readonly path: string
  readonly length: number
  readonly isInMemory = false
  readonly #file: OpenFile
  /** The block that was read last, and where it lies in the file. */
  #block: Uint8Array | undefined
  #blockStart = 0
  #blockEnd = 0
  /** A chunk buffer that no iteration holds. */
  #spare: Uint8Array | undefined

  constructor(file: OpenFile) {
    this.#file = file
    this.path = file.path
    this.length = file.length
  }

  view(start: number, end: number): Uint8Array {
    this.#checkRange(start, end)
    const length = end - start
    if (length <= SMALL_BYTES) return this.#smallView(start, end)
    const bytes = new Uint8Array(length)
    this.#file.read(bytes, start)
    return bytes
  }

  chunks(start: number, end: number): Iterable<Uint8Array> {
    this.#checkRange(start, end)
    if (end - start <= SMALL_BYTES) return start === end ? [] : [this.view(start, end)]
    return this.#chunks(start, end)
  }

  hasChanged(): boolean {
    return this.#file.hasChanged()
  }

  close(): void {
    this.#file.close()
    this.#block = undefined
    this.#blockEnd = this.#blockStart
    this.#spare = undefined
  }

  [Symbol.dispose](): void {
    this.close()
  }

  *#chunks(start: number, end: number): Generator<Uint8Array> {
    const buffer = this.#spare ?? new Uint8Array(CHUNK_BYTES)
    this.#spare = undefined
    try {
      for (let offset = start; offset < end; offset += CHUNK_BYTES) {
        const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, end - offset))
        this.#file.read(chunk, offset)
        yield chunk
      }
    } finally {
      this.#spare = buffer
    }
  }

  /** A copy, so that a few bytes kept by a caller do not keep a block, and the block can be filled anew. */
  #smallView(start: number, end: number): Uint8Array {
    if (start < this.#blockStart || end > this.#blockEnd) {
      this.#block ??= new Uint8Array(BLOCK_BYTES)
      this.#blockEnd = this.#blockStart
      const blockEnd = Math.min(this.length, start + BLOCK_BYTES)
      this.#file.read(this.#block.subarray(0, blockEnd - start), start)
      this.#blockStart = start
      this.#blockEnd = blockEnd
    }
    return this.#block?.slice(start - this.#blockStart, end - this.#blockStart) ?? new Uint8Array(0)
  }

  #checkRange(start: number, end: number): void {
    if (start < 0 || end < start || end > this.length) throw new RangeError(`range ${start}..${end} of ${this.length}`)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'may not be read: permission denied',
  EPERM: 'may not be read: permission denied',
  EISDIR: 'is a folder',
  ELOOP: 'is a symbolic link that leads to itself',
  EMFILE: 'cannot be opened: too many files are open',
}

function attempt<T>(path: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new StoreError('input_missing', `${path} does not exist`, { cause })
    throw new StoreError('input_unreadable', `${path} ${REASONS[code] ?? `cannot be read (${code})`}`, { cause })
  }
}
