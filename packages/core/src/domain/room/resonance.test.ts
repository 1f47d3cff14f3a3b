import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawBody } from './body.ts'
import type { HeadTissue } from './head.ts'
import { growHead, HEAD_TISSUES } from './head.ts'
import { createRandom } from './random.ts'
import type { ResonanceSetup } from './resonance.ts'
import { scanHead, signalOf } from './resonance.ts'

const setup: ResonanceSetup = {
  size: 128,
  pixelMm: 1.875,
  z: 12,
  thicknessMm: 5,
  repetitionMs: 460,
  echoMs: 9,
  noise: 0.012,
  unevenness: 0,
}
const head = growHead(drawBody(createRandom('body')), createRandom('head'))
/** Fat up to 60 mm from the axis. */
const bottle = (x: number, y: number): HeadTissue => (x * x + y * y < 3600 ? 'fat' : 'air')
const valuesOf = (image: Float32Array, left: number, top: number, side: number): number[] => {
  const values: number[] = []
  for (let v = top; v < top + side; v++)
    for (let u = left; u < left + side; u++) values.push(image[v * setup.size + u] as number)
  return values
}
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe('resonance', () => {
  it('follows the spin-echo equation', () => {
    const expected = 0.7 * (1 - Math.exp(-460 / 560)) * Math.exp(-9 / 74)
    assert.ok(Math.abs(signalOf('white', setup) - expected) < 1e-12)
  })

  it('weights by T1: fat before white before grey before fluid, bone and air dark', () => {
    const order: readonly HeadTissue[] = ['fat', 'white', 'grey', 'fluid', 'bone', 'air']
    const signals = order.map((tissue) => signalOf(tissue, setup))
    for (let i = 1; i < signals.length; i++)
      assert.ok((signals[i] as number) < (signals[i - 1] as number), order[i] as string)
    // With a long repetition and a late echo the order of grey, white and fluid turns round.
    const late = { repetitionMs: 4000, echoMs: 90 }
    assert.ok(signalOf('fluid', late) > signalOf('grey', late) && signalOf('grey', late) > signalOf('white', late))
  })

  it('has the background of a magnitude picture: mean σ√(π/2), never below zero', () => {
    const image = scanHead(bottle, setup, createRandom('series'), createRandom('slice'))
    const background = valuesOf(image, 2, 2, 24)
    assert.ok(background.every((value) => value >= 0))
    const mean = meanOf(background)
    assert.ok(Math.abs(mean / (setup.noise * Math.sqrt(Math.PI / 2)) - 1) < 0.12, `mean ${mean}`)
  })

  it('shows fat at one, with the noise asked for', () => {
    const inside = valuesOf(scanHead(bottle, setup, createRandom('series'), createRandom('slice')), 54, 54, 20)
    const mean = meanOf(inside)
    const deviation = Math.sqrt(meanOf(inside.map((value) => (value - mean) ** 2)))
    assert.ok(Math.abs(mean - 1) < 0.005)
    assert.ok(Math.abs(deviation / setup.noise - 1) < 0.2, `deviation ${deviation}`)
  })

  it('is brighter towards the coil', () => {
    const uneven = scanHead(bottle, { ...setup, unevenness: 0.2 }, createRandom('series'), createRandom('slice'))
    assert.ok(
      meanOf(valuesOf(uneven, 60, 36, 6)) + meanOf(valuesOf(uneven, 60, 88, 6)) >
        2 * meanOf(valuesOf(uneven, 61, 61, 6)) + 0.01,
    )
  })

  it('keeps the coil from slice to slice, and draws noise anew', () => {
    const one = scanHead(bottle, { ...setup, unevenness: 0.2 }, createRandom('series'), createRandom('slice 1'))
    const two = scanHead(bottle, { ...setup, unevenness: 0.2 }, createRandom('series'), createRandom('slice 2'))
    assert.notDeepEqual(one, two)
    const difference = one.map((value, i) => value - (two[i] as number))
    assert.ok(Math.abs(meanOf(valuesOf(difference, 50, 50, 28))) < 0.003)
  })
})

describe('head', () => {
  const shares = (z: number): Map<HeadTissue, number> => {
    const counts = new Map<HeadTissue, number>(HEAD_TISSUES.map((tissue) => [tissue, 0]))
    for (let y = -100; y <= 100; y += 2)
      for (let x = -90; x <= 90; x += 2) counts.set(head(x, y, z), (counts.get(head(x, y, z)) ?? 0) + 1)
    return counts
  }
  const inBrain = (z: number): { fluid: number; grey: number; white: number } => {
    const counts = shares(z)
    return { fluid: counts.get('fluid') ?? 0, grey: counts.get('grey') ?? 0, white: counts.get('white') ?? 0 }
  }

  it('has shells in order from the air to the brain', () => {
    const seen: HeadTissue[] = []
    for (let y = -120; y < -60; y += 0.25) {
      const tissue = head(20, y, 30)
      if (seen.at(-1) !== tissue) seen.push(tissue)
    }
    assert.deepEqual(seen.slice(0, 7), ['air', 'skin', 'fat', 'bone', 'marrow', 'bone', 'fluid'])
  })

  it('has grey and white matter in like measure, and fluid between the hemispheres', () => {
    const { fluid, grey, white } = inBrain(38)
    assert.ok(grey / (grey + white) > 0.25 && grey / (grey + white) < 0.75, `grey ${grey}, white ${white}`)
    assert.ok(fluid / (grey + white) > 0.03 && fluid / (grey + white) < 0.5)
  })

  it('has ventricles near the middle, wider in the old than in the young', () => {
    const bodies = [22, 80].map((age) => ({ ...drawBody(createRandom('b')), age, frame: 1 }))
    const widths = bodies.map((body) => {
      const grown = growHead(body, createRandom('same'))
      let fluid = 0
      for (let y = -20; y <= 20; y += 1) for (let x = -25; x <= 25; x += 1) if (grown(x, y, 18) === 'fluid') fluid++
      return fluid
    }) as [number, number]
    assert.ok(widths[0] > 40 && widths[1] > widths[0] * 1.2, widths.join(' '))
  })

  it('has eyes and air in front, low down, and air around it', () => {
    assert.equal(head(31, -74, -31), 'vitreous')
    assert.equal(head(8, -62, -36), 'air')
    assert.equal(head(0, 0, 95), 'air')
    assert.ok((shares(-31).get('vitreous') ?? 0) > 50)
    assert.equal(shares(40).get('vitreous'), 0)
  })
})
