import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawPreview } from './preview.ts'

const side = 40
const view = (window: { low: number; high: number } | null) => ({
  ...{ width: side, height: side, white: 4095, window },
  samples: Float32Array.from({ length: side * side }, (_, i) => 1000 + (i % side)),
})
const brightest = (data: Uint8Array, width: number, left: number): number => {
  let most = 0
  for (let y = 12; y < 12 + side; y++)
    for (let x = left; x < left + side; x++) most = Math.max(most, data[3 * (y * width + x)] ?? 0)
  return most
}

describe('drawPreview', () => {
  it('draws three pictures of one size side by side', () => {
    const before = view(null)
    const sheet = drawPreview(before, before.samples)
    assert.equal(sheet.width, 3 * side + 4 * 12)
  })

  it('draws no difference where there is none, and a small one at full strength', () => {
    const before = view({ low: 0, high: 4095 })
    const third = 3 * 12 + 2 * side
    const same = drawPreview(before, before.samples)
    assert.equal(brightest(same.data, same.width, third), 0)
    const after = before.samples.map((sample, i) => (i === 500 ? sample + 1 : sample))
    const other = drawPreview(before, after)
    assert.equal(brightest(other.data, other.width, third), 255)
  })

  it('shrinks what is wide', () => {
    const samples = new Float32Array(1100 * 10)
    const { width } = drawPreview({ width: 1100, height: 10, white: 255, window: null, samples }, samples)
    assert.ok(width <= 3 * 512 + 4 * 12)
  })

  it('refuses samples of another picture', () => {
    assert.throws(() => drawPreview(view(null), new Float32Array(3)), RangeError)
  })
})
