import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { storeError } from '../../testing/log-contracts/harness.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { databaseError, guard, inTransaction, openDatabase, rowOf } from './sqlite.ts'
import { SqliteJobQueue } from './sqlite-job-queue.ts'
import { SqliteMapStore } from './sqlite-map-store.ts'

const SETUP = 'CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY)'

describe('databases of a log', () => {
  it('tell by code what is wrong with them', (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'a.sqlite')
    const database = openDatabase(path, SETUP)
    guard(() => database.exec('BEGIN EXCLUSIVE'))
    const other = openDatabase(path, '', { timeout: 0 })
    assert.throws(() => guard(() => other.exec('SELECT * FROM thing')), storeError('log_locked'))
    guard(() => database.exec('ROLLBACK'))
    assert.throws(() => guard(() => database.exec('INSERT INTO nothing VALUES (1)')), storeError('log_unwritable'))
    database.close()
    other.close()
    assert.throws(() => openDatabase(join(folder, 'missing', 'a.sqlite'), SETUP), storeError('log_unwritable'))
    writeFileSync(path, 'x'.repeat(5_000))
    assert.throws(() => openDatabase(path, SETUP), storeError('log_corrupted'))
    for (const open of [() => new SqliteJobQueue(path), () => new SqliteMapStore(path)]) {
      assert.throws(open, storeError('log_corrupted'))
    }
  })

  it('pass errors on that are none of theirs', () => {
    const mistake = new TypeError('a mistake')
    assert.equal(databaseError(mistake), mistake)
    assert.equal(databaseError('text'), 'text')
    assert.throws(() => guard(() => assert.fail('own')), assert.AssertionError)
  })

  it('do all of a transaction or nothing', (t) => {
    const database = openDatabase(join(temporaryFolder(t), 'a.sqlite'), SETUP)
    t.after(() => database.close())
    const count = (): unknown => rowOf(database.prepare('SELECT count(*) AS things FROM thing'))?.things
    assert.throws(() =>
      inTransaction(database, () => {
        database.exec('INSERT INTO thing VALUES (1)')
        throw new RangeError('enough')
      }),
    )
    assert.equal(count(), 0)
    assert.throws(() => inTransaction(database, () => database.exec('INSERT INTO thing VALUES (1), (1)')))
    assert.equal(count(), 0)
    inTransaction(database, () => database.exec('INSERT INTO thing VALUES (1), (2)'))
    assert.equal(count(), 2)
  })
})
