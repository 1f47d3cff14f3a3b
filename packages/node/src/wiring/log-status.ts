/** Log status: what can be seen of a log from beside it: how much is durable, what it takes up, and whether it is in use. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { LogPlace } from '../services/log/log-access.ts'
import { FileLock } from '../storage/log/file-lock.ts'
import { privateFolder } from '../storage/log/file-log.ts'
import { openRecordReader } from '../storage/log/file-records.ts'
import { readLogConfig } from '../storage/log/log-config.ts'

/** Looks at a log. @throws {StoreError} `log_corrupted`, `log_unwritable` */
export async function findLogPlace(folder: string): Promise<LogPlace> {
  const hidden = privateFolder(folder)
  if (readLogConfig(folder)?.database !== undefined) return measureFolder(folder)
  return {
    size: await indexedSize(hidden),
    ...measureFolder(folder),
    isAppending: isLocked(join(hidden, 'lock.sqlite')),
  }
}

async function indexedSize(hidden: string): Promise<bigint> {
  if (!existsSync(join(hidden, 'index.sqlite'))) return 0n
  const reader = await openRecordReader(hidden)
  try {
    return await reader.settledSize()
  } finally {
    await reader.close()
  }
}

function measureFolder(folder: string): Pick<LogPlace, 'bytes' | 'files'> {
  let [bytes, files] = [0, 0]
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    // A writer may have removed it since.
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
    files++
  }
  return { bytes, files }
}

/** Tries the lock, and lets it go at once. */
function isLocked(path: string): boolean {
  if (!existsSync(path)) return false
  try {
    FileLock.acquire(path).release()
    return false
  } catch (error) {
    if (error instanceof StoreError && error.code === 'log_locked') return true
    throw error
  }
}
