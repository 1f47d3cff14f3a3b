import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NormalPlane } from '../normal-plane.ts'
import { chestPlane } from '../testing/chest-plane.ts'
import { boneSmoothness, findBone } from './bone-smoothness.ts'
import { grainUniformity } from './grain-uniformity.ts'
import { blurGrid, correlate, quantileOf, shrinkGrid } from './grid.ts'
import { lungSymmetry } from './lung-symmetry.ts'
import { outlineLungs } from './lungs.ts'
import { traceMidline } from './midline.ts'
import { spineStraightness } from './spine-straightness.ts'
import { bendEnergy, layTiles, slantOf } from './tiles.ts'

const chest = chestPlane({})
const coarse = blurGrid(shrinkGrid(chest, 3), 1)
const numbersOf = (values: readonly number[] | null): readonly number[] => {
  assert.ok(values !== null)
  return values
}

/** The same plane in three-sample averages along both axes, as a generator that smooths gives it. */
function smoothed(plane: NormalPlane): NormalPlane {
  return { ...plane, samples: blurGrid(plane, 1).samples }
}

describe('the midline', () => {
  it('lies where the spine was drawn', () => {
    const { columns, slope, contrast } = traceMidline(coarse)
    for (const x of columns) assert.ok(Math.abs(x - 63.5) < 3, `${x}`)
    assert.ok(Math.abs(slope) < 0.02)
    assert.ok(contrast > 0.2)
  })

  it('leaves each row by one column at most, and smoothing', () => {
    const { columns } = traceMidline(blurGrid(shrinkGrid(chestPlane({ bend: 24 }), 3), 1))
    for (let i = 1; i < columns.length; i++)
      assert.ok(Math.abs((columns[i] as number) - (columns[i - 1] as number)) < 2)
  })
})

describe('lungs', () => {
  it('lie on their sides of the midline, the larger one larger', () => {
    const [right, left] = outlineLungs(coarse, traceMidline(coarse))
    assert.ok(right !== null && left !== null)
    assert.ok(right.right < 64 && left.left > 63)
    assert.ok(right.area > left.area)
  })
})

describe('what smoothing changes', () => {
  it('is texture of bone and grain, in the direction that is called perfect', () => {
    const [before, after] = [chest, smoothed(chest)].map((plane) =>
      numbersOf(boneSmoothness.measure(plane, 'chest').values),
    ) as [readonly number[], readonly number[]]
    for (const name of ['bone.texture', 'bone.fine', 'bone.edge']) {
      const at = boneSmoothness.measures.findIndex((measure) => measure.name === name)
      assert.ok((after[at] as number) < (before[at] as number), name)
    }
    const [noisy, calm] = [chest, smoothed(chest)].map(
      (plane) => numbersOf(grainUniformity.measure(plane, 'chest').values)[0],
    ) as [number, number]
    assert.ok(calm < noisy)
  })
})

describe('what brightness alone does not change', () => {
  const brighter = { ...chest, samples: chest.samples.map((value) => value + 10) }
  for (const cue of [spineStraightness, lungSymmetry, grainUniformity]) {
    it(`are the numbers of ${cue.id}`, () => {
      const [first, second] = [chest, brighter].map((plane) => numbersOf(cue.measure(plane, 'chest').values)) as [
        readonly number[],
        readonly number[],
      ]
      for (const [i, value] of first.entries())
        assert.ok(Math.abs(value - (second[i] as number)) < 1e-3, cue.measures[i]?.name)
    })
  }
})

describe('tiles', () => {
  it('see a direction where there is one, and none in grain', () => {
    const stripes = { ...chest, samples: chest.samples.map((_, i) => 100 + 50 * Math.sin((i % chest.width) / 5)) }
    const tile = { left: 32, top: 32, side: 24 }
    assert.ok(slantOf(stripes, tile, 1).coherence > 0.99)
    const [across, down] = bendEnergy(stripes, tile, 2)
    assert.ok(across > 1 && down < 1e-6)
  })

  it('leave room around them, and leave out what is not usable', () => {
    for (const { left, top, side } of layTiles(chest, 24)) {
      assert.ok(left >= 8 && top >= 8 && left + side + 8 <= chest.width && top + side + 8 <= chest.height)
    }
    assert.deepEqual(layTiles({ ...chest, usable: new Uint8Array(chest.usable.length) }, 24), [])
  })

  it('that are dark at an edge are no bone', () => {
    const dark = { ...chest, samples: chest.samples.map((value) => Math.max(0, value - 130)) }
    for (const tile of findBone(dark)) assert.ok((dark.samples[tile.top * dark.width + tile.left] as number) >= 32)
  })
})

describe('grids', () => {
  it('keep their mean when they shrink and blur', () => {
    const flat = { width: 9, height: 9, samples: new Float32Array(81).fill(7) }
    assert.ok(shrinkGrid(flat, 3).samples.every((value) => value === 7))
    assert.ok(blurGrid(flat, 2).samples.every((value) => Math.abs(value - 7) < 1e-5))
  })

  it('give quantiles and correlations that can be counted by hand', () => {
    assert.equal(quantileOf(Float64Array.of(3, 1, 2), 0.5), 2)
    assert.ok(Number.isNaN(quantileOf(new Float64Array(0), 0.5)))
    assert.ok(Math.abs(correlate(Float64Array.of(1, 2, 3), Float64Array.of(-2, -4, -6)) + 1) < 1e-12)
    assert.equal(correlate(Float64Array.of(1, 1), Float64Array.of(1, 2)), 0)
  })
})
