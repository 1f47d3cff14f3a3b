import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import type { FrameShape } from '../../formats/codec/shape.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { text } from '../../formats/dicom/values.ts'
import { pictureOrder, renderFrame } from './render-frame.ts'

const SHAPE: FrameShape = {
  rows: 1,
  columns: 3,
  samplesPerPixel: 1,
  bitsAllocated: 8,
  bitsStored: 8,
  isSigned: false,
  planarConfiguration: 0,
  photometricInterpretation: 'MONOCHROME2',
}
const ORDER = { window: null, rescale: { slope: 1, intercept: 0 }, largest: null }

const grey = (bytes: readonly number[], shape: Partial<FrameShape> = {}, order: Partial<typeof ORDER> | object = {}) =>
  [
    ...renderFrame({ bytes: Uint8Array.from(bytes), shape: { ...SHAPE, ...shape } }, { ...ORDER, ...order }).data,
  ].filter((_, i) => i % 3 === 0)

const orderOf = (elements: readonly NewElement[]) =>
  pictureOrder(
    parseDicom(
      memorySource(
        joinBytes(
          encodeFile({
            transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
            elements: [text(0x00080016, 'UI', '1'), text(0x00080018, 'UI', '1'), ...elements],
          }),
        ),
      ),
    ).dataSet,
  )

describe('render frame', () => {
  it('shows samples from the smallest to the largest where there is no window', () => {
    assert.deepEqual(grey([10, 20, 30]), [0, 128, 255])
    assert.deepEqual(grey([7, 7, 7]), [0, 0, 0])
  })

  it('inverts MONOCHROME1, and rescales before the window', () => {
    assert.deepEqual(grey([10, 20, 30], { photometricInterpretation: 'MONOCHROME1' }), [255, 128, 0])
    const window = { center: 0, width: 1 }
    assert.deepEqual(grey([0, 100, 200], {}, { window, rescale: { slope: 1, intercept: -100 } }), [0, 255, 255])
  })

  it('reads samples of 1, 16 and 32 bits, with their sign', () => {
    assert.deepEqual(grey([0b101], { bitsAllocated: 1, bitsStored: 1 }), [255, 0, 255])
    const signed = { bitsAllocated: 16, bitsStored: 12, isSigned: true }
    assert.deepEqual(grey([0, 8, 0, 0, 0xff, 7], signed), [0, 128, 255])
    assert.deepEqual(grey([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0], { bitsAllocated: 32, bitsStored: 32 }), [0, 128, 255])
    // Bits above those that are stored mean nothing.
    assert.deepEqual(grey([0, 0xf0, 1, 0, 2, 0], { bitsAllocated: 16, bitsStored: 12 }), [0, 128, 255])
  })

  it('shows colour by pixel, by plane and by YBR', () => {
    const colour = { columns: 2, samplesPerPixel: 3, photometricInterpretation: 'RGB' }
    const draw = (bytes: readonly number[], shape: Partial<FrameShape>) => [
      ...renderFrame({ bytes: Uint8Array.from(bytes), shape: { ...SHAPE, ...colour, ...shape } }, ORDER).data,
    ]
    assert.deepEqual(draw([1, 2, 3, 4, 5, 6], {}), [1, 2, 3, 4, 5, 6])
    assert.deepEqual(draw([1, 4, 2, 5, 3, 6], { planarConfiguration: 1 }), [1, 2, 3, 4, 5, 6])
    assert.deepEqual(draw([76, 85, 255, 0, 128, 128], { photometricInterpretation: 'YBR_FULL' }), [254, 0, 0, 0, 0, 0])
  })

  it('makes a picture smaller by whole steps until it fits', () => {
    const raster = renderFrame(
      { bytes: new Uint8Array(100 * 50), shape: { ...SHAPE, rows: 50, columns: 100 } },
      { ...ORDER, largest: { width: 30, height: 30 } },
    )
    assert.deepEqual([raster.width, raster.height], [25, 12])
  })

  it('refuses what it cannot show', () => {
    for (const shape of [
      { photometricInterpretation: 'PALETTE COLOR' },
      { samplesPerPixel: 3, photometricInterpretation: 'YBR_ICT' },
      { bitsAllocated: 64 },
    ]) {
      assert.throws(
        () =>
          grey(
            Array.from({ length: 24 }, () => 0),
            shape,
          ),
        { code: 'codec_unsupported' },
      )
    }
  })

  it('takes window and rescale from the data set, unless they make no sense', () => {
    const order = orderOf([
      text(0x00281050, 'DS', '40', '80'),
      text(0x00281051, 'DS', '400', '1'),
      text(0x00281052, 'DS', '-1024'),
      text(0x00281053, 'DS', '2'),
    ])
    assert.deepEqual(order, {
      window: { center: 40, width: 400 },
      rescale: { slope: 2, intercept: -1024 },
      largest: null,
    })
    const odd = orderOf([text(0x00281050, 'DS', '40'), text(0x00281051, 'DS', '0'), text(0x00281053, 'DS', '0')])
    assert.deepEqual(odd, { window: null, rescale: { slope: 1, intercept: 0 }, largest: null })
  })
})
