import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../../testing/seeded.ts'
import { createKernelPasses, createPixelPasses, plainPasses } from './pixel-passes.ts'
import { createKernel } from './wasm.ts'

const random = seeded(9)

for (const [name, passes] of [
  ['plain code', plainPasses],
  ['the kernel with vectors', createKernelPasses(createKernel('simd'))],
  ['the kernel without', createKernelPasses(createKernel('scalar'))],
  ['what this runtime can run', createPixelPasses()],
] as const) {
  describe(`pixel passes by ${name}`, () => {
    it('sum the columns of rows, however many and wide', () => {
      for (const [width, count] of [
        [1, 1],
        [15, 2],
        [16, 3],
        [17, 40],
        [333, 7],
        [5000, 30],
        [33, 0],
      ] as const) {
        const rows = Uint8Array.from({ length: width * count }, () => random(256))
        const expected = Uint32Array.from({ length: width }, (_, x) => {
          let sum = 0
          for (let y = 0; y < count; y++) sum += rows[y * width + x] as number
          return sum
        })
        assert.deepEqual(passes.sumRows(rows, width), expected)
      }
    })

    it('sum more rows than fit in two bytes', () => {
      for (const count of [256, 257, 258, 514, 70_000]) {
        const sums = passes.sumRows(new Uint8Array(3 * count).fill(255), 3)
        assert.deepEqual([...sums], [255 * count, 255 * count, 255 * count])
      }
    })

    it('add changes of either sign, to the ends of the range', () => {
      for (const maximum of [255, 4095, 65_535]) {
        for (const length of [1, 7, 8, 9, 1000]) {
          const samples = Uint16Array.from({ length }, () => random(maximum + 1))
          const wanted = Uint16Array.from({ length }, (_, i) => {
            const by = (samples[i] as number) + random(200) - 100
            return Math.max(0, Math.min(maximum, by))
          })
          const changes = Int16Array.from(samples, (value, i) => (wanted[i] as number) - value)
          passes.addChanges(samples, changes, maximum)
          assert.deepEqual(samples, wanted)
        }
      }
    })

    it('refuse a change that leads out of the range, wherever it stands, and change nothing', () => {
      for (const maximum of [255, 65_535]) {
        for (const at of [0, 7, 8, 15, 16, 18]) {
          for (const [value, by] of [
            [0, -1],
            [maximum, 1],
            [3, -4],
            [maximum - 5, 6],
            [0, -32_768],
          ] as const) {
            const samples = new Uint16Array(19).fill(100)
            const changes = new Int16Array(19).fill(1)
            samples[at] = value
            changes[at] = by
            const before = samples.slice()
            assert.throws(() => passes.addChanges(samples, changes, maximum), RangeError)
            assert.deepEqual(samples, before)
          }
        }
      }
    })

    it('refuse what does not fit together', () => {
      assert.throws(() => passes.sumRows(new Uint8Array(10), 3), RangeError)
      assert.throws(() => passes.sumRows(new Uint8Array(10), 0), RangeError)
      assert.throws(() => passes.addChanges(new Uint16Array(3), new Int16Array(2), 255), RangeError)
    })
  })
}
