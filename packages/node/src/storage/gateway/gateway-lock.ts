/**
 * Gateway lock: admits one process to the folder of a gateway.
 *
 * A second one would end the leases of the first, and sweep away what it is writing. The lock is that of a custody log's
 * folder (storage/log/file-lock.ts): the kernel takes it back from a process that dies.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import { FileLock } from '../log/file-lock.ts'

export interface GatewayLock {
  close(): Promise<void>
}

/**
 * Takes the lock, without waiting.
 * @param path  of a file beside the records, which nothing else may touch
 * @throws {StoreError} `spool_locked` where another process has it; `spool_unwritable`
 */
export function lockGateway(path: string): GatewayLock {
  try {
    const lock = FileLock.acquire(path)
    return { close: async () => lock.release() }
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause
    if (cause.code === 'log_locked') {
      throw new StoreError('spool_locked', 'another gateway works in this folder', { cause })
    }
    throw new StoreError('spool_unwritable', 'the gateway cannot be locked', { cause })
  }
}
