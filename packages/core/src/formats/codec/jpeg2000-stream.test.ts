import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { parseJpeg2000, restoreSign, withoutSign } from './jpeg2000-stream.ts'

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)]

interface Size {
  readonly columns?: number
  readonly offset?: number
  readonly tile?: number
  readonly components?: readonly (readonly [number, number, number])[]
}

/** SOC and SIZ of 5 columns and 3 rows, one component of 12 bits, unless told otherwise. */
function sizeSegment({ columns = 5, offset = 0, tile = 64, components = [[11, 1, 1]] }: Size = {}): number[] {
  const values = [columns, 3, offset, 0, tile, tile, 0, 0].flatMap(u32)
  return [
    0xff,
    0x4f,
    0xff,
    0x51,
    ...u16(38 + 3 * components.length),
    ...u16(0),
    ...values,
    ...u16(components.length),
    ...components.flat(),
  ]
}

/** COD with five levels: style, layers, colour transform, code-block style, transform, precincts. */
const codingSegment = (
  style = 0,
  layers = 1,
  colour = 0,
  blockStyle = 0,
  transform = 1,
  precincts: readonly number[] = [],
): number[] => [
  ...[0xff, 0x52, ...u16(12 + precincts.length), style, 0, ...u16(layers), colour, 5, 4, 4, blockStyle, transform],
  ...precincts,
]

/** SOT, SOD and data; a stated length of 0 means up to the end. */
function tilePart(data: readonly number[], { isLast = false, header = [] as readonly number[] } = {}): number[] {
  const length = 14 + header.length + data.length
  return [0xff, 0x90, ...u16(10), 0, 0, ...u32(isLast ? 0 : length), 0, 1, ...header, 0xff, 0x93, ...data]
}

const EOC = [0xff, 0xd9]
const DATA = [1, 2, 3, 4, 5, 6, 7, 8]
const stream = (...parts: readonly (readonly number[])[]): Uint8Array => Uint8Array.from([...parts.flat(), ...EOC])

const refuses = (bytes: Uint8Array | readonly number[], code = 'codec_failed'): void =>
  assert.throws(
    () => parseJpeg2000(Uint8Array.from(bytes)),
    (error) => error instanceof FormatError && error.code === code,
  )

