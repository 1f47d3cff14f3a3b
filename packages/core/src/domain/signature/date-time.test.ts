import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDateTime, parseDateTime } from './date-time.ts'

describe('parseDateTime', () => {
  const ACCEPTED = [
    { text: '20260303101400', utc: '2026-03-03T10:14:00.000Z' },
    { text: '20260303101400.1', utc: '2026-03-03T10:14:00.100Z' },
    { text: '20260303101400.123456+0000', utc: '2026-03-03T10:14:00.123Z' },
    { text: '20260303101400.123456+0100', utc: '2026-03-03T09:14:00.123Z' },
    { text: '20260303101400-0330', utc: '2026-03-03T13:44:00.000Z' },
    { text: '20260101003000+0100', utc: '2025-12-31T23:30:00.000Z' },
    { text: ' 20260303101400 ', utc: '2026-03-03T10:14:00.000Z' },
    { text: '20240229000000', utc: '2024-02-29T00:00:00.000Z' },
  ]
  for (const { text, utc } of ACCEPTED) {
    it(`reads ${JSON.stringify(text)}`, () => assert.equal(parseDateTime(text)?.toISOString(), utc))
  }

  const REFUSED = [
    '',
    '2026',
    '202603031014',
    '20261303101400',
    '20260332101400',
    '20260303241400',
    '20260303106000',
    '2026030310140x',
    '20260303101400.1234567',
    '20260303101400.',
    '20260303101400+1',
    '2026-03-03T10:14:00Z',
    '20260303101400+0000 trailing',
  ]
  for (const text of REFUSED) it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDateTime(text), undefined))
})

describe('formatDateTime', () => {
  it('writes a fraction and a zone', () => {
    assert.equal(formatDateTime(new Date('2026-03-03T10:14:00.123Z')), '20260303101400.123000+0000')
  })

  it('is undone by parseDateTime, to the millisecond', () => {
    for (const iso of ['1970-01-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z', '9999-12-31T23:59:59.001Z']) {
      assert.equal(parseDateTime(formatDateTime(new Date(iso)))?.toISOString(), iso)
    }
  })
})
