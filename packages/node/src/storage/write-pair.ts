/**
 * Write pair: an image and its seal appear together or not at all.
 *
 * The seal is signed over the digest of the image's bytes, so it is made when those have been written. Both reach the
 * disk under temporary names; then the seal takes its name, and the image last: whoever sees the image finds its seal.
 *
 * Known flaw: a power cut between the two names leaves a seal without an image. A later run over the same files
 * replaces it.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import { SEAL_SUFFIX } from './find-inputs.ts'
import { stageFile } from './write-file.ts'

export interface Pair {
  /** Where the image goes; folders that are missing are made. */
  readonly path: string
  /** The image's bytes; a piece need be valid only until the next one is asked for. */
  readonly pieces: Iterable<Uint8Array>
  /** Makes the seal's bytes from the SHA-256 of the image's. */
  readonly seal: (sha256: Uint8Array) => Promise<Uint8Array>
  /** Whether a pair of that name may be replaced. Default: false. */
  readonly isOverwriting?: boolean
}

/**
 * Writes an image, and its seal beside it.
 *
 * @returns bytes of both files
 * @throws {StoreError} `output_exists`, `output_unwritable`; errors of `pieces` and `seal` pass through. In each case
 *   neither file is left behind
 */
export async function writePair({ path, pieces, seal, isOverwriting = false }: Pair): Promise<number> {
  const sealPath = `${path}${SEAL_SUFFIX}`
  if (!isOverwriting && existsSync(path)) throw new StoreError('output_exists', `${path} exists already`)
  makeFolder(dirname(path))
  const digest = createHash('sha256')
  using image = stageFile(path, pieces, { isOverwriting, onPiece: (piece) => digest.update(piece) })
  const hadSeal = existsSync(sealPath)
  using beside = stageFile(sealPath, [await seal(new Uint8Array(digest.digest()))], { isOverwriting: true })
  beside.commit()
  try {
    image.commit()
  } catch (error) {
    if (!hadSeal) unlinkSync(sealPath)
    throw error
  }
  return image.length + beside.length
}

/** Makes a folder with all above it. @throws {StoreError} `output_unwritable` */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    const reason =
      code === 'EACCES' || code === 'EPERM'
        ? 'permission denied'
        : code === 'EEXIST' || code === 'ENOTDIR'
          ? 'a file is in the way'
          : code
    throw new StoreError('output_unwritable', `the folder ${path} cannot be made: ${reason}`, { cause })
  }
}
