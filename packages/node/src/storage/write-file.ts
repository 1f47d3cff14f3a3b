/**
 * Write file: a new file appears whole or not at all.
 *
 * The bytes go to a temporary name in the same folder, reach the disk, and only then take the name they were meant
 * for; the folder reaches the disk last. After a power cut the name leads to the old file, to nothing, or to the
 * whole new file.
 *
 * Known flaw: a process that is killed while it writes leaves its temporary file, named `.fiducial-*.tmp`.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writevSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'

/** Pieces below this size are gathered before they are written. */
const GATHERED_BYTES = 2 ** 18

export interface WriteOptions {
  /** Whether a file of that name may be replaced. Default: false. */
  readonly isOverwriting?: boolean
  /** Permissions of the new file, less those that the process masks. Default: 0o666. */
  readonly mode?: number
  /** Sees each piece before it is written, in order: digests what goes to the disk in the same pass. */
  readonly onPiece?: (piece: Uint8Array) => void
}

/**
 * Writes a file that appears whole or not at all. When it returns, the bytes survive a power cut.
 *
 * @param pieces  the content in order; a piece need be valid only until the next one is asked for
 * @returns the number of bytes written
 * @throws {StoreError} `output_exists` where the name is taken and `isOverwriting` is not set, `output_unwritable`
 *   for everything that the disk refuses; an error of `pieces` or `onPiece` passes through. In each case no
 *   part of a file is left behind
 */
export function writeFileAtomically(path: string, pieces: Iterable<Uint8Array>, options: WriteOptions = {}): number {
  using staged = stageFile(path, pieces, options)
  staged.commit()
  return staged.length
}

/** A file that is on the disk whole, under a temporary name. Disposing of it removes it unless it was committed. */
export interface StagedFile extends Disposable {
  /** Bytes written. */
  readonly length: number
  /**
   * Gives the file its name, and makes that survive a power cut.
   * @throws {StoreError} `output_exists`, `output_unwritable`; then the file still has its temporary name
   */
  commit(): void
}

/**
 * The first half of {@link writeFileAtomically}, for files that have to appear together.
 * @throws as {@link writeFileAtomically}
 */
export function stageFile(path: string, pieces: Iterable<Uint8Array>, options: WriteOptions = {}): StagedFile {
  const { isOverwriting = false, mode = 0o666, onPiece } = options
  if (!isOverwriting && existsSync(path)) throw exists(path)
  const temporary = join(dirname(path), `.fiducial-${randomUUID()}.tmp`)
  const descriptor = attempt(path, () => openSync(temporary, 'wx', mode))
  let isOpen = true
  try {
    const length = writePieces(path, descriptor, pieces, onPiece)
    attempt(path, () => fsyncSync(descriptor))
    isOpen = false
    attempt(path, () => closeSync(descriptor))
    return {
      length,
      commit() {
        if (isOverwriting) attempt(path, () => renameSync(temporary, path))
        else takeFreeName(path, temporary)
        attempt(path, () => syncFolder(dirname(path)))
      },
      [Symbol.dispose]: () => removeIfThere(temporary),
    }
  } catch (error) {
    if (isOpen) closeSync(descriptor)
    removeIfThere(temporary)
    throw error
  }
}

function writePieces(
  path: string,
  descriptor: number,
  pieces: Iterable<Uint8Array>,
  onPiece: ((piece: Uint8Array) => void) | undefined,
): number {
  const gathered = new Uint8Array(GATHERED_BYTES)
  let filled = 0
  let written = 0
  for (const piece of pieces) {
    onPiece?.(piece)
    written += piece.length
    if (filled + piece.length <= GATHERED_BYTES) {
      gathered.set(piece, filled)
      filled += piece.length
    } else {
      attempt(path, () => writeAll(descriptor, [gathered.subarray(0, filled), piece]))
      filled = 0
    }
  }
  attempt(path, () => writeAll(descriptor, [gathered.subarray(0, filled)]))
  return written
}

/** The system may take fewer bytes than it is offered. */
function writeAll(descriptor: number, pieces: readonly Uint8Array[]): void {
  let rest = pieces.filter((piece) => piece.length > 0)
  while (rest.length > 0) {
    let taken = writevSync(descriptor, rest)
    rest = rest.flatMap((piece) => {
      const skipped = Math.min(taken, piece.length)
      taken -= skipped
      return skipped < piece.length ? [piece.subarray(skipped)] : []
    })
  }
}

/** A rename would replace what appeared under the name in the meantime; a link refuses. */
function takeFreeName(path: string, temporary: string): void {
  try {
    linkSync(temporary, path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST' || existsSync(path)) throw exists(path)
    // File systems without links, such as FAT: between that look and this rename another writer could slip in.
    attempt(path, () => renameSync(temporary, path))
    return
  }
  attempt(path, () => unlinkSync(temporary))
}

function syncFolder(folder: string): void {
  let descriptor: number
  try {
    descriptor = openSync(folder, 'r')
  } catch (error) {
    // Windows cannot open a folder, and needs no such call; a folder may also be writable but not readable.
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EISDIR' || code === 'EPERM' || code === 'EACCES') return
    throw error
  }
  try {
    fsyncSync(descriptor)
  } catch (error) {
    // Some file systems do not sync folders.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EINVAL' && code !== 'EPERM' && code !== 'EBADF') throw error
  } finally {
    closeSync(descriptor)
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Gone already: it has taken its new name. Whatever else hinders us, the first error is the one to report.
  }
}

const exists = (path: string): StoreError => new StoreError('output_exists', `${path} exists already`)

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file would be larger than allowed',
  EISDIR: 'a folder of that name exists',
  ENOENT: 'its folder does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'its folder is a file',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
}

function attempt<T>(path: string, step: () => T): T {
  try {
    return step()
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new StoreError('output_unwritable', `${path} cannot be written: ${REASONS[code] ?? code}`, { cause })
  }
}
