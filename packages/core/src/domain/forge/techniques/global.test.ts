import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import { blurField } from '../field.ts'
import { residualField } from '../grain.ts'
import { findMidline, mirrorAbout } from '../midline.ts'
import { drawChest, spineColumn } from '../testing/phantom.ts'
import { BONE_SMOOTHING } from './bone-smoothing.ts'
import { CODEC } from './codec.ts'
import { LATERALITY_FLIP } from './laterality-flip.ts'
import { MIRROR } from './mirror.ts'
import { SMOOTH_GRAIN } from './smooth-grain.ts'
import { SPINE_STRAIGHTENING } from './spine-straightening.ts'
import { UPSAMPLING_TRACE } from './upsampling-trace.ts'

const deviation = (values: ArrayLike<number>): number => {
  const list = Array.from(values)
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length
  return Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length)
}

describe('upsampling trace', () => {
  /** How far the four phases of the grid differ in the size of their residual. */
  const phaseSpread = (samples: Float32Array): number => {
    const { samples: residual } = residualField({ width: 256, height: 256, samples })
    const sums = [0, 0, 0, 0]
    for (let i = 0; i < residual.length; i++) {
      const phase = (Math.floor(i / 256) & 1) * 2 + (i & 1)
      sums[phase] = (sums[phase] as number) + Math.abs(residual[i] as number)
    }
    return deviation(sums) / (sums.reduce((a, b) => a + b) / 4)
  }

  it('leaves phases of the grid that differ in grain, with a transposed convolution', () => {
    const host = drawChest({ bits: 12 })
    const chosen = { strength: 1, method: 0, unevenness: 0.06 }
    const made = UPSAMPLING_TRACE.make(host, createRandom(2), chosen).samples
    assert.ok(phaseSpread(host.samples) < 0.02, `${phaseSpread(host.samples)}`)
    assert.ok(phaseSpread(made) > 0.05, `${phaseSpread(made)}`)
  })

  it('keeps the picture below the grid: no shift and no change of brightness', () => {
    const host = drawChest({ bits: 12, grain: 0 })
    for (const method of [0, 1]) {
      const made = UPSAMPLING_TRACE.make(host, createRandom(2), { strength: 1, method, unevenness: 0.01 })
      const [before, after] = [blurField(host, 3).samples, blurField({ ...host, samples: made.samples }, 3).samples]
      const error = Math.sqrt(
        before.reduce((sum, value, i) => sum + (value - (after[i] as number)) ** 2, 0) / before.length,
      )
      assert.ok(error < 0.006 * host.white, `${method} ${error}`)
    }
  })
})

describe('smooth grain', () => {
  it('gives grain of one level to a picture whose own level differs', () => {
    const flat = drawChest({ bits: 12, grain: 0 })
    const random = createRandom(6)
    // Three times as much grain below the middle.
    const host = {
      ...flat,
      samples: flat.samples.map((value, i) => value + (i < 128 * 256 ? 8 : 24) * random.normal()),
    }
    const levels = (samples: Float32Array): number => {
      const { samples: residual } = residualField({ ...host, samples })
      // Within the spine, which is flat.
      const at = (row: number): number => {
        const rows = Array.from({ length: 20 }, (_, i) =>
          residual.subarray((row + i) * 256 + 120, (row + i) * 256 + 136),
        )
        return deviation(rows.flatMap((values) => [...values]))
      }
      return at(210) / at(20)
    }
    const made = SMOOTH_GRAIN.make(host, createRandom(1), { strength: 1, edge: 0.05, reach: 4 })
    assert.ok(levels(host.samples) > 2, `${levels(host.samples)}`)
    assert.ok(levels(made.samples) < 1.6, `${levels(made.samples)}`)
  })
})

describe('codec', () => {
  it('loses more at a lower quality, and little at its best', () => {
    const host = drawChest({ side: 128 })
    const loss = (quality: number): number => {
      const { samples } = CODEC.make(host, createRandom(1), { quality, passes: 1, scale: 1 })
      return Math.sqrt(
        samples.reduce((sum, value, i) => sum + (value - (host.samples[i] as number)) ** 2, 0) / samples.length,
      )
    }
    assert.ok(loss(25) > loss(60))
    assert.ok(loss(60) < 5, `${loss(60)}`)
  })

  it('keeps values outside of the window apart', () => {
    const host = { ...drawChest({ side: 128, bits: 12 }), window: { low: 1000, high: 2000 } }
    const { samples } = CODEC.make(host, createRandom(1), { scale: 1 })
    const [before, after] = [Math.max(...host.samples), Math.max(...samples)]
    assert.ok(before > 3000 && Math.abs(before - after) < 400, `${before} ${after}`)
  })
})

