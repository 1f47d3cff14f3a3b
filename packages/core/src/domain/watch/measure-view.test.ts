import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { FEATURES } from './features.ts'
import { fingerprintOf, MEASURE_NAMES, measureView, pictureByRule } from './measure-view.ts'

describe('measureView', () => {
  const measured = measureView(pictureByRule(), 'chest')

  it('gives a number for each name, and each name once', () => {
    assert.ok(typeof measured !== 'string')
    assert.equal(measured.values.length, MEASURE_NAMES.length)
    assert.equal(new Set(MEASURE_NAMES).size, MEASURE_NAMES.length)
  })

  it('measures every feature, and leaves cues that are not there as no number', () => {
    assert.ok(typeof measured !== 'string')
    assert.ok(measured.values.subarray(0, FEATURES.length).every(Number.isFinite))
    const other = measureView(pictureByRule(), 'other')
    assert.ok(typeof other !== 'string')
    const symmetry = MEASURE_NAMES.findIndex((name) => name.startsWith('symmetry.'))
    assert.ok(Number.isNaN(other.values[symmetry]))
  })

  it('does not depend on the depth that the same picture is stored in', () => {
    const eight = pictureByRule()
    const sixteen = { ...eight, samples: eight.samples.map((value) => value * 256), white: 65_535 }
    const [a, b] = [measureView(eight, 'chest'), measureView(sixteen, 'chest')]
    assert.ok(typeof a !== 'string' && typeof b !== 'string')
    assert.deepEqual(a.values, b.values)
  })

  it('refuses what is too small, and what shows one value', () => {
    assert.equal(measureView(pictureByRule(100), 'chest'), 'too_small')
    const black = { ...pictureByRule(), samples: new Float32Array(256 * 256) }
    assert.equal(measureView(black, 'chest'), 'blank')
  })
})

describe('fingerprintOf', () => {
  it('is the same each time', () => {
    assert.match(fingerprintOf(portableCrypto.hash), /^[0-9a-f]{64}$/)
    assert.equal(fingerprintOf(portableCrypto.hash), fingerprintOf(portableCrypto.hash))
  })
})
