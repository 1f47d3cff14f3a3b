import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { publicKeyOf } from '@fiducial/core/bytes/sign-ed25519.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { equalBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { cropPicture } from '@fiducial/core/domain/attack/crop.ts'
import { compressJpeg } from '@fiducial/core/domain/attack/jpeg.ts'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import { scalePicture } from '@fiducial/core/domain/attack/resize.ts'
import { createTileCoder } from '@fiducial/core/domain/mark/kernel/mark-kernel.ts'
import { deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import type { ImagePixels } from '@fiducial/core/domain/pixels/image-pixels.ts'
import { openPicturePixels } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { openRawPixels } from '@fiducial/core/domain/pixels/raw-pixels.ts'
import { planExposure } from '@fiducial/core/domain/room/plan.ts'
import { captureExposure } from '@fiducial/core/domain/room/room.ts'
import { FormatError, KeyError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { memoryMarkRecords } from '../../testing/memory-mark-records.ts'
import { openPixels } from '../open-pixels.ts'
import { locateChanges } from './locate.ts'
import { prepareMark } from './mark-instance.ts'
import type { MarkDevice, MarkMeans } from './ports.ts'
import { readMark } from './read-mark.ts'
import { prepareRestore } from './restore.ts'

const { hash } = portableCrypto
const noWasm = () => Promise.reject(new TypeError('no WASM here'))
const freshMeans = (): MarkMeans => ({
  hash,
  crypto: portableCrypto,
  createCoder: createTileCoder,
  codecs: createCodecs(noWasm),
  encoders: createEncoders(noWasm),
  random: (length) => new Uint8Array(randomBytes(length)),
  now: () => new Date('2026-03-03T10:14:00.123Z'),
  records: memoryMarkRecords(),
})
const deviceOf = (id: string, byte: number): MarkDevice => {
  const markKey = new Uint8Array(32).fill(byte)
  return { id, markKey, publicKey: publicKeyOf(deriveMarkKeys(hash, markKey).signatureSeed), isDemo: true }
}
const device = deviceOf('device-room-1', 1)
const look = { devices: [deviceOf('device-room-2', 2), device] }
const gather = (pieces: Iterable<Uint8Array>): Uint8Array => joinBytes([...pieces].map((piece) => piece.slice()))
const withCode = (code: string) => (error: unknown) =>
  (error instanceof FormatError || error instanceof KeyError) && error.code === code

/** A hand of the simulated room, marked. */
async function markHand(means: MarkMeans) {
  const size = { columns: 1240, rows: 1008 }
  const plan = planExposure('torn out', { kind: 'hand', at: '2026-03-04T10:11:12.345+01:00', size, patientNumber: 7 })
  const { elements } = captureExposure(plan)
  const original = joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
  const open = (bytes: Uint8Array) => openPixels(parseDicom(memorySource(bytes)), means)
  const prepared = await prepareMark(await open(original), { device, layers: 'both' }, means)
  const marked = gather(prepared.pieces())
  const { record, claim } = await prepared.finish()
  return { original, marked, pixels: await open(marked), record, claim, open }
}

/** What a viewer shows, in 8 bits. */
function screenOf(pixels: ImagePixels): Picture {
  const [plane] = pixels.read(0)
  const { low, high } = pixels.windows[0] ?? { low: 0, high: 2 ** pixels.bits - 1 }
  const show = (value: number) => Math.max(0, Math.min(255, Math.round(((value - low) / (high - low)) * 255)))
  const samples = Uint8Array.from(plane?.samples ?? [], (value) =>
    pixels.isInverted ? 255 - show(value) : show(value),
  )
  return { width: pixels.width, height: pixels.height, samples }
}
const lossy = ({ width, height, samples }: Picture): ImagePixels =>
  openPicturePixels({ width, height, depth: 8, channels: 1, bytes: samples, isLossy: true }, () => [])

describe('a marked image', async () => {
  const means = freshMeans()
  const { original, marked, pixels, record, claim, open } = await markHand(means)

  it('carries chips, and has a record with an encrypted picture', () => {
    assert.ok(claim.hasChips)
    assert.deepEqual([record.thumbnails.length, record.planes.length], [1, 1])
    assert.deepEqual(claim.publicKey, device.publicKey)
  })

  it('is told by its tiles, and comes back bit for bit', async () => {
    const found = await readMark(pixels, look, means)
    assert.ok(found.by === 'tiles' && found.location.outcome === 'holds')
    assert.equal(found.location.device?.id, 'device-room-1')
    assert.ok(equalBytes(gather((await prepareRestore(pixels, look, means)).pieces()), original))
  })

  it('is not marked again unasked, and not by its own device alone', async () => {
    await assert.rejects(prepareMark(pixels, { device, layers: 'tiles' }, means), withCode('mark_already'))
    const again = await prepareMark(pixels, { device, layers: 'tiles', isAgain: true }, means)
    const twice = await open(gather(again.pieces()))
    await again.finish()
    const once = gather((await prepareRestore(twice, look, means)).pieces())
    assert.ok(equalBytes(once, marked))
  })

  it('is found by its chips where the records are lost, and restored', async () => {
    const bare = { ...means, records: memoryMarkRecords() }
    const location = await locateChanges(pixels, look, bare)
    assert.equal(location.outcome, 'holds')
    assert.equal(location.record, undefined)
    assert.ok(equalBytes(gather((await prepareRestore(pixels, look, bare)).pieces()), original))
  })

  it('is located with a disclosed key, which does not take chips off', async () => {
    const { imageKey } = await locateChanges(pixels, look, means)
    assert.ok(imageKey !== undefined)
    const order = { devices: [], imageKey }
    assert.equal((await locateChanges(pixels, order, means)).outcome, 'holds')
    const prepared = await prepareRestore(pixels, order, means)
    assert.throws(() => gather(prepared.pieces()), withCode('key_missing'))
    const wrong = { devices: [], imageKey: new Uint8Array(32) }
    assert.equal((await locateChanges(pixels, wrong, means)).outcome, 'absent')
    await assert.rejects(prepareRestore(pixels, wrong, means), withCode('mark_absent'))
  })

  it('is not seen by other devices', async () => {
    const strangers = { devices: [deviceOf('device-room-3', 3)] }
    assert.deepEqual(await readMark(pixels, { ...strangers, isSearching: false }, means), { by: 'nothing' })
  })

  for (const [name, change] of Object.entries({
    'a JPEG of it': (picture: Picture) => compressJpeg(picture, 75),
    'a larger picture of a part of it': (picture: Picture) =>
      compressJpeg(scalePicture(cropPicture(picture, { left: 40, top: 30, width: 560, height: 460 }), 1.2), 85),
  })) {
    it(`is recognised in ${name}`, async () => {
      const found = await readMark(lossy(change(screenOf(pixels))), look, means)
      assert.ok(found.by === 'chips')
      assert.deepEqual(found.reading.id, record.recordId)
      assert.equal(found.match?.outcome, 'same')
    })
  }

  it('is compared with what a picture shows', async () => {
    const picture = screenOf(pixels)
    for (let y = 200; y < 240; y++) picture.samples.fill(0, y * 640 + 300, y * 640 + 340)
    const found = await readMark(lossy(compressJpeg(picture, 80)), look, means)
    assert.ok(found.by === 'chips' && found.match?.outcome === 'differs')
  })

  it('is only named where the record is lost', async () => {
    const bare = { ...means, records: memoryMarkRecords() }
    const found = await readMark(lossy(compressJpeg(screenOf(pixels), 80)), look, bare)
    assert.ok(found.by === 'chips' && found.record === undefined && found.match === undefined)
  })
})

describe('an image of several frames', () => {
  it('is marked frame by frame, and each frame says which it is', async () => {
    const means = freshMeans()
    const shape = { width: 64, height: 64, bits: 12, isBigEndian: false }
    const samples = Uint16Array.from({ length: 3 * 64 * 64 }, (_, i) => 2000 + ((i * 37) % 90) + (i >> 12))
    const open = (bytes: Uint8Array) => openRawPixels(memorySource(bytes), shape)
    const original = new Uint8Array(samples.buffer)
    const prepared = await prepareMark(open(original), { device, layers: 'both' }, means)
    const marked = gather(prepared.pieces())
    await prepared.finish()
    assert.equal((await locateChanges(open(marked), look, means)).outcome, 'holds')
    const frameBytes = marked.length / 3
    const [first, second, third] = [0, 1, 2].map((i) => marked.subarray(i * frameBytes, (i + 1) * frameBytes))
    const swapped = joinBytes([first, third, second] as Uint8Array[])
    const location = await locateChanges(open(swapped), look, means)
    assert.equal(location.outcome, 'altered')
    assert.deepEqual(
      location.planes.map(({ reading }) => reading.outcome),
      ['holds', 'absent', 'absent'],
    )
    const { state, pieces } = await prepareRestore(open(marked), look, means)
    assert.equal(state, 'exact')
    assert.ok(equalBytes(gather(pieces()), original))
  })
})
