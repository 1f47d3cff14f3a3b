import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { formatMarkHeader, HEADER_BYTES, type MarkHeader, parseMarkHeader } from './header.ts'

const header: MarkHeader = {
  hasChips: true,
  recordId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  volumeNonce: new Uint8Array(16).fill(0xa5),
  index: 3,
  count: 40,
  plane: 1,
  planes: 3,
}

const REFUSALS = [
  { name: 'another magic', at: 0, value: 0x47 },
  { name: 'another version', at: 2, value: 2 },
  { name: 'a flag that nobody knows', at: 3, value: 2 },
  { name: 'an index outside the volume', at: 31, value: 40 },
  { name: 'a plane outside the image', at: 39, value: 3 },
  { name: 'an end that is not zero', at: 47, value: 1 },
]

describe('parseMarkHeader', () => {
  it('reads what formatMarkHeader writes', () => {
    assert.deepEqual(parseMarkHeader(formatMarkHeader(header)), header)
  })

  for (const { name, at, value } of REFUSALS) {
    it(`refuses ${name}`, () => {
      const bytes = formatMarkHeader(header)
      bytes[at] = value
      assert.throws(() => parseMarkHeader(bytes), { code: 'mark_malformed' })
    })
  }

  it('reads any bytes or refuses them, and writes what it reads to the letter', () => {
    const good = formatMarkHeader(header)
    for (let bit = 0; bit < 8 * HEADER_BYTES; bit++) {
      const bytes = good.slice()
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      try {
        assert.deepEqual(formatMarkHeader(parseMarkHeader(bytes)), bytes)
      } catch (error) {
        assert.ok(error instanceof FormatError)
      }
    }
  })

  it('refuses another length', () => {
    assert.throws(() => parseMarkHeader(new Uint8Array(47)), { code: 'mark_malformed' })
  })
})

describe('formatMarkHeader', () => {
  it('writes nothing that nobody reads', () => {
    assert.throws(() => formatMarkHeader({ ...header, count: 3 }), RangeError)
  })
})
