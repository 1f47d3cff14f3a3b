import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { decodeLosslessJpeg } from './jpeg.ts'
import type { FrameShape } from './shape.ts'
import {
  CATEGORIES,
  EOI,
  frameHeader,
  type LosslessOptions,
  type LosslessPicture,
  SOI,
  scanHeader,
  writeLossless,
} from './testing/jpeg-writer.ts'

function shapeOf({ precision, rows, columns, planes }: LosslessPicture): FrameShape {
  const bitsAllocated = precision <= 8 ? 8 : 16
  return {
    rows,
    columns,
    samplesPerPixel: planes.length,
    bitsAllocated,
    bitsStored: Math.min(precision, bitsAllocated),
    isSigned: false,
    planarConfiguration: 0,
    photometricInterpretation: planes.length === 1 ? 'MONOCHROME2' : 'RGB',
  }
}

/** Extremes beside one another, and a slope; differs from component to component. */
function draw(precision: number, rows: number, columns: number, components: number): LosslessPicture {
  const top = 2 ** precision - 1
  const planes = Array.from({ length: components }, (_, component) =>
    Array.from({ length: rows * columns }, (__, at) => {
      if (at % 7 === component) return 0
      if (at % 5 === component) return top
      return (at * 37 + component * 11) & top
    }),
  )
  return { precision, rows, columns, planes }
}

function decode(picture: LosslessPicture, options: LosslessOptions): number[] {
  const shape = shapeOf(picture)
  const { bytes } = decodeLosslessJpeg(writeLossless(picture, options), shape)
  if (shape.bitsAllocated === 8) return [...bytes]
  return Array.from(
    { length: bytes.length / 2 },
    (_, i) => (bytes[2 * i] as number) | ((bytes[2 * i + 1] as number) << 8),
  )
}

const byPixel = ({ planes }: LosslessPicture): number[] =>
  (planes[0] as readonly number[]).flatMap((_, at) => planes.map((plane) => plane[at] as number))

const refuses = (bytes: readonly number[] | Uint8Array, picture: LosslessPicture, code = 'codec_failed'): void =>
  assert.throws(
    () => decodeLosslessJpeg(Uint8Array.from(bytes), shapeOf(picture)),
    (error) => error instanceof FormatError && error.code === code,
  )