describe('mirror', () => {
  it('finds the middle and makes both sides more alike', () => {
    const host = drawChest({ bits: 12, uneven: 0.15, grain: 0.002 })
    assert.ok(Math.abs(findMidline(host) - 127.5) < 2.5, `${findMidline(host)}`)
    const unlike = (samples: Float32Array): number => {
      const other = mirrorAbout({ ...host, samples }, 127.5)
      let sum = 0
      for (let y = 60; y < 170; y++)
        for (let x = 40; x < 216; x++)
          sum += Math.abs((samples[y * 256 + x] as number) - (other[y * 256 + x] as number))
      return sum
    }
    const [before, weak, strong] = [
      unlike(host.samples),
      unlike(MIRROR.make(host, createRandom(1), { strength: 0.35 }).samples),
      unlike(MIRROR.make(host, createRandom(1), { strength: 0.8 }).samples),
    ]
    assert.ok(weak < 0.8 * before && strong < 0.45 * before, `${before} ${weak} ${strong}`)
  })
})

describe('bone smoothing', () => {
  it('smooths bone and leaves the lung between', () => {
    const host = drawChest({ bits: 12, grain: 0.01 })
    const { samples } = BONE_SMOOTHING.make(host, createRandom(1), { strength: 1, grain: 0, reach: 0.02 })
    const changed =
      samples.filter((value, i) => Math.abs(value - (host.samples[i] as number)) > 8).length / samples.length
    assert.ok(changed > 0.03 && changed < 0.6, `${changed}`)
    const level = (values: Float32Array): number => {
      const residual = residualField({ ...host, samples: values }).samples
      return deviation(residual.filter((_, i) => Math.abs((samples[i] as number) - (host.samples[i] as number)) > 1))
    }
    assert.ok(level(samples) < 0.9 * level(host.samples), `${level(samples) / level(host.samples)}`)
  })
})

describe('spine straightening', () => {
  /** Root mean square of the spine's distance from its own line, measured as the middle of what is brightest. */
  const bendOf = (samples: Float32Array, side: number): number => {
    const columns = Array.from({ length: 220 }, (_, i) => {
      const y = 18 + i
      let [sum, mass] = [0, 0]
      for (let x = side * 0.35; x < side * 0.65; x++) {
        const weight = Math.max(0, (samples[y * side + Math.floor(x)] as number) / 4095 - 0.77)
        sum += weight * Math.floor(x)
        mass += weight
      }
      return sum / mass
    })
    const slope = ((columns.at(-1) as number) - (columns[0] as number)) / (columns.length - 1)
    return deviation(columns.map((column, i) => column - slope * i))
  }

  it('takes most of a bend out', () => {
    const host = drawChest({ bits: 12, bend: 0.04, grain: 0.002 })
    const { samples } = SPINE_STRAIGHTENING.make(host, createRandom(1), { strength: 1 })
    const [before, after] = [bendOf(host.samples, 256), bendOf(samples, 256)]
    assert.ok(before > 1.2 && after < 0.6 * before, `${before} ${after}`)
    assert.ok(Math.abs(spineColumn(256, 0.04, 128) - 128) > 2)
  })

  it('keeps the columns at both borders', () => {
    const host = drawChest({ bits: 12, bend: 0.04 })
    const { samples } = SPINE_STRAIGHTENING.make(host, createRandom(1), { strength: 1 })
    for (let y = 0; y < 256; y++) {
      assert.ok(Math.abs((samples[y * 256] as number) - (host.samples[y * 256] as number)) < 2)
      assert.ok(Math.abs((samples[y * 256 + 255] as number) - (host.samples[y * 256 + 255] as number)) < 2)
    }
  })
})

describe('laterality flip', () => {
  it('is undone by itself', () => {
    const host = drawChest()
    const once = LATERALITY_FLIP.make(host, createRandom(1)).samples
    assert.notDeepEqual(once, host.samples)
    assert.deepEqual(LATERALITY_FLIP.make({ ...host, samples: once }, createRandom(1)).samples, host.samples)
  })
})
