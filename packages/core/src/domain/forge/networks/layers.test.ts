import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import { addMaps, convolve, enlarge, type Kernel, leak, shuffle, unshuffle } from './layers.ts'
import { createMaps, fieldOfMap, type Maps, mapOfField } from './maps.ts'

const random = createRandom(7)
const noise = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal())
const mapsOf = (channels: number, width: number, height: number): Maps => ({
  ...{ channels, width, height },
  values: noise(channels * width * height),
})

/** The definition, sample by sample. */
function plainConvolve(maps: Maps, { inputs, outputs, stride, weights, shifts }: Kernel): Float32Array {
  const [width, height] = [maps.width / stride, maps.height / stride]
  return Float32Array.from({ length: outputs * width * height }, (_, at) => {
    const [x, y] = [(at % width) * stride, (Math.floor(at / width) % height) * stride]
    const output = Math.floor(at / (width * height))
    let sum = shifts[output] as number
    for (let tap = 0; tap < 9 * inputs; tap++) {
      const [u, v] = [x + (tap % 3) - 1, y + (Math.floor(tap / 3) % 3) - 1]
      if (u < 0 || v < 0 || u >= maps.width || v >= maps.height) continue
      const plane = Math.floor(tap / 9) * maps.height
      sum += (weights[output * inputs * 9 + tap] as number) * (maps.values[(plane + v) * maps.width + u] as number)
    }
    return sum
  })
}

describe('convolve', () => {
  for (const stride of [1, 2] as const) {
    it(`is the sum of its definition, every ${stride} samples`, () => {
      const kernel: Kernel = { inputs: 3, outputs: 5, stride, weights: noise(135), shifts: noise(5) }
      const maps = mapsOf(3, 8, 6)
      const [made, plain] = [convolve(maps, kernel).values, plainConvolve(maps, kernel)]
      assert.equal(made.length, plain.length)
      for (const [i, value] of made.entries()) assert.ok(Math.abs(value - (plain[i] as number)) < 1e-4)
    })
  }

  it('adds a shift of its own to each output', () => {
    const kernel: Kernel = {
      inputs: 1,
      outputs: 2,
      stride: 1,
      weights: new Float32Array(18),
      shifts: Float32Array.of(1, 2),
    }
    const { values } = convolve(mapsOf(1, 2, 2), kernel, Float32Array.of(10, 20))
    assert.deepEqual([...values], [11, 11, 11, 11, 22, 22, 22, 22])
  })

  it('refuses other numbers of planes, and odd sides where it halves', () => {
    const kernel: Kernel = { inputs: 2, outputs: 1, stride: 2, weights: noise(18), shifts: noise(1) }
    assert.throws(() => convolve(mapsOf(1, 4, 4), kernel), RangeError)
    assert.throws(() => convolve(mapsOf(2, 5, 4), kernel), RangeError)
  })
})

describe('layers', () => {
  it('divides what is negative by eight', () => {
    assert.deepEqual(
      [...leak({ channels: 1, width: 3, height: 1, values: Float32Array.of(-8, 0, 8) }).values],
      [-1, 0, 8],
    )
  })

  it('repeats each sample four times', () => {
    const made = enlarge({ channels: 2, width: 1, height: 1, values: Float32Array.of(3, 4) })
    assert.deepEqual([...made.values], [3, 3, 3, 3, 4, 4, 4, 4])
  })

  it('puts phases where they belong, and finds them again', () => {
    const four: Maps = { channels: 4, width: 1, height: 1, values: Float32Array.of(1, 2, 3, 4) }
    assert.deepEqual([...shuffle(four, 2).values], [1, 2, 3, 4])
    const picture = mapsOf(1, 12, 8)
    assert.deepEqual(shuffle(unshuffle(picture, 4), 4), picture)
  })

  it('adds maps in place', () => {
    const [a, b] = [createMaps(1, 2, 1), createMaps(1, 2, 1)]
    b.values.set([1, 2])
    assert.equal(addMaps(a, b), a)
    assert.deepEqual([...a.values], [1, 2])
  })
})

describe('maps', () => {
  it('mirrors up to the next multiple, and comes back as it was', () => {
    const field = { width: 5, height: 3, samples: noise(15) }
    const maps = mapOfField(field, 4)
    assert.deepEqual([maps.width, maps.height], [8, 4])
    assert.equal(maps.values[5], field.samples[3])
    assert.deepEqual(fieldOfMap(maps, 5, 3), field)
  })
})
