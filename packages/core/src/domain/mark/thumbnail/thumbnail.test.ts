import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../../errors.ts'
import type { Plane } from '../../pixels/plane.ts'
import { formatThumbnail, makeThumbnail, parseThumbnail } from './thumbnail.ts'

/** Light grows from left to right. */
function ramp(width: number, height: number): Plane {
  const samples = Uint16Array.from({ length: width * height }, (_, i) => Math.floor(((i % width) * 4096) / width))
  return { width, height, bits: 12, samples }
}

describe('thumbnail', () => {
  it('has 128 cells along the shorter side', () => {
    const { columns, rows, samples } = makeThumbnail([ramp(300, 256)], [0, 4096])
    assert.deepEqual([columns, rows, samples.length], [150, 128, 150 * 128])
    assert.ok(Math.abs((samples[75] as number) - 128) <= 1, `${samples[75]}`)
    assert.deepEqual(samples.subarray(0, 150), samples.subarray(127 * 150))
  })

  it('shows a view, black and white beyond it', () => {
    const { samples } = makeThumbnail([ramp(256, 256)], [1024, 3072])
    assert.equal(samples[10], 0)
    assert.ok(Math.abs((samples[64] as number) - 128) <= 2)
    assert.equal(samples[127], 255)
  })

  it('takes colour as its luma', () => {
    const plane = (value: number): Plane => ({
      width: 256,
      height: 256,
      bits: 8,
      samples: new Uint16Array(65_536).fill(value),
    })
    const { samples } = makeThumbnail([plane(200), plane(100), plane(50)], [0, 255])
    assert.equal(samples[0], Math.round(0.299 * 200 + 0.587 * 100 + 0.114 * 50))
  })

  it('is read as it was written', () => {
    const thumbnail = makeThumbnail([ramp(400, 300)], [0, 4096])
    assert.deepEqual(parseThumbnail(formatThumbnail(thumbnail)), thumbnail)
  })

  it('refuses bytes that are no thumbnail', () => {
    const bytes = formatThumbnail(makeThumbnail([ramp(256, 256)], [0, 4096]))
    const wider = bytes.slice()
    wider[1] = 129
    const refused = [new Uint8Array(0), bytes.subarray(1), bytes.subarray(0, -1), wider, new Uint8Array(4)]
    for (const bad of refused) {
      assert.throws(
        () => parseThumbnail(bad),
        (error) => error instanceof FormatError && error.code === 'mark_record_malformed',
      )
    }
  })

  it('refuses an image that is a line, and a view of nothing', () => {
    assert.throws(() => makeThumbnail([ramp(5000, 250)], [0, 4096]), RangeError)
    assert.throws(() => makeThumbnail([ramp(256, 256)], [9, 9]), RangeError)
  })
})
