/**
 * Backup: a copy of a gateway's folder that fits together, made while the gateway works; and a folder made from it.
 *
 *     BACKUP/backup.json     what this is, and when it was made
 *     BACKUP/instances.db    records, as they were at one moment
 *     BACKUP/orders.db       orders, likewise
 *     BACKUP/spool           the files that records name
 *     BACKUP/seals           seals that the gateway made
 *     BACKUP/device-seals    seals of devices
 *     BACKUP/audit-…         up to where audit repositories were told
 *     BACKUP/deidentify.key  by which copies without names keep their UIDs; the images in the backup have the names
 *
 * Records come first, and then the files that they name: files are never changed, and go only after their records say
 * that they may. What is under way in the copied records and whose file is gone has moved on meanwhile, so that newer
 * records are taken, until nothing is missing. Files first would miss those that came before the records were copied.
 * In the backup it is the other way round: records get their name when all files are there, so that an interrupted backup
 * leaves the one before it whole. The same folder may be used again: only files that are not there yet are copied.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { writeFileAtomically } from '../write-file.ts'
import { FileSpool } from './file-spool.ts'
import { guardInstances, openInstanceDatabase } from './instance-schema.ts'
import { isCode } from './spool-files.ts'
import { folderOfKey } from './spool-key.ts'

const INSTANCES = 'instances.db'
const ORDERS = 'orders.db'
/** Where files of spools lie, in the order in which a key is looked for. */
const SPOOLS = ['spool', 'seals'] as const
/** Seals stay when the images are gone: all of them are copied. */
const SEALS = ['seals', 'device-seals'] as const
/** Small files that are written anew each time. */
const SMALL = /^(?:audit-[a-z]{1,64}|deidentify\.key)$/
const MANIFEST = 'backup.json'
const FORMAT = 'fiducial-gateway-backup/1'
/** Copies at the same time. */
const LANES = 4
const CHUNK_BYTES = 2 ** 20
/** Snapshots of records, of which each is closer to its files. */
const ROUNDS = 6
const PRIVATE_FOLDER = 0o700
const PRIVATE_FILE = 0o600

/** Where a gateway keeps its state. */
export interface GatewayPlaces {
  /** Of all that has no place of its own. */
  readonly folder: string
  /** Where the spool lies if not in it. */
  readonly spoolFolder?: string
}

export interface BackupReport {
  /** Records in the backup, and those of them that are under way. */
  readonly instances: number
  readonly underWay: number
  /** Files in the backup, those of them that were copied now, and their bytes. */
  readonly files: number
  readonly copiedFiles: number
  readonly copiedBytes: number
  /** Keys of files under way that are missing, or are not what was received. */
  readonly damaged: readonly string[]
}

/** A file that records name. */
interface NamedFile {
  readonly key: string
  /** Of an instance that is under way: its file has to be there. */
  readonly isNeeded: boolean
  /** Null where the records do not say. */
  readonly sha256: Uint8Array | null
}

/**
 * Copies a gateway's state into a folder that is empty, does not exist, or holds an earlier backup.
 *
 * @throws {StoreError} `input_missing` where no gateway keeps its state in SQLite; `output_exists` where something else lies in
 *   the folder; `output_unwritable`; `spool_corrupted` where a database is damaged
 */
