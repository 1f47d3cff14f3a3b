import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Technique } from './exposure.ts'
import { doseAreaProduct, exposeDetector, openQuanta, primaryShare } from './exposure.ts'
import { CHANNELS } from './materials.ts'
import type { Thickness } from './projector.ts'
import { createRandom } from './random.ts'

const size = { columns: 120, rows: 120 }
const count = size.columns * size.rows
const technique: Technique = {
  peakKv: 80,
  currentTimeMas: 5,
  distanceMm: 1500,
  filter: { aluminiumMm: 2.8, copperMm: 0 },
  focusMm: 0.6,
  gridScatter: 0.2,
  scatterRatio: 2,
}

/** A slab of soft tissue in g/cm², with a bar of bone across its middle. */
function slab(soft: number, bone = 0): Thickness {
  const maps = Object.fromEntries(CHANNELS.map((channel) => [channel, new Float32Array(count)])) as unknown as Record<
    keyof Thickness,
    Float32Array
  >
  maps.soft.fill(soft)
  for (let v = 50; v < 70; v++) maps.bone.fill(bone, v * size.columns, (v + 1) * size.columns)
  return maps
}

function expose(thickness: Thickness, changes: Partial<Technique> = {}, seed = 'x'): Float32Array {
  const open = new Float32Array(count).fill(1)
  return exposeDetector(
    {
      ...size,
      thickness,
      pixelMm: 0.3,
      technique: { ...technique, ...changes },
      collimator: open,
      marker: open,
      objectMm: 50,
    },
    createRandom(seed),
  )
}

function statistics(signal: Float32Array, rows: readonly [number, number]): { mean: number; deviation: number } {
  const part = signal.subarray(rows[0] * size.columns, rows[1] * size.columns)
  const mean = part.reduce((sum, value) => sum + value, 0) / part.length
  return { mean, deviation: Math.sqrt(part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / part.length) }
}

/** Difference of bone against its surroundings, as a share. */
function contrast(changes: Partial<Technique>, bone = 1): number {
  const signal = expose(slab(15, bone), { currentTimeMas: 400, ...changes })
  return 1 - statistics(signal, [56, 64]).mean / statistics(signal, [10, 40]).mean
}

describe('exposure', () => {
  it('weakens one energy by Beer and Lambert', () => {
    const thin = primaryShare(slab(5), technique, 1)[0] as number
    const thick = primaryShare(slab(10), technique, 1)[0] as number
    assert.ok(Math.abs(thick - thin * thin) < 1e-6)
  })

  it('hardens a beam of several energies: the second half of a slab stops less than the first', () => {
    const thin = primaryShare(slab(5), technique, 6)[0] as number
    const thick = primaryShare(slab(10), technique, 6)[0] as number
    assert.ok(thick > thin * thin * 1.01)
  })

  it('shows less contrast at a higher voltage', () => {
    const contrasts = [50, 70, 90, 120].map((peakKv) => contrast({ peakKv }))
    for (let i = 1; i < contrasts.length; i++)
      assert.ok((contrasts[i] as number) < (contrasts[i - 1] as number), contrasts.join(' '))
  })

  it('loses contrast to scatter, and a grid brings it back', () => {
    const clean = contrast({ scatterRatio: 0 })
    const grid = contrast({ gridScatter: 0.2 })
    const bare = contrast({ gridScatter: 1 })
    assert.ok(clean > grid && grid > bare && bare > 0)
  })

  it('halves the relative noise for four times the charge', () => {
    const noiseAt = (currentTimeMas: number): number => {
      const { mean, deviation } = statistics(expose(slab(10), { currentTimeMas }), [50, 70])
      return deviation / mean
    }
    const ratio = noiseAt(4) / noiseAt(16)
    assert.ok(ratio > 1.8 && ratio < 2.2, `ratio ${ratio}`)
  })

  it('counts quanta with the noise of Poisson, less what the spread of light smooths away', () => {
    const { mean, deviation } = statistics(expose(slab(10)), [50, 70])
    const quanta = mean * openQuanta(technique, 0.3)
    const relative = (deviation / mean) * Math.sqrt(quanta)
    assert.ok(relative > 0.3 && relative <= 1.02, `${relative} of the noise of independent quanta`)
  })

  it('gives the same signal for the same seed and another for another', () => {
    assert.deepEqual(expose(slab(10)), expose(slab(10)))
    assert.notDeepEqual(expose(slab(10)), expose(slab(10), {}, 'y'))
  })

  it('calibrates heel and distance away: an empty beam is flat', () => {
    const signal = expose(slab(0), { currentTimeMas: 100 })
    assert.ok(Math.abs(statistics(signal, [0, 20]).mean - statistics(signal, [100, 120]).mean) < 0.003)
    assert.ok(Math.abs(statistics(signal, [0, 120]).mean - 1) < 0.003)
  })

  it('follows the inverse square of the distance and the square of the voltage', () => {
    const near = openQuanta({ ...technique, distanceMm: 1000 }, 0.3)
    assert.ok(Math.abs(near / openQuanta({ ...technique, distanceMm: 2000 }, 0.3) - 4) < 1e-9)
    assert.ok(Math.abs(openQuanta({ ...technique, peakKv: 160 }, 0.3) / openQuanta(technique, 0.3) - 4) < 1e-9)
  })

  it('states a dose area product that does not depend on the distance for one cone of the beam', () => {
    const at = (distanceMm: number): number =>
      doseAreaProduct({ ...technique, distanceMm }, 100 * distanceMm ** 2 * 1e-4)
    assert.ok(Math.abs(at(1000) / at(1800) - 1) < 1e-9)
    // A chest: 350 × 430 mm at 1.8 m with 2 mAs and 120 kV gives 0.2 … 2 dGy·cm² in practice.
    const chest = doseAreaProduct({ ...technique, peakKv: 120, currentTimeMas: 2, distanceMm: 1800 }, 350 * 430)
    assert.ok(chest > 0.2 && chest < 2, `${chest} dGy·cm²`)
  })
})
