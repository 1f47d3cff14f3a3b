import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../../testing/seeded.ts'
import { createKernelRowSums, createRowSums, sumRowsPlainly } from './row-sums.ts'
import { createKernel } from './wasm.ts'

const random = seeded(9)

for (const [name, sumRows] of [
  ['plain code', sumRowsPlainly],
  ['the kernel with vectors', createKernelRowSums(createKernel('simd'))],
  ['the kernel without', createKernelRowSums(createKernel('scalar'))],
  ['what this runtime can run', createRowSums()],
] as const) {
  describe(`row sums by ${name}`, () => {
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
        assert.deepEqual(sumRows(rows, width), expected)
      }
    })

    it('sum more rows than fit in two bytes', () => {
      for (const count of [256, 257, 258, 514, 70_000]) {
        const sums = sumRows(new Uint8Array(3 * count).fill(255), 3)
        assert.deepEqual([...sums], [255 * count, 255 * count, 255 * count])
      }
    })

    it('refuse rows that are not whole', () => {
      assert.throws(() => sumRows(new Uint8Array(10), 3), RangeError)
      assert.throws(() => sumRows(new Uint8Array(10), 0), RangeError)
    })
  })
}
