import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { decodeRle } from './rle.ts'
import type { FrameShape } from './shape.ts'

const GREY: FrameShape = {
  rows: 2,
  columns: 3,
  samplesPerPixel: 1,
  bitsAllocated: 8,
  bitsStored: 8,
  isSigned: false,
  planarConfiguration: 0,
  photometricInterpretation: 'MONOCHROME2',
}

/** A codestream of segments, one behind the other. */
function rle(...segments: readonly (readonly number[])[]): Uint8Array {
  const header = new Uint32Array(16)
  header[0] = segments.length
  let offset = 64
  for (const [i, segment] of segments.entries()) {
    header[i + 1] = offset
    offset += segment.length
  }
  return Uint8Array.from([...new Uint8Array(header.buffer), ...segments.flat()])
}

const failsWith = (code: string, codestream: Uint8Array, shape = GREY): void =>
  assert.throws(
    () => decodeRle(codestream, shape),
    (error) => error instanceof FormatError && error.code === code,
  )

describe('RLE Lossless (PS3.5 annex G)', () => {
  const accepted = [
    { name: 'a literal run', segment: [5, 1, 2, 3, 4, 5, 6], bytes: [1, 2, 3, 4, 5, 6] },
    { name: 'a repeated byte', segment: [251, 9], bytes: [9, 9, 9, 9, 9, 9] },
    { name: 'runs that cross a row', segment: [1, 1, 2, 253, 7], bytes: [1, 2, 7, 7, 7, 7] },
    { name: 'a byte that does nothing', segment: [128, 251, 9], bytes: [9, 9, 9, 9, 9, 9] },
    { name: 'one byte of padding', segment: [251, 9, 0], bytes: [9, 9, 9, 9, 9, 9] },
  ]
  for (const { name, segment, bytes } of accepted) {
    it(`reads ${name}`, () => assert.deepEqual([...decodeRle(rle(segment), GREY).bytes], bytes))
  }

  it('puts the most significant byte of 16 bits first', () => {
    const shape = { ...GREY, rows: 1, columns: 2, bitsAllocated: 16, bitsStored: 16 }
    assert.deepEqual([...decodeRle(rle([1, 0x12, 0x56], [1, 0x34, 0x78]), shape).bytes], [0x34, 0x12, 0x78, 0x56])
  })

  it('interleaves the components of 32-bit colour', () => {
    const shape = { ...GREY, rows: 1, columns: 1, samplesPerPixel: 3, bitsAllocated: 32, bitsStored: 32 }
    const segments = Array.from({ length: 12 }, (_, i) => [0, i])
    assert.deepEqual([...decodeRle(rle(...segments), shape).bytes], [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8])
  })

  it('takes one-bit samples as bytes', () => {
    const shape = { ...GREY, bitsAllocated: 1, bitsStored: 1 }
    assert.deepEqual([...decodeRle(rle([0, 0x2d]), shape).bytes], [0x2d])
  })

  const refused = [
    { name: 'a header cut short', codestream: new Uint8Array(63), code: 'codec_failed' },
    { name: 'too many segments', codestream: rle([251, 9], [251, 9]), code: 'codec_failed' },
    { name: 'too few segments', codestream: rle(), code: 'codec_failed' },
    { name: 'a segment inside the header', codestream: withByte(rle([251, 9]), 4, 63), code: 'codec_failed' },
    { name: 'a segment behind the end', codestream: withByte(rle([251, 9]), 5, 1), code: 'codec_failed' },
    { name: 'a literal run cut short', codestream: rle([5, 1, 2, 3]), code: 'codec_failed' },
    { name: 'a repeated byte that is not there', codestream: rle([251]), code: 'codec_failed' },
    { name: 'a segment that ends before its plane', codestream: rle([252, 9]), code: 'codec_failed' },
    { name: 'a run over the end of the plane', codestream: rle([250, 9]), code: 'codec_failed' },
    { name: 'data behind the plane', codestream: rle([251, 9, 1, 2, 3]), code: 'codec_failed' },
  ]
  for (const { name, codestream, code } of refused) it(`refuses ${name}`, () => failsWith(code, codestream))

  it('refuses a pixel of more than 15 bytes', () => {
    failsWith('codec_unsupported', rle([251, 9]), { ...GREY, samplesPerPixel: 4, bitsAllocated: 32, bitsStored: 32 })
  })

  it('allocates nothing for a frame that its codestream cannot fill', () => {
    failsWith('codec_failed', rle([129, 9]), { ...GREY, rows: 40000, columns: 40000 })
  })
})

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = value
  return changed
}
