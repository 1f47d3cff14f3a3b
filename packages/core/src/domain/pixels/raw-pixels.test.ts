import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { openPicturePixels } from './picture-pixels.ts'
import { openRawPixels, parseRawShape } from './raw-pixels.ts'

describe('parseRawShape', () => {
  it('reads columns, rows, bits and the order of bytes', () => {
    assert.deepEqual(parseRawShape('640x480x16'), { width: 640, height: 480, bits: 16, isBigEndian: false })
    assert.deepEqual(parseRawShape('640x480x12be'), { width: 640, height: 480, bits: 12, isBigEndian: true })
    assert.deepEqual(parseRawShape('1x1x8le'), { width: 1, height: 1, bits: 8, isBigEndian: false })
  })

  for (const text of ['', '640x480', '0x480x16', '640x480x17', '640x480x16xx', '640X480X16', '-1x2x8', '640x480x016'])
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseRawShape(text), undefined)
    })
})

describe('openRawPixels', () => {
  for (const isBigEndian of [false, true]) {
    it(`reads and writes frames of 16 bits, ${isBigEndian ? 'big' : 'little'} endian`, () => {
      const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
      const pixels = openRawPixels(memorySource(bytes), { width: 2, height: 2, bits: 16, isBigEndian })
      assert.equal(pixels.frames, 2)
      assert.equal(pixels.read(1)[0]?.samples[0], isBigEndian ? 0x090a : 0x0a09)
      const made = joinBytes([...pixels.write((_, planes) => planes)])
      assert.deepEqual(made, bytes)
    })
  }

  it('refuses what is not made of whole frames', () => {
    const shape = { width: 3, height: 3, bits: 8, isBigEndian: false }
    for (const length of [0, 8, 10])
      assert.throws(
        () => openRawPixels(memorySource(new Uint8Array(length)), shape),
        (error) => error instanceof FormatError && error.code === 'picture_malformed',
      )
  })
})

describe('openPicturePixels', () => {
  it('marks colours and keeps opacity', () => {
    const bytes = Uint8Array.of(1, 2, 3, 200, 4, 5, 6, 201)
    const picture = { width: 2, height: 1, depth: 8, channels: 4, bytes, isLossy: false }
    const pixels = openPicturePixels(picture, (made) => [made])
    assert.equal(pixels.components, 3)
    const made = joinBytes([
      ...pixels.write((_, planes) => planes.map((plane) => ({ ...plane, samples: plane.samples.map((v) => v + 10) }))),
    ])
    assert.deepEqual([...made], [11, 12, 13, 200, 14, 15, 16, 201])
  })
})
