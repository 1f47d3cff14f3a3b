import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { FormatError } from '@fiducial/core/errors.ts'
import { decode, encode } from 'fast-png'
import { openPng } from './png-file.ts'

const [width, height] = [9, 5]
const samplesOf = (channels: number) => Uint8Array.from({ length: width * height * channels }, (_, i) => i * 7)
const pngOf = (channels: number): Uint8Array => encode({ width, height, channels, depth: 8, data: samplesOf(channels) })

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length)
  bytes.writeUInt32BE(data.length)
  bytes.write(type, 4, 'latin1')
  bytes.set(data, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length)
  return bytes
}
/** With a chunk behind the header, which is 25 bytes after the 8 of the signature. */
const withChunk = (file: Uint8Array, extra: Uint8Array): Uint8Array =>
  Buffer.concat([file.subarray(0, 33), extra, file.subarray(33)])
const withCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

describe('openPng', () => {
  for (const channels of [1, 2, 3, 4]) {
    it(`reads and writes ${channels} channels of 8 bits`, () => {
      const { picture, encode: write } = openPng(pngOf(channels))
      assert.deepEqual([picture.width, picture.height, picture.depth, picture.channels], [width, height, 8, channels])
      const changed = picture.bytes.map((sample) => sample ^ 1)
      assert.deepEqual(new Uint8Array(openPng(write(changed)).picture.bytes), new Uint8Array(changed))
    })
  }

  it('reads and writes 16 bits', () => {
    const data = Uint16Array.from({ length: width * height }, (_, i) => i * 1234)
    const { picture, encode: write } = openPng(encode({ width, height, channels: 1, depth: 16, data }))
    assert.equal(picture.depth, 16)
    assert.deepEqual(new Uint16Array(picture.bytes.slice().buffer), data)
    const again = decode(write(new Uint8Array(data.map((sample) => sample ^ 1).buffer)))
    assert.deepEqual(
      [...again.data],
      [...data].map((sample) => sample ^ 1),
    )
  })

  it('keeps every other chunk, and what stands behind the end', () => {
    const extra = chunk('tEXt', Buffer.from('Comment\0kept'))
    const file = Buffer.concat([withChunk(pngOf(1), extra), Buffer.from('behind')])
    const { picture, encode: write } = openPng(file)
    const made = Buffer.from(write(picture.bytes))
    assert.ok(made.includes(Buffer.from(extra)))
    assert.ok(made.subarray(-6).equals(Buffer.from('behind')))
    assert.deepEqual(openPng(made).picture.bytes, picture.bytes)
  })

  it('writes without interlacing what came with it', () => {
    const file = encode({ width, height, channels: 1, depth: 8, data: samplesOf(1) }, { interlace: 'Adam7' })
    const { picture, encode: write } = openPng(file)
    const made = write(picture.bytes)
    assert.equal(made[28], 0)
    assert.deepEqual(new Uint8Array(openPng(made).picture.bytes), samplesOf(1))
  })

  const header = (depth: number, colour: number, side = 9) => {
    const data = Buffer.alloc(13)
    data.writeUInt32BE(side)
    data.writeUInt32BE(side, 4)
    data.set([depth, colour], 8)
    return Buffer.concat([
      pngOf(1).subarray(0, 8),
      chunk('IHDR', data),
      chunk('IDAT', Buffer.alloc(4)),
      chunk('IEND', Buffer.alloc(0)),
    ])
  }
  const refusals: readonly (readonly [string, string, Uint8Array])[] = [
    ['a palette', 'pixels_unsuited', header(8, 3)],
    ['samples of 4 bits', 'pixels_unsuited', header(4, 0)],
    ['a movement', 'pixels_unsuited', withChunk(pngOf(1), chunk('acTL', Buffer.alloc(8)))],
    ['a transparent colour', 'pixels_unsuited', withChunk(pngOf(1), chunk('tRNS', Buffer.alloc(2)))],
    ['too many pixels', 'dicom_limit_exceeded', header(8, 0, 20_000)],
    ['a file that ends early', 'picture_malformed', pngOf(1).subarray(0, 50)],
    ['damaged samples', 'picture_malformed', header(8, 0)],
    ['no header', 'picture_malformed', pngOf(1).subarray(0, 8)],
  ]
  for (const [name, code, file] of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(() => openPng(file), withCode(code))
    })
  }
})
