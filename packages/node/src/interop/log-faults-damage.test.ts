/**
 * A byte of each kind of file of a log is changed, or the file is gone: opening it refuses, or the check of the log names
 * the place, and nothing is mended in silence. With the byte as it was, everything is as it was.
 */
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { before, describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { checkLog, type LogReport } from '../services/log/check-log.ts'
import { CompletenessMap } from '../services/log/completeness.ts'
import { factsOfStatement } from '../services/log/completeness-facts.ts'
import { openCustodyLog } from '../services/log/custody-log.ts'
import { SiteLog } from '../services/log/site-log.ts'
import { FileCheckpointCell } from '../storage/log/file-checkpoint-cell.ts'
import { type FileLog, openFileLog, privateFolder } from '../storage/log/file-log.ts'
import { FileObjects } from '../storage/log/file-objects.ts'
import { openRecordReader } from '../storage/log/file-records.ts'
import { SqliteMapStore } from '../storage/log/sqlite-map-store.ts'
import { readBatches } from '../storage/log/wal-reader.ts'
import { fastFolder } from '../testing/fast-folder.ts'
import { seeded } from '../testing/log-load.ts'
import { makeLogOptions, makeLogSigner } from '../testing/log-site.ts'
import { makeToySeal, policyOf } from '../testing/memory-site.ts'

const signer = makeLogSigner()
const hasher: NodeHasher = createHasher(nativeCrypto.hash)
const options = makeLogOptions(signer, { hasher })
const secret = new Uint8Array(32).fill(7)
const ENTRIES = 300

/** How a damaged log was told of. */
interface Told {
  /** Code with which opening refused; undefined where it opened. */
  readonly refused: string | undefined
  /** `flaw where`, from the check. */
  readonly findings: readonly string[]
}

describe('a custody log in files that were changed', () => {
  const root = fastFolder()
  const whole = mkdtempSync(join(root, 'whole-'))
  /** Entries that are durable and in no tile stand in its last segment. */
  const cut = mkdtempSync(join(root, 'cut-'))
  const table: string[] = []

  before(async () => {
    await fill(whole)
    cpSync(whole, cut, { recursive: true })
    await leaveUnintegrated(cut)
    assert.deepEqual((await check(whole)).findings, [])
  })

  /** Does something to a copy of the log, and sees what is told of it. */
  async function damage(
    from: string,
    change: (folder: string) => void,
    judge?: (told: Told, folder: string) => void | Promise<void>,
  ): Promise<Told> {
    const folder = mkdtempSync(join(root, 'damaged-'))
    cpSync(from, folder, { recursive: true })
    change(folder)
    const report = await check(folder).catch(codeOf)
    const before = filesOf(folder)
    const refused = await open(folder)
    const findings =
      typeof report === 'string' ? [report] : report.findings.map(({ flaw, where }) => `${flaw} ${where}`)
    if (refused !== undefined) assert.deepEqual(filesOf(folder), before, 'nothing was mended')
    await judge?.({ refused, findings }, folder)
    rmSync(folder, { recursive: true })
    return { refused, findings }
  }

  /** Changes one bit at a place of a file, some of them, one after the other. */
  async function flip(
    from: string,
    name: string,
    judge: (told: Told, at: number, folder: string) => void | Promise<void>,
    places = 6,
  ): Promise<void> {
    const random = seeded(name.length)
    const bytes = readFileSync(join(from, name))
    const told: Told[] = []
    for (let i = 0; i < places; i++) {
      const at = Math.floor(random() * bytes.length)
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      const change = (folder: string): void => writeFileSync(join(folder, name), changed)
      told.push(await damage(from, change, (result, folder) => judge(result, at, folder)))
    }
    const kinds = new Set(told.flatMap(({ findings }) => findings.map((finding) => finding.split(' ')[0])))
    const codes = new Set(told.map(({ refused }) => refused ?? 'opens'))
    table.push(`${name}: ${places} bits; open: ${[...codes].join(', ')}; check: ${[...kinds].join(', ') || 'nothing'}`)
  }

  const refuses = ({ refused }: Told): void => assert.equal(refused, 'log_corrupted')
  const finds =
    (...expected: readonly RegExp[]) =>
    ({ findings }: Told): void => {
      for (const one of expected)
        assert.ok(
          findings.some((finding) => one.test(finding)),
          `${one} in ${findings}`,
        )
    }
  const both =
    (...judges: readonly ((told: Told) => void)[]) =>
    (told: Told): void => {
      for (const judge of judges) judge(told)
    }
  /** Every finding is about the bundle, or about what follows from it. */
  const onlyAbout =
    (place: RegExp) =>
    ({ findings }: Told): void => {
      for (const finding of findings) assert.match(finding, place)
    }

  it('tells which full tile is another, and which partial one', async () => {
    await flip(whole, 'tile/0/000', both(finds(/^tile_wrong tile\/0\/000$/), onlyAbout(/tile\/0\/000|quote/)))
    const partial = partialOf(whole, 'tile/0')
    await flip(whole, partial, both(refuses, finds(new RegExp(`^tile_wrong ${partial}$`))))
    await flip(whole, partialOf(whole, 'tile/1'), both(refuses, finds(/^tile_wrong tile\/1\/000\.p\/1$/)))
  })

  it('tells which bundle is another, and the entry where that can be seen', async () => {
    const inFirst = /^(bundle_malformed tile\/entries\/000|\w+ entry (\d{1,2}|1\d\d|2[0-4]\d|25[0-5]))$/
    await flip(whole, 'tile/entries/000', ({ findings }) => assert.match(findings[0] ?? '', inFirst))
    await flip(whole, partialOf(whole, 'tile/entries'), both(refuses, finds(/./)))
  })

  it('refuses a checkpoint or a head that is another', async () => {
    await flip(whole, 'checkpoint', both(refuses, finds(/^checkpoint_\w+ checkpoint$/)))
    await flip(whole, '.private/head', both(refuses, finds(/^head_wrong head$/)))
  })

  it('refuses a segment that is another, also where its entries are in tiles already', async () => {
    for (const from of [whole, cut]) {
      const name = join('.private', 'wal', segmentsOf(from).at(-1) ?? '')
      await flip(
        from,
        name,
        ({ refused, findings }, at) => {
          assert.equal(refused, 'log_corrupted', `at ${at}`)
          // The last record may look like one whose writing was cut off; the index knows better.
          if (findings.length > 0) finds(/^segment_damaged /)({ refused, findings })
        },
        6,
      )
    }
  })

  it('tells what an index says wrongly of an entry', async () => {
    const rows = [
      ['SELECT body FROM payload', 'UPDATE payload SET body = ? WHERE number = 7', 9, /^statement_wrong entry 7$/],
      ['SELECT body FROM entry', 'UPDATE entry SET body = ? WHERE number = 7', 9, /^identity_wrong entry 7$/],
      ['SELECT body FROM entry', 'UPDATE entry SET body = ? WHERE number = 7', 39, /^terms_wrong entry 7$/],
    ] as const
    for (const [select, update, at, finding] of rows) {
      const told = await damage(whole, (folder) =>
        onIndex(folder, (database) => {
          const body = Buffer.from(database.prepare(`${select} WHERE number = 7`).get()?.body as Uint8Array)
          body[at] = (body[at] ?? 0) ^ 1
          return database.prepare(update).run(body).changes
        }),
      )
      finds(finding)(told)
      assert.equal(told.findings.length, 1, `${told.findings}`)
    }
    const changes = [
      ['DELETE FROM payload WHERE number = 7', /^statement_missing entry 7$/],
      ['UPDATE fresh_identity SET key = key + 1 WHERE number = 7', /^identity_wrong entry 7$/],
      ['DELETE FROM fresh_identity WHERE number = 7', /^identity_wrong entry 7$/],
      [
        'DELETE FROM fresh_term WHERE number = 7 AND key = (SELECT max(key) FROM fresh_term WHERE number = 7)',
        /^terms_wrong entry 7$/,
      ],
      [
        'UPDATE fresh_term SET key = key + 1 WHERE number = 7 AND key = (SELECT max(key) FROM fresh_term WHERE number = 7)',
        /^terms_wrong entry 7$/,
      ],
    ] as const
    for (const [sql, finding] of changes) {
      const told = await damage(whole, (folder) => onIndex(folder, (database) => database.prepare(sql).run().changes))
      finds(finding)(told)
      assert.equal(told.findings.length, 1, `${told.findings}`)
    }
    table.push(`index.sqlite: ${rows.length + changes.length} rows changed; open: opens; check: the entry, each time`)
  })

  it('is told of each changed bit of an index that anybody could see', async () => {
    const seen = await dump(whole)
    let unseen = 0
    const places = 20
    await flip(
      whole,
      '.private/index.sqlite',
      async ({ refused, findings }, _at, folder) => {
        if (refused !== undefined || findings.length > 0) return
        // Where nothing is read: everything that can be asked for is as it was.
        unseen++
        assert.deepEqual(await dump(folder), seen)
      },
      places,
    )
    table.push(`.private/index.sqlite: ${unseen} of these ${places} bits are such that nobody can see`)
  })

  it('tells of a map that is another', async () => {
    const change = (sql: string) => (folder: string) => {
      const database = new DatabaseSync(join(privateFolder(folder), 'map.sqlite'))
      assert.ok(database.prepare(sql).run().changes > 0)
      database.close()
    }
    for (const sql of [
      "UPDATE node SET value = substr(value, 1, length(value) - 1) || CAST(x'00' AS BLOB)",
      'DELETE FROM node WHERE key = (SELECT max(key) FROM node)',
      'UPDATE head SET root = zeroblob(32)',
    ]) {
      finds(/^map_damaged /)(await damage(whole, change(sql)))
    }
    table.push('map.sqlite: 3 kinds of rows changed; open: opens; check: map_damaged')
  })

  it('tells which file is gone, or refuses to open without it', async () => {
    const gone = async (from: string, name: string): Promise<Told> => {
      const told = await damage(from, (folder) => rmSync(join(folder, name)))
      table.push(`${name} gone; open: ${told.refused ?? 'opens'}; check: ${told.findings[0] ?? 'nothing'}`)
      return told
    }
    finds(/^tile_missing tile\/0\/000$/)(await gone(whole, 'tile/0/000'))
    finds(/^bundle_missing tile\/entries\/000$/)(await gone(whole, 'tile/entries/000'))
    const [tile, bundle] = [partialOf(whole, 'tile/0'), partialOf(whole, 'tile/entries')]
    both(refuses, finds(new RegExp(`^tile_missing ${tile}$`)))(await gone(whole, tile))
    both(refuses, finds(new RegExp(`^bundle_missing ${bundle}$`)))(await gone(whole, bundle))
    both(refuses, finds(/^head_wrong head$/))(await gone(whole, '.private/head'))
    finds(/^checkpoint_missing checkpoint$/)(await gone(whole, 'checkpoint'))
    refuses(await gone(cut, join('.private', 'wal', segmentsOf(cut).at(-1) ?? '')))
  })

  it('opens, and is clean, with every byte as it was', async (t) => {
    for (const from of [whole, cut]) assert.equal(await open(from), undefined)
    for (const from of [whole, cut]) assert.deepEqual((await check(from)).findings, [])
    for (const line of table) t.diagnostic(line)
  })

  /** A log of events of a site, with a map and its root. */
  async function fill(folder: string): Promise<void> {
    const ports = await openFileLog(folder)
    const site = await SiteLog.open(ports, {
      ...options,
      random: (length) => new Uint8Array(length),
      recorder: { id: 'log-1', name: 'Log' },
      isDemo: true,
      archive: { id: 'main', secret },
      authorities: [],
      timestampIntervalMs: 3_600_000,
    })
    for (const uid of ['2.25.501', '2.25.502'])
      await site.recorder.recordSeal(await makeToySeal({ uid, study: '2.25.50' }))
    const news = Array.from({ length: ENTRIES }, (_, i) => ({ ...toyEvent('forwarded'), at: new Date(i) }))
    await Promise.all(news.map((event) => site.recorder.record(event)))
    await site.settle()
    await site.close()
    await ports.close()
  }
})

/** Adds entries whose tiles cannot be written. */
async function leaveUnintegrated(folder: string): Promise<void> {
  const ports = await openFileLog(folder)
  const compareAndSwap = async (): Promise<void> => {
    throw new StoreError('log_unwritable', 'no space')
  }
  const log = await openCustodyLog({ ...ports, head: { read: () => ports.head.read(), compareAndSwap } }, options)
  for (const uid of ['2.25.601', '2.25.602']) {
    const seal = await makeToySeal({ uid, study: '2.25.60' })
    const { entryOfSeal } = await import('../services/log/seal-entry.ts')
    await log.append(entryOfSeal(seal, nativeCrypto)).catch(() => undefined)
  }
  await log.close().catch(() => undefined)
  await ports.close()
}

/** Opens a log for appending, and closes it. @returns the code with which that was refused */
async function open(folder: string): Promise<string | undefined> {
  let ports: FileLog | undefined
  try {
    ports = await openFileLog(folder)
    const log = await openCustodyLog(ports, options)
    await log.close()
    return undefined
  } catch (error) {
    return codeOf(error)
  } finally {
    await ports?.close()
  }
}

/** Changes one row of an index. */
function onIndex(folder: string, change: (database: DatabaseSync) => number | bigint): void {
  const database = new DatabaseSync(join(privateFolder(folder), 'index.sqlite'))
  try {
    assert.equal(change(database), 1)
  } finally {
    database.close()
  }
}

function codeOf(error: unknown): string {
  assert.ok(error instanceof StoreError, String(error))
  return error.code
}

/** Everything that there is to be checked in the folder of a log. @throws {StoreError} `log_corrupted` */
async function check(folder: string): Promise<LogReport> {
  const hidden = privateFolder(folder)
  const reader = await openRecordReader(hidden)
  const store = new SqliteMapStore(join(hidden, 'map.sqlite'))
  const map = new CompletenessMap({
    archive: 'main',
    store,
    entries: async function* () {},
    factsOf: factsOfStatement,
    secret,
    hashes: nativeCrypto.hash,
  })
  const published = new FileCheckpointCell(join(folder, 'checkpoint'), join(hidden, 'checkpoint.lock'))
  const head = new FileCheckpointCell(join(hidden, 'head'), join(hidden, 'head.lock'))
  const own = { head, indexedSize: () => reader.settledSize(), segments: () => readBatches(join(hidden, 'wal')), map }
  try {
    const ports = { objects: new FileObjects(folder), published, reader, own }
    return await checkLog(ports, { crypto: nativeCrypto, hasher, policy: policyOf(signer) })
  } finally {
    await reader.close()
    await store.close()
  }
}

/** All that can be asked of the records of a log. */
async function dump(folder: string): Promise<unknown> {
  const reader = await openRecordReader(privateFolder(folder))
  try {
    const entries = await reader.entries(0n, ENTRIES * 2)
    const found = await reader.findIdentities(entries.map(({ identity }) => identity))
    const terms = new Map(entries.flatMap((entry) => entry.terms).map((term) => [`${term.kind} ${term.value}`, term]))
    const places = await Promise.all([...terms.values()].map((term) => reader.find({ term, limit: 10_000 })))
    return { entries, found, places, size: await reader.settledSize() }
  } finally {
    await reader.close()
  }
}

/** Files of a log that stand for something, with their bytes. */
function filesOf(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const kept = names.filter((name) => /tile|checkpoint$|head$|\.wal$/.test(name) && !/\.tmp/.test(name))
  const isFile = (name: string): boolean => existsSync(join(folder, name)) && !isFolder(join(folder, name))
  return new Map(kept.filter(isFile).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]))
}

const isFolder = (path: string): boolean => readdirSyncOrNone(path) !== undefined

function readdirSyncOrNone(path: string): readonly string[] | undefined {
  try {
    return readdirSync(path)
  } catch {
    return undefined
  }
}

/** The newest partial object of a level; those before it go when the full one is there. */
function partialOf(folder: string, level: string): string {
  const names = readdirSync(join(folder, level), { recursive: true, encoding: 'utf8' })
  const widths = names.flatMap((name) => (/\.p[\\/]\d+$/.test(name) ? [name] : []))
  const newest = widths.reduce((one, other) => (widthOf(other) > widthOf(one) ? other : one))
  return `${level}/${newest}`
}

const widthOf = (name: string): number => Number(name.split(/[\\/]/).at(-1))

const segmentsOf = (folder: string): readonly string[] =>
  readdirSync(join(privateFolder(folder), 'wal')).filter((name) => name.endsWith('.wal'))
