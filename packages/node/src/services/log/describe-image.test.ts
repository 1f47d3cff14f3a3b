import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { describeInstance } from '@fiducial/core/domain/seal/instance.ts'
import { Digests } from '@fiducial/core/domain/signature/digest.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { toyElements } from '@fiducial/core/testing/toy-seal.ts'
import { nativeCrypto as crypto } from '../../keys/native-crypto.ts'
import { loadWasm } from '../../storage/wasm.ts'
import { type DescribedImage, describeImage } from './describe-image.ts'

const codecs = createCodecs(loadWasm)
const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest())
const bytesOf = (elements: readonly NewElement[], transferSyntaxUid = EXPLICIT_LITTLE_ENDIAN): Uint8Array =>
  joinBytes([...encodeFile({ transferSyntaxUid, elements: toyElements([...elements]) })])
const describeBytes = (bytes: Uint8Array): Promise<DescribedImage> =>
  describeImage(memorySource(bytes), { crypto, codecs })
const pixels = { tag: 0x7fe00010, vr: 'OW', value: Uint8Array.from({ length: 96 }, (_, i) => i) } as const

describe('an image as events name it', () => {
  it('has the digests that its seal would have', async () => {
    const bytes = bytesOf([pixels])
    const { digests, instance } = await describeBytes(bytes)
    const file = parseDicom(memorySource(bytes))
    const sealed = describeInstance(file, crypto.hash, new Uint8Array(16), {
      digests: new Digests(file.dataSet, crypto.hash),
      random: new Uint8Array(16),
    })
    assert.deepEqual(digests.file, sha256(bytes))
    assert.deepEqual(digests.dataset, sealed.dataset)
    assert.deepEqual(digests.frames, { count: sealed.pixels?.count, root: sealed.pixels?.root })
    assert.equal(instance.sopInstanceUid, sealed.instance.sopInstanceUid)
    assert.equal(instance.transferSyntaxUid, EXPLICIT_LITTLE_ENDIAN)
  })

  it('has a digest of all frames together, however many there are', async () => {
    const { digests } = await describeBytes(bytesOf([pixels]))
    assert.deepEqual(digests.pixels, sha256(pixels.value))
    assert.equal(digests.frames?.count, 2n)
    const single = await describeBytes(bytesOf([text(0x00280008, 'IS', '1'), us(0x00280010, 8), pixels]))
    assert.equal(single.digests.frames?.count, 1n)
    assert.deepEqual(single.digests.pixels, sha256(pixels.value))
  })

  it('keeps its pixels in every encoding of the data set, and its file in none', async () => {
    const images = [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN].map((syntax) =>
      bytesOf([pixels], syntax),
    )
    const described = await Promise.all(images.map(describeBytes))
    const [first, ...others] = described
    for (const { digests } of others) {
      assert.deepEqual([digests.pixels, digests.frames], [first?.digests.pixels, first?.digests.frames])
      assert.notDeepEqual(digests.file, first?.digests.file)
    }
  })

  it('has no digest of pixels that are not there', async () => {
    const elements = toyElements([]).filter(({ tag }) => tag !== 0x7fe00010)
    const bytes = joinBytes([...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements })])
    const { digests } = await describeBytes(bytes)
    assert.deepEqual([digests.pixels, digests.frames], [null, null])
    assert.ok(digests.dataset)
  })

  it('has no UID where the file has none, or one that is no UID', async () => {
    const { instance } = await describeBytes(
      bytesOf([text(0x00080018, 'UI', 'abc'), text(0x0020000d, 'UI', ''), pixels]),
    )
    assert.deepEqual([instance.sopInstanceUid, instance.studyInstanceUid], [null, null])
  })

  it('is refused if it is none', async () => {
    await assert.rejects(
      describeBytes(new TextEncoder().encode('no image at all\n'.repeat(20))),
      (error: unknown) => error instanceof FormatError && error.code === 'dicom_not_dicom',
    )
  })
})