describe('lossless JPEG (T.81 annex H)', () => {
  for (const predictor of [1, 2, 3, 4, 5, 6, 7]) {
    for (const [precision, components] of [
      [2, 1],
      [8, 1],
      [8, 3],
      [12, 1],
      [16, 1],
      [16, 3],
      [16, 4],
    ] as const) {
      it(`decodes predictor ${predictor} of ${components} × ${precision} bits`, () => {
        const picture = draw(precision, 9, 11, components)
        assert.deepEqual(decode(picture, { predictor }), byPixel(picture))
      })
    }
    it(`starts anew at restart markers with predictor ${predictor}`, () => {
      const picture = draw(16, 23, 5, 3)
      assert.deepEqual(decode(picture, { predictor, restartRows: 2 }), byPixel(picture))
    })
    it(`decodes components in scans of their own with predictor ${predictor}`, () => {
      const picture = draw(12, 7, 6, 3)
      assert.deepEqual(decode(picture, { predictor, isSeparate: true, restartRows: 3 }), byPixel(picture))
    })
  }

  it('gives zeros for bits that a point transform dropped, and says that it is lossy', () => {
    const picture = draw(12, 6, 7, 1)
    assert.deepEqual(
      decode(picture, { predictor: 4, pointTransform: 3 }),
      byPixel(picture).map((value) => (value >> 3) << 3),
    )
    const { isLossless } = decodeLosslessJpeg(
      writeLossless(picture, { predictor: 4, pointTransform: 3 }),
      shapeOf(picture),
    )
    assert.equal(isLossless, false)
  })

  it('reads the last sample where its code ends on a byte boundary', () => {
    // 8 equal samples: 8 codes of 5 bits for the difference 0 fill exactly five bytes.
    const picture = { precision: 8, rows: 1, columns: 8, planes: [Array.from({ length: 8 }, () => 128)] }
    assert.deepEqual(decode(picture, { predictor: 1 }), byPixel(picture))
  })

  it('extends the sign where the data set is signed and stores more bits', () => {
    const picture = { precision: 12, rows: 1, columns: 3, planes: [[0x7ff, 0x800, 0xfff]] }
    const shape = { ...shapeOf(picture), isSigned: true }
    const { bytes } = decodeLosslessJpeg(writeLossless(picture, { predictor: 1 }), shape)
    assert.deepEqual([...bytes], [0xff, 0x07, 0x00, 0xf8, 0xff, 0xff])
  })

  const picture = draw(8, 4, 5, 1)
  const good = [...writeLossless(picture, { predictor: 1 })]

  it('refuses a codestream cut short, at every length', () => {
    for (let length = 0; length < good.length; length++) refuses(good.slice(0, length), picture)
  })

  it('refuses entropy-coded data that end early, with the end in place', () => {
    refuses([...good.slice(0, -4), ...EOI], picture)
  })

  it('refuses predictor 0 and 8, and a point transform as large as the samples', () => {
    refuses(headed(scanHeader([1], 0)), picture)
    refuses(headed(scanHeader([1], 8)), picture)
    refuses(headed(scanHeader([1], 1, 0, 8)), picture)
  })

  it('refuses restart markers that are missing, surplus or out of order', () => {
    const tall = draw(8, 6, 5, 1)
    const bytes = [...writeLossless(tall, { predictor: 1, restartRows: 2 })]
    const at = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xd0)
    refuses(bytes.with(at + 1, 0xd1), tall)
    refuses([...bytes.slice(0, at), ...bytes.slice(at + 2)], tall)
    refuses([...bytes.slice(0, -2), 0xff, 0xd2, ...EOI], tall)
  })

  it('refuses a component without a scan, and one with two', () => {
    const colour = draw(8, 2, 2, 3)
    const separate = [...writeLossless(colour, { predictor: 1, isSeparate: true })]
    const starts = separate.flatMap((byte, at) => (byte === 0xff && separate[at + 1] === 0xda ? [at] : []))
    const [first, second, third] = starts as [number, number, number]
    refuses([...separate.slice(0, third), ...EOI], colour)
    refuses([...separate.slice(0, second), ...separate.slice(first, second), ...separate.slice(third)], colour)
  })

  it('refuses a size that is not the one of the data set', () => {
    refuses(good, { ...picture, rows: 5 })
    refuses(good, { ...picture, columns: 4 })
    refuses(writeLossless(draw(8, 4, 5, 3), { predictor: 1 }), picture)
    refuses(writeLossless(draw(12, 4, 5, 1), { predictor: 1 }), picture)
  })

  it('refuses another picture behind its end, and takes padding', () => {
    refuses([...good, ...good], picture)
    const shape = shapeOf(picture)
    assert.deepEqual(
      decodeLosslessJpeg(Uint8Array.from([...good, 0]), shape),
      decodeLosslessJpeg(Uint8Array.from(good), shape),
    )
  })

  it('allocates nothing for a frame that its codestream cannot fill', () => {
    const huge = { precision: 8, rows: 40000, columns: 40000, planes: [[]] }
    refuses(
      [...SOI, ...frameHeader(0xc3, 8, 40000, 40000, 1), ...CATEGORIES, ...scanHeader([1], 1), 0, 0, ...EOI],
      huge,
    )
  })

  /** The good codestream with another scan header. */
  function headed(header: readonly number[]): number[] {
    const at = good.findIndex((byte, i) => byte === 0xff && good[i + 1] === 0xda)
    return [...good.slice(0, at), ...header, ...good.slice(at + header.length)]
  }
})
