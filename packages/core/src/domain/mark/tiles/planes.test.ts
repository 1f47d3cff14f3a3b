import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign as signNative } from 'node:crypto'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../../bytes/portable-crypto.ts'
import { toyPlane } from '../../../testing/toy-planes.ts'
import type { Plane } from '../../pixels/plane.ts'
import type { MarkHeader } from '../header.ts'
import { embedPlane, type MarkedPlane } from './embed-plane.ts'
import { createPlainCoder } from './plain-coder.ts'
import { type ReadingOrder, readPlane } from './read-plane.ts'

const means = { hash: portableCrypto.hash, crypto: portableCrypto, createCoder: createPlainCoder }
const { privateKey } = generateKeyPairSync('ed25519')
const publicKey = createPublicKey(createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })))
  .export({ format: 'der', type: 'spki' })
  .subarray(-32)
const imageKey = new Uint8Array(32).fill(1)
const NOTHING = new Uint8Array(0)
const header: MarkHeader = {
  hasChips: false,
  recordId: new Uint8Array(8).fill(2),
  volumeNonce: new Uint8Array(16).fill(3),
  index: 0,
  count: 1,
  plane: 0,
  planes: 1,
}
const reading: ReadingOrder = { imageKey, plane: 0, sideBytes: 0, publicKey }

function mark(plane: Plane, side = NOTHING): MarkedPlane {
  const sign = (message: Uint8Array) => new Uint8Array(signNative(null, message, privateKey))
  return embedPlane(plane, { imageKey, header: { ...header, hasChips: side.length > 0 }, side, sign }, means)
}

const change = (plane: Plane, at: number, by: number): Plane => {
  const samples = plane.samples.slice()
  samples[at] = (samples[at] as number) + by
  return { ...plane, samples }
}

describe('a marked plane', () => {
  const plane = toyPlane({ width: 200, height: 150, bits: 12 }, 'noisy')
  const marked = mark(plane)

  it('holds, is signed and gives back every sample', () => {
    const read = readPlane(marked.plane, reading, means)
    assert.deepEqual([read.outcome, read.signature, read.bytesPerTile], ['holds', 'holds', marked.bytesPerTile])
    assert.deepEqual(read.header, header)
    assert.deepEqual(read.restored.samples, plane.samples)
  })

  it('shows the tile that was changed and no other', () => {
    const at = 70 * 200 + 100
    const read = readPlane(change(marked.plane, at, 1), reading, means)
    assert.equal(read.outcome, 'altered')
    const lost = [...read.held].flatMap((held, i) => (held === 0 ? [i] : []))
    assert.deepEqual(lost, [2 * read.grid.columns + 3])
    assert.deepEqual(read.header, header, 'what the stream says survives the loss of a tile')
    assert.equal(read.signature, 'unknown')
  })

  it('is no mark under the key of another image, or as another plane', () => {
    assert.equal(readPlane(marked.plane, { ...reading, imageKey: new Uint8Array(32) }, means).outcome, 'absent')
    assert.equal(readPlane(marked.plane, { ...reading, plane: 1 }, means).outcome, 'absent')
    assert.equal(readPlane(plane, reading, means).outcome, 'absent')
  })

  it('is not signed by somebody else', () => {
    assert.equal(readPlane(marked.plane, { ...reading, publicKey: new Uint8Array(32) }, means).signature, 'fails')
    assert.equal(readPlane(marked.plane, { ...reading, publicKey: undefined }, means).signature, 'unknown')
  })

  it('is read in one go where a record says how it was made', () => {
    const read = readPlane(marked.plane, { ...reading, layout: marked }, means)
    assert.deepEqual([read.outcome, read.signature], ['holds', 'holds'])
  })

  it('carries side information and signs it', () => {
    const side = Uint8Array.from({ length: 300 }, (_, i) => i)
    const read = readPlane(mark(plane, side).plane, { ...reading, sideBytes: 300 }, means)
    assert.deepEqual([read.outcome, read.signature], ['holds', 'holds'])
    assert.deepEqual(read.side, side)
  })
})

describe('room for a mark', () => {
  for (const [width, height, bits] of [
    [31, 64, 12],
    [64, 64, 16],
    [97, 33, 8],
    [2, 500, 8],
    [300, 260, 8],
  ] as const) {
    it(`is found in ${width} × ${height} samples of ${bits} bits`, () => {
      const plane = toyPlane({ width, height, bits }, 'noisy')
      const read = readPlane(mark(plane).plane, reading, means)
      assert.equal(read.outcome, 'holds')
      assert.deepEqual(read.restored.samples, plane.samples)
    })
  }

  it('is found in larger tiles where small ones have none', () => {
    const { samples } = toyPlane({ width: 300, height: 300, bits: 14 }, 'random')
    const plane = { width: 300, height: 300, bits: 16, samples: samples.map((sample) => sample + 20_000) }
    const marked = mark(plane)
    assert.ok(marked.tileSize > 32, `${marked.tileSize}`)
    const read = readPlane(marked.plane, reading, means)
    assert.deepEqual([read.outcome, read.signature], ['holds', 'holds'])
    assert.deepEqual(read.restored.samples, plane.samples)
  })

  it('is found for tags alone where a stream does not fit', () => {
    const plane = toyPlane({ width: 12, height: 12, bits: 8 }, 'noisy')
    const marked = mark(plane)
    assert.equal(marked.bytesPerTile, 0)
    const read = readPlane(marked.plane, reading, means)
    assert.deepEqual([read.outcome, read.header, read.signature], ['holds', undefined, 'unknown'])
    assert.deepEqual(read.restored.samples, plane.samples)
  })

  it('is refused where there is none', () => {
    assert.throws(() => mark(toyPlane({ width: 5, height: 5, bits: 8 }, 'noisy')), { code: 'mark_no_capacity' })
    assert.throws(() => mark(toyPlane({ width: 40, height: 40, bits: 16 }, 'random')), { code: 'mark_no_capacity' })
  })
})
