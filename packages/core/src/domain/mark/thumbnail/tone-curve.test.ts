import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isolateRegions } from './regions.ts'
import { surroundingsOf } from './surroundings.ts'
import { fitToneCurve, medianOf } from './tone-curve.ts'

const LEVELS = Uint8Array.from({ length: 128 * 128 }, (_, i) => i % 256)
const CALM = new Float32Array(LEVELS.length)

/** Through a curve, a third of the cells altered at random places to the light side. */
function question(curve: (level: number) => number, altered = 0) {
  const shown = Float32Array.from(LEVELS, (level, i) => (i % 100 < altered ? 255 : curve(level)))
  return { levels: LEVELS, shown, steepness: CALM }
}

describe('tone curve', () => {
  it('is found whatever it is, rising or falling', () => {
    for (const curve of [
      (level: number) => level,
      (level: number) => 255 - level,
      (level: number) => 255 * (level / 255) ** 0.7,
      (level: number) => Math.min(255, Math.max(0, 1.5 * level - 60)),
    ]) {
      const { levels, isInverted } = fitToneCurve(question(curve), 4)
      assert.equal(isInverted, curve(0) > curve(255))
      for (const level of [5, 60, 130, 200, 250]) {
        assert.ok(Math.abs((levels[level] as number) - curve(level)) < 3, `${level}: ${levels[level]} ${curve(level)}`)
      }
    }
  })

  it('is not bent by alterations', () => {
    const { levels } = fitToneCurve(
      question((level) => level / 2, 25),
      4,
    )
    assert.ok(Math.abs((levels[100] as number) - 50) < 2)
  })

  it('passes over cells that are not seen', () => {
    const { shown } = question((level) => level)
    const half = shown.map((value, i) => (i % 2 === 0 ? Number.NaN : value))
    const { levels } = fitToneCurve({ levels: LEVELS, shown: half, steepness: CALM }, 4)
    assert.ok(Math.abs((levels[101] as number) - 101) < 2)
  })

  it('has a median of nothing that is no number', () => {
    assert.ok(Number.isNaN(medianOf([])))
    assert.equal(medianOf([3, 1, 2]), 2)
  })
})

describe('cells', () => {
  it('know the darkest and the lightest around them', () => {
    const samples = Uint8Array.from([1, 2, 3, 4, 50, 6, 7, 8, 9])
    const { darkest, lightest } = surroundingsOf({ columns: 3, rows: 3, samples }, 1)
    assert.deepEqual([...lightest], [50, 50, 50, 50, 50, 50, 50, 50, 50])
    assert.deepEqual([...darkest], [1, 1, 2, 1, 1, 2, 4, 4, 6])
  })

  it('belong together when they touch', () => {
    const states = Uint8Array.from([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2])
    assert.deepEqual(isolateRegions({ columns: 4, rows: 3, states }, 2), [
      { left: 0, top: 0, right: 2, bottom: 2, cells: 2 },
      { left: 3, top: 2, right: 4, bottom: 3, cells: 1 },
    ])
  })
})
