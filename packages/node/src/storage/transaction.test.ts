import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { inTransaction } from './transaction.ts'

function open(test: TestContext): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  test.after(() => database.close())
  database.exec('CREATE TABLE image (name TEXT UNIQUE)')
  return database
}
const countOf = (database: DatabaseSync) => database.prepare('SELECT count(*) AS count FROM image').get()?.count

describe('a transaction', () => {
  it('keeps what its steps did, and gives what they gave', (test) => {
    const database = open(test)
    const given = inTransaction(database, () => {
      database.exec("INSERT INTO image VALUES ('a')")
      return 7
    })
    assert.equal(given, 7)
    assert.equal(countOf(database), 1)
    assert.equal(database.isTransaction, false)
  })

  it('takes all steps back where one fails, whoever failed it', (test) => {
    const database = open(test)
    const insert = () => database.exec("INSERT INTO image VALUES ('a')")
    assert.throws(() =>
      inTransaction(database, () => {
        insert()
        insert()
      }),
    )
    assert.equal(countOf(database), 0)
    const ours = new Error('ours')
    assert.throws(
      () =>
        inTransaction(database, () => {
          insert()
          throw ours
        }),
      ours,
    )
    assert.equal(countOf(database), 0)
    assert.equal(database.isTransaction, false)
  })
})
