import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import type { NormalPlane } from '../normal-plane.ts'
import { planeOf } from '../testing/chest-plane.ts'
import { fractureCleanliness } from './fracture-cleanliness.ts'

const BOX = { left: 70, top: 60, right: 110, bottom: 100 }

interface Break {
  readonly jitter?: number
  readonly until?: number
}

/** An upright shaft with a gap across it at row 80. */
function shaft({ jitter = 0, until = 200 }: Break): NormalPlane {
  const random = createRandom(4)
  const rows = Array.from({ length: 200 }, () => 80 + Math.round(jitter * (random.uniform() - 0.5)))
  const noise = Array.from({ length: 200 * 200 }, () => 4 * random.normal())
  return planeOf(200, 200, (x, y) => {
    const bone = x > 66 && x < 114 ? 180 : 40
    const isGap = bone === 180 && x < until && Math.abs(y - (rows[x] as number)) < 2
    return (isGap ? 70 : bone) + (noise[y * 200 + x] as number)
  })
}
const measure = (plane: NormalPlane): readonly number[] => {
  const { values } = fractureCleanliness.measure(plane, 'limb', [BOX])
  assert.ok(values !== null)
  return values
}

describe('cleanliness of a fracture', () => {
  it('is higher for a straight gap than for a jagged one', () => {
    assert.ok((measure(shaft({}))[0] as number) < (measure(shaft({ jitter: 6 }))[0] as number))
  })

  it('is one-sided where the gap ends halfway', () => {
    assert.ok((measure(shaft({ until: 90 }))[3] as number) > (measure(shaft({}))[3] as number) + 0.3)
  })

  it('has the line where the gap is', () => {
    const line = fractureCleanliness.measure(shaft({}), 'limb', [BOX]).shapes[1]
    assert.ok(line?.kind === 'line')
    for (let i = 1; i < line.points.length; i += 2) assert.ok(Math.abs((line.points[i] as number) - 80) < 3)
  })

  it('finds a bone by itself in a limb', () => {
    assert.equal(fractureCleanliness.measure(shaft({}), 'limb').absent, null)
  })

  it('is absent for a chest in which nobody marked anything, and for other kinds', () => {
    assert.equal(fractureCleanliness.measure(shaft({}), 'chest').absent, 'no_finding')
    assert.equal(fractureCleanliness.measure(shaft({}), 'mr', [BOX]).absent, 'other_body_part')
  })

  it('keeps boxes of any place and size inside the picture', () => {
    for (const box of [
      { left: 0, top: 0, right: 200, bottom: 200 },
      { left: 190, top: 190, right: 200, bottom: 200 },
      { left: 0, top: 0, right: 1, bottom: 1 },
    ]) {
      const { values, absent } = fractureCleanliness.measure(shaft({}), 'chest', [box])
      assert.ok(values === null ? absent === 'no_finding' : values.every(Number.isFinite))
    }
  })
})
