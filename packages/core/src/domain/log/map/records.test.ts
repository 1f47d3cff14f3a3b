import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../../bytes/hex.ts'
import { encodeUtf8 } from '../../../bytes/text.ts'
import { StoreError } from '../../../errors.ts'
import { seeded } from '../../../testing/seeded.ts'
import { factsOfEvent, factsOfInstance } from './event-facts.ts'
import { changesStudy, erasureOf, type InstanceFacts, newsOf, type RecordNews, updateRecords } from './facts.ts'
import { blindingKeyOf, instanceKeyOf, seriesKeyOf, studyKeyOf, studySaltOf } from './keys.ts'
import { decodeRow, type EntryPlace, encodeRow, rowName } from './places.ts'
import { decodeRecords, encodeRecord, encodeRecords, isAscending, type MapRecord, summarize } from './record.ts'
import { hashes, sha256 } from './testing/plain-map.ts'

const isCorrupted = (error: unknown): boolean => error instanceof StoreError && error.code === 'log_corrupted'
const salt = sha256()
const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

const about = (sopInstanceUid: string, more: Partial<InstanceFacts> = {}): InstanceFacts => ({
  type: 'acquired',
  studyInstanceUid: '1',
  seriesInstanceUid: '2',
  sopInstanceUid,
  digest: digest(1),
  ...more,
})
const news = (index: bigint, facts: InstanceFacts): RecordNews => newsOf(hashes, salt, index, facts) as RecordNews

describe('updateRecords', () => {
  it('records an instance with its first entry', () => {
    const [record, ...others] = updateRecords([], [news(7n, about('3'))])
    assert.deepEqual(others, [])
    assert.deepEqual(record, {
      key: instanceKeyOf(hashes, salt, '3'),
      series: seriesKeyOf(hashes, salt, '2'),
      digest: digest(1),
      first: 7n,
      newest: 7n,
      entries: 1,
      state: 'present',
    })
  })

  it('keeps the first entry and takes the rest from the newest that says it', () => {
    const later = about('3', { type: 'transcoded', digest: digest(2), seriesInstanceUid: null })
    const [record] = updateRecords(updateRecords([], [news(7n, about('3'))]), [
      news(9n, later),
      news(12n, about('3', { digest: null })),
    ])
    assert.deepEqual(
      { ...record, key: null },
      {
        key: null,
        series: seriesKeyOf(hashes, salt, '2'),
        digest: digest(2),
        first: 7n,
        newest: 12n,
        entries: 3,
        state: 'present',
      },
    )
  })

  it('marks what is withdrawn or erased and keeps its record, also of what was never seen', () => {
    const [gone] = updateRecords(
      [],
      [news(1n, about('3')), news(2n, about('3', { type: 'drill-withdrawn', digest: null }))],
    )
    assert.deepEqual([gone?.state, gone?.digest, gone?.entries], ['withdrawn', digest(1), 2])
    const [erased] = updateRecords(gone ? [gone] : [], [erasureOf(5n, instanceKeyOf(hashes, salt, '3'))])
    assert.deepEqual([erased?.state, erased?.digest, erased?.newest], ['erased', digest(1), 5n])
    const [stranger] = updateRecords(
      [],
      [news(2n, about('4', { type: 'drill-withdrawn', seriesInstanceUid: null, digest: null }))],
    )
    assert.deepEqual([stranger?.state, stranger?.digest, stranger?.series], ['withdrawn', null, digest(0)])
  })

  it('counts an entry once, however often it comes', () => {
    const entries = [news(1n, about('3')), news(1n, about('4')), news(3n, about('3', { type: 'drill-withdrawn' }))]
    const once = updateRecords([], entries)
    assert.deepEqual(updateRecords(once, entries), once)
    assert.deepEqual(updateRecords(once, entries.slice(0, 2)), once)
    assert.deepEqual(updateRecords([], [...entries.slice(0, 1), ...entries]), once)
  })

  it('comes to the same however the entries are cut', () => {
    const random = seeded(3)
    const types = ['acquired', 'received', 'drill-withdrawn', 'derived']
    const all = Array.from({ length: 300 }, (_, i) =>
      news(
        BigInt(i),
        about(`${random(40)}`, {
          type: types[random(4)] as string,
          digest: random(3) === 0 ? null : digest(1 + random(8)),
        }),
      ),
    )
    const whole = updateRecords([], all)
    for (const cut of [1, 7, 100, 299]) {
      let records: readonly MapRecord[] = []
      for (let i = 0; i < all.length; i += cut) records = updateRecords(records, all.slice(i, i + cut))
      assert.deepEqual(records, whole)
    }
    assert.ok(isAscending(whole))
    assert.deepEqual(decodeRecords(encodeRecords(whole)), whole)
  })
})

describe('newsOf', () => {
  it('passes over events that do not say whether an instance is there', () => {
    for (const type of ['verified', 'forwarded', 'quarantined', 'disclosed', 'erased', 'map-root', 'toString', '']) {
      assert.equal(newsOf(hashes, salt, 1n, about('3', { type })), undefined)
      assert.ok(!changesStudy(type))
    }
    for (const type of ['acquired', 'received', 'sealed-at-gateway', 'transcoded', 'derived', 'drill-injected']) {
      assert.equal(news(1n, about('3', { type })).state, 'present')
    }
  })

  it('takes a digest of zeros for none, as a record spells it', () => {
    assert.equal(news(1n, about('3', { digest: digest(0) })).digest, null)
  })

  it('refuses a digest of another length', () => {
    assert.throws(() => news(1n, about('3', { digest: new Uint8Array(20) })), RangeError)
  })
})

