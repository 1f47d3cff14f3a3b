/**
 * Folder syncs: makes names in folders survive a power cut, once for all who ask at the same time.
 *
 * Whoever asks while a flush of the folder runs waits for the next one: the running one may have begun before its name
 * was there. All who wait share that next one.
 */
import { spoolFiles } from './spool-files.ts'

interface Folder {
  running: Promise<void>
  next: Promise<void> | undefined
}

export class FolderSyncs {
  readonly #folders = new Map<string, Folder>()

  /** Resolves when all names that are in the folder now are flushed; where folders cannot be flushed, at once. */
  sync(path: string): Promise<void> {
    if (process.platform === 'win32') return Promise.resolve()
    const folder = this.#folders.get(path)
    if (folder === undefined) return this.#start(path)
    folder.next ??= folder.running.then(
      () => this.#start(path),
      () => this.#start(path),
    )
    return folder.next
  }

  #start(path: string): Promise<void> {
    const folder: Folder = { running: flush(path), next: undefined }
    this.#folders.set(path, folder)
    const end = (): void => {
      if (folder.next === undefined) this.#folders.delete(path)
    }
    folder.running.then(end, end)
    return folder.running
  }
}

async function flush(path: string): Promise<void> {
  const descriptor = spoolFiles.openSync(path, 'r')
  try {
    await spoolFiles.fsync(descriptor)
  } finally {
    spoolFiles.closeSync(descriptor)
  }
}
