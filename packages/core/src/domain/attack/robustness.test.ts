import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPicture, type Picture } from './picture.ts'
import { createRandom } from './random.ts'
import { ROBUSTNESS_ATTACKS } from './robustness.ts'

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

/** Slow waves with a little noise on them. */
function texture(width: number, height: number): Picture {
  const picture = createPicture(width, height)
  const random = createRandom(1)
  for (let i = 0; i < picture.samples.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)]
    picture.samples[i] = 128 + 60 * Math.sin(x / 7) + 30 * Math.cos(y / 5) + 20 * random.uniform()
  }
  return picture
}
