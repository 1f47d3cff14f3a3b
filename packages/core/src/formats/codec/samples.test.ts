import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { interleavePlanes, packSamples, viewSamples16 } from './samples.ts'
import { checkAgreement, checkShape, type FrameShape, frameLength } from './shape.ts'

const SHAPE: FrameShape = {
  rows: 1,
  columns: 3,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  isSigned: false,
  planarConfiguration: 0,
  photometricInterpretation: 'MONOCHROME2',
}

describe('native samples (PS3.5 section 8.1.1)', () => {
  it('are little endian', () => {
    assert.deepEqual([...packSamples(Uint16Array.of(1, 0x0234, 0xfff), 12, SHAPE)], [1, 0, 0x34, 2, 0xff, 0x0f])
  })

  it('are extended by their sign if the shape is signed', () => {
    assert.deepEqual(
      [...packSamples(Uint16Array.of(1, 0x800, 0xfff), 12, { ...SHAPE, isSigned: true })],
      [1, 0, 0, 0xf8, 0xff, 0xff],
    )
  })

  it('of 8 bits are extended likewise', () => {
    const shape = { ...SHAPE, bitsAllocated: 8, bitsStored: 7 }
    assert.deepEqual([...packSamples(Uint8Array.of(1, 0x40, 0x7f), 7, { ...shape, isSigned: true })], [1, 0xc0, 0xff])
    assert.deepEqual([...packSamples(Uint8Array.of(1, 0x40, 0x7f), 7, shape)], [1, 0x40, 0x7f])
  })

  it('of 16 bits widen to 32', () => {
    const shape = { ...SHAPE, columns: 1, bitsAllocated: 32, bitsStored: 16 }
    assert.deepEqual([...packSamples(Uint16Array.of(0x8001), 16, shape)], [1, 0x80, 0, 0])
    assert.deepEqual([...packSamples(Uint16Array.of(0x8001), 16, { ...shape, isSigned: true })], [1, 0x80, 0xff, 0xff])
  })

  it('of one bit fill bytes from the least significant bit on', () => {
    const shape = { ...SHAPE, columns: 10, bitsAllocated: 1, bitsStored: 1 }
    assert.deepEqual([...packSamples(Uint8Array.of(1, 0, 1, 1, 0, 0, 0, 1, 0, 1), 1, shape)], [0b10001101, 0b10])
  })

  it('refuse another number of samples', () => {
    assert.throws(
      () => packSamples(new Uint16Array(4), 12, SHAPE),
      (error) => error instanceof FormatError && error.code === 'codec_failed',
    )
  })

  it('by plane become samples by pixel', () => {
    assert.deepEqual([...interleavePlanes(Uint16Array.of(1, 2, 3, 4, 5, 6), 3)], [1, 3, 5, 2, 4, 6])
  })

  it('of 16 bits are read from any offset', () => {
    const bytes = Uint8Array.of(9, 1, 2, 3, 4)
    assert.deepEqual([...viewSamples16(bytes.subarray(1))], [0x0201, 0x0403])
    assert.deepEqual([...viewSamples16(bytes.slice(1))], [0x0201, 0x0403])
  })
})

describe('the shape of a frame', () => {
  it('gives the length in bytes, of one-bit frames too', () => {
    assert.equal(frameLength(SHAPE), 6)
    assert.equal(frameLength({ ...SHAPE, rows: 510, columns: 510, bitsAllocated: 1, bitsStored: 1 }), 32513)
  })

  const refused: readonly { readonly name: string; readonly shape: Partial<FrameShape>; readonly code: string }[] = [
    { name: 'no rows', shape: { rows: 0 }, code: 'codec_unsupported' },
    { name: 'half a column', shape: { columns: 1.5 }, code: 'codec_unsupported' },
    { name: 'two samples per pixel', shape: { samplesPerPixel: 2 }, code: 'codec_unsupported' },
    { name: '12 bits allocated', shape: { bitsAllocated: 12 }, code: 'codec_unsupported' },
    { name: 'more bits stored than allocated', shape: { bitsStored: 17 }, code: 'codec_unsupported' },
    {
      name: 'one-bit colour',
      shape: { bitsAllocated: 1, bitsStored: 1, samplesPerPixel: 3 },
      code: 'codec_unsupported',
    },
    { name: 'more than 2 GiB', shape: { rows: 40000, columns: 40000 }, code: 'dicom_limit_exceeded' },
  ]
  for (const { name, shape, code } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => checkShape({ ...SHAPE, ...shape }),
        (error) => error instanceof FormatError && error.code === code,
      )
    })
  }

  it('must be that of the codestream', () => {
    const size = { rows: 1, columns: 3, samplesPerPixel: 1, precision: 12 }
    checkAgreement(size, SHAPE)
    for (const other of [{ rows: 2 }, { columns: 2 }, { samplesPerPixel: 3 }, { precision: 17 }]) {
      assert.throws(
        () => checkAgreement({ ...size, ...other }, SHAPE),
        (error) => error instanceof FormatError && error.code === 'codec_failed',
      )
    }
  })
})
