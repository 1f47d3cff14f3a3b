import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../attack/random.ts'
import type { CueId } from './cue.ts'
import { CUE_MEASURES, CUES, cueValues, measureCues } from './cues.ts'
import { chestPlane, planeOf } from './testing/chest-plane.ts'

const numberOf = (plane: ReturnType<typeof chestPlane>, name: string): number => {
  const { values, measured } = cueValues(measureCues(plane, 'chest'))
  const at = CUE_MEASURES.indexOf(name)
  assert.equal(measured[at], 1, name)
  return values[at] as number
}
const absentOf = (measurements: ReturnType<typeof measureCues>, id: CueId): string | null | undefined =>
  measurements.find((measurement) => measurement.id === id)?.absent

describe('cues', () => {
  it('name every measure once', () => assert.equal(new Set(CUE_MEASURES).size, CUE_MEASURES.length))

  it('give as many values as they name measures', () => {
    for (const { id, values } of measureCues(chestPlane({}), 'chest')) {
      if (values === null) continue
      assert.equal(values.length, CUES.find((cue) => cue.id === id)?.measures.length, id)
      assert.ok(values.every(Number.isFinite), id)
    }
  })

  it('are the same each time', () => {
    assert.deepEqual(measureCues(chestPlane({}), 'chest'), measureCues(chestPlane({}), 'chest'))
  })

  it('find a mirrored chest more symmetric than a chest of its own', () => {
    const [own, mirrored] = [chestPlane({}), chestPlane({ isMirrored: true })]
    for (const name of ['symmetry.mirror', 'symmetry.detail'])
      assert.ok(numberOf(mirrored, name) > numberOf(own, name), name)
    assert.ok(numberOf(mirrored, 'symmetry.area') <= numberOf(own, 'symmetry.area'))
  })

  it('find a bent spine less straight than a straight one', () => {
    assert.ok(numberOf(chestPlane({ bend: 24 }), 'spine.deviation') > numberOf(chestPlane({}), 'spine.deviation') + 0.5)
  })

  it('find less grain where there is less', () => {
    assert.ok(numberOf(chestPlane({ grain: 0.5 }), 'grain.level') < numberOf(chestPlane({ grain: 4 }), 'grain.level'))
  })

  it('measure nothing of a chest in a head', () => {
    const measurements = measureCues(chestPlane({}), 'ct')
    assert.equal(absentOf(measurements, 'lung-symmetry'), 'other_body_part')
    assert.equal(absentOf(measurements, 'spine-straightness'), 'other_body_part')
    assert.equal(absentOf(measurements, 'bone-smoothness'), 'other_body_part')
    assert.equal(absentOf(measurements, 'grain-uniformity'), null)
  })

  it('find no midline and no bone where there is nothing', () => {
    const measurements = measureCues(
      planeOf(160, 160, () => 100),
      'chest',
    )
    assert.equal(absentOf(measurements, 'lung-symmetry'), 'no_midline')
    assert.equal(absentOf(measurements, 'bone-smoothness'), 'no_bone')
  })

  it('never give what is not a number, whatever the picture', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = createRandom(seed)
      const [width, height] = [160 + 8 * seed, 260 - 8 * seed]
      const plane = planeOf(width, height, (x, y) => (seed % 3 === 0 ? (x * seed + y) % 256 : 256 * random.uniform()))
      const { values } = cueValues(measureCues(plane, 'chest'))
      assert.ok(values.every(Number.isFinite))
    }
  })

  it('say nothing of what could not be used', () => {
    const plane = chestPlane({})
    const measurements = measureCues({ ...plane, usable: new Uint8Array(plane.usable.length) }, 'chest')
    assert.equal(absentOf(measurements, 'grain-uniformity'), 'too_little_usable')
  })

  it('fill what is missing with zeros that count as not measured', () => {
    const { values, measured } = cueValues([])
    assert.ok(values.every((value) => value === 0))
    assert.ok(measured.every((value) => value === 0))
  })
})
