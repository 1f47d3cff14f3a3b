import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import type { ByteSource } from '../../bytes/source.ts'
import { concatBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type Codec, createCodecs } from '../../formats/codec/codec.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { ss, text, us } from '../../formats/dicom/values.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { hashes, toyElements, toyFile, without } from '../../testing/toy-seal.ts'
import type { DecodeFrame } from '../signature/encapsulated.ts'
import { describeLayout, describePixels, digestCodestreams } from './pixels.ts'

const RLE = '1.2.840.10008.1.2.5'
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50'
const pixel = (vr: string, value: Uint8Array): NewElement => ({ tag: 0x7fe00010, vr, value })
const count = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) & 255)
const hexes = (list: readonly Uint8Array[] | undefined): readonly string[] | undefined => list?.map(encodeHex)
const frames = (file: DicomFile): readonly string[] | undefined => hexes(describePixels(file, hashes)?.frames)
const shape = (
  rows: number,
  columns: number,
  samples: number,
  bits: number,
  numberOfFrames = 1,
): readonly NewElement[] => [
  us(0x00280002, samples),
  us(0x00280010, rows),
  us(0x00280011, columns),
  us(0x00280100, bits),
  us(0x00280101, bits),
  text(0x00280008, 'IS', String(numberOfFrames)),
]

