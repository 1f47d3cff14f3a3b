import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { acceptsGzip, parseRange } from './content.ts'

describe('parseRange', () => {
  const length = 100

  it('reads a range, cut where the content ends', () => {
    assert.deepEqual(parseRange('bytes=0-0', length), { first: 0, last: 0 })
    assert.deepEqual(parseRange('bytes=10-19', length), { first: 10, last: 19 })
    assert.deepEqual(parseRange('bytes=90-', length), { first: 90, last: 99 })
    assert.deepEqual(parseRange('bytes=90-1000', length), { first: 90, last: 99 })
    assert.deepEqual(parseRange('bytes=-1', length), { first: 99, last: 99 })
    assert.deepEqual(parseRange('bytes=-1000', length), { first: 0, last: 99 })
  })

  it('knows a range that begins behind the end', () => {
    for (const header of ['bytes=100-', 'bytes=100-200', 'bytes=-0', 'bytes=999999999999999-']) {
      assert.equal(parseRange(header, length), 'unsatisfiable')
    }
    assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable')
    assert.equal(parseRange('bytes=-5', 0), 'unsatisfiable')
  })

  it('ignores everything else', () => {
    const headers = [
      '',
      'bytes',
      'bytes=',
      'bytes=-',
      'bytes=9-3',
      'bytes=1-2,4-5',
      'bytes=a-b',
      'bytes=1.5-3',
      'bytes= 1-2',
      'items=0-5',
      'bytes=0--1',
      'bytes=9999999999999999-',
    ]
    for (const header of headers) assert.equal(parseRange(header, length), 'ignored')
  })
})

describe('acceptsGzip', () => {
  it('finds gzip among the codings that a client takes', () => {
    for (const header of ['gzip', 'gzip, identity', 'br;q=1.0, GZIP;q=0.5', ' deflate , gzip ; q=0.001', 'x-gzip']) {
      assert.equal(acceptsGzip(header), true, header)
    }
  })

  it('does not find it where it is missing or refused', () => {
    for (const header of [undefined, '', '*', 'identity', 'br', 'gzipped', 'gzip;q=0', 'gzip; q=0.000']) {
      assert.equal(acceptsGzip(header), false, header)
    }
  })
})
