import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { decodeLossyJpeg } from './jpeg.ts'
import { parseJpeg } from './jpeg-stream.ts'
import type { FrameShape } from './shape.ts'
import {
  BitWriter,
  EOI,
  frameHeader,
  SOI,
  scanHeader,
  segment,
  writeDifference,
  writeLossless,
} from './testing/jpeg-writer.ts'

const shapeOf = (rows: number, columns: number, samplesPerPixel: number): FrameShape => ({
  rows,
  columns,
  samplesPerPixel,
  bitsAllocated: 8,
  bitsStored: 8,
  isSigned: false,
  planarConfiguration: 0,
  photometricInterpretation: samplesPerPixel === 1 ? 'MONOCHROME2' : 'RGB',
})

/** Steps of 8 for every coefficient: a DC coefficient is then the mean of its block. */
const STEPS = segment(0xdb, 0, ...Array.from({ length: 64 }, () => 8))
/** One AC symbol, the end of the block, by one bit. */
const END_OF_BLOCK = segment(0xc4, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
const CATEGORIES_TO_15 = segment(
  0xc4,
  0x00,
  0,
  0,
  0,
  0,
  16,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  ...Array.from({ length: 16 }, (_, i) => i),
)
const TABLES = [...STEPS, ...END_OF_BLOCK, ...CATEGORIES_TO_15]

/** Entropy-coded blocks that are even areas, given by how far each is from the one before. */
function flatBlocks(...differences: readonly number[]): number[] {
  const writer = new BitWriter()
  for (const difference of differences) {
    writeDifference(writer, difference)
    writer.write(0, 1)
  }
  return writer.end()
}

const decode = (bytes: readonly number[], shape: FrameShape): number[] => [
  ...decodeLossyJpeg(Uint8Array.from(bytes), shape).bytes,
]

const refuses = (bytes: readonly number[], shape = shapeOf(8, 8, 1), code = 'codec_failed'): void =>
  assert.throws(
    () => decode(bytes, shape),
    (error) => error instanceof FormatError && error.code === code,
  )

const SCAN = scanHeader([1], 0, 63)
const GOOD = [...SOI, ...TABLES, ...frameHeader(0xc0, 8, 8, 8, 1), ...SCAN, ...flatBlocks(22), ...EOI]

describe('lossy JPEG (T.81 annexes F and G)', () => {
  it('decodes an even block', () => {
    assert.deepEqual(
      decode(GOOD, shapeOf(8, 8, 1)),
      Array.from({ length: 64 }, () => 150),
    )
  })

  it('counts each block from the one before, and crops the last ones', () => {
    const bytes = [...SOI, ...TABLES, ...frameHeader(0xc1, 8, 1, 10, 1), ...SCAN, ...flatBlocks(-128, 255), ...EOI]
    assert.deepEqual(decode(bytes, shapeOf(1, 10, 1)), [0, 0, 0, 0, 0, 0, 0, 0, 255, 255])
  })

  it('starts anew at restart markers', () => {
    const restart = segment(0xdd, 0, 1)
    const data = [...flatBlocks(10), 0xff, 0xd0, ...flatBlocks(10)]
    const bytes = [...SOI, ...TABLES, ...restart, ...frameHeader(0xc0, 8, 1, 16, 1), ...SCAN, ...data, ...EOI]
    assert.deepEqual(
      decode(bytes, shapeOf(1, 16, 1)),
      Array.from({ length: 16 }, () => 138),
    )
  })

  it('decodes DC coefficients in two steps of a progressive scan', () => {
    const first = new BitWriter()
    writeDifference(first, 11)
    const second = new BitWriter()
    second.write(1, 1)
    const scans = [...scanHeader([1], 0, 0, 0x01), ...first.end(), ...scanHeader([1], 0, 0, 0x10), ...second.end()]
    const bytes = [...SOI, ...TABLES, ...frameHeader(0xc2, 8, 8, 8, 1), ...scans, ...EOI]
    assert.deepEqual(
      decode(bytes, shapeOf(8, 8, 1)),
      Array.from({ length: 64 }, () => 128 + 23),
    )
  })

  it('keeps three components as they are, or makes RGB of YBR_FULL', () => {
    const header = frameHeader(0xc0, 8, 1, 1, 3)
    const bytes = [...SOI, ...TABLES, ...header, ...scanHeader([1, 2, 3], 0, 63), ...flatBlocks(0, 0, 100), ...EOI]
    assert.deepEqual(decode(bytes, shapeOf(1, 1, 3)), [128, 128, 228])
    const ybr = { ...shapeOf(1, 1, 3), photometricInterpretation: 'YBR_FULL' }
    // T.871: R = Y + 1.402 · 100, G = Y − 0.714 · 100, B = Y.
    assert.deepEqual(decode(bytes, ybr), [255, 57, 128])
    assert.equal(decodeLossyJpeg(Uint8Array.from(bytes), ybr).photometricInterpretation, 'RGB')
  })

  it('refuses a codestream cut short, at every length', () => {
    for (let length = 0; length < GOOD.length; length++) refuses(GOOD.slice(0, length))
  })

  const refused: readonly { readonly name: string; readonly bytes: readonly number[]; readonly code?: string }[] = [
    { name: 'another beginning', bytes: [0xff, 0xd7, ...GOOD.slice(2)] },
    { name: 'a second picture behind the end', bytes: [...GOOD, ...GOOD] },
    { name: 'two frame headers', bytes: [...SOI, ...frameHeader(0xc0, 8, 8, 8, 1), ...GOOD.slice(2)] },
    { name: 'no frame header', bytes: [...SOI, ...TABLES, ...SCAN, ...flatBlocks(1), ...EOI] },
    { name: 'no scan', bytes: [...SOI, ...TABLES, ...frameHeader(0xc0, 8, 8, 8, 1), ...EOI] },
    { name: 'bytes between segments', bytes: [...SOI, 0, ...GOOD.slice(2)] },
    { name: 'a segment of length 1', bytes: [...SOI, 0xff, 0xe0, 0, 1, ...GOOD.slice(2)] },
    {
      name: 'a missing quantisation table',
      bytes: [...SOI, ...END_OF_BLOCK, ...CATEGORIES_TO_15, ...GOOD.slice(2 + TABLES.length)],
    },
    {
      name: 'a missing Huffman table',
      bytes: [...SOI, ...STEPS, ...CATEGORIES_TO_15, ...GOOD.slice(2 + TABLES.length)],
    },
    {
      name: 'a Huffman table with too many codes',
      bytes: [...SOI, ...segment(0xc4, 0, 3, ...new Array<number>(15).fill(0), 1, 2, 3), ...GOOD.slice(2)],
    },
    {
      name: 'a Huffman table cut short',
      bytes: [...SOI, ...segment(0xc4, 0, 0, 2, ...new Array<number>(14).fill(0), 1), ...GOOD.slice(2)],
    },
    { name: 'a quantisation table cut short', bytes: [...SOI, ...segment(0xdb, 0, 1, 2, 3), ...GOOD.slice(2)] },
    {
      name: 'two components of one name',
      bytes: [...SOI, ...segment(0xc0, 8, 0, 8, 0, 8, 2, 1, 0x11, 0, 1, 0x11, 0), ...EOI],
    },
    { name: 'a sampling factor of 0', bytes: [...SOI, ...segment(0xc0, 8, 0, 8, 0, 8, 1, 1, 0x01, 0), ...EOI] },
    {
      name: 'a scan of a component that the frame lacks',
      bytes: [...SOI, ...TABLES, ...frameHeader(0xc0, 8, 8, 8, 1), ...scanHeader([2], 0, 63), ...EOI],
    },
    {
      name: 'too many scans',
      bytes: [...GOOD.slice(0, -2), ...new Array(200).fill([...SCAN, ...flatBlocks(1)]).flat(), ...EOI],
    },
    {
      name: 'lossless JPEG',
      bytes: [
        ...writeLossless(
          { precision: 8, rows: 8, columns: 8, planes: [new Array<number>(64).fill(1)] },
          { predictor: 1 },
        ),
      ],
    },
    {
      name: 'a progressive scan that mixes DC and AC',
      bytes: [...SOI, ...TABLES, ...frameHeader(0xc2, 8, 8, 8, 1), ...SCAN, ...flatBlocks(1), ...EOI],
    },
    {
      name: 'an arithmetic process',
      bytes: [...SOI, ...TABLES, ...frameHeader(0xc9, 8, 8, 8, 1), ...SCAN, ...flatBlocks(1), ...EOI],
      code: 'codec_unsupported',
    },
    {
      name: 'a hierarchical process',
      bytes: [...SOI, ...TABLES, ...frameHeader(0xc5, 8, 8, 8, 1), ...SCAN, ...flatBlocks(1), ...EOI],
      code: 'codec_unsupported',
    },
    {
      name: 'a height behind the first scan',
      bytes: [...SOI, ...TABLES, ...frameHeader(0xc0, 8, 0, 8, 1), ...SCAN, ...flatBlocks(1), ...EOI],
      code: 'codec_unsupported',
    },
  ]
  for (const { name, bytes, code } of refused) it(`refuses ${name}`, () => refuses(bytes, shapeOf(8, 8, 1), code))

  it('refuses sampling factors that do not divide', () => {
    const header = segment(0xc0, 8, 0, 8, 0, 8, 3, 1, 0x31, 0, 2, 0x21, 0, 3, 0x11, 0)
    const bytes = [
      ...SOI,
      ...TABLES,
      ...header,
      ...scanHeader([1, 2, 3], 0, 63),
      ...flatBlocks(1, 1, 1, 1, 1, 1),
      ...EOI,
    ]
    refuses(bytes, shapeOf(8, 8, 3), 'codec_unsupported')
  })

  it('refuses a scan that ends early, and one that lacks a component', () => {
    const header = frameHeader(0xc0, 8, 8, 800, 1)
    refuses(
      [...SOI, ...TABLES, ...header, ...SCAN, ...flatBlocks(...new Array<number>(99).fill(0)), ...EOI],
      shapeOf(8, 800, 1),
    )
    const colour = frameHeader(0xc0, 8, 8, 8, 3)
    refuses([...SOI, ...TABLES, ...colour, ...scanHeader([1, 2], 0, 63), ...flatBlocks(1, 1), ...EOI], shapeOf(8, 8, 3))
  })

  it('allocates nothing for a frame that its codestream cannot fill', () => {
    refuses(
      [...SOI, ...TABLES, ...frameHeader(0xc0, 8, 40000, 40000, 1), ...SCAN, 0, 0, ...EOI],
      shapeOf(40000, 40000, 1),
    )
  })
})

describe('the segments of a codestream (T.81 annex B)', () => {
  it('gives each scan the tables that stand before it', () => {
    const steps = segment(0xdb, 0, ...Array.from({ length: 64 }, () => 3))
    const bytes = [...GOOD.slice(0, -2), ...steps, ...segment(0xdd, 0, 9), ...SCAN, ...flatBlocks(1), ...EOI]
    const { scans } = parseJpeg(Uint8Array.from(bytes))
    assert.deepEqual(
      scans.map(({ quantisations, restartInterval }) => [quantisations[0]?.[0], restartInterval]),
      [
        [8, 0],
        [3, 9],
      ],
    )
  })

  it('takes FF bytes before a marker, and comments', () => {
    const bytes = [...SOI, 0xff, 0xff, ...segment(0xfe, 0xff, 0xd9, 1), ...GOOD.slice(2)]
    assert.equal(parseJpeg(Uint8Array.from(bytes)).scans.length, 1)
  })
})
