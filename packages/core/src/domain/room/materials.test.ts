import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { beamSpectrum, linearAttenuation, massAttenuation, TISSUES } from './materials.ts'
import { hounsfieldOf } from './tomograph.ts'

const HARD = { aluminiumMm: 2.8, copperMm: 0.1 }
const SOFT = { aluminiumMm: 2.5, copperMm: 0 }
const meanEnergy = (peakKv: number, filter = SOFT): number =>
  beamSpectrum(peakKv, filter, 6).reduce((sum, { energyKev, share }) => sum + energyKev * share, 0)

describe('materials', () => {
  it('gives the values of the tables at their energies and lies between them elsewhere', () => {
    assert.equal(massAttenuation('water', 20), 0.8096)
    assert.ok(Math.abs(massAttenuation('bone', 60) - 0.3148) < 1e-12)
    const between = massAttenuation('aluminium', 35)
    assert.ok(between < 1.128 && between > 0.5685)
    // Logarithms joined by a straight line: a power law is met exactly.
    assert.ok(Math.abs(massAttenuation('soft', Math.sqrt(30 * 40)) - Math.sqrt(0.379 * 0.2688)) < 1e-12)
  })

  it('stops bone more than muscle and muscle more than fat and lung, at every energy of the room', () => {
    for (let energy = 25; energy <= 125; energy += 5) {
      const [bone, muscle, fat, lung] = [TISSUES.cortical, TISSUES.muscle, TISSUES.fat, TISSUES.lung].map((mixture) =>
        linearAttenuation(mixture, energy),
      ) as [number, number, number, number]
      assert.ok(bone > muscle && muscle > fat && fat > lung && lung > 0)
    }
  })

  it('hardens a beam with voltage and with filters', () => {
    assert.ok(meanEnergy(120) > meanEnergy(80))
    assert.ok(meanEnergy(80) > meanEnergy(50))
    assert.ok(meanEnergy(120, HARD) > meanEnergy(120, SOFT))
    assert.ok(meanEnergy(50) > 25 && meanEnergy(50) < 45)
  })

  it('divides a beam into bins of nearly equal shares that sum to one, below the peak', () => {
    for (const peak of [50, 120]) {
      const bins = beamSpectrum(peak, HARD, 4)
      assert.ok(Math.abs(bins.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9)
      for (const { energyKev, share } of bins) assert.ok(energyKev < peak && share > 0.15 && share < 0.35)
    }
  })

  it('puts tissues where a scanner puts them', () => {
    const ranges = {
      air: [-1000, -1000],
      lung: [-850, -650],
      fat: [-130, -70],
      muscle: [30, 70],
      blood: [30, 80],
      cortical: [1200, 2600],
      spongy: [100, 500],
    } as const
    for (const [tissue, [low, high]] of Object.entries(ranges)) {
      const value = hounsfieldOf(TISSUES[tissue as keyof typeof ranges])
      assert.ok(value >= low && value <= high, `${tissue} at ${value}`)
    }
  })
})
