import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { frameLength } from '../../formats/codec/codec.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import { readText, text, us } from '../../formats/dicom/values.ts'
import { toyElements, toyFile } from '../../testing/toy-seal.ts'
import { decodedPixels } from './decoded-pixels.ts'
import type { DecodeFrame } from './encapsulated.ts'

const RLE = '1.2.840.10008.1.2.5'

/** An image whose "codestreams" are its samples. */
function image(frames: readonly (readonly number[])[], ...elements: readonly NewElement[]): ReturnType<typeof toyFile> {
  const fragments = [new Uint8Array(0), ...frames.map((frame) => Uint8Array.from(frame))]
  const pixels: NewElement = { tag: 0x7fe00010, vr: 'OB', fragments }
  const all = [text(0x00280008, 'IS', `${frames.length}`), ...elements, pixels]
  // Of several with one tag the last one counts.
  return toyFile(toyElements([...new Map(all.map((element) => [element.tag, element])).values()]), RLE)
}

const decode: DecodeFrame = (_, codestream, shape) => ({
  bytes: codestream.subarray(0, frameLength(shape)),
  samplesPerPixel: shape.samplesPerPixel,
  bitsAllocated: shape.bitsAllocated,
  planarConfiguration: 0,
  photometricInterpretation: shape.photometricInterpretation,
  isLossless: true,
})

const GREY_8: readonly NewElement[] = [us(0x00280010, 2), us(0x00280011, 2), us(0x00280100, 8), us(0x00280101, 8)]
const COLOUR: readonly NewElement[] = [...GREY_8, us(0x00280002, 3), us(0x00280006, 0), text(0x00280004, 'CS', 'RGB')]

/** Each candidate in short: VR, length, restored elements, bytes. */
function spelled(file: ReturnType<typeof toyFile>, by: DecodeFrame = decode): readonly string[] | undefined {
  return decodedPixels(file, by)?.map(({ vr, lengthBytes, frames, restored = [] }) => {
    const values = restored.map(
      (element) => `${element.tag.toString(16)}=${'value' in element ? new TextDecoder().decode(element.value) : ''}`,
    )
    return [vr, lengthBytes, ...values, joinBytes([...frames()]).join(' ')]
      .join(', ')
      .replaceAll('\u0000', '0')
      .replaceAll('\u0001', '1')
  })
}

