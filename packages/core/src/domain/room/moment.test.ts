import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDate, formatDateTime, formatTime, later, parseMoment } from './moment.ts'

describe('moment', () => {
  it('spells a moment as DICOM does, in the time on the wall', () => {
    const moment = parseMoment('2026-03-04T10:11:12.345+01:00')
    assert.equal(formatDate(moment), '20260304')
    assert.equal(formatTime(moment), '101112.345000')
    assert.equal(formatDateTime(moment), '20260304101112.345000+0100')
  })

  it('takes UTC and no zone at all', () => {
    assert.equal(formatDateTime(parseMoment('2026-12-31T23:59:59Z')), '20261231235959.000000+0000')
    assert.equal(formatDateTime(parseMoment('2026-12-31T23:59:59.5')), '20261231235959.500000')
  })

  it('counts on over midnight and leap days', () => {
    assert.equal(formatDateTime(later(parseMoment('2028-02-28T23:59:59.9-05:00'), 0.2)), '20280229000000.100000-0500')
  })

  for (const text of [
    '',
    '2026-03-04',
    '2026-03-04 10:11:12',
    '2026-02-30T10:11:12',
    '2026-13-01T00:00:00',
    '2026-01-01T24:00:00',
    '2026-01-01T10:60:00',
    '2026-01-01T10:00:61',
    '2026-01-01T10:00:00+1:00',
  ]) {
    it(`refuses ${text === '' ? 'nothing' : text}`, () => {
      assert.throws(() => parseMoment(text), RangeError)
    })
  }
})
