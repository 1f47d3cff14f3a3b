/**
 * Write group: files that belong together appear together or not at all.
 *
 * All reach the disk under temporary names, then take their names in the order given: the one that the others are about is the last.
 *
 * Known flaw: a power cut between two names leaves the first ones without the last. A later run over the same files replaces them.
 */
import { existsSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { type StagedFile, stageFile } from './write-file.ts'
import { makeFolder } from './write-pair.ts'

export interface GroupFile {
  /** Folders that are missing are made. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** @throws {StoreError} `output_exists`, `output_unwritable`; then no file is left behind that was not there before */
export function writeGroup(files: readonly GroupFile[], isOverwriting = false): void {
  using stack = new DisposableStack()
  const staged: { readonly path: string; readonly file: StagedFile; readonly isNew: boolean }[] = []
  for (const { path, bytes } of files) {
    makeFolder(dirname(path))
    const file = stack.use(stageFile(path, [bytes], { isOverwriting }))
    staged.push({ path, file, isNew: !existsSync(path) })
  }
  const named: string[] = []
  try {
    for (const { path, file, isNew } of staged) {
      file.commit()
      if (isNew) named.push(path)
    }
  } catch (error) {
    for (const path of named) unlinkSync(path)
    throw error
  }
}