describe('the headers of JPEG 2000 (T.800 annex A)', () => {
  const good = stream(sizeSegment(), codingSegment(), tilePart(DATA))

  it('tell size and kind', () => {
    const { bytes, ...rest } = parseJpeg2000(good)
    assert.deepEqual(bytes, good)
    assert.deepEqual(rest, {
      ...{ rows: 3, columns: 5, samplesPerPixel: 1, precision: 12, isSigned: false },
      ...{ isReversible: true, hasColourTransform: false, isHighThroughput: false },
    })
  })

  it('tell an irreversible transform, wherever it stands', () => {
    assert.equal(parseJpeg2000(stream(sizeSegment(), codingSegment(0, 1, 0, 0, 0), tilePart(DATA))).isReversible, false)
    const inTile = tilePart(DATA, { header: codingSegment(0, 1, 0, 0, 0) })
    assert.equal(parseJpeg2000(stream(sizeSegment(), codingSegment(), inTile)).isReversible, false)
    const ofComponent = [0xff, 0x53, ...u16(9), 0, 0, 5, 4, 4, 0, 0]
    assert.equal(parseJpeg2000(stream(sizeSegment(), codingSegment(), ofComponent, tilePart(DATA))).isReversible, false)
  })

  it('tell a colour transform and High Throughput', () => {
    assert.equal(parseJpeg2000(stream(sizeSegment(), codingSegment(0, 1, 1), tilePart(DATA))).hasColourTransform, true)
    assert.equal(
      parseJpeg2000(stream(sizeSegment(), codingSegment(0, 1, 0, 0x40), tilePart(DATA))).isHighThroughput,
      true,
    )
    const capabilities = [0xff, 0x50, ...u16(8), ...u32(0x00020000), 0, 0]
    assert.equal(
      parseJpeg2000(stream(sizeSegment(), capabilities, codingSegment(), tilePart(DATA))).isHighThroughput,
      true,
    )
  })

  it('are found in a JP2 file, and the last tile part reaches to the end', () => {
    const codestream = stream(sizeSegment(), codingSegment(), tilePart(DATA, { isLast: true }))
    const boxes = [
      ...u32(12),
      ...u32(0x6a502020),
      0x0d,
      0x0a,
      0x87,
      0x0a,
      ...u32(8),
      ...u32(0x66747970),
      ...u32(0),
      ...u32(0x6a703263),
    ]
    assert.deepEqual(parseJpeg2000(Uint8Array.from([...boxes, ...codestream])).bytes, codestream)
  })

  it('lose the sign bit of every component, and samples get it back', () => {
    const signed = parseJpeg2000(
      stream(
        sizeSegment({
          components: [
            [0x87, 1, 1],
            [0x87, 1, 1],
          ],
        }),
        codingSegment(),
        tilePart(DATA),
      ),
    )
    assert.equal(signed.isSigned, true)
    const unsigned = parseJpeg2000(withoutSign(signed))
    assert.deepEqual({ ...unsigned, bytes: 0 }, { ...signed, bytes: 0, isSigned: false })
    assert.deepEqual([...restoreSign(Uint8Array.of(0, 127, 128, 255), 8)], [0x80, 0xff, 0, 0x7f])
  })

  it('take one byte of padding, and zeros', () => {
    assert.deepEqual(parseJpeg2000(Uint8Array.from([...good, 0x77])).bytes, good)
    assert.deepEqual(parseJpeg2000(Uint8Array.from([...good, 0, 0, 0])).bytes, good)
  })

  it('refuse a codestream cut short, at every length', () => {
    for (let length = 0; length < good.length; length++) refuses(good.subarray(0, length))
  })

  const refused: readonly { readonly name: string; readonly bytes: Uint8Array; readonly code?: string }[] = [
    { name: 'another picture behind the end', bytes: Uint8Array.from([...good, ...good]) },
    { name: 'no coding style', bytes: stream(sizeSegment(), tilePart(DATA)) },
    { name: 'a tile part that is longer than the codestream', bytes: good.with(good.length - DATA.length - 7, 99) },
    {
      name: 'more tiles than bytes can hold',
      bytes: stream(sizeSegment({ columns: 500, tile: 1 }), codingSegment(), tilePart(DATA)),
    },
    { name: 'empty tiles', bytes: stream(sizeSegment({ tile: 0 }), codingSegment(), tilePart(DATA)) },
    {
      name: 'more precincts than bytes',
      bytes: stream(
        sizeSegment({ columns: 50000, tile: 50000 }),
        codingSegment(1, 1, 0, 0, 1, [0x11, 0x11, 0x11, 0x11, 0x11, 0x11]),
        tilePart(DATA),
      ),
    },
    { name: 'more layers than bytes', bytes: stream(sizeSegment(), codingSegment(0, 65535), tilePart(DATA)) },
    { name: 'no marker where one should stand', bytes: stream(sizeSegment(), [0, 0], codingSegment(), tilePart(DATA)) },
    {
      name: 'an image offset',
      bytes: stream(sizeSegment({ offset: 1 }), codingSegment(), tilePart(DATA)),
      code: 'codec_unsupported',
    },
    {
      name: 'subsampled components',
      bytes: stream(
        sizeSegment({
          components: [
            [7, 1, 1],
            [7, 2, 1],
            [7, 2, 1],
          ],
        }),
        codingSegment(),
        tilePart(DATA),
      ),
      code: 'codec_unsupported',
    },
    {
      name: 'components of different precision',
      bytes: stream(
        sizeSegment({
          components: [
            [7, 1, 1],
            [8, 1, 1],
          ],
        }),
        codingSegment(),
        tilePart(DATA),
      ),
      code: 'codec_unsupported',
    },
    {
      name: 'samples of 17 bits',
      bytes: stream(sizeSegment({ components: [[16, 1, 1]] }), codingSegment(), tilePart(DATA)),
      code: 'codec_unsupported',
    },
  ]
  for (const { name, bytes, code } of refused) it(`refuse ${name}`, () => refuses(bytes, code))
})