describe('describePixels of native pixel data', () => {
  it('digests each frame by itself', () => {
    const value = Uint8Array.from({ length: 96 }, (_, i) => i)
    assert.deepEqual(frames(toyFile()), hexes([sha256(value.subarray(0, 48)), sha256(value.subarray(48))]))
  })

  it('digests the same samples alike in every native syntax', () => {
    const elements = without(toyElements(), 0x00291010)
    const expected = frames(toyFile(elements))
    assert.deepEqual(frames(toyFile(elements, IMPLICIT_LITTLE_ENDIAN)), expected)
    assert.deepEqual(frames(toyFile(elements, EXPLICIT_BIG_ENDIAN)), expected)
  })

  it('leaves out the byte that makes a value even', () => {
    const value = count(3)
    const file = toyFile(toyElements([...shape(1, 3, 1, 8), pixel('OB', value)]))
    assert.deepEqual(frames(file), hexes([sha256(value)]))
  })

  it('leaves out that byte in big-endian words, too', () => {
    const value = count(3)
    const elements = without(
      toyElements([...shape(1, 3, 1, 8), pixel('OW', concatBytes(value, Uint8Array.of(0)))]),
      0x00291010,
    )
    assert.deepEqual(frames(toyFile(elements, EXPLICIT_BIG_ENDIAN)), hexes([sha256(value)]))
  })

  it('takes frames that do not end on a byte as one', () => {
    const value = count(2)
    const file = toyFile(toyElements([...shape(1, 5, 1, 1, 3), pixel('OB', value)]))
    assert.deepEqual(frames(file), hexes([sha256(value)]))
  })

  it('cuts one-bit frames that end on a byte', () => {
    const value = count(4)
    const file = toyFile(toyElements([...shape(2, 8, 1, 1, 2), pixel('OB', value)]))
    assert.deepEqual(frames(file), hexes([sha256(value.subarray(0, 2)), sha256(value.subarray(2))]))
  })

  it('takes a value of another length than the attributes say as one frame', () => {
    for (const length of [46, 94, 98, 144]) {
      const value = count(length)
      assert.deepEqual(frames(toyFile(toyElements([pixel('OW', value)]))), hexes([sha256(value)]), `${length} bytes`)
    }
  })

  it('takes no frames, half frames and shapes without rows as they come', () => {
    for (const odd of [
      text(0x00280008, 'IS', '0'),
      text(0x00280008, 'IS', '1.5'),
      text(0x00280008, 'IS', 'x'),
      us(0x00280010, 0),
    ]) {
      const value = Uint8Array.from({ length: 96 }, (_, i) => i)
      assert.deepEqual(frames(toyFile(toyElements([odd]))), hexes([sha256(value)]))
    }
  })

  it('digests an empty value as one empty frame', () => {
    assert.deepEqual(frames(toyFile(toyElements([pixel('OW', new Uint8Array(0))]))), hexes([sha256()]))
  })

  it('orders colour by pixel, whatever the data set does', () => {
    const planes = Uint8Array.of(1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24)
    const pixels = Uint8Array.of(1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24)
    const colour = [...shape(2, 2, 3, 8), text(0x00280004, 'CS', 'RGB')]
    const byPlane = toyFile(toyElements([...colour, us(0x00280006, 1), pixel('OB', planes)]))
    const byPixel = toyFile(toyElements([...colour, us(0x00280006, 0), pixel('OB', pixels)]))
    assert.deepEqual(frames(byPlane), hexes([sha256(pixels)]))
    assert.deepEqual(frames(byPixel), frames(byPlane))
  })

  it('orders words of colour by pixel in big endian', () => {
    const planes = Uint8Array.of(1, 0, 2, 0, 11, 0, 12, 0, 21, 0, 22, 0)
    const pixels = Uint8Array.of(1, 0, 11, 0, 21, 0, 2, 0, 12, 0, 22, 0)
    const colour = [...shape(1, 2, 3, 16), us(0x00280006, 1), pixel('OW', planes)]
    assert.deepEqual(
      frames(toyFile(without(toyElements(colour), 0x00291010), EXPLICIT_BIG_ENDIAN)),
      hexes([sha256(pixels)]),
    )
  })

  it('cuts subsampled colour where it ends', () => {
    const value = count(16)
    const colour = [...shape(2, 2, 3, 8, 2), text(0x00280004, 'CS', 'YBR_FULL_422'), pixel('OB', value)]
    assert.deepEqual(
      frames(toyFile(toyElements(colour))),
      hexes([sha256(value.subarray(0, 8)), sha256(value.subarray(8))]),
    )
  })

  it('reads float and double pixels', () => {
    const value = count(16)
    const base = without(toyElements(shape(1, 2, 1, 64)), 0x7fe00010)
    const file = toyFile([...base, { tag: 0x7fe00009, vr: 'OD', value }])
    assert.deepEqual(frames(file), hexes([sha256(value)]))
  })

  it('gives nothing for an object without pixels', () => {
    assert.equal(describePixels(toyFile(without(toyElements(), 0x7fe00010)), hashes), undefined)
  })

  it('gives the same for a source in pieces of any size, and never asks for the whole', () => {
    for (const syntax of [EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
      const file = toyFile(without(toyElements(), 0x00291010), syntax)
      for (const size of [1, 5, 7, 16, 48, 49, 1000]) {
        const source = inPieces(file.dataSet.source, size)
        assert.deepEqual(
          frames({ ...file, dataSet: { ...file.dataSet, source } }),
          frames(file),
          `${syntax} by ${size}`,
        )
      }
    }
  })
})

/** A source that hands out small pieces and refuses views of more than a value of text. */
function inPieces(source: ByteSource, size: number): ByteSource {
  return {
    length: source.length,
    isInMemory: false,
    view(start, end) {
      assert.ok(end - start <= 64, `a view of ${end - start} bytes`)
      return source.view(start, end)
    },
    *chunks(start, end) {
      for (let at = start; at < end; at += size) yield source.view(at, Math.min(end, at + size)).slice()
    },
  }
}

/** A frame in RLE: one segment for each byte of a sample, high byte first, as literal runs (PS3.5 annex G). */
function encodeRle(frame: Uint8Array, sampleBytes: number): Uint8Array {
  const segments = Array.from({ length: sampleBytes }, (_, k) => {
    const bytes = frame.filter((_byte, i) => i % sampleBytes === sampleBytes - 1 - k)
    const runs: Uint8Array[] = []
    for (let i = 0; i < bytes.length; i += 128) {
      const run = bytes.subarray(i, i + 128)
      runs.push(Uint8Array.of(run.length - 1), run)
    }
    const joined = concatBytes(...runs)
    return joined.length % 2 === 0 ? joined : concatBytes(joined, Uint8Array.of(0))
  })
  const header = new Uint8Array(64)
  const view = new DataView(header.buffer)
  view.setUint32(0, sampleBytes, true)
  let offset = 64
  for (const [i, segment] of segments.entries()) {
    view.setUint32(4 + 4 * i, offset, true)
    offset += segment.length
  }
  return concatBytes(header, ...segments)
}

const pixels = Uint8Array.from({ length: 96 }, (_, i) => i)
const rleFrames = [encodeRle(pixels.subarray(0, 48), 2), encodeRle(pixels.subarray(48), 2)]
const encapsulated = (...fragments: readonly Uint8Array[]): NewElement => ({
  tag: 0x7fe00010,
  vr: 'OB',
  fragments: [new Uint8Array(0), ...fragments],
})

async function rleDecoder(): Promise<DecodeFrame> {
  const codec: Codec = await createCodecs(async () => new Uint8Array(0)).load(RLE)
  return (_uid, codestream, frameShape) => codec.decode(codestream, frameShape)
}

describe('describePixels of encapsulated pixel data', () => {
  const file = toyFile(toyElements([encapsulated(...rleFrames)]), RLE)

  it('gives the digests of the native samples', async () => {
    const described = describePixels(file, hashes, await rleDecoder())
    assert.deepEqual(hexes(described?.frames), frames(toyFile()))
    assert.equal(described?.photometricInterpretation, 'MONOCHROME2')
    assert.equal(described?.bitsAllocated, 16)
  })

  it('gives nothing without a decoder, for damage and for codecs with loss', async () => {
    const decode = await rleDecoder()
    assert.equal(describePixels(file, hashes), undefined)
    const damaged = toyFile(toyElements([encapsulated(rleFrames[0] as Uint8Array, Uint8Array.of(1, 2))]), RLE)
    assert.equal(describePixels(damaged, hashes, decode), undefined)
    const lossy: DecodeFrame = (...args) => ({ ...decode(...args), isLossless: false })
    assert.equal(describePixels(file, hashes, lossy), undefined)
    assert.equal(
      describePixels(toyFile(toyElements([encapsulated(...rleFrames)]), JPEG_BASELINE), hashes, decode),
      undefined,
    )
  })

  it('joins one-bit frames that do not end on a byte', () => {
    // Three frames of five bits, lowest bit first: 10110 01100 11101 in order of the samples.
    const codestreams = [0b01101, 0b00110, 0b10111].map((bits) => Uint8Array.of(bits, 0))
    const decode: DecodeFrame = (_uid, codestream, frameShape) => ({
      bytes: codestream.slice(0, 1),
      samplesPerPixel: 1,
      bitsAllocated: frameShape.bitsAllocated,
      planarConfiguration: 0,
      photometricInterpretation: 'MONOCHROME2',
      isLossless: true,
    })
    const elements = toyElements([...shape(1, 5, 1, 1, 3), encapsulated(...codestreams)])
    const joined = 0b01101 | (0b00110 << 5) | (0b10111 << 10)
    const expected = hexes([sha256(Uint8Array.of(joined & 255, joined >> 8))])
    assert.deepEqual(hexes(describePixels(toyFile(elements, RLE), hashes, decode)?.frames), expected)
    const native = toyFile(
      toyElements([...shape(1, 5, 1, 1, 3), pixel('OB', Uint8Array.of(joined & 255, joined >> 8))]),
    )
    assert.deepEqual(frames(native), expected)
  })

  it('gives nothing where nobody can say which fragments make a frame', async () => {
    const three = toyFile(toyElements([encapsulated(...rleFrames, Uint8Array.of(0, 0))]), RLE)
    assert.equal(describePixels(three, hashes, await rleDecoder()), undefined)
  })

  it('lets out the errors that are no fault of the data', () => {
    const broken: DecodeFrame = () => {
      throw new TypeError('a defect')
    }
    assert.throws(() => describePixels(file, hashes, broken), TypeError)
    const refuses: DecodeFrame = () => {
      throw new FormatError('codec_unsupported', 'no')
    }
    assert.equal(describePixels(file, hashes, refuses), undefined)
  })

  it('clears the bits above a signed sample on demand', () => {
    const signed = [ss(0x00280103, 1), us(0x00280101, 12), encapsulated(...rleFrames)]
    const decode: DecodeFrame = (_uid, _codestream, frameShape) => ({
      bytes: Uint8Array.of(0xff, 0xff, 0x00, 0xf8, 0xff, 0x07),
      samplesPerPixel: 1,
      bitsAllocated: frameShape.bitsAllocated,
      planarConfiguration: 0,
      photometricInterpretation: 'MONOCHROME2',
      isLossless: true,
    })
    const cleared = sha256(Uint8Array.of(0xff, 0x0f, 0x00, 0x08, 0xff, 0x07))
    const described = describePixels(toyFile(toyElements(signed), RLE), hashes, decode, 'zeros')
    assert.deepEqual(hexes(described?.frames), hexes([cleared, cleared]))
  })
})

describe('describeLayout', () => {
  const layoutOf = (...fragments: readonly Uint8Array[]): ReturnType<typeof describeLayout> =>
    describeLayout(toyFile(toyElements([encapsulated(...fragments)]), RLE), hashes)

  it('gives nothing for native pixels', () => assert.equal(describeLayout(toyFile(), hashes), undefined))

  it('digests the lengths and the number of fragments of each frame', () => {
    const layout = layoutOf(new Uint8Array(10), new Uint8Array(20))
    assert.equal(layout?.fragments, 3)
    const numbers = Uint8Array.from(new Uint8Array(Uint32Array.of(0, 10, 20, 1, 1).buffer))
    assert.deepEqual(layout?.digest, sha256(numbers))
  })

  it('tells merged fragments, which the MAC stream spells alike, from the frames that they were', () => {
    // In the stream an item has a tag and no length, so a fragment can swallow the tag of the next one.
    const tag = Uint8Array.of(0xfe, 0xff, 0x00, 0xe0)
    const [a, b] = [count(10), count(20)]
    const apart = layoutOf(a, b)
    const merged = layoutOf(concatBytes(a, tag, b))
    assert.notDeepEqual(apart?.digest, merged?.digest)
    assert.equal(apart?.isAmbiguous, false)
    assert.equal(merged?.isAmbiguous, true)
  })

  it('digests the codestream of each frame, its fragments joined', () => {
    const single = toyFile(toyElements([text(0x00280008, 'IS', '1'), encapsulated(count(10), count(20))]), RLE)
    const layout = describeLayout(single, hashes)
    assert.ok(layout)
    assert.deepEqual(hexes(digestCodestreams(single, layout, hashes)), hexes([sha256(count(10), count(20))]))
  })

  it('copes with an offset table that is none', () => {
    const bad: NewElement = { tag: 0x7fe00010, vr: 'OB', fragments: [count(6), count(10), count(20)] }
    assert.equal(describeLayout(toyFile(toyElements([bad]), RLE), hashes)?.isAmbiguous, true)
  })
})
