import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkPlane } from './plane.ts'

const plane = { width: 4, height: 3, bits: 8, samples: new Uint16Array(12).fill(255) }

const REFUSALS = [
  { name: 'a single row', plane: { ...plane, height: 1, samples: new Uint16Array(4) } },
  { name: 'too few bits', plane: { ...plane, bits: 3, samples: new Uint16Array(12) } },
  { name: 'too many bits', plane: { ...plane, bits: 17 } },
  { name: 'samples that do not fill it', plane: { ...plane, samples: new Uint16Array(11) } },
  { name: 'a sample out of range', plane: { ...plane, samples: Uint16Array.of(...new Uint16Array(11), 256) } },
]

describe('checkPlane', () => {
  it('takes a plane whose samples are at the end of the range', () => {
    checkPlane(plane)
    checkPlane({ ...plane, bits: 16, samples: new Uint16Array(12).fill(65_535) })
  })

  for (const { name, plane } of REFUSALS) {
    it(`refuses ${name}`, () => {
      assert.throws(() => checkPlane(plane), RangeError)
    })
  }
})
