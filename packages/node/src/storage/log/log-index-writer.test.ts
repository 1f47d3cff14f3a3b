import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import type { NewEntry, Term } from '../../services/log/ports.ts'
import { digestOf, instance, makeBatch, makeEntry, storeError, type } from '../../testing/log-contracts/harness.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { LogIndexReader } from './log-index-reader.ts'
import { LogIndexWriter } from './log-index-writer.ts'
import { encodeRecord, recordBound } from './wal-format.ts'

function openIn(t: TestContext) {
  const path = join(temporaryFolder(t), 'index.sqlite')
  const writer = new LogIndexWriter(path)
  const reader = new LogIndexReader(path)
  t.after(() => {
    reader.close()
    writer.close()
  })
  return { path, writer, reader }
}

function add(writer: LogIndexWriter, first: number, entries: readonly NewEntry[]): void {
  const batch = { ...makeBatch(first, 1), entries }
  const target = Buffer.alloc(recordBound(batch))
  const length = encodeRecord(batch, 1n, new Uint8Array(16), target)
  writer.add(target.subarray(0, length), first, entries.length)
}

describe('the index of a log', () => {
  it('shows nothing before a commit, and all of it after', (t) => {
    const { writer, reader } = openIn(t)
    add(writer, 0, [makeEntry(0), makeEntry(1)])
    add(writer, 2, [makeEntry(2)])
    assert.equal(reader.size(), 0n)
    assert.equal(reader.findIdentities([makeEntry(0).identity])[0], undefined)
    writer.commit()
    assert.equal(reader.size(), 3n)
    for (const number of [0, 1, 2]) assert.equal(reader.findIdentities([makeEntry(number).identity])[0], number)
  })

  it('says which entries are found by all of their terms', (t) => {
    const { path, writer, reader } = openIn(t)
    const entries = Array.from({ length: 100 }, (_, i) => makeEntry(i))
    add(writer, 0, entries)
    writer.commit()
    const terms = entries.map((entry) => entry.terms)
    assert.ok(reader.areFoundByTerms(0n, terms).every((isFound) => isFound))
    assert.deepEqual(
      reader.areFoundByTerms(5n, [[], [type('acquired')], [instance(6)], [instance(8)], [instance(5)]]),
      [true, true, false, true, false],
    )
    const database = new DatabaseSync(path)
    database.exec(
      'DELETE FROM fresh_term WHERE number = 70 AND key = (SELECT max(key) FROM fresh_term WHERE number = 70)',
    )
    database.close()
    assert.deepEqual(
      reader.areFoundByTerms(0n, terms).flatMap((isFound, i) => (isFound ? [] : [i])),
      [70],
    )
    assert.deepEqual(reader.areFoundByTerms(0n, []), [])
  })

  it('tells identities apart that begin with the same bits', (t) => {
    const { writer, reader } = openIn(t)
    const identities = Array.from({ length: 20 }, (_, i) => {
      const identity = digestOf(`${i}`)
      identity.fill(7, 0, 6)
      return identity
    })
    add(
      writer,
      0,
      identities.slice(0, 10).map((identity, i) => ({ ...makeEntry(i), identity })),
    )
    writer.commit()
    const found = identities.map((identity) => reader.findIdentities([identity])[0])
    assert.deepEqual(found, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...Array.from({ length: 10 }, () => undefined)])
  })

  it('settles by the entry itself which term it has', (t) => {
    const { path, writer, reader } = openIn(t)
    const study: Term = { kind: 'study', value: '1.2.3' }
    add(writer, 0, [makeEntry(0, { terms: [study] }), makeEntry(1, { terms: [type('x')] })])
    writer.commit()
    // As if the second entry had a term whose key is the same.
    const database = new DatabaseSync(path)
    database.exec('INSERT INTO fresh_term SELECT key, 1 FROM fresh_term WHERE number = 0')
    database.close()
    assert.deepEqual(reader.find({ term: study, limit: 10 }), [0n])
    assert.deepEqual(reader.find({ term: study, limit: 1, order: 'newest_first' }), [0n])
  })

  it('takes more entries in one transaction than are sorted together', (t) => {
    const { writer, reader } = openIn(t)
    const count = 70_000
    for (let first = 0; first < count; first += 10_000) {
      const numbers = Array.from({ length: 10_000 }, (_, i) => first + i)
      add(
        writer,
        first,
        numbers.map((number) => makeEntry(number, { leafBytes: 1, terms: [instance(number)] })),
      )
    }
    writer.commit()
    for (const number of [0, 1, 65_535, 65_536, 65_537, count - 1]) {
      assert.equal(reader.findIdentities([makeEntry(number).identity])[0], number)
      assert.deepEqual(reader.find({ term: instance(number), limit: 2 }), [BigInt(number)])
    }
  })

  it('finds what is fresh and what was moved, in their order, also after reopening', (t) => {
    const path = join(temporaryFolder(t), 'index.sqlite')
    const study: Term = { kind: 'study', value: '1.2.3' }
    for (let first = 0; first < 40; first += 4) {
      const writer = new LogIndexWriter(path, { freshRows: 11 })
      const numbers = [first, first + 1, first + 2, first + 3]
      add(
        writer,
        first,
        numbers.map((number) => makeEntry(number, { terms: [study, instance(number)] })),
      )
      writer.commit()
      writer.close()
      const reader = new LogIndexReader(path)
      const all = Array.from({ length: first + 4 }, (_, i) => BigInt(i))
      const identities = all.map((number) => makeEntry(Number(number)).identity)
      assert.deepEqual(reader.findIdentities(identities), all.map(Number))
      assert.deepEqual(reader.findIdentities([makeEntry(first + 4).identity]), [undefined])
      assert.deepEqual(
        reader.areFound(0n, identities),
        all.map(() => true),
      )
      assert.deepEqual(reader.areFound(1n, identities).includes(true), false)
      assert.deepEqual(reader.find({ term: study, limit: 100 }), all)
      assert.deepEqual(reader.find({ term: study, limit: 100, order: 'newest_first' }), all.toReversed())
      assert.deepEqual(reader.find({ term: study, from: 2n, to: 30n, limit: 7 }), all.slice(2, 30).slice(0, 7))
      assert.deepEqual(reader.find({ term: instance(first), limit: 2 }), [BigInt(first)])
      reader.close()
      const database = new DatabaseSync(path)
      const count = (table: string): number => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n)
      const [ofIdentities, terms] = ['identity', 'term'].map(
        (table) => [count(`fresh_${table}`), count(table)] as const,
      )
      database.close()
      for (const [[fresh = 0, moved = 0] = [], rows] of [
        [ofIdentities, first + 4],
        [terms, 2 * (first + 4)],
      ] as const) {
        assert.equal(fresh + moved, rows)
        assert.ok(fresh <= 11, `${fresh} of ${rows} are fresh`)
        assert.ok(moved > 0 || rows <= 11)
      }
    }
  })

  it('takes terms out wherever they lie', (t) => {
    const path = join(temporaryFolder(t), 'index.sqlite')
    const writer = new LogIndexWriter(path, { freshRows: 6 })
    t.after(() => writer.close())
    const study: Term = { kind: 'study', value: '1.2.3' }
    for (let number = 0; number < 9; number++) {
      add(writer, number, [makeEntry(number, { terms: [study] })])
      writer.commit()
    }
    const reader = new LogIndexReader(path)
    assert.equal(writer.erase(1), true)
    assert.equal(writer.erase(7), true)
    assert.deepEqual(reader.find({ term: study, limit: 10 }), [0n, 2n, 3n, 4n, 5n, 6n, 8n])
    reader.close()
    const database = new DatabaseSync(path)
    const numbers = ['term', 'fresh_term'].map((table) =>
      database
        .prepare(`SELECT number FROM ${table} ORDER BY number`)
        .all()
        .map(({ number }) => number),
    )
    database.close()
    assert.deepEqual(numbers.flat().sort(), [0, 2, 3, 4, 5, 6, 8])
    assert.ok((numbers[1]?.length ?? 0) > 0)
  })

  it('refuses entries that are not the next ones', (t) => {
    const { writer } = openIn(t)
    add(writer, 0, [makeEntry(0)])
    assert.throws(() => add(writer, 0, [makeEntry(0)]), storeError('log_corrupted'))
    assert.throws(() => add(writer, 2, [makeEntry(2)]), storeError('log_corrupted'))
  })

  it('remembers size, release and salt', (t) => {
    const path = join(temporaryFolder(t), 'index.sqlite')
    const writer = new LogIndexWriter(path)
    add(writer, 0, [makeEntry(0), makeEntry(1)])
    writer.release(1)
    const { salt } = writer.state
    writer.close()
    const again = new LogIndexWriter(path)
    assert.deepEqual(again.state, { size: 2, released: 1, salt })
    add(again, 2, [makeEntry(2)])
    again.close()
  })

  it('loses what was not committed, and only that, when its process ends', (t) => {
    const { path, writer } = openIn(t)
    add(writer, 0, [makeEntry(0)])
    writer.commit()
    add(writer, 1, [makeEntry(1)])
    const reader = new LogIndexReader(path)
    assert.equal(reader.size(), 1n)
    assert.equal(reader.findIdentities([makeEntry(1).identity])[0], undefined)
    reader.close()
  })

  it('erases rows where they stand', (t) => {
    const { path, writer, reader } = openIn(t)
    const payload = Buffer.from('statement '.repeat(1_000))
    add(
      writer,
      0,
      [0, 1, 2].map((i) => makeEntry(i, { payload, terms: [type('x'), instance(i)] })),
    )
    writer.commit()
    const lengths = (): unknown => {
      const database = new DatabaseSync(path, { readOnly: true })
      const sql =
        'SELECT number, length(entry.body) AS entry, length(payload.body) AS payload FROM entry JOIN payload USING (number)'
      const rows = database.prepare(sql).all()
      database.close()
      return rows
    }
    const before = lengths()
    assert.equal(writer.erase(1), true)
    assert.deepEqual(lengths(), before)
    assert.equal(writer.erase(1), false)
    assert.equal(writer.erase(3), false)
    assert.equal(reader.payload(1n), 'erased')
    assert.deepEqual(reader.find({ term: type('x'), limit: 5 }), [0n, 1n, 2n])
    assert.deepEqual(reader.find({ term: instance(1), limit: 5 }), [])
  })

  it('adds an entry that was erased before it came as erased', (t) => {
    const { writer, reader } = openIn(t)
    const batch = makeBatch(0, 1, { payload: Buffer.from('statement') })
    const target = Buffer.alloc(recordBound(batch))
    const length = encodeRecord(batch, 1n, new Uint8Array(16), target)
    target[64] = (target[64] ?? 0) | 2
    writer.add(target.subarray(0, length), 0, 1)
    writer.commit()
    assert.equal(reader.payload(0n), 'erased')
  })

  it('refuses to erase while somebody reads, since a copy would be left', async (t) => {
    const { path, writer } = openIn(t)
    add(writer, 0, [makeEntry(0, { payload: Buffer.from('statement') })])
    writer.commit()
    const other = new DatabaseSync(path, { readOnly: true })
    const rows = other.prepare('SELECT number FROM entry').iterate()
    rows.next()
    const impatient = new LogIndexWriter(path, { timeoutMs: 1 })
    assert.throws(() => impatient.erase(0), storeError('log_locked'))
    rows.return?.()
    other.close()
    assert.equal(impatient.erase(0), false, 'it was taken out; now no copy is left')
    impatient.close()
  })
})

