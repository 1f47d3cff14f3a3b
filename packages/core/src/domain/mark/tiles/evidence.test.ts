import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../../bytes/portable-crypto.ts'
import { seeded } from '../../../testing/seeded.ts'
import { toyPlane } from '../../../testing/toy-planes.ts'
import type { Plane } from '../../pixels/plane.ts'
import { embedPlane } from './embed-plane.ts'
import { findOrigins } from './origin.ts'
import { applyPose, findPlacement, POSES } from './placement.ts'
import { createPlainCoder } from './plain-coder.ts'
import { readPlane } from './read-plane.ts'
import { repairPlane } from './repair.ts'

const means = { hash: portableCrypto.hash, crypto: portableCrypto, createCoder: createPlainCoder }
const NOTHING = new Uint8Array(0)
const imageKey = new Uint8Array(32).fill(8)
const header = {
  hasChips: false,
  recordId: new Uint8Array(8),
  volumeNonce: new Uint8Array(16),
  index: 0,
  count: 1,
  plane: 0,
  planes: 1,
}
const reading = { imageKey, plane: 0, sideBytes: 0 }
const original = toyPlane({ width: 170, height: 140, bits: 12 }, 'noisy')
const mark = (plane: Plane, key = imageKey) =>
  embedPlane(plane, { imageKey: key, header, side: NOTHING, sign: () => new Uint8Array(64) }, means)
const marked = mark(original)

const edit = (plane: Plane, change: (samples: Uint16Array) => void): Plane => {
  const samples = plane.samples.slice()
  change(samples)
  return { ...plane, samples }
}

const copyBlock = (from: Plane, to: Plane, order: { from: [number, number]; to: [number, number]; side: number }) =>
  edit(to, (samples) => {
    for (let y = 0; y < order.side; y++) {
      const start = (order.from[1] + y) * from.width + order.from[0]
      samples.set(from.samples.subarray(start, start + order.side), (order.to[1] + y) * to.width + order.to[0])
    }
  })

describe('repairPlane', () => {
  const order = { imageKey, plane: 0, syndromes: marked.syndromes }
  const random = seeded(31)

  it('puts one changed sample of a tile right, wherever it is and by whatever it was changed', () => {
    for (let round = 0; round < 40; round++) {
      const at = random(marked.plane.samples.length)
      const value = random(4096)
      const altered = edit(marked.plane, (samples) => {
        samples[at] = value
      })
      if (value === marked.plane.samples[at]) continue
      const { plane, repairs } = repairPlane(altered, readPlane(altered, reading, means), order, means)
      assert.deepEqual(plane.samples, marked.plane.samples)
      assert.deepEqual(
        repairs.map(({ x, y, found }) => ({ at: y * 170 + x, found })),
        [{ at, found: value }],
      )
    }
  })

  it('leaves a tile alone in which two samples were changed', () => {
    const altered = edit(marked.plane, (samples) => {
      samples[5] = (samples[5] as number) ^ 1
      samples[9] = (samples[9] as number) ^ 1
    })
    const { plane, repairs } = repairPlane(altered, readPlane(altered, reading, means), order, means)
    assert.deepEqual([plane.samples, repairs], [altered.samples, []])
  })

  it('refuses syndromes of another plane', () => {
    const read = readPlane(marked.plane, reading, means)
    assert.throws(() => repairPlane(marked.plane, read, { ...order, syndromes: new Uint32Array(2) }, means), RangeError)
  })
})

describe('findOrigins', () => {
  const otherKey = new Uint8Array(32).fill(9)
  const other = mark(toyPlane({ width: 170, height: 140, bits: 12 }, 'noisy', 2), otherKey)
  const sources = [
    { imageKey, planes: new Map([[0, 20]]) },
    { imageKey: otherKey, planes: new Map([[0, 20]]) },
  ]

  it('tells from where in the image a tile was copied', () => {
    const altered = copyBlock(marked.plane, marked.plane, { from: [0, 32], to: [64, 64], side: 32 })
    const origins = findOrigins(altered, readPlane(altered, reading, means), sources)
    assert.deepEqual(origins, [{ tile: 12, source: 0, plane: 0, from: 5 }])
  })

  it('tells from which other image a tile was taken', () => {
    const altered = copyBlock(other.plane, marked.plane, { from: [32, 32], to: [32, 32], side: 32 })
    const origins = findOrigins(altered, readPlane(altered, reading, means), sources)
    assert.deepEqual(origins, [{ tile: 6, source: 1, plane: 0, from: 6 }])
  })

  it('says nothing of a tile that was painted over', () => {
    const altered = copyBlock(original, marked.plane, { from: [32, 32], to: [32, 32], side: 32 })
    assert.deepEqual(findOrigins(altered, readPlane(altered, reading, means), sources), [])
  })
})

describe('findPlacement', () => {
  const whole = { columns: 5, rows: 4 }
  const order = { imageKey, plane: 0, layout: marked, whole }

  it('finds where a part was cut out', () => {
    const width = 120
    const height = 100
    const samples = new Uint16Array(width * height)
    for (let y = 0; y < height; y++) {
      const start = (y + 17) * 170 + 29
      samples.set(marked.plane.samples.subarray(start, start + width), y * width)
    }
    const placement = findPlacement({ width, height, bits: 12, samples }, { ...order, poses: POSES.slice(0, 1) })
    assert.deepEqual([placement?.x, placement?.y], [29, 17])
  })

  it('finds a whole that was turned, mirrored and inverted', () => {
    const posed = applyPose(marked.plane, { isInverted: true, turns: 1, isMirrored: false })
    const undo = { isInverted: true, turns: 3, isMirrored: false }
    const placement = findPlacement(posed, { ...order, poses: [undo] })
    assert.deepEqual([placement?.x, placement?.y, placement?.plane.samples], [0, 0, marked.plane.samples])
  })

  it('finds no place for what is not marked', () => {
    const { plane } = mark(toyPlane({ width: 70, height: 70, bits: 12 }, 'noisy', 3), new Uint8Array(32))
    assert.equal(findPlacement(plane, { ...order, poses: POSES.slice(0, 1) }), undefined)
  })
})
