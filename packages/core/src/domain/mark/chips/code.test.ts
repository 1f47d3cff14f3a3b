import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  bestInputs,
  CODED_BITS,
  encodeInputs,
  INPUTS,
  MESSAGE_BITS,
  messageOf,
  messagePosition,
  rankedInputs,
} from './code.ts'

const inputs = Uint8Array.from({ length: INPUTS }, (_, t) => (t < INPUTS - 8 ? (t * 7 + (t >> 3)) & 1 : 0))
const evidenceOf = (coded: Uint8Array) => Float64Array.from(coded, (bit) => 2 * bit - 1)

describe('the code of the chips', () => {
  it('answers a single 1 with its generators, 561 and 753', () => {
    const coded = encodeInputs(Uint8Array.from({ length: INPUTS }, (_, t) => (t === 0 ? 1 : 0)))
    const row = (first: number) => Array.from({ length: 9 }, (_, t) => coded[2 * t + first]).join('')
    assert.deepEqual([row(0), row(1)], [(0o561).toString(2), (0o753).toString(2)])
  })
  it('has a place of its own for each message bit, before the tail', () => {
    const places = new Set(Array.from({ length: MESSAGE_BITS }, (_, j) => messagePosition(j)))
    assert.equal(places.size, MESSAGE_BITS)
    assert.ok(Math.max(...places) < INPUTS - 8)
  })
  it('finds inputs in spite of five coded bits gone wrong close together', () => {
    const evidence = evidenceOf(encodeInputs(inputs))
    for (const b of [100, 103, 104, 108, 111]) evidence[b] = -(evidence[b] as number)
    assert.deepEqual(bestInputs(evidence), inputs)
  })
  it('meets a message whatever the evidence says', () => {
    const message = Uint8Array.from({ length: MESSAGE_BITS }, (_, j) => (j * j) & 1)
    const evidence = Float64Array.from({ length: CODED_BITS }, (_, b) => Math.sin(b * b))
    assert.deepEqual(messageOf(bestInputs(evidence, message)), message)
  })
  it('comes to an end where the evidence says nothing', () => {
    assert.ok([...rankedInputs(new Float64Array(CODED_BITS))].length <= 30_000)
    const little = new Float64Array(CODED_BITS)
    for (let b = 0; b < CODED_BITS; b += 9) little[b] = (b % 7) - 3
    assert.ok([...rankedInputs(little)].length <= 30_000)
  })

  it('ranks inputs by how well they agree, the best first', () => {
    const evidence = Float64Array.from({ length: CODED_BITS }, (_, b) => Math.sin(b * b))
    const scoreOf = (found: Uint8Array) =>
      evidenceOf(encodeInputs(found)).reduce((sum, sign, b) => sum + sign * (evidence[b] as number), 0)
    const paths = rankedInputs(evidence)
    const ranked = Array.from({ length: 50 }, () => paths.next().value as Uint8Array)
    assert.deepEqual(ranked[0], bestInputs(evidence))
    assert.equal(new Set(ranked.map((found) => found.join(''))).size, 50)
    ranked.map(scoreOf).forEach((score, i, all) => {
      if (i > 0) assert.ok(score <= (all[i - 1] as number) + 1e-9)
    })
  })
})
