import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import { residualField } from '../grain.ts'
import type { VolumeHost } from '../technique.ts'
import { drawVolume } from '../testing/phantom.ts'
import { VOLUME_TECHNIQUES } from './all.ts'
import { CT_NODULE } from './ct-nodule.ts'
import { CT_REMOVAL } from './ct-removal.ts'

const HOST = drawVolume()
const SEEDS = [1, 2, 3, 4, 5]

describe('volume techniques', () => {
  for (const technique of VOLUME_TECHNIQUES) {
    it(`${technique.id} gives the same for the same seed`, () => {
      assert.deepEqual(technique.make(HOST, createRandom(3)), technique.make(HOST, createRandom(3)))
    })

    it(`${technique.id} changes several slices, and nothing outside its spot`, () => {
      for (const seed of SEEDS) {
        const { slices, spot } = technique.make(HOST, createRandom(seed))
        assert.equal(slices.length, HOST.slices.length)
        assert.ok(spot.last - spot.first >= 3)
        for (const [z, samples] of slices.entries()) {
          const before = HOST.slices[z]?.samples as Float32Array
          if (z < spot.first || z >= spot.last) assert.equal(samples, before)
          else assert.ok(samples.some((value, i) => value !== before[i]))
          for (let i = 0; i < samples.length; i++) {
            const [x, y] = [i % 96, Math.floor(i / 96)]
            if (x >= spot.left && x < spot.right && y >= spot.top && y < spot.bottom) continue
            if (samples[i] !== before[i]) assert.fail(`${x} ${y} ${z}`)
          }
          assert.ok(samples.every((value) => value >= 0 && value <= 4095))
        }
      }
    })

    it(`${technique.id} refuses too few slices, other kinds and slices of several sizes`, () => {
      const few: VolumeHost = { ...HOST, slices: HOST.slices.slice(0, 4) }
      assert.throws(() => technique.make(few, createRandom(1)), RangeError)
      assert.throws(() => technique.make({ ...HOST, kind: 'chest' as 'ct' }, createRandom(1)), RangeError)
      assert.throws(() => technique.make({ ...HOST, spacingMm: 0 }, createRandom(1)), RangeError)
      const [first, ...rest] = HOST.slices as [VolumeHost['slices'][0], ...VolumeHost['slices']]
      const narrow = { ...first, width: 64, height: 144 }
      assert.throws(() => technique.make({ ...HOST, slices: [narrow, ...rest] }, createRandom(1)), RangeError)
      assert.throws(() => technique.make(HOST, createRandom(1), { radiusMm: 50 }), RangeError)
    })
  }

  it('ct-nodule is largest in its middle slice, and lies in a lung', () => {
    const { slices, spot } = CT_NODULE.make(HOST, createRandom(2), { radiusMm: 5, density: 1, lobes: 0 })
    const rises = slices.map((samples, z) =>
      samples.reduce((sum, value, i) => sum + value - (HOST.slices[z]?.samples[i] as number), 0),
    )
    const middle = (spot.first + spot.last - 1) / 2
    const largest = rises.indexOf(Math.max(...rises))
    assert.ok(Math.abs(largest - middle) <= 1, `${largest} ${middle}`)
    const x = (spot.left + spot.right - 1) / 2
    const y = (spot.top + spot.bottom - 1) / 2
    assert.ok((HOST.slices[largest]?.samples[Math.round(y) * 96 + Math.round(x)] as number) < 500)
    assert.ok((slices[largest]?.[Math.round(y) * 96 + Math.round(x)] as number) > 850)
  })

  it('ct-removal finds the ball that stands out, and its fill has the grain around it', () => {
    const host = HOST
    const ratios: number[] = []
    for (const seed of SEEDS) {
      const { slices, spot } = CT_REMOVAL.make(host, createRandom(seed), { radiusMm: 9, feather: 0.2 })
      const z = Math.floor((spot.first + spot.last) / 2)
      const samples = slices[z] as Float32Array
      const [x, y] = [Math.floor((spot.left + spot.right) / 2), Math.floor((spot.top + spot.bottom) / 2)]
      const residual = residualField({ width: 96, height: 96, samples }).samples
      let square = 0
      for (let v = -3; v <= 3; v++)
        for (let u = -3; u <= 3; u++) square += (residual[(y + v) * 96 + x + u] as number) ** 2 / 49
      // White grain of 20 steps keeps nine tenths of its level above a Gaussian of 1.2 samples.
      ratios.push(Math.sqrt(square) / 18.9)
    }
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length
    assert.ok(mean > 0.75 && mean < 1.25, ratios.join(' '))
  })
})
