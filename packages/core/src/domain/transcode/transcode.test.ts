import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { equalBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { createCodecs } from '../../formats/codec/codec.ts'
import { createEncoders, type EncodeFrame } from '../../formats/codec/encode.ts'
import { findElement } from '../../formats/dicom/element.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '../../formats/dicom/parse.ts'
import { piecesOf } from '../../formats/dicom/splice.ts'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { readUint16s, sq, text, textAt, uint16At, us } from '../../formats/dicom/values.ts'
import { type TranscodeMeans, transcode } from './transcode.ts'

const RLE = '1.2.840.10008.1.2.5'
const noWasm = () => Promise.reject(new TypeError('no WASM here'))

const SAMPLES = Uint16Array.from({ length: 2 * 30 }, (_, i) => (i * 977) & 0xfff)
const elementsOf = (...more: readonly NewElement[]): readonly NewElement[] => {
  const all: readonly NewElement[] = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
    text(0x00080018, 'UI', '1.2.3'),
    sq(0x00081140, [text(0x00081155, 'UI', '1.2.4'), us(0x00280106, 7)]),
    text(0x00100010, 'PN', 'A'),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    text(0x00280008, 'IS', '2'),
    us(0x00280010, 5),
    us(0x00280011, 6),
    us(0x00280100, 16),
    us(0x00280101, 12),
    us(0x00280102, 11),
    us(0x00280103, 0),
    us(0x00280106, 3),
    { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(SAMPLES.buffer) },
  ]
  const merged = new Map([...all, ...more].map((one) => [one.tag, one]))
  return [...merged.values()].toSorted((a, b) => a.tag - b.tag)
}
const fileOf = (transferSyntaxUid = EXPLICIT_LITTLE_ENDIAN, elements = elementsOf()): DicomFile =>
  parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid, elements }))))
const bytesOf = ({ source }: DicomFile): Uint8Array => source.view(0, source.length)

async function meansFor(file: DicomFile): Promise<TranscodeMeans> {
  const rle = await createCodecs(noWasm).load(RLE)
  const decode: TranscodeMeans['decode'] = (_uid, codestream, shape) => rle.decode(codestream, shape)
  return {
    encode: await createEncoders(noWasm).load(RLE),
    decodeAgain: decode,
    ...(file.transferSyntaxUid === RLE && { decode }),
  }
}

async function run(file: DicomFile, target: string, more: Partial<TranscodeMeans> = {}): Promise<DicomFile> {
  const made = transcode(file, target, { ...(await meansFor(file)), ...more })
  assert.ok(made !== undefined)
  return parseDicom(memorySource(joinBytes([...piecesOf(made.segments)])), { isStrict: true })
}

