import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renderGrey } from './grey.ts'

/** By hand from the pseudo-code of PS3.3 C.11.2.1.2.1 with an output of 0 … 255. */
const VECTORS = [
  {
    name: 'a full window of twelve bits',
    scale: { center: 2048, width: 4096 },
    samples: [0, 1, 2047, 2048, 4094, 4095],
    grey: [0, 0, 127, 128, 255, 255],
  },
  {
    name: 'a window of one: a threshold',
    scale: { center: 100, width: 1 },
    samples: [98, 99, 100, 101],
    grey: [0, 0, 255, 255],
  },
  {
    name: 'a window of two: two steps',
    scale: { center: 10, width: 2 },
    samples: [8, 9, 10, 11],
    grey: [0, 0, 255, 255],
  },
  {
    name: 'a window of 101 around 0',
    scale: { center: 0, width: 101 },
    samples: [-60, -50, -1, 0, 49, 50],
    grey: [0, 1, 126, 129, 254, 255],
  },
  {
    name: 'rescaled values',
    scale: { center: 40, width: 400, rescale: { slope: 1, intercept: -1024 } },
    samples: [0, 863, 1064, 1263, 4095],
    grey: [0, 0, 128, 255, 255],
  },
  {
    name: 'the negative',
    scale: { center: 2048, width: 4096, isInverted: true },
    samples: [0, 2047, 4095],
    grey: [255, 128, 0],
  },
] as const

describe('grey', () => {
  for (const { name, scale, samples, grey } of VECTORS) {
    it(`shows ${name}`, () => {
      assert.deepEqual([...renderGrey(samples, scale)], grey)
    })
  }

  it('takes samples of either sign and any depth', () => {
    assert.deepEqual([...renderGrey(Int16Array.of(-2000, 0, 2000), { center: 0, width: 2000 })], [0, 128, 255])
  })

  it('refuses a window narrower than one', () => {
    for (const width of [0, 0.5, -3, Number.NaN]) assert.throws(() => renderGrey([1], { center: 0, width }), RangeError)
  })
})
