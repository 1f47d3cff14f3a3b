/**
 * Upgrade of a gateway: a folder that an older version has left is taken over with all that is under way in it, and one of a
 * newer version is refused and left alone.
 */
import assert from 'node:assert/strict'
import { readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { INSTANCE_SCHEMA_VERSION } from '../storage/gateway/instance-schema.ts'
import { dcmtk } from '../testing/dcmtk.ts'
import { isRequest, startDouble } from '../testing/dimse-double.ts'
import { FAST_RETRY, makeFiles, startGateway, storeFiles, writeSettings } from '../testing/gateway-peers.ts'
import { temporaryFolder } from '../testing/peers.ts'

/** Dump of a database of version 1, as the program that made it left it. */
const VERSION_1 = new URL('../../../../vectors/gateway-instances/version-1.sql', import.meta.url)
const TABLES = ['instance', 'delivery', 'lane', 'event', 'spool_key']
const NEWER = INSTANCE_SCHEMA_VERSION + 1

describe('the folder of a gateway of another version', { skip: dcmtk.skip }, () => {
  it('is taken over from an older one, and what was under way is finished', async (t) => {
    const stored: string[] = []
    const pacs = await startDouble(
      {
        onMessage({ contextId, command }, association) {
          if (!isRequest(command)) return
          if (command.kind === 'c_store_rq') stored.push(command.affectedSopInstanceUid)
          association.reply(contextId, command, { status: 0 })
        },
      },
      t,
    )
    const home = temporaryFolder(t)
    const settings = (port: number): string => `pacs: PACS@127.0.0.1:${port}\n${FAST_RETRY}`
    const gateway = await startGateway(t, home, settings(pacs.port))
    const sops = Array.from({ length: 6 }, (_, i) => `2.25.91${i}`)
    const files = makeFiles(home, sops)
    assert.equal((await storeFiles(gateway, ...files.slice(0, 3))).code, 0)
    await gateway.settled()
    assert.equal(await gateway.end(), 0)
    // Nobody answers there: what comes now waits.
    writeSettings(home, settings(1))
    await gateway.start()
    assert.equal((await storeFiles(gateway, ...files.slice(3))).code, 0)
    await gateway.until('all are judged', async () => {
      const { states, pendingEvents } = (await gateway.status()).counts
      return states.forwarding === 3 && pendingEvents === 0 ? true : undefined
    })
    assert.equal(await gateway.end(), 0)

    const path = join(home, 'gateway', 'instances.db')
    makeOlder(path)
    assert.equal(versionOf(path), 1)
    writeSettings(home, settings(pacs.port))
    await gateway.start()
    const { counts, alarms } = await gateway.settled()
    assert.deepEqual(stored.toSorted(), sops)
    assert.deepEqual(alarms, [])
    assert.deepEqual([counts.states.done, counts.deliveries.sent], [6, 6])
    assert.equal(versionOf(path), INSTANCE_SCHEMA_VERSION)
    // What it knew is known: the same image is a duplicate.
    assert.equal((await storeFiles(gateway, files[0] ?? '')).code, 0)
    await gateway.until('it is known', async () => {
      const [again] = await gateway.list('instance=2.25.910&limit=1')
      return again?.state === 'done' && again.reasons.includes('duplicate') ? true : undefined
    })
    assert.equal(await gateway.end(), 0)
    const logged = await gateway.command('log', 'show', '--type', 'forwarded', '--limit', '1000')
    assert.deepEqual(logged.map(uidOf).toSorted(), sops)
  })

  it('is refused where a newer one has written it, and left alone', async (t) => {
    const home = temporaryFolder(t)
    const gateway = await startGateway(t, home, '')
    assert.equal((await storeFiles(gateway, ...makeFiles(home, ['2.25.921']))).code, 0)
    await gateway.settled()
    assert.equal(await gateway.end(), 0)
    const path = join(home, 'gateway', 'instances.db')
    setVersion(path, NEWER)
    await assert.rejects(gateway.start(), /spool_corrupted/)
    assert.equal(await gateway.end(), 65)
    assert.match(gateway.output, new RegExp(`is of version ${NEWER}; this program knows ${INSTANCE_SCHEMA_VERSION}`))
    assert.equal(versionOf(path), NEWER)
    setVersion(path, INSTANCE_SCHEMA_VERSION)
    await gateway.start()
    assert.equal((await gateway.list('limit=10')).length, 1)
    assert.equal(await gateway.end(), 0)
  })
})

/** Makes a database that version 1 might have left of the present one, with the same rows. */
function makeOlder(path: string): void {
  const newer = `${path}.newer`
  // A gateway that has ended leaves nothing in the write-ahead log.
  renameSync(path, newer)
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
  const database = new DatabaseSync(path)
  database.exec(readFileSync(VERSION_1, 'utf8'))
  for (const table of TABLES) database.exec(`DELETE FROM ${table}`)
  database.exec(`ATTACH '${newer}' AS newer`)
  for (const table of TABLES) {
    const columns = columnsOf(database, 'main', table).filter((name) =>
      columnsOf(database, 'newer', table).includes(name),
    )
    database.exec(`INSERT INTO main.${table} (${columns.join()}) SELECT ${columns.join()} FROM newer.${table}`)
  }
  // It kept events that were logged.
  database.exec(`INSERT INTO event (instance, news) SELECT id, '{"text":"old"}' FROM instance`)
  database.exec('UPDATE event SET log_index = 0')
  database.close()
  rmSync(newer)
}

const columnsOf = (database: DatabaseSync, schema: string, table: string): readonly string[] =>
  database
    .prepare(`SELECT name FROM pragma_table_info('${table}', '${schema}')`)
    .all()
    .map(({ name }) => String(name))

function versionOf(path: string): number {
  const database = new DatabaseSync(path)
  const row = database.prepare('PRAGMA user_version').get()
  database.close()
  return Number(row?.user_version)
}

function setVersion(path: string, version: number): void {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA user_version = ${version}`)
  database.close()
}

function uidOf(entry: Record<string, unknown>): string {
  const { event } = entry as { event?: { instance?: { sopInstanceUid?: string } } }
  return event?.instance?.sopInstanceUid ?? ''
}
