import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { publicKeyOf, signEd25519 } from '../../bytes/sign-ed25519.ts'
import { toyPlane } from '../../testing/toy-planes.ts'
import type { Plane } from '../pixels/plane.ts'
import { chipLimitsOf } from './chip-limits.ts'
import { chipSideLength } from './chips/geometry.ts'
import { createTileCoder } from './kernel/mark-kernel.ts'
import { type ChipOrder, type FrameOrder, markFrame, takeChipsOff } from './mark-frame.ts'
import type { MarkRecord } from './record.ts'
import { checkRecordedSignature } from './recorded-signature.ts'
import { readPlane } from './tiles/read-plane.ts'

const means = { hash: portableCrypto.hash, crypto: portableCrypto, createCoder: createTileCoder }
const seed = new Uint8Array(32).fill(3)
const publicKey = publicKeyOf(seed)
const imageKey = new Uint8Array(32).fill(4)
const recordId = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const place = { volumeNonce: new Uint8Array(16).fill(5), index: 0, count: 1 }
const chips: ChipOrder = {
  key: new Uint8Array(32).fill(6),
  views: [[0, 4095]],
  limits: chipLimitsOf({ bits: 12, modality: 'CR' }),
}
const orderOf = (planes: number, more: Partial<FrameOrder> = {}): FrameOrder => ({
  imageKey,
  header: { ...place, recordId, planes },
  frame: 0,
  sign: (message) => signEd25519(seed, message),
  ...more,
})
const noisy = (side: number): Plane => toyPlane({ width: side, height: side, bits: 12 }, 'noisy')
const readOf = (plane: Plane, number: number, sideBytes: number) =>
  readPlane(plane, { imageKey, plane: number, sideBytes, publicKey }, means)

describe('markFrame', () => {
  it('puts tiles over chips, and both come off bit for bit', () => {
    const plane = noisy(300)
    const marked = markFrame([plane], orderOf(1, { chips }), means)
    assert.ok(marked.report !== undefined && marked.records[0]?.hasChips === true)
    const read = readOf(marked.planes[0] as Plane, 0, chipSideLength(plane))
    assert.deepEqual([read.outcome, read.signature], ['holds', 'holds'])
    const [restored] = takeChipsOff([read.restored], chips.key, read.side ?? new Uint8Array(0))
    assert.deepEqual(restored?.samples, plane.samples)
  })

  it('lets the first component carry what takes the chips off all of them', () => {
    const planes = [0, 1, 2].map((i) => ({
      ...noisy(300),
      samples: noisy(300).samples.map((v) => Math.min(4095, v + i)),
    }))
    const marked = markFrame(planes, orderOf(3, { chips }), means)
    assert.deepEqual(
      marked.records.map(({ hasChips }) => hasChips),
      [true, false, false],
    )
    const reads = marked.planes.map((plane, i) => readOf(plane, i, i === 0 ? chipSideLength(plane) : 0))
    const restored = takeChipsOff(
      reads.map((read) => read.restored),
      chips.key,
      reads[0]?.side ?? new Uint8Array(0),
    )
    assert.deepEqual(
      restored.map(({ samples }) => samples),
      planes.map(({ samples }) => samples),
    )
  })

  it('goes without chips where they are not offered, or not asked for', () => {
    for (const order of [orderOf(1, { chips }), orderOf(1)]) {
      const marked = markFrame([noisy(100)], order, means)
      assert.equal(marked.report, undefined)
      assert.equal(marked.records[0]?.hasChips, false)
    }
  })
})

describe('checkRecordedSignature', () => {
  it('tells whether the device has signed a plane whose tiles carry nothing', () => {
    const plane = toyPlane({ width: 16, height: 16, bits: 12 }, 'noisy')
    const marked = markFrame([plane], orderOf(1), means)
    const record = { recordId, volume: place, planes: marked.records } as unknown as MarkRecord
    const check = (restored: Plane, number = 0, key = publicKey) =>
      checkRecordedSignature({ record, number, restored, publicKey: key }, portableCrypto)
    assert.equal(check(plane), 'holds')
    assert.equal(check({ ...plane, samples: plane.samples.map((v) => v ^ 1) }), 'fails')
    assert.equal(check(plane, 0, publicKeyOf(new Uint8Array(32))), 'fails')
    assert.equal(check(plane, 1), 'unknown')
  })
})

describe('chipLimitsOf', () => {
  it('asks for the least of deep images, and lets ultrasound have more', () => {
    const deep = chipLimitsOf({ bits: 16, modality: 'CT' })
    const shallow = chipLimitsOf({ bits: 8, modality: null })
    const speckled = chipLimitsOf({ bits: 8, modality: 'US' })
    assert.ok(deep.minStoredPsnr >= 62 && shallow.minStoredPsnr >= 55 && speckled.minStoredPsnr >= 46)
    assert.ok([deep, shallow, speckled].every(({ minDisplayPsnr }) => minDisplayPsnr >= 48))
  })
})
