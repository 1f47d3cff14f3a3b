/**
 * Log check: what a check of a log looks at: of any log its public part, of the site's own all that stands beside it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { BundlePorts } from '../services/log/check-bundle.ts'
import type { OwnPorts } from '../services/log/check-own-state.ts'
import { CompletenessMap } from '../services/log/completeness.ts'
import { factsOfStatement } from '../services/log/completeness-facts.ts'
import type { LogCheckPorts } from '../services/log/log-access.ts'
import type { MapStore } from '../services/log/ports.ts'
import { FileCheckpointCell } from '../storage/log/file-checkpoint-cell.ts'
import { isFileLog, privateFolder } from '../storage/log/file-log.ts'
import { FileObjects } from '../storage/log/file-objects.ts'
import { openRecordReader } from '../storage/log/file-records.ts'
import { type LogConfig, readLogConfig, readMapSecret } from '../storage/log/log-config.ts'
import { SqliteMapStore } from '../storage/log/sqlite-map-store.ts'
import { readBatches } from '../storage/log/wal-reader.ts'

/** What one thread needs to check bundles of a log in files. @throws {StoreError} `log_corrupted` */
export async function openBundlePorts(folder: string): Promise<BundlePorts & { close(): Promise<void> }> {
  const hidden = privateFolder(folder)
  const hasIndex = isFileLog(folder) && existsSync(join(hidden, 'index.sqlite'))
  const reader = hasIndex ? await openRecordReader(hidden) : undefined
  return {
    objects: new FileObjects(folder),
    ...(reader && { reader }),
    close: async () => reader?.close(),
  }
}

/**
 * What a check looks at beside what a reader of the log has.
 * @throws {StoreError} `log_corrupted`, `log_unwritable`
 */
export async function openLogCheck(folder: string): Promise<LogCheckPorts> {
  const config = readLogConfig(folder)
  if (config?.database !== undefined) return openDatabaseCheck(folder, config)
  const hidden = privateFolder(folder)
  const { reader, close } = await openBundlePorts(folder)
  if (reader === undefined) {
    // The site's own, to which nothing was ever appended; or a copy of a public folder.
    const own = config && { indexedSize: async () => 0n }
    return { isInFiles: true, reader: undefined, own, [Symbol.asyncDispose]: close }
  }
  const records = await openRecordReader(hidden)
  const mapPath = join(hidden, 'map.sqlite')
  const map = existsSync(mapPath) ? new SqliteMapStore(mapPath) : undefined
  return {
    isInFiles: true,
    reader,
    own: {
      head: new FileCheckpointCell(join(hidden, 'head'), join(hidden, 'head.lock')),
      indexedSize: () => records.settledSize(),
      segments: () => readBatches(join(hidden, 'wal')),
      ...(map && config && { map: mapOf(map, folder, config.archive) }),
    },
    async [Symbol.asyncDispose]() {
      await close()
      await records.close()
      await map?.close()
    },
  }
}

/** The same for a log in a database: statements, without what the database keeps to find them by. */
async function openDatabaseCheck(folder: string, config: LogConfig): Promise<LogCheckPorts> {
  const { openLogStorage } = await import('./log-storage.ts')
  const { head, map, records, close } = await openLogStorage({ ...config, folder, keys: [] })
  const entries = async (from: bigint, count: number): Promise<readonly { payload: Payload }[]> => {
    const indexes = Array.from({ length: count }, (_, i) => from + BigInt(i))
    const payloads = await Promise.all(indexes.map((index) => records.payload(index)))
    return payloads.map((payload) => ({ payload }))
  }
  return {
    isInFiles: false,
    reader: { entries },
    own: { head, map: mapOf(map, folder, config.archive) },
    [Symbol.asyncDispose]: close,
  }
}

type Payload = Uint8Array | 'erased' | undefined

/** The map to be looked at: nothing is worked in. */
function mapOf(store: MapStore, folder: string, archive: string): NonNullable<OwnPorts['map']> {
  return new CompletenessMap({
    archive,
    store,
    entries: () => {
      throw new TypeError('a check works no entries in')
    },
    factsOf: factsOfStatement,
    secret: readMapSecret(folder),
    hashes: nativeCrypto.hash,
  })
}
