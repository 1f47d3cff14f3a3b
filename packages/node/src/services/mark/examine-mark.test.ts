import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { publicKeyOf } from '@fiducial/core/bytes/sign-ed25519.ts'
import { deriveImageKey, deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import type { ImagePixels, Planes } from '@fiducial/core/domain/pixels/image-pixels.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import type { MarkClaim } from '@fiducial/core/domain/seal/mark-claim.ts'
import type { MarkEvidence, MarkReading } from '@fiducial/core/domain/verdict/mark-evidence.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { memoryMarkRecords } from '../../testing/memory-mark-records.ts'
import { examineMark, type MarkKeysAtHand } from './examine-mark.ts'
import { prepareMark } from './mark-instance.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'

const WIDTH = 160
const HEIGHT = 128
const noWasm = () => Promise.reject(new TypeError('nothing is compressed here'))
let randoms = 0

function newMeans(): MarkMeans {
  return {
    hash: portableCrypto.hash,
    crypto: portableCrypto,
    createCoder: createPlainCoder,
    codecs: createCodecs(noWasm),
    encoders: createEncoders(noWasm),
    random: (length) => new Uint8Array(length).fill(++randoms),
    now: () => new Date(1_700_000_000_000 + 1000 * randoms),
    records: memoryMarkRecords(),
  }
}

function deviceWith(id: string, fill: number): MarkDevice {
  const markKey = new Uint8Array(32).fill(fill)
  const publicKey = publicKeyOf(deriveMarkKeys(portableCrypto.hash, markKey).signatureSeed)
  return { id, markKey, publicKey, isDemo: true }
}

/** Frames of 12 bits with grain, another picture for each seed. */
function framesOf(seed: number, frames: number, components = 1): readonly Planes[] {
  const plane = (number: number): Plane => {
    let state = seed * 1000 + number + 1
    const samples = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return 1000 + 3 * (i % WIDTH) + 40 * number + ((state >>> 16) & 15)
    })
    return { width: WIDTH, height: HEIGHT, bits: 12, samples }
  }
  return Array.from({ length: frames }, (_, frame) =>
    Array.from({ length: components }, (_, component) => plane(frame * components + component)),
  )
}

function pixelsOf(frames: readonly Planes[], instanceUid: string | null): ImagePixels {
  return {
    frames: frames.length,
    components: frames[0]?.length ?? 1,
    width: WIDTH,
    height: HEIGHT,
    bits: 12,
    isInverted: false,
    isLossy: false,
    windows: [],
    modality: 'CR',
    instanceUid,
    read: (frame) => frames[frame] as Planes,
    *write(change) {
      for (const [frame, planes] of frames.entries()) {
        for (const { samples } of change(frame, planes)) yield new Uint8Array(samples.slice().buffer)
      }
    },
  }
}

/** Puts tiles into an image. */
async function mark(
  frames: readonly Planes[],
  instanceUid: string,
  device: MarkDevice,
  means: MarkMeans,
): Promise<{ readonly frames: readonly Planes[]; readonly claim: MarkClaim }> {
  const prepared = await prepareMark(pixelsOf(frames, instanceUid), { device, layers: 'tiles' }, means)
  const pieces = [...prepared.pieces()].map((piece) => new Uint16Array(piece.slice().buffer))
  const { claim } = await prepared.finish()
  const marked = frames.map((planes, frame) =>
    planes.map((plane, i) => ({ ...plane, samples: pieces[frame * planes.length + i] as Uint16Array })),
  )
  return { frames: marked, claim }
}

function read(evidence: MarkEvidence): MarkReading {
  assert.equal(evidence.state, 'read')
  return evidence as MarkReading
}

const room = deviceWith('room-1', 7)
const other = deviceWith('room-2', 9)
const keysOf = (...devices: readonly MarkDevice[]): MarkKeysAtHand => ({ devices, imageKeys: [] })

