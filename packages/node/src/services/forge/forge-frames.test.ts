import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import type { Host } from '@fiducial/core/domain/forge/technique.ts'
import { openPicturePixels } from '@fiducial/core/domain/pixels/picture-pixels.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { forgeFrames, type MakeView, seedOf } from './forge-frames.ts'
import { labelOf, writePicture } from './write-forged.ts'

const [width, height] = [8, 6]
const grey = Uint8Array.from({ length: width * height }, (_, i) => 3 * i)

function pictureOf(channels: number, sampleAt = (i: number, _channel: number): number => grey[i] as number) {
  const bytes = Uint8Array.from({ length: width * height * channels }, (_, i) =>
    sampleAt(Math.floor(i / channels), i % channels),
  )
  return openPicturePixels({ width, height, depth: 8, channels, bytes, isLossy: false }, (made) => [made])
}

/** One sample is made brighter by so much. */
const brighten =
  (by: number, at = 5): MakeView =>
  ({ samples }) => ({
    samples: samples.map((sample, i) => (i === at ? sample + by : sample)),
    spot: { left: at, top: 0, right: at + 1, bottom: 1 },
    parameters: { by },
  })
const order = (make: MakeView) => ({ make, seed: 1, kind: 'other' as const, spacingMm: null })
const unsuited = (error: unknown) => error instanceof FormatError && error.code === 'pixels_unsuited'

describe('forgeFrames', () => {
  it('tells which samples are others in the file', async () => {
    const pixels = pictureOf(1)
    const [frame] = await forgeFrames(pixels, order(brighten(7)))
    assert.ok(frame)
    assert.deepEqual(
      [...frame.mask.keys()].filter((i) => frame.mask[i] === 1),
      [5],
    )
    assert.equal(frame.changedShare, 1 / (width * height))
    const made = writePicture(pixels, new Map([[0, frame.planes]]))
    assert.deepEqual(
      [...made.keys()].filter((i) => made[i] !== grey[i]),
      [5],
    )
    assert.equal(made[5], 22)
  })

  it('takes no change for one that rounding takes away', async () => {
    await assert.rejects(forgeFrames(pictureOf(1), order(brighten(0.4))), unsuited)
    await assert.rejects(forgeFrames(pictureOf(1), order(brighten(0))), unsuited)
  })

  it('keeps values within what can be stored', async () => {
    const [frame] = await forgeFrames(pictureOf(1), order(brighten(1e6)))
    assert.equal(frame?.planes[0]?.samples[5], 255)
  })

  it('takes colour whose planes are the same for grey, keeps opacity, and refuses other colour', async () => {
    const pixels = pictureOf(4, (i, channel) => (channel === 3 ? 77 : (grey[i] as number)))
    const [frame] = await forgeFrames(pixels, order(brighten(7)))
    assert.equal(frame?.planes.length, 3)
    const made = writePicture(pixels, new Map([[0, frame?.planes ?? []]]))
    assert.deepEqual([...made.subarray(20, 24)], [22, 22, 22, 77])
    const coloured = pictureOf(3, (i, channel) => (grey[i] as number) + (channel === 2 && i === 9 ? 1 : 0))
    await assert.rejects(forgeFrames(coloured, order(brighten(7))), unsuited)
  })

  it('hands on what the header says and the seed', async () => {
    let seen: Host | undefined
    const make: MakeView = (host, seed) => {
      seen = host
      return brighten(seed)(host, seed)
    }
    const [frame] = await forgeFrames(pictureOf(1), { ...order(make), seed: 9, kind: 'chest', spacingMm: 0.2 })
    assert.deepEqual([seen?.kind, seen?.spacingMm, seen?.white, seen?.width], ['chest', 0.2, 255, width])
    assert.equal(frame?.made.parameters.by, 9)
  })

  it('refuses a frame that is not there', async () => {
    await assert.rejects(forgeFrames(pictureOf(1), { ...order(brighten(7)), frame: 1 }), unsuited)
  })

  it('says of the image what a technique says of its host, and lets a defect through', async () => {
    const fails = (error: Error) => order(() => Promise.reject(error))
    await assert.rejects(forgeFrames(pictureOf(1), fails(new RangeError('too small'))), unsuited)
    await assert.rejects(forgeFrames(pictureOf(1), fails(new TypeError('a defect'))), TypeError)
  })
})

describe('seedOf', () => {
  const { hash } = portableCrypto
  const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

  it('gives each image and each seed other draws, and the same ones again', () => {
    const seeds = [1, 2, 3].flatMap((seed) => [1, 2, 3].map((byte) => seedOf(hash, seed, digest(byte))))
    assert.equal(new Set(seeds).size, 9)
    for (const seed of seeds) assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)
    assert.equal(seedOf(hash, 1, digest(1)), seeds[0])
  })
})

describe('labelOf', () => {
  const { hash } = portableCrypto
  const named = {
    technique: 'a',
    title: 'a \\ b',
    seed: 1,
    details: '{}',
    version: '1.2.3',
    pixels: new Uint8Array(32),
  }
  const of = (byte: number, more = {}) => labelOf(hash, undefined, new Uint8Array(32).fill(byte), { ...named, ...more })

  it('names other instances for other files, seeds, techniques and parameters', () => {
    const uids = [
      of(1),
      of(2),
      of(1, { seed: 2 }),
      of(1, { technique: 'b' }),
      of(1, { details: '{"x":1}' }),
      of(1, { pixels: new Uint8Array(32).fill(1) }),
    ]
    assert.equal(new Set(uids.map(({ sopInstanceUid }) => sopInstanceUid)).size, uids.length)
    assert.deepEqual(of(1), uids[0])
  })

  it('keeps images of one series in one', () => {
    assert.equal(of(1).seriesInstanceUid, of(2).seriesInstanceUid)
    assert.notEqual(of(1).seriesInstanceUid, of(1, { seed: 2 }).seriesInstanceUid)
  })

  it('writes no separator of DICOM into a description', () => {
    assert.match(of(1).description, /^SYNTHETIC, [ -[\]-~]+$/)
  })
})
