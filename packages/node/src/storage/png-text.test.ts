import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '@fiducial/core/errors.ts'
import { decode, encode } from 'fast-png'
import { addPngTexts } from './png-text.ts'

const picture = encode({ width: 3, height: 2, channels: 1, depth: 8, data: Uint8Array.of(1, 2, 3, 4, 5, 6) })

describe('addPngTexts', () => {
  const texts = [
    { keyword: 'Synthetic', text: 'YES' },
    { keyword: 'Comment', text: 'SYNTHETIC, é' },
  ]

  it('writes words that another reader finds, and keeps the samples', () => {
    const { text, data } = decode(addPngTexts(picture, texts), { checkCrc: true })
    assert.deepEqual(text, { Synthetic: 'YES', Comment: 'SYNTHETIC, é' })
    assert.deepEqual([...data], [1, 2, 3, 4, 5, 6])
  })

  it('keeps every other byte', () => {
    const made = addPngTexts(picture, texts)
    assert.deepEqual(made.subarray(0, 33), picture.subarray(0, 33))
    assert.deepEqual(made.subarray(made.length - (picture.length - 33)), picture.subarray(33))
    assert.deepEqual(addPngTexts(picture, []), new Uint8Array(picture))
  })

  it('refuses what is too short for a header', () => {
    assert.throws(
      () => addPngTexts(picture.subarray(0, 20), texts),
      (error) => error instanceof FormatError && error.code === 'picture_malformed',
    )
  })
})
