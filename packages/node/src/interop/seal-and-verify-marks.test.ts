/**
 * Marks in sealed images, on the whole way: what verification says of an image whose pixels carry a mark, whole and after
 * what is done to images: edits, copied parts, a seal taken away, another name, another encoding.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { publicKeyOf } from '@fiducial/core/bytes/sign-ed25519.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { concatBytes, joinBytes } from '@fiducial/core/bytes/text.ts'
import { deriveImageKey, deriveMarkKeys } from '@fiducial/core/domain/mark/keys.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import type { MarkClaim } from '@fiducial/core/domain/seal/mark-claim.ts'
import type { DecodeFrame } from '@fiducial/core/domain/signature/encapsulated.ts'
import { transcode } from '@fiducial/core/domain/transcode/transcode.ts'
import type { Check } from '@fiducial/core/domain/verdict/check.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { findElement } from '@fiducial/core/formats/dicom/element.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { piecesOf } from '@fiducial/core/formats/dicom/splice.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { prepareMark } from '../services/mark/mark-instance.ts'
import type { MarkDevice, MarkMeans } from '../services/mark/ports.ts'
import { SiteMarks } from '../services/mark/site-marks.ts'
import { openPixels } from '../services/open-pixels.ts'
import type { VerifiedInstance } from '../services/verify-instance.ts'
import { loadWasm } from '../storage/wasm.ts'
import { memoryMarkRecords } from '../testing/memory-mark-records.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'
import { codecs, createSealingSite, random, type SealedImage, type SealingSite } from './sealing-site.ts'

const WIDTH = 320
const HEIGHT = 288
const UID = '2.25.4001'
const OTHER_UID = '2.25.4002'

/** A film of 12 bits: a soft body with grain, another one for each seed. */
function image(seed: number, sopInstanceUid: string): Uint8Array {
  let state = seed
  const grain = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 16) & 31
  }
  const samples = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)]
    return 1200 + Math.round(700 * Math.sin((x + 40 * seed) / 37) * Math.cos(y / 53)) + grain()
  })
  return concatBytes(
    ...encodeFile({
      transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
      elements: [
        text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.1'),
        text(0x00080018, 'UI', sopInstanceUid),
        text(0x0008002a, 'DT', '20260303101359.5+0100'),
        text(0x00080060, 'CS', 'CR'),
        text(0x00081070, 'PN', 'Lee^Kim'),
        text(0x00100010, 'PN', 'DEMO^Patient'),
        text(0x00100020, 'LO', 'DEMO-1'),
        text(0x0020000d, 'UI', '2.25.4'),
        text(0x0020000e, 'UI', '2.25.40'),
        us(0x00280002, 1),
        text(0x00280004, 'CS', 'MONOCHROME2'),
        us(0x00280010, HEIGHT),
        us(0x00280011, WIDTH),
        us(0x00280100, 16),
        us(0x00280101, 12),
        us(0x00280102, 11),
        us(0x00280103, 0),
        { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(samples.buffer) },
      ],
    }),
  )
}

/** The samples of a native file; what is written there is written into its bytes. */
function samplesOf(bytes: Uint8Array): Uint16Array {
  const { valueStart, valueEnd } = pixelsOf(bytes)
  return new Uint16Array(bytes.buffer.slice(bytes.byteOffset + valueStart, bytes.byteOffset + valueEnd))
}

function withSamples(bytes: Uint8Array, samples: Uint16Array): Uint8Array {
  const copy = bytes.slice()
  copy.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), pixelsOf(bytes).valueStart)
  return copy
}

function pixelsOf(bytes: Uint8Array) {
  const element = findElement(parseDicom(memorySource(bytes)).dataSet.elements, 0x7fe00010)
  assert.ok(element)
  return element
}

/** Copies a rectangle of samples. */
function copyTile(from: Uint16Array, to: Uint16Array, place: { from: [number, number]; to: [number, number] }): void {
  for (let y = 0; y < 32; y++) {
    const start = (place.from[1] + y) * WIDTH + place.from[0]
    to.set(from.subarray(start, start + 32), (place.to[1] + y) * WIDTH + place.to[0])
  }
}

const markOf = ({ checks }: VerifiedInstance): readonly Check[] => checks.filter(({ subject }) => subject === 'mark')
const answerOf = (verified: VerifiedInstance): string =>
  markOf(verified)
    .map((check) => (check.outcome === 'holds' ? 'holds' : `${check.outcome}: ${check.reason}`))
    .join(', ')
