import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { byteaArray, int4Array } from './binary-array.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Taken from `COPY (SELECT …) TO STDOUT WITH BINARY` of PostgreSQL 15, without the frame around the value. */
const FROM_POSTGRES = {
  // SELECT ARRAY['\x0102'::bytea, NULL, '\x']
  bytea: '0000000100000001000000110000000300000001000000020102ffffffff00000000',
  // SELECT ARRAY[1, -1]::int4[]
  int4: '0000000100000000000000170000000200000001000000040000000100000004ffffffff',
  // SELECT ARRAY[]::bytea[]
  empty: '000000000000000000000011',
}

/** The second number says whether there are NULLs; readers take both values for the same. */
const withoutHint = (text: string): string => `${text.slice(0, 8)}${text.slice(16)}`

describe('binary array', () => {
  it('is written as PostgreSQL writes it', () => {
    const bytea = byteaArray([Uint8Array.of(1, 2), undefined, new Uint8Array(0)])
    assert.equal(withoutHint(hex(bytea)), withoutHint(FROM_POSTGRES.bytea))
    assert.equal(withoutHint(hex(int4Array([1, -1]))), withoutHint(FROM_POSTGRES.int4))
  })

  it('has no dimension where it has no elements', () => {
    assert.equal(withoutHint(hex(byteaArray([]))), withoutHint(FROM_POSTGRES.empty))
    assert.equal(int4Array([]).length, 12)
  })

  it('takes a part of a larger buffer', () => {
    const whole = Uint8Array.of(9, 1, 2, 9)
    assert.equal(hex(byteaArray([whole.subarray(1, 3)])), hex(byteaArray([Uint8Array.of(1, 2)])))
  })

  it('refuses numbers that do not fit', () => {
    for (const value of [2 ** 31, -(2 ** 31) - 1]) assert.throws(() => int4Array([value]), RangeError)
  })
})
