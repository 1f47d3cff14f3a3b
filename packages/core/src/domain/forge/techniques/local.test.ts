import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import { forgeView } from '../forge-view.ts'
import { residualField } from '../grain.ts'
import type { Host, Spot } from '../technique.ts'
import { drawChest } from '../testing/phantom.ts'
import { TECHNIQUES } from './all.ts'
import { LESION_REMOVAL } from './lesion-removal.ts'
import { NODULE } from './nodule.ts'
import { SPLICE } from './splice.ts'

const LOCAL = TECHNIQUES.filter(({ reach }) => reach === 'local')
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]

const isWithin = ({ left, top, right, bottom }: Spot, x: number, y: number): boolean =>
  x >= left && x < right && y >= top && y < bottom

const hostOf = (): Host => ({ ...drawChest({ bits: 12 }), donor: drawChest({ bits: 12, seed: 2 }) })

describe('local techniques', () => {
  for (const technique of LOCAL) {
    it(`${technique.id} changes nothing outside its spot, not by a fraction`, () => {
      const host = hostOf()
      for (const seed of SEEDS) {
        const { samples, spot } = technique.make(host, createRandom(seed))
        assert.ok(spot !== null)
        assert.ok(
          samples.every((value, i) => value === host.samples[i] || isWithin(spot, i % 256, Math.floor(i / 256))),
        )
        assert.ok((spot.right - spot.left) * (spot.bottom - spot.top) < 0.06 * samples.length)
      }
    })
  }

  it('mark what changed in the mask, and nothing else', () => {
    const host = hostOf()
    const { samples, mask, changedShare } = forgeView(NODULE, host, 3)
    assert.ok(mask.every((bit, i) => (bit === 1) === (samples[i] !== host.samples[i])))
    assert.equal(changedShare, mask.reduce((sum, bit) => sum + bit, 0) / mask.length)
  })
})

/** Deviation of the residual, over what is well within a flat piece of lung. */
function levelWithin(host: Host, samples: Float32Array, { left, top, right, bottom }: Spot): number {
  const residual = residualField({ ...host, samples }).samples
  let [square, count] = [0, 0]
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (Math.hypot((2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)) > 0.6) continue
      square += (residual[y * host.width + x] as number) ** 2
      count++
    }
  }
  return Math.sqrt(square / count)
}

/** Flat with grain, so that everything else than grain is what a technique put in. */
function drawFlat(softness: boolean): Host {
  const random = createRandom(9)
  const white = Float32Array.from({ length: 256 * 256 }, () => random.normal())
  const samples = white.map((value, i) =>
    Math.round(2000 + 40 * (softness ? (value + (white[i + 1] ?? 0)) / Math.SQRT2 : value)),
  )
  return {
    kind: 'other',
    width: 256,
    height: 256,
    samples,
    white: 4095,
    window: { low: 0, high: 4095 },
    spacingMm: null,
  }
}

describe('grain of what is put in', () => {
  for (const technique of [NODULE, LESION_REMOVAL]) {
    for (const softness of [false, true]) {
      it(`${technique.id} has the level around it, ${softness ? 'soft' : 'white'}`, () => {
        const host = drawFlat(softness)
        const ratios = SEEDS.map((seed) => {
          const { samples, spot } = technique.make(host, createRandom(seed), {
            radius: technique === NODULE ? 0.03 : 0.04,
          })
          assert.ok(spot !== null)
          return (
            levelWithin(host, samples, spot) /
            levelWithin(host, host.samples, { left: 20, top: 20, right: 236, bottom: 236 })
          )
        })
        const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length
        assert.ok(mean > 0.75 && mean < 1.25, `${mean}`)
        assert.ok(
          ratios.every((ratio) => ratio > 0.65 && ratio < 1.45),
          ratios.join(' '),
        )
      })
    }
  }
})

describe('nodule', () => {
  it('is brighter than what was there by the share that is asked for', () => {
    const host = drawFlat(false)
    for (const contrast of [0.12, 0.35]) {
      const { samples, spot } = NODULE.make(host, createRandom(2), { contrast, radius: 0.03, lobes: 0 })
      assert.ok(spot !== null)
      const [x, y] = [(spot.left + spot.right) >> 1, (spot.top + spot.bottom) >> 1]
      let rise = 0
      for (let v = -2; v <= 2; v++)
        for (let u = -2; u <= 2; u++) rise += ((samples[(y + v) * 256 + x + u] as number) - 2000) / 25
      assert.ok(Math.abs(rise / (contrast * 2095) - 1) < 0.15, `${rise}`)
    }
  })

  it('lies in a lung of a chest', () => {
    const host = drawChest({ bits: 12, grain: 0.004 })
    for (const seed of SEEDS) {
      const { spot } = NODULE.make(host, createRandom(seed))
      assert.ok(spot !== null)
      const away = Math.abs((spot.left + spot.right) / 512 - 0.5)
      assert.ok(away > 0.05 && away < 0.36, `${away}`)
    }
  })

  it('finds no place in a picture of one value', () => {
    const host = { ...drawFlat(false), samples: new Float32Array(256 * 256) }
    assert.throws(() => NODULE.make(host, createRandom(1)), RangeError)
  })
})

describe('lesion removal', () => {
  it('takes out the spot that stands out', () => {
    const host = drawFlat(false)
    const samples = host.samples.map(
      (value, i) => value + 400 * Math.exp(-(((i % 256) - 128) ** 2 + (Math.floor(i / 256) - 128) ** 2) / 50),
    )
    const marked = { ...host, samples }
    const taken = SEEDS.map((seed) =>
      LESION_REMOVAL.make(marked, createRandom(seed), { radius: 0.04, roundness: 1, feather: 0.2 }),
    )
    // Places are drawn: not every draw comes near it, but what is taken is as flat as the rest.
    for (const { samples: after, spot } of taken) {
      assert.ok(spot !== null)
      const [x, y] = [(spot.left + spot.right) >> 1, (spot.top + spot.bottom) >> 1]
      let mean = 0
      for (let v = -2; v <= 2; v++) for (let u = -2; u <= 2; u++) mean += (after[(y + v) * 256 + x + u] as number) / 25
      const before = samples[y * 256 + x] as number
      assert.ok(mean < Math.max(2060, before), `${mean} ${before}`)
    }
  })
})

describe('splice', () => {
  it('asks for a picture of another patient, large enough', () => {
    const host = drawChest()
    assert.throws(() => SPLICE.make(host, createRandom(1)), RangeError)
    assert.throws(() => SPLICE.make({ ...host, donor: drawChest({ side: 64 }) }, createRandom(1)), RangeError)
    assert.ok(SPLICE.make({ ...host, donor: drawChest({ side: 200, bits: 16 }) }, createRandom(1)).spot !== null)
  })
})
