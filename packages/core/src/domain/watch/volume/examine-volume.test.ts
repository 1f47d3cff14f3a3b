import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import type { GreyView } from '../../pixels/grey-view.ts'
import { examineVolume } from './examine-volume.ts'

const SIDE = 128
const WHITE = 4095
const spacing = { spacingMm: 1, sliceSpacingMm: 2.5 }

describe('examineVolume', () => {
  it('finds nothing in a volume of plain noise, nearly always', () => {
    const chances = Array.from({ length: 40 }, (_, seed) => examineVolume(noise(seed, 16), spacing).pValue as number)
    assert.ok(chances.filter((p) => p < 0.05).length <= 5, chances.filter((p) => p < 0.05).join(' '))
  })

  it('finds slices that were filled in between others, and their period', () => {
    const few = noise(3, 12)
    const slices = few.flatMap((slice, i) => (i === 0 ? [slice] : [mean(few[i - 1] as GreyView, slice), slice]))
    const { slices: marks, period, pValue } = examineVolume(slices, spacing)
    assert.equal(period?.slices, 2)
    assert.ok((period?.p ?? 1) < 1e-6)
    assert.ok((pValue ?? 1) < 1e-6)
    const filled = marks.filter(({ why }) => why === 'interpolated').map(({ slice }) => slice)
    assert.deepEqual(filled, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21])
  })

  it('finds a volume that was resampled along its slices', () => {
    const from = noise(5, 24)
    const slices = Array.from({ length: 30 }, (_, i) => {
      const at = (i * 23) / 29
      const low = Math.min(22, Math.floor(at))
      return mean(from[low] as GreyView, from[low + 1] as GreyView, at - low)
    })
    assert.ok((examineVolume(slices, spacing).pValue ?? 1) < 0.01)
  })

  it('finds the slice that repeats the one before', () => {
    const slices = noise(4, 12)
    slices[6] = slices[5] as GreyView
    const found = examineVolume(slices, spacing).slices.filter(({ why }) => why === 'repeated')
    assert.deepEqual(
      found.map(({ slice }) => slice),
      [6],
    )
  })

  it('finds a place that was smoothed in a few slices', () => {
    const slices = noise(6, 20)
    for (let k = 8; k < 12; k++) slices[k] = calm(slices[k] as GreyView, 48, 64)
    const [region] = examineVolume(slices, spacing).regions
    assert.equal(region?.why, 'noise_low')
    assert.ok(region.left < 80 && region.right > 48 && region.top < 96 && region.bottom > 64)
    assert.ok(region.first < 12 && region.last > 8)
    assert.ok(region.p < 1e-3)
  })

  it('abstains from few slices, from slices of different sizes, and from black ones', () => {
    assert.equal(examineVolume(noise(1, 7), spacing).absent, 'too_few_slices')
    assert.equal(examineVolume([], spacing).absent, 'too_few_slices')
    const black = Array.from({ length: 9 }, () => field(() => 0))
    const outcome = examineVolume(black, spacing)
    assert.equal(outcome.absent, 'too_little_usable')
    assert.equal(outcome.pValue, null)
    const other = { ...(black[0] as GreyView), width: SIDE / 2, height: SIDE * 2 }
    assert.equal(examineVolume([...black, other], spacing).absent, 'sizes_differ')
  })

  it('has no number that is not one where some slices are black', () => {
    const slices = noise(8, 16)
    slices[0] = field(() => 0)
    slices[9] = field(() => WHITE)
    const outcome = examineVolume(slices, spacing)
    assert.equal(outcome.absent, null)
    assert.deepEqual(JSON.parse(JSON.stringify(outcome)), outcome)
    assert.ok(outcome.slices.every(({ p }) => p >= 1e-12 && p <= 1))
  })

  it('reads a stream once and gives the same outcome again', () => {
    const slices = noise(9, 10)
    function* stream(): Generator<GreyView> {
      yield* slices
    }
    assert.deepEqual(examineVolume(stream(), spacing), examineVolume(slices, spacing))
  })
})

function field(valueAt: (i: number) => number): GreyView {
  const samples = Float32Array.from({ length: SIDE * SIDE }, (_, i) => Math.round(valueAt(i)))
  return { width: SIDE, height: SIDE, samples, white: WHITE, window: null }
}

function noise(seed: number, count: number): GreyView[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => field(() => 2000 + 25 * random.normal()))
}

const mean = (a: GreyView, b: GreyView, share = 0.5): GreyView =>
  field((i) => (1 - share) * (a.samples[i] as number) + share * (b.samples[i] as number))

/** Half of the noise in 32 × 32 samples. */
function calm(slice: GreyView, left: number, top: number): GreyView {
  return field((i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)]
    const value = slice.samples[i] as number
    return x >= left && x < left + 32 && y >= top && y < top + 32 ? 2000 + (value - 2000) / 2 : value
  })
}
