import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateRaw } from 'pako'
import { FormatError } from '../../errors.ts'
import { decodeDeflated } from './deflated.ts'
import type { FrameShape } from './shape.ts'

const SHAPE: FrameShape = {
  rows: 3,
  columns: 5,
  samplesPerPixel: 1,
  bitsAllocated: 8,
  bitsStored: 8,
  isSigned: false,
  planarConfiguration: 0,
  photometricInterpretation: 'MONOCHROME2',
}
const NATIVE = Uint8Array.from({ length: 15 }, (_, i) => 7 * i)

const refuses = (codestream: Uint8Array, shape = SHAPE): void =>
  assert.throws(
    () => decodeDeflated(codestream, shape),
    (error) => error instanceof FormatError && error.code === 'codec_failed',
  )

describe('Deflated Image Frame Compression (PS3.5 A.4.13)', () => {
  it('inflates a frame', () => assert.deepEqual(decodeDeflated(deflateRaw(NATIVE), SHAPE).bytes, NATIVE))

  it('takes a frame that was padded to even length', () => {
    const padded = new Uint8Array(16)
    padded.set(NATIVE)
    assert.deepEqual(decodeDeflated(deflateRaw(padded), SHAPE).bytes, NATIVE)
  })

  it('takes a stream that was padded to even length', () => {
    assert.deepEqual(decodeDeflated(Uint8Array.from([...deflateRaw(NATIVE), 0]), SHAPE).bytes, NATIVE)
  })

  it('puts colour by plane in order of pixels', () => {
    const shape = {
      ...SHAPE,
      rows: 1,
      columns: 2,
      samplesPerPixel: 3,
      bitsAllocated: 16,
      bitsStored: 16,
      planarConfiguration: 1,
    }
    const planes = Uint8Array.from({ length: 12 }, (_, i) => i)
    assert.deepEqual([...decodeDeflated(deflateRaw(planes), shape).bytes], [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11])
  })

  it('refuses a frame that is longer or shorter', () => {
    refuses(deflateRaw(new Uint8Array(17)))
    refuses(deflateRaw(new Uint8Array(14)))
    refuses(deflateRaw(new Uint8Array(1_000_000)))
  })

  it('refuses a stream that is cut short, at every length', () => {
    const stream = deflateRaw(NATIVE)
    for (let length = 0; length < stream.length; length++) refuses(stream.subarray(0, length))
  })

  it('refuses data behind the end of the stream', () => {
    refuses(Uint8Array.from([...deflateRaw(NATIVE), 1, 2]))
    refuses(Uint8Array.from([...deflateRaw(NATIVE), ...deflateRaw(NATIVE)]))
  })

  it('allocates nothing for a frame that its stream cannot fill', () =>
    refuses(deflateRaw(NATIVE), { ...SHAPE, rows: 40000, columns: 40000 }))
})