describe('decodedPixels', () => {
  it('spells samples of 8 bits as OB and as OW', () => {
    assert.deepEqual(spelled(image([[1, 2, 3, 4]], ...GREY_8)), ['OB, 4, 1 2 3 4', 'OW, 4, 1 2 3 4'])
  })

  it('joins frames', () => {
    assert.deepEqual(
      spelled(
        image(
          [
            [1, 2, 3, 4],
            [5, 6, 7, 8],
          ],
          ...GREY_8,
        ),
      )?.[0],
      'OB, 8, 1 2 3 4 5 6 7 8',
    )
  })

  it('takes OW first for samples of more bits', () => {
    const [first, second] =
      decodedPixels(image([[1, 2, 3, 4, 5, 6, 7, 8]], us(0x00280010, 2), us(0x00280011, 2)), decode) ?? []
    assert.deepEqual([first?.vr, second?.vr, first?.lengthBytes], ['OW', 'OB', 8])
  })

  it('spells colour by pixel and by plane, and restores the attribute that tells', () => {
    const pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    const byPixel = '1 2 3 4 5 6 7 8 9 10 11 12'
    const byPlane = '1 4 7 10 2 5 8 11 3 6 9 12'
    assert.deepEqual(spelled(image([pixels], ...COLOUR)), [
      `OB, 12, ${byPixel}`,
      `OW, 12, ${byPixel}`,
      `OB, 12, 280006=10, ${byPlane}`,
      `OW, 12, 280006=10, ${byPlane}`,
    ])
  })

  it('restores the Photometric Interpretation that a colour transform changed', () => {
    const file = image([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]], ...COLOUR, text(0x00280004, 'CS', 'YBR_RCT'))
    const toRgb: DecodeFrame = (...args) => ({ ...decode(...args), photometricInterpretation: 'RGB' })
    assert.equal(spelled(file, toRgb)?.[0], 'OB, 12, 280004=RGB, 1 2 3 4 5 6 7 8 9 10 11 12')
    // Somebody else wrote what stands there: a viewer would turn the colours once more.
    const forged = image([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]], ...COLOUR, text(0x00280004, 'CS', 'YBR_FULL'))
    assert.equal(spelled(forged, toRgb)?.[0], 'OB, 12, 1 2 3 4 5 6 7 8 9 10 11 12')
  })

  it('restores the Derivation Description that an encoder put its words before', () => {
    const words = 'Lossless JPEG compression, selection value 1, point transform 0, compression ratio 2.9'
    const former = (value: string): string | undefined => {
      const restored = decodedPixels(image([[1, 2, 3, 4]], ...GREY_8, text(0x00082111, 'ST', value)), decode)?.[0]
        ?.restored?.[0]
      return restored !== undefined && 'value' in restored
        ? new TextDecoder('latin1').decode(restored.value)
        : undefined
    }
    assert.equal(former(`${words} [Scaled [by 2]]`), 'Scaled [by 2]')
    assert.equal(former(`${words} []`), '')
    const more = `${words.replace(', compression', ', no findings, compression')} [Scaled]`
    for (const own of [more, words, 'Scaled', 'Lossy JPEG compression [Scaled]', `${words} [Scaled`])
      assert.equal(former(own), undefined)
  })

  it('restores nothing that is not there', () => {
    const file = image([[1, 2, 3, 4]], ...GREY_8)
    assert.ok(decodedPixels(file, decode)?.every(({ restored = [] }) => restored.length === 0))
    const [element] = file.dataSet.elements
    assert.ok(element && readText(file.dataSet.source, element).length > 0)
  })

  it('joins frames of one bit where the last one ends, bit by bit', () => {
    const bits = (rows: number, columns: number): readonly NewElement[] => [
      us(0x00280010, rows),
      us(0x00280011, columns),
      us(0x00280100, 1),
      us(0x00280101, 1),
    ]
    // Three frames of 3 bits: 101, 011, 110, the first in the lowest bit.
    assert.equal(
      spelled(
        image(
          [
            [0b101, 0],
            [0b110, 0],
            [0b011, 0],
          ].map(([first = 0]) => [first]),
          ...bits(1, 3),
        ),
      )?.[0],
      'OB, 2, 245 0',
    )
    // Two frames of 12 bits.
    assert.equal(
      spelled(
        image(
          [
            [0xff, 0x0f],
            [0x00, 0x0a],
          ],
          ...bits(3, 4),
        ),
      )?.[0],
      'OB, 3, 255 15 160',
    )
    // Frames that fill their bytes are just joined.
    assert.equal(spelled(image([[1], [2]], ...bits(2, 4)))?.[0], 'OB, 2, 1 2')
  })

  it('has none for native pixels, and for fragments that make no frames', () => {
    assert.equal(decodedPixels(toyFile(), decode), undefined)
    assert.equal(decodedPixels(image([[1, 2, 3, 4]], ...GREY_8, text(0x00280008, 'IS', '2')), decode), undefined)
  })

  it('has none where a frame was encoded with loss, or does not decode', () => {
    const file = image(
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      ...GREY_8,
    )
    let calls = 0
    assert.equal(
      decodedPixels(file, (...args) => ({ ...decode(...args), isLossless: ++calls === 1 })),
      undefined,
    )
    const refuse = (): never => {
      throw new FormatError('codec_failed', 'damaged')
    }
    assert.equal(decodedPixels(file, refuse), undefined)
    const breakDown = (): never => {
      throw new TypeError('a mistake of ours')
    }
    assert.throws(() => decodedPixels(file, breakDown), TypeError)
  })

  it('decodes a small image once, however often its frames are asked for', () => {
    let calls = 0
    const candidates = decodedPixels(image([[1, 2, 3, 4]], ...GREY_8), (...args) => {
      calls++
      return decode(...args)
    })
    for (const { frames } of candidates ?? []) assert.equal([...frames()].length, 1)
    assert.equal(calls, 1)
  })
})
