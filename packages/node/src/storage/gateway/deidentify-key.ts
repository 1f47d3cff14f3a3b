/**
 * De-identification key: the secret from which the new UIDs, names and dates of a site's de-identified copies follow.
 *
 * Whoever has it can tell which copy belongs to which patient that he knows of; whoever loses it cannot add to the studies that
 * were made with it.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import { readConfigFile } from '../config-text.ts'
import { writeFileAtomically } from '../write-file.ts'

const KEY_BYTES = 32

/** The key of a folder; made on first use, readable by its owner alone. @throws {StoreError} */
export function openDeidentifyKey(folder: string): Uint8Array {
  const path = join(folder, 'deidentify.key')
  const known = readKey(path)
  if (known !== undefined) return known
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const key = new Uint8Array(randomBytes(KEY_BYTES))
  try {
    writeFileAtomically(path, [key], { mode: 0o600 })
    return key
  } catch (error) {
    // Another process of ours was there first: its key is the one.
    const other = error instanceof StoreError && error.code === 'output_exists' ? readKey(path) : undefined
    if (other === undefined) throw error
    return other
  }
}

function readKey(path: string): Uint8Array | undefined {
  try {
    const key = readConfigFile(path)
    if (key.length !== KEY_BYTES) throw new StoreError('spool_corrupted', 'the key of de-identification is damaged')
    return key
  } catch (error) {
    if (error instanceof StoreError && error.code === 'input_missing') return undefined
    throw error
  }
}