export async function backUpGateway(places: GatewayPlaces, backup: string, now: Date): Promise<BackupReport> {
  if (!existsSync(join(places.folder, INSTANCES))) {
    throw new StoreError('input_missing', 'no gateway keeps its records in this folder')
  }
  return await writing(async () => {
    prepare(backup)
    const copies = new Copies(places, backup)
    const snapshot = join(backup, `${INSTANCES}.new`)
    let missing = new Set<string>()
    for (let round = 1; ; round++) {
      copySnapshot(join(places.folder, INSTANCES), snapshot)
      const before = missing
      missing = await copies.copy(namedFiles(snapshot))
      // What is missing twice is not on its way elsewhere.
      const isSettled = [...missing].every((key) => before.has(key))
      if (isSettled || round === ROUNDS) break
    }
    if (existsSync(join(places.folder, ORDERS))) {
      copySnapshot(join(places.folder, ORDERS), join(backup, `${ORDERS}.new`))
    }
    for (const name of SEALS) await copies.copyFolder(name)
    await copySmallFiles(places.folder, backup)
    await copies.flushFolders()
    for (const name of [INSTANCES, ORDERS]) await putInPlace(join(backup, name))
    await copies.removeOthers()
    const counts = countInstances(join(backup, INSTANCES))
    const manifest = { format: FORMAT, madeAt: now.toISOString(), ...counts, files: copies.files }
    writeFileAtomically(join(backup, MANIFEST), [Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)], {
      isOverwriting: true,
      mode: PRIVATE_FILE,
    })
    const { copiedFiles, copiedBytes } = copies
    return { ...counts, files: copies.files, copiedFiles, copiedBytes, damaged: [...copies.damaged, ...missing].sort() }
  })
}

/**
 * Makes the folder of a gateway from a backup. What was under way goes on from where it was then: copies that were sent
 * since then are sent once more.
 *
 * @param places  of a gateway that does not run; the folder is empty or does not exist
 * @throws {StoreError} `input_missing` where no backup lies there; `output_exists`, `output_unwritable`; `spool_corrupted`
 *   where the backup is damaged, or was made by a newer program
 */
export async function restoreGateway(backup: string, places: GatewayPlaces): Promise<BackupReport> {
  checkManifest(backup)
  return await writing(async () => {
    const targets = [places.folder, ...(places.spoolFolder === undefined ? [] : [places.spoolFolder])]
    for (const folder of targets) await makeEmpty(folder)
    const { folder, spoolFolder = join(folder, SPOOLS[0]) } = places
    const copies = new Copies({ folder: backup }, folder, spoolFolder)
    const snapshot = join(folder, `${INSTANCES}.new`)
    copySnapshot(join(backup, INSTANCES), snapshot)
    const missing = await copies.copy(namedFiles(snapshot))
    if (existsSync(join(backup, ORDERS))) copySnapshot(join(backup, ORDERS), join(folder, `${ORDERS}.new`))
    for (const name of SEALS) await copies.copyFolder(name)
    await copySmallFiles(backup, folder)
    await copies.flushFolders()
    for (const name of [ORDERS, INSTANCES]) await putInPlace(join(folder, name))
    // The version of a database of an older program comes up here, and not when somebody waits for the gateway.
    openInstanceDatabase(join(folder, INSTANCES)).close()
    const { files, copiedFiles, copiedBytes } = copies
    const counts = countInstances(join(folder, INSTANCES))
    return { ...counts, files, copiedFiles, copiedBytes, damaged: [...copies.damaged, ...missing].sort() }
  })
}

/** Copies files from one place to another, those of a spool by their keys. */
class Copies {
  readonly damaged = new Set<string>()
  copiedFiles = 0
  copiedBytes = 0
  readonly #from: GatewayPlaces
  readonly #to: string
  readonly #spoolTo: string
  /** Files that belong there, by path. */
  readonly #kept = new Set<string>()
  readonly #folders = new Set<string>()

  constructor(from: GatewayPlaces, to: string, spoolTo: string = join(to, SPOOLS[0])) {
    this.#from = from
    this.#to = to
    this.#spoolTo = spoolTo
  }

  get files(): number {
    return this.#kept.size
  }

