import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { fastFolder } from '../../testing/fast-folder.ts'
import { idOf, keyOf, lease, received } from '../../testing/gateway-contracts/made-up.ts'
import { storeError } from '../../testing/log-contracts/harness.ts'
import { INSTANCE_SCHEMA_VERSION, openInstanceDatabase } from './instance-schema.ts'
import { SqliteInstances } from './sqlite-instances.ts'

/** Dump of a database of version 1, as the program that made it left it. */
const VERSION_1 = new URL('../../../../../vectors/gateway-instances/version-1.sql', import.meta.url)

describe('the database of a gateway', () => {
  it('is for its owner alone', (t) => {
    const path = join(fastFolder(), 'gateway.sqlite')
    const database = openInstanceDatabase(path)
    t.after(() => database.close())
    database.exec('CREATE TABLE any_change (id)')
    for (const suffix of ['', '-wal', '-shm']) assert.equal(statSync(`${path}${suffix}`).mode & 0o777, 0o600, suffix)
  })

  it('has every version that was ever written, with all that is in it', async (t) => {
    const path = join(fastFolder(), 'gateway.sqlite')
    const old = new DatabaseSync(path)
    old.exec(readFileSync(VERSION_1, 'utf8'))
    assert.equal(old.prepare('PRAGMA user_version').get()?.user_version, 1)
    old.close()
    const store = await SqliteInstances.open(path)
    t.after(() => store.close())
    const { states, deliveries, verdicts, pendingEvents } = await store.counts()
    assert.deepEqual(states, { received: 1, quarantined: 1, forwarding: 1, done: 1, rejected: 0 })
    assert.deepEqual(deliveries, { held: 1, waiting: 1, sent: 1, dead: 0 })
    assert.deepEqual([verdicts.authentic, verdicts.not_authentic, verdicts.none, pendingEvents], [2, 1, 1, 4])
    const { state, spoolKey, sha256, orderKey, origin } = (await store.get(idOf(4))) ?? {}
    const expected = received(4)
    assert.deepEqual(
      { state, spoolKey, sha256, orderKey, origin },
      {
        state: 'received',
        spoolKey: expected.spoolKey,
        sha256: expected.sha256,
        orderKey: expected.orderKey,
        origin: expected.origin,
      },
    )
    assert.ok(await store.knowsKey(keyOf(1)))
    assert.equal((await store.claimDeliveries('PACS', lease(90))).length, 1)
    assert.equal((await store.claimReceived(lease(90))).length, 1)
    await store.accept(received(9), [])
  })

  it('takes the steps that are missing, and each once', (t) => {
    const path = join(fastFolder(), 'gateway.sqlite')
    const steps = ['CREATE TABLE thing (id INTEGER PRIMARY KEY); INSERT INTO thing VALUES (1)']
    openInstanceDatabase(path, steps).close()
    const later = [...steps, 'ALTER TABLE thing ADD COLUMN name TEXT', "UPDATE thing SET name = 'one'"]
    for (let round = 0; round < 2; round++) openInstanceDatabase(path, later).close()
    const database = openInstanceDatabase(path, later)
    t.after(() => database.close())
    assert.deepEqual({ ...database.prepare('SELECT * FROM thing').get() }, { id: 1, name: 'one' })
  })

  it('stays as it was where a step fails', (t) => {
    const path = join(fastFolder(), 'gateway.sqlite')
    const steps = ['CREATE TABLE thing (id)']
    openInstanceDatabase(path, steps).close()
    const wrong = [...steps, 'CREATE TABLE other (id)', 'CREATE TABLE thing (id)']
    assert.throws(() => openInstanceDatabase(path, wrong), storeError('spool_unwritable'))
    const database = openInstanceDatabase(path, steps)
    t.after(() => database.close())
    assert.deepEqual(database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all().length, 1)
  })

  it('is refused where a newer program has written it, and left alone', async () => {
    const path = join(fastFolder(), 'gateway.sqlite')
    const database = openInstanceDatabase(path)
    database.exec(`PRAGMA user_version = ${INSTANCE_SCHEMA_VERSION + 1}`)
    database.close()
    await assert.rejects(SqliteInstances.open(path), storeError('spool_corrupted'))
    const left = new DatabaseSync(path)
    assert.equal(left.prepare('PRAGMA user_version').get()?.user_version, INSTANCE_SCHEMA_VERSION + 1)
    left.close()
  })

  it('is refused where it is none, or cannot be there', async () => {
    const folder = fastFolder()
    writeFileSync(join(folder, 'other'), 'no database at all '.repeat(500))
    await assert.rejects(SqliteInstances.open(join(folder, 'other')), storeError('spool_corrupted'))
    await assert.rejects(SqliteInstances.open(join(folder, 'missing', 'x')), storeError('spool_unwritable'))
  })

  it('answers what was asked before it is closed, and nothing after that', async () => {
    const path = join(fastFolder(), 'gateway.sqlite')
    const store = await SqliteInstances.open(path)
    const accepted = store.accept(received(1), [])
    await Promise.all([store.close(), store.close()])
    await accepted
    await assert.rejects(store.accept(received(2), []), storeError('spool_unwritable'))
    const again = await SqliteInstances.open(path)
    assert.ok(await again.get(idOf(1)))
    await again.close()
  })
})
