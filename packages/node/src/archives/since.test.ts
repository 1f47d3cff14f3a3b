import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cursorOfDay, parseSince } from './since.ts'

describe('parseSince', () => {
  it('reads days and changes', () => {
    assert.deepEqual(parseSince('date:20261127'), { kind: 'date', date: '20261127' })
    assert.deepEqual(parseSince('change:812'), { kind: 'change', change: 812 })
  })

  for (const cursor of [undefined, '', 'date:2026', 'date:2026-11-27', 'change:', 'change:-1', 'other:1', 'next']) {
    it(`lists all for ${JSON.stringify(cursor)}`, () => assert.deepEqual(parseSince(cursor), { kind: 'all' }))
  }
})

describe('cursorOfDay', () => {
  it('is the day before, and is read again', () => {
    assert.equal(cursorOfDay(new Date('2026-03-01T23:30:00Z')), 'date:20260228')
    assert.equal(parseSince(cursorOfDay(new Date('2026-03-01T23:30:00Z'))).kind, 'date')
  })
})
