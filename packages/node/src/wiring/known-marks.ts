/**
 * Known marks: the keys with which marks can be read on this machine without asking anybody.
 *
 * Reading a mark adds to what signatures show and is never needed: where no key can be opened, there is none.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { KeyError } from '@fiducial/core/errors.ts'
import type { RingOptions } from '../keys/key-ring.ts'
import { markKeyPath } from '../keys/mark-key.ts'
import type { MarkDevice } from '../services/mark/ports.ts'
import { openMarkDevices } from './mark.ts'

/** All devices that have marked, as far as their keys open with the secrets that were given. */
export async function knownMarkDevices(home: string, secrets: RingOptions): Promise<readonly MarkDevice[]> {
  // Opening a ring takes longer than verifying an image.
  if (!hasMarkKey(join(home, 'keys'))) return []
  try {
    return await openMarkDevices(home, secrets)
  } catch (error) {
    if (error instanceof KeyError) return []
    throw error
  }
}

/** Whether any device has a mark key. @param folder  of the ring */
function hasMarkKey(folder: string): boolean {
  const holders = join(folder, 'holders')
  return existsSync(holders) && readdirSync(holders).some((id) => existsSync(markKeyPath(folder, id)))
}
