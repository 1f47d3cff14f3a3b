import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import { forgeView } from '../forge-view.ts'
import type { Host, Technique } from '../technique.ts'
import { drawChest } from '../testing/phantom.ts'
import { findTechnique, TECHNIQUES } from './all.ts'

const NETWORKS = ['autoencoder', 'diffusion']
const DRAWN = TECHNIQUES.filter(({ id }) => !NETWORKS.includes(id))

const SIDE = 176

const hostFor = (technique: Technique, order = {}): Host => {
  const kind = technique.kinds.includes('chest') ? 'chest' : (technique.kinds[0] ?? 'other')
  return {
    ...drawChest({ side: SIDE, bend: 0.04, ...order, kind }),
    donor: drawChest({ side: SIDE, ...order, seed: 2, bend: 0.02 }),
  }
}

describe('techniques', () => {
  it('have different names, and are found by them', () => {
    assert.equal(new Set(TECHNIQUES.map(({ id }) => id)).size, TECHNIQUES.length)
    for (const technique of TECHNIQUES) assert.equal(findTechnique(technique.id), technique)
    assert.equal(findTechnique('nothing'), undefined)
  })

  it('promise that a signature and a mark see them, and that no header does', () => {
    for (const { id, expected } of TECHNIQUES) {
      assert.equal(expected.signature, 'sees', id)
      assert.equal(expected.mark, 'sees', id)
      assert.equal(expected.header, 'blind', id)
    }
  })

  for (const technique of DRAWN) {
    describe(technique.id, () => {
      it('gives the same for the same seed, and something else for another', () => {
        const host = hostFor(technique)
        const first = technique.make(host, createRandom(7))
        assert.deepEqual(technique.make(host, createRandom(7)), first)
        if (technique.parameters.length === 0) return
        const other = technique.make(host, createRandom(8))
        assert.notDeepEqual(other.parameters, first.parameters)
        assert.notDeepEqual(other.samples, first.samples)
      })

      it('leaves the host alone', () => {
        const host = hostFor(technique)
        const before = host.samples.slice()
        technique.make(host, createRandom(3))
        assert.deepEqual(host.samples, before)
      })

      for (const bits of [8, 12, 16]) {
        it(`changes values of ${bits} bits and stays in their range`, () => {
          const host = hostFor(technique, { bits })
          for (const seed of [1, 2, 3]) {
            const { samples, changedShare, spot } = forgeView(technique, host, seed)
            assert.ok(samples.every((value) => value <= host.white))
            assert.ok(changedShare > 0)
            assert.equal(spot === null, technique.reach === 'global')
          }
        })
      }

      it('draws parameters within their ranges, and takes those that are chosen', () => {
        const host = hostFor(technique)
        for (const { name, low, high } of technique.parameters) {
          for (const seed of [1, 2, 3]) {
            const drawn = technique.make(host, createRandom(seed)).parameters[name] as number
            assert.ok(drawn >= low && drawn <= high)
          }
          assert.equal(technique.make(host, createRandom(1), { [name]: high }).parameters[name], high)
          assert.throws(() => technique.make(host, createRandom(1), { [name]: high + 1 }), RangeError)
          assert.throws(() => technique.make(host, createRandom(1), { [name]: Number.NaN }), RangeError)
        }
        assert.throws(() => technique.make(host, createRandom(1), { unheardOf: 1 }), RangeError)
      })

      it('refuses hosts that are too small, of another kind or badly filled', () => {
        const host = hostFor(technique)
        const side = technique.leastSide - 1
        const small = { ...host, width: side, height: side, samples: new Float32Array(side * side) }
        assert.throws(() => technique.make(small, createRandom(1)), RangeError)
        assert.throws(() => technique.make({ ...host, width: SIDE - 1 }, createRandom(1)), RangeError)
        for (const kind of ['chest', 'limb', 'ct', 'mr', 'other'] as const) {
          if (!technique.kinds.includes(kind))
            assert.throws(() => technique.make({ ...host, kind }, createRandom(1)), RangeError)
        }
      })
    })
  }

  it('keep their strength when the same picture comes with twice as many bits', () => {
    // Those that change a part look for a place, and rounding may lead them to another.
    for (const technique of DRAWN.filter(({ reach }) => reach === 'global')) {
      const [small, large] = [8, 16].map((bits) => {
        const host = hostFor(technique, { bits })
        const { samples } = technique.make(host, createRandom(4))
        return samples.reduce((sum, value, i) => sum + Math.abs(value - (host.samples[i] as number)), 0) / host.white
      }) as [number, number]
      assert.ok(small / large > 0.6 && small / large < 1.6, `${technique.id} ${small} ${large}`)
    }
  })

  it('leave a flat black border flat, so that no border gives a forgery away', () => {
    for (const technique of DRAWN.filter(
      ({ id, reach }) => reach === 'global' && id !== 'codec' && id !== 'laterality-flip',
    )) {
      const plain = hostFor(technique)
      const isBorder = (i: number): boolean => i % SIDE < 12 || i % SIDE >= SIDE - 12
      const host = { ...plain, samples: plain.samples.map((value, i) => (isBorder(i) ? 0 : value)) }
      const { samples } = forgeView(technique, host, 5)
      const left = samples.filter((_, i) => i % SIDE < 9)
      assert.ok(
        left.every((value) => value === 0),
        technique.id,
      )
    }
  })
})