const lineOf = (verified: VerifiedInstance): string => `${verified.verdict} ${verified.content} ${answerOf(verified)}`

describe('a sealed image whose pixels carry a mark', () => {
  const folder = temporaryFolder()
  const records = memoryMarkRecords()
  const means: MarkMeans = {
    hash: nativeCrypto.hash,
    crypto: nativeCrypto,
    createCoder: createPlainCoder,
    codecs,
    encoders: createEncoders(loadWasm),
    random,
    now: () => new Date(),
    records,
  }
  const markKey = random(32)
  const device: MarkDevice = {
    id: 'device-room-2',
    markKey,
    publicKey: publicKeyOf(deriveMarkKeys(nativeCrypto.hash, markKey).signatureSeed),
    isDemo: false,
  }
  const marks = new SiteMarks({ devices: [device], imageKeys: [] }, means)
  let site: SealingSite
  let good: SealedImage & { readonly claim: MarkClaim; readonly marked: Uint8Array }
  let other: typeof good

  async function markAndSeal(bytes: Uint8Array): Promise<typeof good> {
    const pixels = await openPixels(parseDicom(memorySource(bytes)), means)
    const prepared = await prepareMark(pixels, { device, layers: 'both' }, means)
    const marked = joinBytes([...prepared.pieces()].map((piece) => piece.slice()))
    const { claim } = await prepared.finish()
    return { ...(await site.seal(marked, { mark: claim })), claim, marked }
  }

  before(async () => {
    site = await createSealingSite(folder)
    good = await markAndSeal(image(1, UID))
    other = await markAndSeal(image(2, OTHER_UID))
  })

  it('is authentic, and names its record', async () => {
    const verified = await site.verify(good.image, good.seal, { marks })
    assert.equal(lineOf(verified), 'authentic unchanged holds')
    assert.deepEqual(markOf(verified)[0]?.where, [`record ${encodeHex(good.claim.recordId)}`])
    assert.equal(good.claim.hasChips, true)
    assert.equal(verified.mark.state === 'read' && verified.mark.signature, 'holds')
  })

  it('is as authentic to those who have no key', async () => {
    assert.equal(lineOf(await site.verify(good.image, good.seal)), 'authentic unchanged unknown: mark_key_missing')
    const strangers = new SiteMarks({ devices: [], imageKeys: [] }, means)
    const verified = await site.verify(good.image, good.seal, { marks: strangers })
    assert.equal(lineOf(verified), 'authentic unchanged unknown: mark_key_missing')
  })

  it('is read with the key of the image alone, without a record', async () => {
    const imageKey = deriveImageKey(nativeCrypto.hash, markKey, good.claim.recordId)
    const disclosed = new SiteMarks({ devices: [], imageKeys: [imageKey] }, { ...means, records: memoryMarkRecords() })
    const verified = await site.verify(good.image, good.seal, { marks: disclosed })
    assert.equal(lineOf(verified), 'authentic unchanged holds')
    assert.equal(verified.mark.state === 'read' && verified.mark.signature, 'holds')
    // It opens no other image, and accuses none.
    const another = await site.verify(other.image, other.seal, { marks: disclosed })
    assert.equal(lineOf(another), 'authentic unchanged unknown: mark_key_missing')
  })

  it('shows where a sample was changed by one', async () => {
    const samples = samplesOf(good.image)
    samples[100 * WIDTH + 70] = (samples[100 * WIDTH + 70] as number) ^ 1
    const verified = await site.verify(withSamples(good.image, samples), good.seal, { marks })
    assert.equal(lineOf(verified), 'not_authentic altered fails: mark_altered')
    assert.deepEqual(markOf(verified)[0]?.where, ['frame 1: 32 × 32 at 64, 96'])
  })

  it('says from which image a tile was copied', async () => {
    const samples = samplesOf(good.image)
    copyTile(samplesOf(other.image), samples, { from: [128, 64], to: [32, 160] })
    copyTile(samplesOf(good.image), samples, { from: [0, 0], to: [64, 64] })
    const verified = await site.verify(withSamples(good.image, samples), good.seal, { marks })
    assert.equal(lineOf(verified), 'not_authentic contradicted fails: mark_foreign')
    assert.deepEqual(markOf(verified)[0]?.where, [
      'frame 1: 32 × 32 at 64, 64 from this image, frame 1',
      `frame 1: 32 × 32 at 32, 160 from record ${encodeHex(other.claim.recordId)}, frame 1`,
    ])
  })

  it('says that the pixels of another image stand under its seal', async () => {
    const transplant = withSamples(good.image, samplesOf(other.image))
    const verified = await site.verify(transplant, good.seal, { marks })
    assert.equal(lineOf(verified), 'not_authentic contradicted fails: mark_of_other')
    assert.deepEqual(markOf(verified)[0]?.where, [`record ${encodeHex(other.claim.recordId)}`])
  })

  it('misses the mark where the pixels never had one', async () => {
    const bare = withSamples(good.image, samplesOf(image(1, UID)))
    assert.equal(lineOf(await site.verify(bare, good.seal, { marks })), 'not_authentic altered fails: mark_missing')
  })

  it('is led back to its record without seal and signatures, whole or altered', async () => {
    const verified = await site.verify(good.marked, undefined, { marks })
    assert.equal(lineOf(verified), 'undetermined not_shown holds')
    assert.match(verified.sentence, /its pixels carry the mark of a known device, whole/)
    const samples = samplesOf(good.marked)
    samples.fill(900, 50 * WIDTH, 51 * WIDTH)
    const altered = await site.verify(withSamples(good.marked, samples), undefined, { marks })
    assert.equal(lineOf(altered), 'not_authentic altered fails: mark_altered')
  })

  it('is a replay under another name', async () => {
    const replay = withSamples(image(1, '2.25.4999'), samplesOf(good.marked))
    assert.equal(
      lineOf(await site.verify(replay, undefined, { marks })),
      'not_authentic contradicted fails: mark_of_other',
    )
    // Also where the device itself seals it, unmarked as it believes.
    const resealed = await site.seal(replay)
    const verified = await site.verify(resealed.image, resealed.seal, { marks })
    assert.equal(lineOf(verified), 'not_authentic contradicted fails: mark_of_other')
  })

  it('is known by its chips where no tile is left', async () => {
    const samples = samplesOf(good.marked)
    for (let i = 0; i < samples.length; i += 7) samples[i] = (samples[i] as number) ^ 1
    const verified = await site.verify(withSamples(good.marked, samples), undefined, { marks })
    assert.equal(lineOf(verified), 'undetermined not_shown unknown: mark_tiles_gone')
    assert.equal(verified.mark.state === 'read' && verified.mark.recordId, encodeHex(good.claim.recordId))
  })

  it('has nothing to say of an image that was never marked', async () => {
    const verified = await site.verify(image(3, '2.25.4003'), undefined, { marks })
    assert.deepEqual([verified.mark.state, answerOf(verified)], ['absent', ''])
  })

  const SYNTAXES = {
    'JPEG-LS': '1.2.840.10008.1.2.4.80',
    'JPEG 2000': '1.2.840.10008.1.2.4.90',
    HTJ2K: '1.2.840.10008.1.2.4.201',
    RLE: '1.2.840.10008.1.2.5',
  } as const
  for (const [name, syntax] of Object.entries(SYNTAXES)) {
    it(`keeps the mark as ${name}`, async () => {
      const encode = await means.encoders.load(syntax)
      const codec = await codecs.load(syntax)
      const decodeAgain: DecodeFrame = (_uid, codestream, shape) => codec.decode(codestream, shape)
      const made = transcode(parseDicom(memorySource(good.image)), syntax, { encode, decodeAgain })
      assert.ok(made)
      const encoded = joinBytes([...piecesOf(made.segments)].map((piece) => piece.slice()))
      const verified = await site.verify(encoded, good.seal, { marks })
      assert.equal(answerOf(verified), 'holds')
      assert.equal(verified.content, 'derived')
    })
  }

  const dcmsign = peer('dcmsign')
  it('has signatures that dcmsign finds right', { skip: dcmsign.skip }, async () => {
    const path = join(folder, 'marked.dcm')
    writeFileSync(path, good.image)
    site.ring.exportPublic(join(folder, 'public'))
    const { code, stdout, stderr } = await run(dcmsign.path, [
      '--verify',
      '+cf',
      join(folder, 'public', 'ca.pem'),
      path,
    ])
    assert.equal(code, 0, stdout + stderr)
  })
})
