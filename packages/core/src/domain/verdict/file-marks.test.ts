import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { concatBytes } from '../../bytes/text.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { text, us } from '../../formats/dicom/values.ts'
import { hashTree } from '../../formats/merkle/tree.ts'
import { countingHashes } from '../../testing/counting-hashes.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { hashes, toyCrypto, toyDescription, toyElements, toyFile, without } from '../../testing/toy-seal.ts'
import {
  deviceSigner,
  personSigner,
  toyAssemble,
  toyReparse,
  toyRequest,
  toySigned,
  toyVerify,
} from '../../testing/toy-signature.ts'
import { Digests } from '../signature/digest.ts'
import type { DecodeFrame } from '../signature/encapsulated.ts'
import { stripSignatures } from '../signature/strip.ts'
import { type FileMarks, measureMarks } from './file-marks.ts'

const RLE = '1.2.840.10008.1.2.5'
const bytesOf = ({ source }: DicomFile): Uint8Array => source.view(0, source.length)
const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && encodeHex(bytes)

function measure(file: DicomFile, decodeFrame?: DecodeFrame, crypto = toyCrypto): FileMarks {
  const digests = new Digests(file.dataSet, crypto.hash)
  return measureMarks(file, toyVerify(file), { crypto, digests, ...(decodeFrame && { decodeFrame }) })
}

/** Samples behind two bytes. */
const plainCodec: DecodeFrame = (_uid, codestream, { samplesPerPixel, bitsAllocated, photometricInterpretation }) => ({
  bytes: codestream.slice(2),
  samplesPerPixel,
  bitsAllocated,
  planarConfiguration: 0,
  photometricInterpretation,
  isLossless: true,
})
const encapsulated = (...frames: readonly Uint8Array[]): NewElement => ({
  tag: 0x7fe00010,
  vr: 'OB',
  fragments: [new Uint8Array(0), ...frames.map((frame) => concatBytes(Uint8Array.of(0, 0), frame))],
})

describe('measureMarks', () => {
  it('measures what a seal of the same image says', async () => {
    const file = toyFile()
    const { dataset, pixels } = toyDescription(file)
    const signed = await toySigned(file)
    const { digests } = measure(signed)
    assert.deepEqual(digests, { file: sha256(bytesOf(signed)), dataset, frames: pixels?.root })
  })

  it('gives a file without its signatures the same content, and other bytes', async () => {
    const signed = await toySigned(toyFile())
    const bare = toyReparse(toyAssemble(signed, stripSignatures(signed)))
    const [before, after] = [measure(signed), measure(bare)]
    assert.equal(hex(after.digests.dataset), hex(before.digests.dataset))
    assert.equal(hex(after.digests.frames), hex(before.digests.frames))
    assert.notEqual(hex(after.digests.file), hex(before.digests.file))
    assert.deepEqual(after.signers, [])
  })

  it('gives the same samples the same root in every encoding', () => {
    const pixels = Uint8Array.from({ length: 96 }, (_, i) => i)
    const expected = hex(measure(toyFile()).digests.frames)
    const elements = without(toyElements(), 0x00291010)
    assert.equal(hex(measure(toyFile(elements, IMPLICIT_LITTLE_ENDIAN)).digests.frames), expected)
    const coded = toyFile(toyElements([encapsulated(pixels.subarray(0, 48), pixels.subarray(48))]), RLE)
    assert.equal(hex(measure(coded, plainCodec).digests.frames), expected)
    const other = toyFile(toyElements([encapsulated(pixels.subarray(48), pixels.subarray(0, 48))]), RLE)
    assert.notEqual(hex(measure(other, plainCodec).digests.frames), expected)
  })

  it('knows no frames of pixels that nothing can decode, or of none', () => {
    const coded = toyFile(toyElements([encapsulated(new Uint8Array(48), new Uint8Array(48))]), RLE)
    assert.deepEqual(Object.keys(measure(coded).digests), ['file', 'dataset'])
    assert.deepEqual(Object.keys(measure(toyFile(without(toyElements(), 0x7fe00010))).digests), ['file', 'dataset'])
  })

  describe('of signed samples with spare bits', () => {
    const shape = [us(0x00280010, 1), us(0x00280011, 1), text(0x00280008, 'IS', '1'), us(0x00280103, 1)]
    const native = (value: Uint8Array): NewElement => ({ tag: 0x7fe00010, vr: 'OW', value })
    const rootOf = (samples: Uint8Array): string | undefined => hex(hashTree(hashes, [sha256(samples)]))
    const zeros = Uint8Array.of(0xff, 0x0f)
    const signs = Uint8Array.of(0xff, 0xff)

    it('gives a second root for what stood there before compression', () => {
      const marks = measure(toyFile(toyElements([...shape, encapsulated(signs)]), RLE), plainCodec)
      assert.deepEqual([hex(marks.digests.frames), hex(marks.zeroExtended)], [rootOf(signs), rootOf(zeros)])
    })

    it('takes native samples as they are', () => {
      const marks = measure(toyFile(toyElements([...shape, native(zeros)]), EXPLICIT_LITTLE_ENDIAN))
      assert.deepEqual([hex(marks.digests.frames), marks.zeroExtended], [rootOf(zeros), undefined])
    })

    it('gives one root for unsigned samples, and for those that fill their bits', () => {
      const unsigned = [...shape.slice(0, 3), encapsulated(signs)]
      assert.equal(measure(toyFile(toyElements(unsigned), RLE), plainCodec).zeroExtended, undefined)
      const full = [...shape, us(0x00280101, 16), us(0x00280102, 15), encapsulated(signs)]
      assert.equal(measure(toyFile(toyElements(full), RLE), plainCodec).zeroExtended, undefined)
    })
  })

  it('names the certificate of everybody who signed in the main data set', async () => {
    const signed = await toySigned(
      toyFile(),
      toyRequest(),
      toyRequest({ signer: personSigner, uid: '2.25.7002', purpose: '1' }),
    )
    assert.deepEqual(
      measure(signed).signers.map(encodeHex),
      [deviceSigner, personSigner].map(({ certificate }) => encodeHex(sha256(certificate))),
    )
  })

  it('passes over the data set once where somebody signed all of it', async () => {
    const signed = await toySigned(toyFile())
    const counted = countingHashes(hashes)
    const crypto = { ...toyCrypto, hash: counted.hashes }
    const digests = new Digests(signed.dataSet, counted.hashes)
    const report = toyVerify(signed, { digests, crypto })
    const before = counted.bytes()
    measureMarks(signed, report, { crypto, digests })
    // The file, its pixels, a tree of two frames, and the certificate of the device.
    const expected = bytesOf(signed).length + 96 + (2 * 33 + 65) + deviceSigner.certificate.length
    assert.equal(counted.bytes() - before, expected)
  })
})
