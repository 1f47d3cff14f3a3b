import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ToneScale } from './presentation.ts'
import { presentSignal, toneCurve } from './presentation.ts'

const size = { columns: 200, rows: 100 }
const tone: ToneScale = {
  bitsStored: 12,
  coarseGain: 0.5,
  fineGain: 1.1,
  dark: { share: 0.05, place: 0.1 },
  bright: { share: 0.95, place: 0.9 },
  isInverted: false,
}
const everywhere = new Uint8Array(size.columns * size.rows).fill(1)
/** Weakening grows from left to right over two decades. */
const wedge = Float32Array.from({ length: size.columns * size.rows }, (_, i) =>
  Math.exp(-0.5 - 4.6 * ((i % size.columns) / size.columns)),
)

describe('presentation', () => {
  it('shows what stops more as brighter, and inside the stored bits', () => {
    for (const bitsStored of [10, 12, 14]) {
      const { samples, window } = presentSignal(wedge, size, 1, everywhere, { ...tone, bitsStored })
      const row = samples.subarray(50 * size.columns, 51 * size.columns)
      for (let u = 20; u < 180; u += 10) assert.ok((row[u] as number) > (row[u - 10] as number))
      assert.ok(samples.every((value) => value < 2 ** bitsStored))
      assert.deepEqual(window, { center: 2 ** (bitsStored - 1), width: 2 ** bitsStored })
    }
  })

  it('puts the anchors of the histogram where they are asked', () => {
    const { samples } = presentSignal(wedge, size, 1, everywhere, tone)
    const sorted = samples.toSorted()
    const at = (share: number): number => (sorted[Math.round(share * (sorted.length - 1))] as number) / 4095
    assert.ok(Math.abs(at(0.05) - toneCurve(0.1)) < 0.03)
    assert.ok(Math.abs(at(0.95) - toneCurve(0.9)) < 0.03)
  })

  it('stores the negative when asked, value for value', () => {
    const plain = presentSignal(wedge, size, 1, everywhere, tone).samples
    const negative = presentSignal(wedge, size, 1, everywhere, { ...tone, isInverted: true }).samples
    for (let i = 0; i < plain.length; i += 97)
      assert.ok(Math.abs((plain[i] as number) + (negative[i] as number) - 4095) <= 1)
  })

  it('does not let what lies outside the field move the scale', () => {
    const field = everywhere.map((_, i) => (i % size.columns < 150 ? 1 : 0))
    const other = wedge.map((value, i) => (i % size.columns < 190 ? value : 1e-3))
    const [one, two] = [wedge, other].map(
      (signal) => presentSignal(signal, size, 1, field, { ...tone, coarseGain: 1 }).samples,
    ) as [Uint16Array, Uint16Array]
    for (let u = 10; u < 120; u += 5)
      assert.ok(Math.abs((one[50 * size.columns + u] as number) - (two[50 * size.columns + u] as number)) < 12)
  })

  it('survives signals of zero and below', () => {
    const { samples } = presentSignal(new Float32Array(size.columns * size.rows).fill(-1), size, 1, everywhere, tone)
    assert.ok(samples.every((value) => value >= 0 && value <= 4095))
  })

  it('has a tone curve that rises from 0 to 1', () => {
    assert.equal(toneCurve(-5), 0)
    assert.equal(toneCurve(5), 1)
    for (let place = -0.3; place < 1.3; place += 0.05) assert.ok(toneCurve(place + 0.05) > toneCurve(place))
  })
})
