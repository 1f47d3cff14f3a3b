import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeRle } from './rle.ts'
import { encodeRle } from './rle-encode.ts'

const shape = (rows: number, columns: number) => ({
  rows,
  columns,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 16,
  isSigned: false,
  photometricInterpretation: 'MONOCHROME2',
  planarConfiguration: 0 as const,
})

/** Frames that make runs of every length and none. */
const FRAMES: readonly (readonly [name: string, columns: number, samples: Uint16Array])[] = [
  ['one pixel', 1, Uint16Array.of(0xabcd)],
  ['one value', 300, new Uint16Array(600).fill(0x0102)],
  ['no two alike', 257, Uint16Array.from({ length: 514 }, (_, i) => (i * 40_503) % 65_536)],
  ['runs of two and three', 99, Uint16Array.from({ length: 297 }, (_, i) => [1, 1, 2, 2, 2, 3][i % 6] as number)],
  ['a run of 129', 129, new Uint16Array(129).fill(7)],
]

describe('encodeRle', () => {
  for (const [name, columns, samples] of FRAMES) {
    it(`gives back ${name} when decoded`, () => {
      const encoded = encodeRle(samples, columns)
      assert.equal(encoded.length % 2, 0)
      const { bytes } = decodeRle(encoded, shape(samples.length / columns, columns))
      assert.deepEqual(new Uint16Array(bytes.slice().buffer), samples)
    })
  }

  it('encodes signed values by their bits', () => {
    const samples = Int16Array.of(-1, -32_768, 0, 32_767)
    const { bytes } = decodeRle(encodeRle(samples, 2), shape(2, 2))
    assert.deepEqual(new Int16Array(bytes.slice().buffer), samples)
  })

  it('makes even frames smaller', () => {
    assert.ok(encodeRle(new Uint16Array(512 * 512), 512).length < 10_000)
  })
})
