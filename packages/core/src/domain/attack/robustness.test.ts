import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ROBUSTNESS_ATTACKS } from './robustness.ts'
import { texture } from './testing/pictures.ts'

describe('robustness attacks', () => {
  it('have names of their own', () => {
    assert.equal(new Set(ROBUSTNESS_ATTACKS.map(({ id }) => id)).size, ROBUSTNESS_ATTACKS.length)
  })

  for (const { id, apply } of ROBUSTNESS_ATTACKS) {
    it(`${id} leaves its picture alone and is repeatable`, () => {
      const picture = texture(67, 50)
      const before = picture.samples.slice()
      const first = apply(picture, 5)
      assert.deepEqual(picture.samples, before)
      assert.deepEqual(apply(picture, 5), first)
      assert.equal(first.samples.length, first.width * first.height)
    })

    it(`${id} keeps what is recognisable`, () => {
      const attacked = apply(texture(67, 50), 1)
      const low = attacked.samples.reduce((a, b) => Math.min(a, b))
      const high = attacked.samples.reduce((a, b) => Math.max(a, b))
      assert.ok(high - low > 50, `${low} to ${high}`)
    })
  }
})
