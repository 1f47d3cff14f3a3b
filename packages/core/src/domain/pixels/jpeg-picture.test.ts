import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { createCodecs } from '../../formats/codec/codec.ts'
import { isJpeg, openJpeg } from './jpeg-picture.ts'

const codecs = createCodecs(() => Promise.reject(new TypeError('no WASM here')))
const withCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code
const segment = (marker: number, ...bytes: readonly number[]): readonly number[] => [
  ...[0xff, marker, (bytes.length + 2) >> 8, (bytes.length + 2) & 0xff],
  ...bytes,
]
/** Components with quantisation 1 and codes of one bit: 0 for nothing, so that all is grey of 128. */
function jpegOf(components: number, { precision = 8, rows = 8, more = [] as readonly number[] } = {}): Uint8Array {
  const ids = Array.from({ length: components }, (_, i) => i + 1)
  return Uint8Array.of(
    ...[0xff, 0xd8],
    ...more,
    ...segment(0xdb, 0, ...new Array<number>(64).fill(1)),
    ...segment(0xc0, precision, rows >> 8, rows & 0xff, 0, 8, components, ...ids.flatMap((id) => [id, 0x11, 0])),
    ...segment(0xc4, 0x00, 1, ...new Array<number>(15).fill(0), 0),
    ...segment(0xc4, 0x10, 1, ...new Array<number>(15).fill(0), 0),
    ...segment(0xda, components, ...ids.flatMap((id) => [id, 0]), 0, 63, 0),
    ...[components === 1 ? 0x3f : 0x03, 0xff, 0xd9],
  )
}
const ADOBE_RGB = segment(0xee, ...new TextEncoder().encode('Adobe'), 0, 100, 0, 0, 0, 0, 0)

describe('openJpeg', () => {
  it('reads grey and colour, as pictures that were compressed with loss', async () => {
    for (const [channels, more] of [
      [1, []],
      [3, []],
      [3, ADOBE_RGB],
    ] as const) {
      const picture = await openJpeg(jpegOf(channels, { more }), codecs)
      assert.deepEqual([picture.width, picture.height, picture.channels, picture.isLossy], [8, 8, channels, true])
      assert.ok(picture.bytes.every((sample) => sample === 128))
    }
  })

  it('is known by its first bytes', () => {
    assert.ok(isJpeg(jpegOf(1)))
    assert.ok(!isJpeg(Uint8Array.of(0xff, 0xd8)))
  })

  const refusals: readonly (readonly [string, string, Uint8Array])[] = [
    ['a file that ends early', 'picture_malformed', jpegOf(1).subarray(0, 100)],
    ['no JPEG', 'picture_malformed', Uint8Array.of(1, 2, 3)],
    ['two components', 'codec_unsupported', jpegOf(2)],
    ['12 bits', 'codec_unsupported', jpegOf(1, { precision: 12 })],
  ]
  for (const [name, code, file] of refusals) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(openJpeg(file, codecs), withCode(code))
    })
  }
})
