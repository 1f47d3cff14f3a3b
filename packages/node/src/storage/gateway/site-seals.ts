/**
 * Site seals: finds the seal of an image among those that the gateway of this machine keeps: handed over by devices, or made
 * by itself. Archives keep images and no seals, so whoever verifies what comes out of one looks here.
 *
 * Takes no lock, and disturbs no gateway that runs.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { shelfPathOf } from './file-seal-shelf.ts'
import { folderOfKey, isSpoolKey } from './spool-key.ts'

/** The folder of the gateway below that of all state, and what in it this module reads. */
export const GATEWAY_FOLDER = 'gateway'
export const DEVICE_SEALS = 'device-seals'
export const GATEWAY_SEALS = 'seals'
export const INSTANCES = 'instances.db'

const QUERY = 'SELECT sealed FROM instance WHERE uid = ? AND sealed IS NOT NULL ORDER BY id LIMIT 1'
/** Of images whose records are gone; a database that an older gateway has written has none. */
const OLD_QUERY = 'SELECT sealed FROM old_seal WHERE uid = ? LIMIT 1'
const HAS_OLD = "SELECT 1 FROM sqlite_schema WHERE name = 'old_seal'"
const BUSY_MS = 5_000

export class SiteSeals implements Disposable {
  readonly #folder: string
  readonly #database: DatabaseSync | undefined
  readonly #queries: readonly StatementSync[] = []

  /**
   * @param home  folder of all state; one without a gateway has no seals
   * @throws {StoreError} `spool_corrupted` for records that cannot be read
   */
  constructor(home: string) {
    this.#folder = join(home, GATEWAY_FOLDER)
    const path = join(this.#folder, INSTANCES)
    if (!existsSync(path)) return
    try {
      const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS })
      this.#database = database
      const hasOld = database.prepare(HAS_OLD).get() !== undefined
      this.#queries = [QUERY, ...(hasOld ? [OLD_QUERY] : [])].map((sql) => database.prepare(sql))
    } catch (cause) {
      throw new StoreError('spool_corrupted', 'the records of the gateway cannot be read', { cause })
    }
  }

  /** Where the seal of an image lies; undefined where none is known. @throws {StoreError} `spool_corrupted` */
  find(sopInstanceUid: string): string | undefined {
    const ofDevice = shelfPathOf(join(this.#folder, DEVICE_SEALS), sopInstanceUid)
    if (existsSync(ofDevice)) return ofDevice
    const key = this.#keyOf(sopInstanceUid)
    if (key === undefined || !isSpoolKey(key)) return undefined
    const path = join(this.#folder, GATEWAY_SEALS, folderOfKey(key), key)
    return existsSync(path) ? path : undefined
  }

  [Symbol.dispose](): void {
    this.#database?.close()
  }

  #keyOf(sopInstanceUid: string): string | undefined {
    try {
      const rows = this.#queries.map((query) => query.get(sopInstanceUid)).filter((row) => row !== undefined)
      const sealed = rows[0]?.sealed
      const { sealKey } = typeof sealed === 'string' ? (JSON.parse(sealed) as { sealKey?: unknown }) : {}
      return typeof sealKey === 'string' ? sealKey : undefined
    } catch (cause) {
      throw new StoreError('spool_corrupted', 'the records of the gateway cannot be read', { cause })
    }
  }
}
