/** Shared files: every file below a folder of the shared data, for tests that leave none out. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { sharedPath } from './peers.ts'

export interface SharedFile {
  /** Absolute. */
  readonly path: string
  /** Below the folder that was asked for, with forward slashes. */
  readonly name: string
}

/** Sorted by name. @param folder  below the shared data, such as `data/dicom` */
export function sharedFiles(folder: string): SharedFile[] {
  const root = sharedPath(folder)
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => ({ path: join(root, name), name: name.replaceAll('\\', '/') }))
    .filter(({ path }) => statSync(path).isFile())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}