describe('LogIndexReader', () => {
  it('refuses what is no index', (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'index.sqlite')
    assert.throws(() => new LogIndexReader(path), storeError('log_missing'))
    writeFileSync(path, 'no database at all'.repeat(1_000))
    assert.throws(() => new LogIndexReader(path), storeError('log_corrupted'))
    assert.throws(() => new LogIndexWriter(path), storeError('log_corrupted'))
  })

  it('refuses an index of another version', (t) => {
    const path = join(temporaryFolder(t), 'index.sqlite')
    new LogIndexWriter(path).close()
    const database = new DatabaseSync(path)
    database.exec('UPDATE meta SET version = 2')
    database.close()
    assert.throws(() => new LogIndexReader(path), storeError('log_corrupted'))
    assert.throws(() => new LogIndexWriter(path), storeError('log_corrupted'))
  })

  it('refuses a database whose pages are damaged', (t) => {
    const copy = join(temporaryFolder(t), 'copy.sqlite')
    writeFileSync(copy, Buffer.concat([Buffer.from('SQLite format 3\0', 'latin1'), Buffer.alloc(8_176, 0xff)]))
    assert.throws(() => new LogIndexReader(copy), storeError('log_corrupted'))
  })

  it('gives nothing for numbers that no entry can have', (t) => {
    const { reader } = openIn(t)
    for (const index of [-1n, 0n, 1n << 53n, 1n << 70n]) assert.equal(reader.payload(index), undefined)
    assert.deepEqual(reader.find({ term: type('x'), from: -5n, to: 1n << 80n, limit: 1 }), [])
  })
})