describe('transcode', () => {
  for (const from of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    it(`gives every byte back that went into RLE and out again (from ${from})`, async () => {
      const packed = await run(fileOf(from), RLE)
      assert.equal(packed.transferSyntaxUid, RLE)
      const pixels = findElement(packed.dataSet.elements, 0x7fe00010)
      assert.equal(pixels?.fragments?.length, 3)
      const back = await run(packed, EXPLICIT_LITTLE_ENDIAN)
      assert.ok(equalBytes(bytesOf(back), bytesOf(fileOf())))
    })
    it(`writes native images in other spellings (from ${from})`, async () => {
      for (const to of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN].filter((one) => one !== from)) {
        assert.ok(equalBytes(bytesOf(await run(fileOf(from), to)), bytesOf(fileOf(to))))
      }
    })
  }

  it('gives signed values their representation by the sign of the pixels', async () => {
    const signed = elementsOf(us(0x00280103, 1), { tag: 0x00280106, vr: 'SS', value: Uint8Array.of(0xff, 0xff) })
    const file = await run(fileOf(IMPLICIT_LITTLE_ENDIAN, signed), EXPLICIT_LITTLE_ENDIAN)
    assert.equal(findElement(file.dataSet.elements, 0x00280106)?.vr, 'SS')
  })

  it('writes colour by pixel, and says so', async () => {
    const colour = elementsOf(
      us(0x00280002, 3),
      text(0x00280004, 'CS', 'RGB'),
      us(0x00280006, 1),
      text(0x00280008, 'IS', '1'),
      us(0x00280010, 2),
      us(0x00280011, 1),
      us(0x00280100, 8),
      us(0x00280101, 8),
      { tag: 0x7fe00010, vr: 'OB', value: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    )
    const packed = await run(fileOf(EXPLICIT_LITTLE_ENDIAN, colour), RLE)
    assert.equal(uint16At(packed.dataSet, 0x00280006), 0)
    const back = await run(packed, EXPLICIT_LITTLE_ENDIAN)
    const pixels = findElement(back.dataSet.elements, 0x7fe00010)
    assert.ok(pixels !== undefined)
    assert.deepEqual([...back.dataSet.source.view(pixels.valueStart, pixels.valueEnd)], [1, 3, 5, 2, 4, 6])
    assert.equal(textAt(back.dataSet, 0x00280004), 'RGB')
  })

  it('has nothing to do where the syntax is the one that is asked for, or nothing is there to compress', async () => {
    const file = fileOf()
    assert.equal(transcode(file, EXPLICIT_LITTLE_ENDIAN, await meansFor(file)), undefined)
    const report = fileOf(EXPLICIT_LITTLE_ENDIAN, elementsOf().slice(0, 4))
    assert.equal(transcode(report, RLE, await meansFor(report)), undefined)
    const implicit = fileOf(IMPLICIT_LITTLE_ENDIAN, elementsOf().slice(0, 4))
    assert.equal((await run(implicit, RLE)).transferSyntaxUid, EXPLICIT_LITTLE_ENDIAN)
  })

  it('says where each frame begins', async () => {
    const packed = await run(fileOf(), RLE)
    const fragments = findElement(packed.dataSet.elements, 0x7fe00010)?.fragments ?? []
    const [table, first, second] = fragments
    assert.ok(table !== undefined && first !== undefined && second !== undefined)
    const view = packed.dataSet.source.view(table.valueStart, table.end)
    assert.equal(new DataView(view.buffer, view.byteOffset).getUint32(4, true), second.start - first.start)
  })

  const wrong: EncodeFrame = (_frame, shape) => ({
    codestream: joinBytes([
      Uint8Array.of(2, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0),
      new Uint8Array(52),
      Uint8Array.of(227, 0, 227, 0),
    ]),
    photometricInterpretation: shape.photometricInterpretation,
  })
  const refusals: readonly (readonly [string, () => DicomFile, Partial<TranscodeMeans>, string])[] = [
    ['an encoder that does not give the pixels back', () => fileOf(), { encode: wrong }, 'codec_failed'],
    [
      'pixels that are not as long as their frames',
      () => fileOf(EXPLICIT_LITTLE_ENDIAN, elementsOf(text(0x00280008, 'IS', '3'))),
      {},
      'codec_unsupported',
    ],
    ['one-bit samples', () => fileOf(EXPLICIT_LITTLE_ENDIAN, elementsOf(us(0x00280100, 1))), {}, 'codec_unsupported'],
    [
      'samples of 32 bits in big endian',
      () => fileOf(EXPLICIT_BIG_ENDIAN, elementsOf(us(0x00280100, 32), text(0x00280008, 'IS', '1'))),
      {},
      'codec_unsupported',
    ],
    [
      'a file that two programs could read differently',
      () => parseDicom(memorySource(bytesOf(fileOf()).subarray(0, -20))),
      {},
      'dicom_length_past_end',
    ],
  ]
  for (const [name, file, more, code] of refusals) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(run(file(), RLE, more), (error) => error instanceof FormatError && error.code === code)
    })
  }

  it('refuses pixels that were compressed with loss', async () => {
    const packed = await run(fileOf(), RLE)
    const { decode, ...means } = await meansFor(packed)
    assert.throws(
      () =>
        transcode(packed, EXPLICIT_LITTLE_ENDIAN, {
          ...means,
          decode: (...given) => ({ ...(decode as NonNullable<typeof decode>)(...given), isLossless: false }),
        }),
      (error) => error instanceof FormatError && error.code === 'codec_unsupported',
    )
  })

  it('makes the same picture or none of every damaged file', async () => {
    const packed = await run(fileOf(), RLE)
    const bytes = bytesOf(packed)
    const means = await meansFor(packed)
    let made = 0
    for (let at = 132; at < bytes.length; at++) {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 0x04
      try {
        const file = parseDicom(memorySource(damaged))
        const copy = transcode(file, IMPLICIT_LITTLE_ENDIAN, means)
        if (copy === undefined) continue
        parseDicom(memorySource(joinBytes([...piecesOf(copy.segments)])), { isStrict: true })
        made++
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }
    assert.ok(made > 50)
  })

  it('keeps what stands in sequences', async () => {
    const file = await run(fileOf(EXPLICIT_BIG_ENDIAN), IMPLICIT_LITTLE_ENDIAN)
    const [item] = findElement(file.dataSet.elements, 0x00081140)?.items ?? []
    const number = findElement(item?.elements ?? [], 0x00280106)
    assert.deepEqual(number && readUint16s(file.dataSet.source, number), [7])
  })
})
