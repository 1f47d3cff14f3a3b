import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import type { GreyView } from '../../pixels/grey-view.ts'
import type { ResidualOutcome, ResidualRegion } from './outcome.ts'
import { residualMap } from './residual-map.ts'

const SIDE = 512

describe('residualMap', () => {
  it('finds a place with half of the noise', () => {
    const [region] = residualMap(
      edit(noise(1), { x: 160, y: 224, size: 64 }, (value) => 2000 + (value - 2000) / 2),
    ).regions
    assertAt(region, 160, 224, 64)
    assert.equal(region?.why, 'noise_low')
    assert.ok((region?.p ?? 1) < 1e-4)
  })

  it('finds a place of white noise in coarser grain', () => {
    const white = noise(2).samples
    const coarse = field((x, y) => {
      const i = y * SIDE + x
      return 2000 + ((white[i] ?? 2000) + (white[i + 1] ?? 2000) + (white[i + SIDE] ?? 2000) - 6000) / 2
    })
    const [region] = residualMap(edit(coarse, { x: 96, y: 128, size: 64 }, (_, i) => white[i] as number)).regions
    assertAt(region, 96, 128, 64)
    assert.ok(region?.why === 'noise_high' || region?.why === 'grain_fine')
  })

  it('finds a place whose grain is coarser, its variance being the same', () => {
    const view = noise(3)
    const shown = edit(view, { x: 200, y: 80, size: 64 }, (_, i) => {
      const at = (k: number): number => (view.samples[k] as number) - 2000
      return 2000 + (at(i) + at(i + 1) + at(i + SIDE) + at(i + SIDE + 1)) / 2
    })
    const [region] = residualMap(shown).regions
    assertAt(region, 200, 80, 64)
  })

  it('finds a copied place, and how far it was moved, brighter or not', () => {
    for (const rise of [0, 137]) {
      const view = noise(4)
      const copied = edit(
        view,
        { x: 200, y: 210, size: 40 },
        (_, i) => (view.samples[i - 90 * SIDE - 70] as number) + rise,
      )
      const copies = residualMap(copied).regions.filter(({ why }) => why === 'duplicate')
      assert.equal(copies.length, 2)
      const moved = copies.find(({ shift }) => shift?.x === 70 && shift.y === 90)
      assertAt(moved, 130, 120, 40)
      assertAt(
        copies.find((one) => one !== moved),
        200,
        210,
        40,
      )
    }
  })

  it('lets light and structure change the noise', () => {
    const random = createRandom(5)
    const view = field((x, y) => {
      const light = 800 + 4 * x + 300 * Math.sin(y / 40)
      return light + (Math.sqrt(light) / 3) * random.normal()
    })
    const { imageScore, regions } = residualMap(view)
    assert.ok(imageScore < 3, String(imageScore))
    assert.ok(regions.length <= 1)
  })

  it('gives chances of plain noise that are no smaller than they should be', () => {
    const chances = Array.from({ length: 200 }, (_, seed) => 10 ** -residualMap(noise(1000 + seed, 192)).imageScore)
    // Three deviations of a share of 200 above what is due; and not much below it either.
    for (const due of [0.05, 0.1, 0.25, 0.5, 0.75]) {
      const share = chances.filter((p) => p <= due).length / chances.length
      const deviation = Math.sqrt((due * (1 - due)) / chances.length)
      assert.ok(share <= due + 3 * deviation, `${share} of the chances are ${due} or less`)
      assert.ok(share >= due / 3 - 3 * deviation, `${share} of the chances are ${due} or less`)
    }
  })

  it('calls no repeated pattern and no padding a copy', () => {
    assert.deepEqual(residualMap(field((x, y) => (((x >> 3) + (y >> 3)) % 2 ? 900 : 300))).regions, [])
    const padded = noise(6)
    assert.deepEqual(
      residualMap(edit(padded, { x: 0, y: 0, size: 120 }, () => 0)).regions.filter(({ why }) => why === 'duplicate'),
      [],
    )
  })

  it('abstains from black, white, constant and small pictures', () => {
    for (const value of [0, 4095, 700]) {
      const outcome = residualMap(field(() => value))
      assert.equal(outcome.absent, 'too_little_usable')
      assert.equal(outcome.imageScore, 0)
    }
    for (const side of [1, 2, 9, 17, 64]) assert.equal(residualMap(noise(7, side)).absent, 'too_little_usable')
  })

  it('holds nothing that JSON would lose, half of the picture being black', () => {
    const outcome = residualMap(edit(noise(8), { x: 0, y: 0, size: SIDE }, (value, i) => (i % SIDE < 200 ? 0 : value)))
    assert.deepEqual(JSON.parse(JSON.stringify(outcome)), outcome)
    assert.ok(outcome.heat?.values.every((value) => value === -1 || (value >= 0 && value <= 12)))
    assert.ok(outcome.heat?.values.includes(-1))
  })

  it('gives the same outcome again and leaves the picture alone', () => {
    const view = noise(9)
    const before = view.samples.slice()
    const first: ResidualOutcome = residualMap(view)
    assert.deepEqual(residualMap(view), first)
    assert.deepEqual(view.samples, before)
  })
})

function field(valueAt: (x: number, y: number) => number, side = SIDE): GreyView {
  const samples = Float32Array.from({ length: side * side }, (_, i) =>
    Math.round(valueAt(i % side, Math.floor(i / side))),
  )
  return { width: side, height: side, samples, white: 4095, window: null }
}

function noise(seed: number, side = SIDE): GreyView {
  const random = createRandom(seed)
  return field(() => 2000 + 20 * random.normal(), side)
}

function edit(
  view: GreyView,
  { x, y, size }: { readonly x: number; readonly y: number; readonly size: number },
  valueAt: (value: number, i: number) => number,
): GreyView {
  const samples = view.samples.slice()
  for (let v = y; v < y + size; v++)
    for (let i = v * view.width + x; i < v * view.width + x + size; i++)
      samples[i] = Math.round(valueAt(view.samples[i] as number, i))
  return { ...view, samples }
}

function assertAt(region: ResidualRegion | undefined, x: number, y: number, size: number): void {
  assert.ok(region !== undefined, 'no region')
  const { left, top, right, bottom } = region
  const across = Math.min(right, x + size) - Math.max(left, x)
  const down = Math.min(bottom, y + size) - Math.max(top, y)
  assert.ok(across > size / 3 && down > size / 3, `${left} ${top} ${right} ${bottom}`)
}
