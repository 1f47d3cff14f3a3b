import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { UsageError } from '../usage-error.ts'
import { readFormats, readLimits, readSchedule, readSince } from './options.ts'

describe('readLimits', () => {
  it('reads rates of images and of bytes, and hours', () => {
    assert.deepEqual(readLimits({ throttle: ['20/s', '1.5MB/s'], between: '22:00-06:00' }), {
      instancesPerSecond: 20,
      bytesPerSecond: 1_500_000,
      hours: { from: { hour: 22, minute: 0 }, to: { hour: 6, minute: 0 } },
    })
    assert.deepEqual(readLimits({ throttle: ['0.5/s', '10kb/s'] }), { instancesPerSecond: 0.5, bytesPerSecond: 10_000 })
    assert.deepEqual(readLimits({}), {})
  })

  for (const word of ['', '20', '0/s', '-1/s', '20/m', 'MB/s', '1e9/s']) {
    it(`refuses ${JSON.stringify(word)}`, () => assert.throws(() => readLimits({ throttle: [word] }), UsageError))
  }

  it('refuses hours that are none', () => assert.throws(() => readLimits({ between: 'night' }), UsageError))
})

describe('readSince', () => {
  it('reads a day, and the word last', () => {
    assert.deepEqual([readSince('2026-11-27'), readSince('last')], ['date:20261127', 'last'])
  })

  it('refuses everything else', () => assert.throws(() => readSince('yesterday'), UsageError))
})

describe('readFormats and readSchedule', () => {
  it('read lists and times', () => {
    assert.deepEqual(readFormats('json, html,json'), ['json', 'html'])
    assert.deepEqual(readSchedule('2:00'), { hour: 2, minute: 0 })
  })

  it('refuse everything else', () => {
    assert.throws(() => readFormats('pdf'), UsageError)
    assert.throws(() => readSchedule('25:00'), UsageError)
  })
})
