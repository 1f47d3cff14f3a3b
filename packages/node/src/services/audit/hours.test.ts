import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { msUntilOpen, nextTime, parseHourWindow, parseTimeOfDay } from './hours.ts'

const HOUR_MS = 3_600_000
const at = (hour: number, minute = 0): Date => new Date(2026, 4, 1, hour, minute)

describe('parseTimeOfDay', () => {
  it('reads hours and minutes', () => {
    assert.deepEqual(parseTimeOfDay('02:05'), { hour: 2, minute: 5 })
    assert.deepEqual(parseTimeOfDay('2:05'), { hour: 2, minute: 5 })
    assert.deepEqual(parseTimeOfDay('23:59'), { hour: 23, minute: 59 })
  })

  for (const text of ['', '24:00', '2', '02:60', '02:5', '02:05:00', ' 02:05', 'noon']) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseTimeOfDay(text), undefined))
  }
})

describe('parseHourWindow', () => {
  it('reads two times', () => {
    assert.deepEqual(parseHourWindow('22:00-06:30'), { from: { hour: 22, minute: 0 }, to: { hour: 6, minute: 30 } })
  })

  for (const text of ['22:00', '22:00-22:00', '22:00-06:00-07:00', '22:00-', '-06:00', '22:00–06:00']) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseHourWindow(text), undefined))
  }
})

describe('msUntilOpen', () => {
  const night = { from: { hour: 22, minute: 0 }, to: { hour: 6, minute: 0 } }
  const day = { from: { hour: 9, minute: 0 }, to: { hour: 17, minute: 0 } }

  it('is 0 inside, also over midnight', () => {
    for (const time of [at(22), at(23, 59), at(0), at(5, 59)]) assert.equal(msUntilOpen(night, time), 0)
    for (const time of [at(9), at(16, 59)]) assert.equal(msUntilOpen(day, time), 0)
  })

  it('is the time until the first moment outside', () => {
    assert.equal(msUntilOpen(night, at(6)), 16 * HOUR_MS)
    assert.equal(msUntilOpen(night, at(21)), HOUR_MS)
    assert.equal(msUntilOpen(day, at(8)), HOUR_MS)
    assert.equal(msUntilOpen(day, at(17)), 16 * HOUR_MS)
  })
})

describe('nextTime', () => {
  it('is today or tomorrow, and never now', () => {
    const two = { hour: 2, minute: 0 }
    assert.deepEqual(nextTime(two, at(1)), at(2))
    assert.deepEqual(nextTime(two, at(2)), new Date(2026, 4, 2, 2, 0))
    assert.deepEqual(nextTime(two, at(3)), new Date(2026, 4, 2, 2, 0))
  })
})
