import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ratios, summarise } from './statistics.ts'

describe('the summary of values', () => {
  // Expected values by hand, and the same as R's quantile(x, type = 7).
  const cases = [
    { values: [5], expected: { median: 5, lowest: 5, highest: 5, interquartileRange: 0 } },
    { values: [3, 1, 2], expected: { median: 2, lowest: 1, highest: 3, interquartileRange: 1 } },
    { values: [4, 1, 3, 2], expected: { median: 2.5, lowest: 1, highest: 4, interquartileRange: 1.5 } },
    { values: [10, 9, 1, 2, 100], expected: { median: 9, lowest: 1, highest: 100, interquartileRange: 8 } },
  ]
  for (const { values, expected } of cases) {
    it(`gives median and spread of ${values}`, () => assert.deepEqual(summarise(values), expected))
  }

  it('leaves its argument as it was', () => {
    const values = [2, 1]
    summarise(values)
    assert.deepEqual(values, [2, 1])
  })

  for (const values of [[], [1, Number.NaN], [Number.POSITIVE_INFINITY]]) {
    it(`refuses ${values.length === 0 ? 'no values' : values}`, () =>
      assert.throws(() => summarise(values), RangeError))
  }
})

describe('ratios', () => {
  it('divides round by round', () => assert.deepEqual(ratios([1, 2, 4], [2, 2, 2]), [2, 1, 0.5]))
  it('refuses rounds of different number', () => assert.throws(() => ratios([1], [1, 2]), RangeError))
  it('refuses a time that is not positive', () => assert.throws(() => ratios([1, 0], [1, 2]), RangeError))
})