  /** @returns keys of files that are needed and not there */
  async copy(named: readonly NamedFile[]): Promise<Set<string>> {
    this.#kept.clear()
    const names = new Set(named.map(({ key }) => key))
    for (const key of this.damaged) if (!names.has(key)) this.damaged.delete(key)
    const missing = new Set<string>()
    const rest = named.values()
    const lane = async (): Promise<void> => {
      for (const file of rest) {
        const outcome = await this.#copyKey(file)
        if (outcome === 'damaged') this.damaged.add(file.key)
        if (outcome === 'missing' && file.isNeeded) missing.add(file.key)
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    return missing
  }

  /** Copies a folder of files that are never changed. */
  async copyFolder(name: string): Promise<void> {
    const from = join(this.#from.folder, name)
    const entries = await readdir(from, { recursive: true, withFileTypes: true }).catch(noneIfMissing)
    for (const entry of entries) {
      if (!entry.isFile() || entry.name.endsWith('.part')) continue
      const source = join(entry.parentPath, entry.name)
      await this.#copyFile(source, join(this.#to, name, source.slice(from.length + 1)), null)
    }
  }

  /** Makes the names of all that was copied survive a power cut. */
  async flushFolders(): Promise<void> {
    for (const folder of [...this.#folders, this.#to]) await flushFolder(folder)
  }

  /** Takes out what no record names any more. */
  async removeOthers(): Promise<void> {
    for (const name of SPOOLS) {
      const folder = join(this.#to, name)
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(noneIfMissing)
      for (const entry of entries) {
        const path = join(entry.parentPath, entry.name)
        if (entry.isFile() && !this.#kept.has(path)) await rm(path, { force: true })
      }
      if (existsSync(folder)) await (await FileSpool.open(folder, { reserveBytes: 0 })).sweep()
    }
  }

  async #copyKey({ key, sha256 }: NamedFile): Promise<'whole' | 'damaged' | 'missing'> {
    const shard = folderOfKey(key)
    for (const name of SPOOLS) {
      const isMoved = name === 'spool' && this.#from.spoolFolder !== undefined
      const from = isMoved ? (this.#from.spoolFolder ?? '') : join(this.#from.folder, name)
      const to = name === 'spool' ? this.#spoolTo : join(this.#to, name)
      const outcome = await this.#copyFile(join(from, shard, key), join(to, shard, key), sha256)
      if (outcome !== 'missing') return outcome
    }
    return 'missing'
  }

  /** What is there with the same length is not copied again: it never changes. */
  async #copyFile(from: string, to: string, sha256: Uint8Array | null): Promise<'whole' | 'damaged' | 'missing'> {
    const found = await openIfThere(from)
    if (found === undefined) return 'missing'
    await using source = found
    const { size } = await source.stat()
    this.#kept.add(to)
    if ((await stat(to).catch(undefinedIfMissing))?.size === size) return 'whole'
    mkdirSync(dirname(to), { recursive: true, mode: PRIVATE_FOLDER })
    this.#folders.add(dirname(to)).add(dirname(dirname(to)))
    const digest = await copyBytes(source, `${to}.part`)
    await rename(`${to}.part`, to)
    this.copiedFiles++
    this.copiedBytes += size
    return sha256 === null || digest.equals(sha256) ? 'whole' : 'damaged'
  }
}

async function copySmallFiles(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    if (!SMALL.test(name)) continue
    const bytes = readFileSync(join(from, name))
    writeFileAtomically(join(to, name), [bytes], { isOverwriting: true, mode: PRIVATE_FILE })
  }
}

async function copyBytes(source: FileHandle, path: string): Promise<Buffer> {
  await using target = await open(path, 'w', PRIVATE_FILE)
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  for (;;) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, null)
    if (bytesRead === 0) break
    const bytes = buffer.subarray(0, bytesRead)
    hash.update(bytes)
    await target.writeFile(bytes)
  }
  await target.datasync()
  return hash.digest()
}

/** Copies a database as it is at one moment, whoever writes into it meanwhile. */
function copySnapshot(from: string, to: string): void {
  guardInstances(() => {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${to}${suffix}`, { force: true })
    const database = new DatabaseSync(from, { timeout: 10_000 })
    try {
      database.prepare('VACUUM INTO ?').run(to)
    } finally {
      database.close()
    }
  })
}

/** The files that the records in a database name. */
function namedFiles(path: string): readonly NamedFile[] {
  return reading(path, (database) => {
    const rows = database
      .prepare(
        `SELECT key, coalesce(i.state IN ('received', 'quarantined', 'forwarding'), 0) AS needed,
           CASE WHEN i.spool_key = key THEN i.sha256
             ELSE (SELECT d.sha256 FROM delivery AS d WHERE d.instance = i.id AND d.spool_key = key LIMIT 1) END AS sha256
         FROM spool_key LEFT JOIN instance AS i ON i.id = spool_key.instance`,
      )
      .all()
    return rows.map(({ key, needed, sha256 }) => ({
      key: String(key),
      isNeeded: needed === 1,
      sha256: sha256 instanceof Uint8Array ? sha256 : null,
    }))
  })
}

function countInstances(path: string): { readonly instances: number; readonly underWay: number } {
  return reading(path, (database) => {
    const row = database
      .prepare(
        `SELECT count(*) AS instances, total(state IN ('received', 'quarantined', 'forwarding')) AS under_way FROM instance`,
      )
      .get()
    return { instances: Number(row?.instances), underWay: Number(row?.under_way) }
  })
}

function reading<T>(path: string, step: (database: DatabaseSync) => T): T {
  return guardInstances(() => {
    const database = new DatabaseSync(path, { readOnly: true })
    try {
      return step(database)
    } finally {
      database.close()
    }
  })
}

/** Gives a database that was copied its name, so that it survives a power cut. */
async function putInPlace(path: string): Promise<void> {
  if (!existsSync(`${path}.new`)) return
  await using file = await open(`${path}.new`, 'r+')
  await file.chmod(PRIVATE_FILE)
  await file.sync()
  // Companions of the one that was there would be taken for those of the new one.
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
  renameSync(`${path}.new`, path)
  await flushFolder(dirname(path))
}

function prepare(backup: string): void {
  mkdirSync(backup, { recursive: true, mode: PRIVATE_FOLDER })
  if (isBackup(backup)) return
  for (const name of [INSTANCES, ORDERS, ...SPOOLS, ...SEALS]) {
    if (existsSync(join(backup, name)) && !existsSync(join(backup, `${INSTANCES}.new`))) {
      throw new StoreError('output_exists', 'the folder holds something else than a backup of a gateway')
    }
  }
}

function isBackup(folder: string): boolean {
  return existsSync(join(folder, MANIFEST)) && existsSync(join(folder, INSTANCES))
}

function checkManifest(backup: string): void {
  if (!isBackup(backup)) throw new StoreError('input_missing', 'no whole backup of a gateway lies in this folder')
  let format: unknown
  try {
    format = (JSON.parse(readFileSync(join(backup, MANIFEST), 'utf8')) as { readonly format?: unknown }).format
  } catch (cause) {
    throw new StoreError('spool_corrupted', 'what the backup says of itself cannot be read', { cause })
  }
  if (format !== FORMAT)
    throw new StoreError('spool_corrupted', 'the backup is of a form that this program does not know')
}

async function makeEmpty(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER })
  if ((await readdir(folder)).length > 0) {
    throw new StoreError('output_exists', 'the folder to restore into is not empty')
  }
}

async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await using folder = await open(path, 'r')
  await folder.sync()
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    return undefinedIfMissing(cause)
  }
}

function undefinedIfMissing(cause: unknown): undefined {
  if (isCode(cause, 'ENOENT', 'ENOTDIR')) return undefined
  throw cause
}

function noneIfMissing(cause: unknown): [] {
  undefinedIfMissing(cause)
  return []
}

/** Errors of the system as `output_unwritable`; ours as they are. */
async function writing<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    if (cause instanceof StoreError || cause instanceof TypeError || cause instanceof RangeError) throw cause
    const { code = 'no code' } = cause as NodeJS.ErrnoException
    throw new StoreError('output_unwritable', `copying the state of a gateway: ${code}`, { cause })
  }
}
