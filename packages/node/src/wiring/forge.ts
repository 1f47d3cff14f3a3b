/** Forge: what forgeries are written with on this machine. */
import type { TogetherFile } from '../services/forge/together.ts'
import { encodePng } from '../storage/png.ts'
import { writeGroup } from '../storage/write-group.ts'

/** Files that appear together or not at all, pictures as PNG. @throws {StoreError} `output_exists`, `output_unwritable` */
export function writeTogether(files: readonly TogetherFile[], isOverwriting: boolean): void {
  const encoded = files.map((file) => ({ path: file.path, bytes: 'bytes' in file ? file.bytes : encode(file) }))
  writeGroup(encoded, isOverwriting)
}

const encode = (file: Exclude<TogetherFile, { bytes: Uint8Array }>): Uint8Array =>
  encodePng('picture' in file ? file.picture : file)
