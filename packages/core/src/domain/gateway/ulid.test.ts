import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createUlids, timeOfUlid, ULID } from './ulid.ts'

const noChance = (length: number) => new Uint8Array(length)

describe('ULID', () => {
  it('spells a known value as others do', () => {
    // From the text of ulid/spec: 01ARZ3NDEKTSV4RRFFQ69G5FAV was given at this moment.
    assert.equal(timeOfUlid('01ARZ3NDEKTSV4RRFFQ69G5FAV').toISOString(), '2016-07-30T23:54:10.259Z')
    assert.equal(createUlids(noChance)(new Date('2016-07-30T23:54:10.259Z')), '01ARZ3NDEK0000000000000000')
  })

  it('ascends within a millisecond, and where the clock goes back', () => {
    const next = createUlids((length) => new Uint8Array(length).fill(0xff))
    const names = [5, 5, 5, 4, 1, 6, 6].map((ms) => next(new Date(1_700_000_000_000 + ms)))
    assert.deepEqual(names.toSorted(), names)
    assert.equal(new Set(names).size, names.length)
    assert.ok(names.every((name) => ULID.test(name)))
  })

  it('gives the moment back', () => {
    const moment = new Date('2026-03-03T10:14:00.123Z')
    assert.deepEqual(timeOfUlid(createUlids(noChance)(moment)), moment)
  })

  it('refuses what is no ULID', () => {
    for (const text of ['', '01ARZ3NDEKTSV4RRFFQ69G5FA', '81ARZ3NDEKTSV4RRFFQ69G5FAV', '01ARZ3NDEKTSV4RRFFQ69G5FIV'])
      assert.throws(() => timeOfUlid(text), RangeError)
  })
})
