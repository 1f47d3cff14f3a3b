import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatBytes, formatSeconds } from './progress.ts'

describe('figures', () => {
  it('say bytes in units of 1000', () => {
    const pairs: readonly (readonly [number, string])[] = [
      [0, '0 bytes'],
      [999, '999 bytes'],
      [1000, '1.0 kB'],
      [530_123, '530.1 kB'],
      [15_100_000, '15.1 MB'],
      [2e9, '2.0 GB'],
      [3e15, '3000.0 TB'],
    ]
    for (const [bytes, text] of pairs) assert.equal(formatBytes(bytes), text)
  })

  it('say times as people do', () => {
    const pairs: readonly (readonly [number, string])[] = [
      [0.04, '0.0 s'],
      [9.94, '9.9 s'],
      [42, '42 s'],
      [89, '89 s'],
      [150, '3 min'],
      [7260, '2 h 1 min'],
    ]
    for (const [seconds, text] of pairs) assert.equal(formatSeconds(seconds), text)
  })
})