describe('examineMark', () => {
  it('does not look without a key, and says so where a mark is claimed', async () => {
    const means = newMeans()
    const { frames, claim } = await mark(framesOf(1, 1), '2.25.1', room, means)
    const pixels = pixelsOf(frames, '2.25.1')
    assert.deepEqual(await examineMark(pixels, [], keysOf(), means), { state: 'not_looked' })
    assert.deepEqual(await examineMark(pixels, [claim], keysOf(), means), { state: 'key_missing' })
    // Nor does the key of another device tell that there is none.
    assert.deepEqual(await examineMark(pixels, [claim], keysOf(other), means), { state: 'key_missing' })
  })

  it('reads all planes of all frames', async () => {
    const means = newMeans()
    const { frames, claim } = await mark(framesOf(1, 2, 3), '2.25.1', room, means)
    const found = read(await examineMark(pixelsOf(frames, '2.25.1'), [claim], keysOf(other, room), means))
    assert.deepEqual(
      [found.tiles, found.signature, found.recordId, found.device, found.instanceUid],
      ['holds', 'holds', encodeHex(claim.recordId), 'room-1', '2.25.1'],
    )
    assert.deepEqual([found.contradictions, found.altered, found.foreign], [[], [], []])
  })

  it('finds the record of an image that nobody claims, by its tiles', async () => {
    const means = newMeans()
    const { frames, claim } = await mark(framesOf(1, 1), '2.25.1', room, means)
    await mark(framesOf(2, 1), '2.25.2', other, means)
    for (const uid of ['2.25.1', '2.25.9', null]) {
      const found = read(await examineMark(pixelsOf(frames, uid), [], keysOf(other, room), means))
      assert.deepEqual([found.recordId, found.instanceUid], [encodeHex(claim.recordId), '2.25.1'])
    }
  })

  it('finds nothing in an image that was not marked, or not under this claim', async () => {
    const means = newMeans()
    const { claim } = await mark(framesOf(1, 1), '2.25.1', room, means)
    const bare = pixelsOf(framesOf(3, 1), '2.25.1')
    assert.deepEqual(await examineMark(bare, [claim], keysOf(room), means), { state: 'absent' })
    assert.deepEqual(await examineMark(bare, [], keysOf(room), means), { state: 'absent' })
  })

  it('names the record that is there in place of the claimed one', async () => {
    const means = newMeans()
    const { claim } = await mark(framesOf(1, 1), '2.25.1', room, means)
    const second = await mark(framesOf(2, 1), '2.25.2', room, means)
    const found = read(await examineMark(pixelsOf(second.frames, '2.25.1'), [claim], keysOf(room), means))
    assert.deepEqual([found.recordId, found.instanceUid], [encodeHex(second.claim.recordId), '2.25.2'])
  })

  it('says of frames that changed places from where they come', async () => {
    const means = newMeans()
    const { frames, claim } = await mark(framesOf(1, 3), '2.25.1', room, means)
    const [first, second, third] = frames as [Planes, Planes, Planes]
    const swapped = pixelsOf([second, first, third], '2.25.1')
    const found = read(await examineMark(swapped, [claim], keysOf(room), means))
    assert.deepEqual(
      found.foreign.map(({ frame, fromFrame, width, height }) => [frame, fromFrame, width, height]),
      [
        [1, 2, WIDTH, HEIGHT],
        [2, 1, WIDTH, HEIGHT],
      ],
    )
    assert.deepEqual(found.altered, [])
  })

  it('sees that a frame was taken out', async () => {
    const means = newMeans()
    const { frames, claim } = await mark(framesOf(1, 3), '2.25.1', room, means)
    const found = read(await examineMark(pixelsOf(frames.slice(0, 2), '2.25.1'), [claim], keysOf(room), means))
    assert.deepEqual([found.tiles, found.contradictions], ['holds', ['plane']])
  })

  it('draws regions around what was changed in any colour', async () => {
    const means = newMeans()
    const { frames, claim } = await mark(framesOf(1, 1, 3), '2.25.1', room, means)
    const [planes] = frames as [Planes]
    const green = planes[1]?.samples as Uint16Array
    for (let x = 40; x < 90; x++) green[70 * WIDTH + x] = 5
    const found = read(await examineMark(pixelsOf([planes], '2.25.1'), [claim], keysOf(room), means))
    assert.equal(found.tiles, 'altered')
    assert.deepEqual(found.altered, [{ frame: 1, x: 32, y: 64, width: 64, height: 32 }])
  })

  it('reads with a disclosed key, which accuses no other image', async () => {
    const means = newMeans()
    const { frames, claim } = await mark(framesOf(1, 1), '2.25.1', room, means)
    const second = await mark(framesOf(2, 1), '2.25.2', room, means)
    const imageKey = deriveImageKey(portableCrypto.hash, room.markKey, claim.recordId)
    const keys = { devices: [], imageKeys: [imageKey] }
    const away = { ...means, records: memoryMarkRecords() }
    const found = read(await examineMark(pixelsOf(frames, '2.25.1'), [claim], keys, away))
    assert.deepEqual([found.tiles, found.signature, found.device], ['holds', 'holds', undefined])
    const unclaimed = read(await examineMark(pixelsOf(frames, '2.25.1'), [], keys, away))
    assert.equal(unclaimed.recordId, encodeHex(claim.recordId))
    const wrong = await examineMark(pixelsOf(second.frames, '2.25.2'), [second.claim], keys, away)
    assert.deepEqual(wrong, { state: 'key_missing' })
  })

  it('does not believe tiles whose device another key has signed for', async () => {
    const means = newMeans()
    const { frames, claim } = await mark(framesOf(1, 1), '2.25.1', room, means)
    const imageKey = deriveImageKey(portableCrypto.hash, room.markKey, claim.recordId)
    const forged = { ...claim, publicKey: other.publicKey }
    const keys = { devices: [], imageKeys: [imageKey] }
    const found = read(await examineMark(pixelsOf(frames, '2.25.1'), [forged], keys, means))
    assert.deepEqual([found.signature, found.contradictions], ['fails', ['signature']])
  })
})