describe('factsOfEvent', () => {
  const instance = { studyInstanceUid: '1', seriesInstanceUid: '2', sopInstanceUid: '3' }
  it('prefers the digest of the data set', () => {
    const digests = { dataset: digest(1), file: digest(2) }
    assert.deepEqual(factsOfInstance('received', instance, digests), [
      { type: 'received', ...instance, digest: digest(1) },
    ])
    const [facts] = factsOfInstance('received', instance, { ...digests, dataset: null })
    assert.deepEqual(facts && 'digest' in facts && facts.digest, digest(2))
  })
  it('leaves an instance out that cannot be named', () => {
    for (const uid of ['studyInstanceUid', 'sopInstanceUid']) {
      assert.deepEqual(factsOfInstance('received', { ...instance, [uid]: null }, null), [])
    }
    assert.deepEqual(factsOfInstance('received', null, null), [])
    assert.equal(factsOfInstance('received', { ...instance, seriesInstanceUid: null }, null).length, 1)
  })
  it('reads of an erasure which entry it erases, and nothing of the image', () => {
    const statement = { type: 'erased', instance: null, digests: null, details: { index: 5n } }
    const facts = factsOfEvent(statement as unknown as Parameters<typeof factsOfEvent>[0])
    assert.deepEqual(facts, [{ type: 'erased', erases: 5n }])
  })
})

describe('keys', () => {
  const secret = digest(5)
  it('are what the reference says', () => {
    const blindingKey = blindingKeyOf(hashes, secret)
    assert.deepEqual(blindingKey, sha256(encodeUtf8('fiducial map blinding v1\n'), secret))
    const study = studyKeyOf(hashes, blindingKey, '1.2')
    assert.deepEqual(study, sha256(encodeUtf8('fiducial map study key v1\n'), blindingKey, encodeUtf8('1.2')))
    assert.deepEqual(studySaltOf(hashes, secret, study), sha256(encodeUtf8('fiducial map salt v1\n'), secret, study))
    assert.deepEqual(
      instanceKeyOf(hashes, salt, '9'),
      sha256(encodeUtf8('fiducial map instance key v1\n'), salt, encodeUtf8('9')),
    )
    assert.deepEqual(
      seriesKeyOf(hashes, salt, '9'),
      sha256(encodeUtf8('fiducial map series key v1\n'), salt, encodeUtf8('9')),
    )
  })
  it('refuse a secret of another length', () => {
    for (const length of [0, 31, 33]) {
      assert.throws(() => blindingKeyOf(hashes, new Uint8Array(length)), RangeError)
      assert.throws(() => studySaltOf(hashes, new Uint8Array(length), salt), RangeError)
    }
  })
})

describe('decodeRecords', () => {
  const records = updateRecords(
    [],
    ['1', '2', '3'].map((uid, i) => news(BigInt(i), about(uid))),
  )
  const bytes = encodeRecords(records)

  it('gives each record 117 bytes', () => {
    assert.equal(bytes.length, 351)
    assert.deepEqual(decodeRecords(new Uint8Array()), [])
    // A part of a larger buffer, as a driver of a database may hand it in.
    assert.deepEqual(encodeRecords(decodeRecords(Buffer.concat([Buffer.of(1), bytes]).subarray(1))), bytes)
  })

  const refusals: readonly { readonly name: string; readonly bytes: Uint8Array }[] = [
    { name: 'records that are cut short', bytes: bytes.subarray(0, 350) },
    { name: 'an unknown state', bytes: bytes.with(116, 3) },
    { name: 'one record twice', bytes: Uint8Array.of(...bytes.subarray(0, 117), ...bytes.subarray(0, 117)) },
    { name: 'records out of order', bytes: encodeRecords(records.toReversed()) },
    { name: 'a newest entry before the first', bytes: bytes.with(103, 200) },
    { name: 'no entries', bytes: bytes.with(115, 0) },
    { name: 'more entries than there are indexes', bytes: bytes.with(115, 2) },
  ]
  for (const { name, bytes: damaged } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => decodeRecords(damaged), isCorrupted))
  }

  it('makes another value of every record that is changed in any byte', () => {
    const values = new Set([encodeHex(summarize(hashes, salt, records).root)])
    const [first, ...rest] = records as [MapRecord]
    for (const change of [
      { series: digest(9) },
      { digest: digest(9) },
      { digest: null },
      { newest: 9n },
      { first: 9n },
      { entries: 2 },
      { state: 'erased' as const },
      { state: 'withdrawn' as const },
    ]) {
      values.add(encodeHex(summarize(hashes, salt, [{ ...first, ...change }, ...rest]).root))
      assert.equal(encodeRecord({ ...first, ...change }).length, 117)
    }
    assert.equal(values.size, 9)
  })
})

describe('places of entries', () => {
  const place = (index: bigint, byte: number): EntryPlace => ({
    index,
    study: digest(byte),
    instance: digest(byte + 1),
  })

  it('read as they were written, 256 entries to a row', () => {
    const row = [place(512n, 1), place(512n, 3), place(600n, 5), place(767n, 7)]
    for (const index of [512n, 767n]) assert.deepEqual(decodeRow(encodeRow(row), index), row)
    assert.deepEqual(
      [rowName(0n), rowName(511n), rowName(512n), rowName(767n), rowName(768n)],
      ['e0', 'e1', 'e2', 'e2', 'e3'],
    )
    assert.deepEqual(decodeRow(new Uint8Array(), 1n), [])
  })

  it('refuses a row that is cut short or out of order', () => {
    const row = encodeRow([place(1n, 1), place(2n, 3)])
    for (const damaged of [
      row.subarray(0, -1),
      row.subarray(1),
      Uint8Array.of(...row.subarray(65), ...row.subarray(0, 65)),
    ]) {
      assert.throws(() => decodeRow(damaged, 1n), isCorrupted)
    }
  })
})
