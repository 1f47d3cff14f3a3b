/**
 * File seal shelf: seals of devices as files, named by the digest of the UID, so that nothing of a sender is in a path.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import { writeFileAtomically } from '../write-file.ts'

const PRIVATE_FOLDER = 0o700
const PRIVATE_FILE = 0o600

export class FileSealShelf {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async find(sopInstanceUid: string): Promise<string | undefined> {
    const path = shelfPathOf(this.#folder, sopInstanceUid)
    return existsSync(path) ? path : undefined
  }

  async put(sopInstanceUid: string, seal: Uint8Array): Promise<'kept' | 'known' | 'other'> {
    const path = shelfPathOf(this.#folder, sopInstanceUid)
    try {
      mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_FOLDER })
      writeFileAtomically(path, [seal], { mode: PRIVATE_FILE })
      return 'kept'
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === 'output_exists')
        return readFileSync(path).equals(seal) ? 'known' : 'other'
      throw new StoreError('spool_unwritable', 'the seal cannot be kept', { cause })
    }
  }
}

/** Where the seal of an image lies below a folder of seals. */
export function shelfPathOf(folder: string, sopInstanceUid: string): string {
  const name = createHash('sha256').update(sopInstanceUid).digest('hex')
  return join(folder, name.slice(0, 2), `${name}.fiducial.json`)
}
