import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { createCodecs } from '../../formats/codec/codec.ts'
import { createEncoders } from '../../formats/codec/encode.ts'
import { findElement } from '../../formats/dicom/element.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '../../formats/dicom/parse.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { text, textAt, us } from '../../formats/dicom/values.ts'
import { openDicomPixels, type PixelCodecs } from './dicom-pixels.ts'
import { checkMarkable, type ImagePixels } from './image-pixels.ts'

const RLE = '1.2.840.10008.1.2.5'
const noWasm = () => Promise.reject(new TypeError('no WASM here'))
const NATIVE = [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, DEFLATED_EXPLICIT_LITTLE_ENDIAN]

/** 6 columns, 5 rows, two frames of 12 bits unless other elements say so. */
function fileOf(transferSyntaxUid: string, ...more: readonly NewElement[]): DicomFile {
  const samples = Uint16Array.from({ length: 60 }, (_, i) => (i * 977) & 0xfff)
  const all: readonly NewElement[] = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
    text(0x00080018, 'UI', '1.2.3'),
    text(0x00080060, 'CS', 'MR'),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    text(0x00280008, 'IS', '2'),
    us(0x00280010, 5),
    us(0x00280011, 6),
    us(0x00280100, 16),
    us(0x00280101, 12),
    us(0x00280102, 11),
    us(0x00280103, 0),
    { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(samples.buffer) },
    text(0xfffcfffc, 'OB', 'behind'),
  ]
  const merged = new Map([...all, ...more].map((one) => [one.tag, one]))
  const elements = [...merged.values()].toSorted((a, b) => a.tag - b.tag)
  return parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid, elements }))))
}

const words = (...values: readonly number[]): NewElement => ({
  tag: 0x7fe00010,
  vr: 'OW',
  value: new Uint8Array(Uint16Array.from(values).buffer),
})

/** One row of cells of 16 bits. */
const rowOf = (values: readonly number[], ...more: readonly NewElement[]): DicomFile =>
  fileOf(
    EXPLICIT_LITTLE_ENDIAN,
    text(0x00280008, 'IS', '1'),
    us(0x00280010, 1),
    us(0x00280011, values.length),
    words(...values),
    ...more,
  )

const written = (pixels: ImagePixels, change: (sample: number) => number): Uint8Array =>
  joinBytes(
    [
      ...pixels.write((_frame, planes) =>
        planes.map((plane) => ({ ...plane, samples: plane.samples.map((sample) => change(sample)) })),
      ),
    ].map((piece) => piece.slice()),
  )
const reopen = (bytes: Uint8Array, codecs: PixelCodecs = {}) =>
  openDicomPixels(parseDicom(memorySource(bytes), { isStrict: true }), codecs)
const cellsOf = (bytes: Uint8Array): readonly number[] => {
  const { dataSet } = parseDicom(memorySource(bytes))
  const pixels = findElement(dataSet.elements, 0x7fe00010)
  assert.ok(pixels !== undefined)
  const view = dataSet.source.view(pixels.valueStart, pixels.valueEnd)
  return [...new Uint16Array(view.slice().buffer)]
}
const withCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

describe('openDicomPixels', () => {
  for (const syntax of NATIVE) {
    it(`reads and writes native frames (${syntax})`, () => {
      const file = fileOf(syntax)
      const pixels = openDicomPixels(file)
      assert.deepEqual([pixels.frames, pixels.width, pixels.height, pixels.bits], [2, 6, 5, 12])
      assert.deepEqual([...(pixels.read(1)[0]?.samples ?? [])].slice(0, 2), [(30 * 977) & 0xfff, (31 * 977) & 0xfff])
      const changed = written(pixels, (sample) => sample ^ 1)
      assert.deepEqual([...(reopen(changed).read(0)[0]?.samples ?? [])].slice(0, 2), [1, 977 ^ 1])
      const back = written(reopen(changed), (sample) => sample ^ 1)
      assert.deepEqual(back, file.source.view(0, file.source.length))
    })
  }

  it('changes nothing in a native file but samples', () => {
    const file = fileOf(EXPLICIT_LITTLE_ENDIAN)
    const before = file.source.view(0, file.source.length)
    const after = written(openDicomPixels(file), (sample) => sample ^ 0xfff)
    const pixels = findElement(file.dataSet.elements, 0x7fe00010)
    assert.ok(pixels !== undefined)
    assert.deepEqual(after.subarray(0, pixels.valueStart), before.subarray(0, pixels.valueStart))
    assert.deepEqual(after.subarray(pixels.valueEnd), before.subarray(pixels.valueEnd))
  })

  it('reads signed samples from the lowest up, and keeps the bits above them their sign', () => {
    const file = rowOf([0xf800, 0xffff, 0, 0x7ff], us(0x00280103, 1))
    const pixels = openDicomPixels(file)
    assert.deepEqual([...(pixels.read(0)[0]?.samples ?? [])], [0, 0x7ff, 0x800, 0xfff])
    assert.deepEqual(cellsOf(written(pixels, (sample) => 0xfff - sample)), [0x7ff, 0, 0xffff, 0xf800])
  })

  it('keeps unused bits that are no sign, and refuses to make them look like one', () => {
    const overlay = rowOf([0x5800, 0x1fff, 0xa000, 0x07ff], us(0x00280103, 1))
    assert.deepEqual(
      cellsOf(written(openDicomPixels(overlay), (sample) => sample ^ 1)),
      [0x5801, 0x1ffe, 0xa001, 0x07fe],
    )
    // Negative by its twelve bits, with zeros above; positive, the zeros would be its sign.
    const zeros = rowOf([0x0801, 0x0002], us(0x00280103, 1))
    assert.throws(() => written(openDicomPixels(zeros), () => 0x900), withCode('pixels_unsuited'))
  })

  it('reads samples that end below the highest bit', () => {
    const file = rowOf([0xabcd, 0x1235], us(0x00280102, 15))
    const pixels = openDicomPixels(file)
    assert.deepEqual([...(pixels.read(0)[0]?.samples ?? [])], [0xabc, 0x123])
    assert.deepEqual(cellsOf(written(pixels, (sample) => sample + 1)), [0xabdd, 0x1245])
  })

  for (const planar of [0, 1]) {
    it(`takes colours apart (planar configuration ${planar})`, () => {
      const file = fileOf(
        EXPLICIT_LITTLE_ENDIAN,
        text(0x00280008, 'IS', '1'),
        us(0x00280002, 3),
        text(0x00280004, 'CS', 'RGB'),
        us(0x00280006, planar),
        us(0x00280010, 1),
        us(0x00280011, 3),
        us(0x00280100, 8),
        us(0x00280101, 8),
        us(0x00280102, 7),
        { tag: 0x7fe00010, vr: 'OB', value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 0) },
      )
      const pixels = openDicomPixels(file)
      const green = planar === 0 ? [2, 5, 8] : [4, 5, 6]
      assert.deepEqual([...(pixels.read(0)[1]?.samples ?? [])], green)
      assert.deepEqual(
        written(reopen(written(pixels, (sample) => sample ^ 7)), (sample) => sample ^ 7),
        written(pixels, (s) => s),
      )
    })
  }

  it('writes compressed frames in their own syntax, with what belongs to them', async () => {
    const rle: PixelCodecs = {
      decode: (
        (codec) => (_uid, codestream, shape) =>
          codec.decode(codestream, shape)
      )(await createCodecs(noWasm).load(RLE)),
      encode: await createEncoders(noWasm).load(RLE),
    }
    const encode = rle.encode as NonNullable<typeof rle.encode>
    const native = openDicomPixels(fileOf(EXPLICIT_LITTLE_ENDIAN))
    const shape = {
      ...{ rows: 5, columns: 6, samplesPerPixel: 1, bitsAllocated: 16, bitsStored: 12, isSigned: false },
      ...{ planarConfiguration: 0, photometricInterpretation: 'MONOCHROME2' },
    }
    const frames = [0, 1].map((frame) => {
      const samples = native.read(frame)[0]?.samples ?? new Uint16Array(0)
      return encode(new Uint8Array(samples.slice().buffer), shape).codestream
    })
    const offsets = new Uint8Array(Uint32Array.of(0, 8 + (frames[0]?.length ?? 0)).buffer)
    const tables = (values: readonly bigint[]) => new Uint8Array(BigUint64Array.from(values).buffer)
    const lengths = frames.map(({ length }) => BigInt(length))
    const files = [
      fileOf(RLE, { tag: 0x7fe00010, vr: 'OB', fragments: [offsets, ...frames] }),
      fileOf(
        RLE,
        { tag: 0x7fe00001, vr: 'OV', value: tables([0n, 8n + (lengths[0] ?? 0n)]) },
        { tag: 0x7fe00002, vr: 'OV', value: tables(lengths) },
        { tag: 0x7fe00010, vr: 'OB', fragments: [new Uint8Array(0), ...frames] },
      ),
    ]
    for (const file of files) {
      const pixels = openDicomPixels(file, rle)
      const changed = written(pixels, (sample) => (sample * 5) & 0xfff)
      const again = reopen(changed, rle)
      assert.deepEqual(
        [...(again.read(1)[0]?.samples ?? [])],
        [...(native.read(1)[0]?.samples ?? [])].map((sample) => (sample * 5) & 0xfff),
      )
      assert.deepEqual(
        written(openDicomPixels(file, rle), (s) => s),
        file.source.view(0, file.source.length),
      )
      assert.equal(textAt(parseDicom(memorySource(changed)).dataSet, 0x00280004), 'MONOCHROME2')
      const { encode: _none, ...readOnly } = rle
      assert.throws(() => written(openDicomPixels(file, readOnly), (s) => s), withCode('codec_unsupported'))
    }
    const wrong = { ...rle, encode: () => ({ codestream: frames[1] as Uint8Array, photometricInterpretation: 'X' }) }
    assert.throws(() => written(openDicomPixels(files[0] as DicomFile, wrong), (s) => s), withCode('codec_failed'))
    assert.throws(() => openDicomPixels(files[0] as DicomFile), withCode('codec_unsupported'))
  })

  const refusals: readonly (readonly [string, string, () => DicomFile])[] = [
    ['no pixels', 'pixels_absent', () => withoutPixels()],
    ['floating point', 'pixels_unsuited', () => withoutPixels({ tag: 0x7fe00008, vr: 'OF', value: new Uint8Array(8) })],
    ['32 bits', 'pixels_unsuited', () => fileOf(EXPLICIT_LITTLE_ENDIAN, us(0x00280100, 32))],
    ['one bit', 'pixels_unsuited', () => fileOf(EXPLICIT_LITTLE_ENDIAN, us(0x00280100, 1), us(0x00280101, 1))],
    ['two components', 'pixels_unsuited', () => fileOf(EXPLICIT_LITTLE_ENDIAN, us(0x00280002, 2))],
    ['too few bytes', 'pixels_unsuited', () => fileOf(EXPLICIT_LITTLE_ENDIAN, text(0x00280008, 'IS', '3'))],
    ['a high bit that is too low', 'pixels_unsuited', () => fileOf(EXPLICIT_LITTLE_ENDIAN, us(0x00280102, 9))],
    [
      'subsampled colour',
      'pixels_unsuited',
      () => fileOf(EXPLICIT_LITTLE_ENDIAN, text(0x00280004, 'CS', 'YBR_FULL_422')),
    ],
  ]
  for (const [name, code, file] of refusals) {
    it(`refuses ${name}`, () => {
      assert.throws(() => openDicomPixels(file()), withCode(code))
    })
  }

  it('says what an image is looked at through', () => {
    const ct = [text(0x00080060, 'CS', 'CT'), text(0x00281052, 'DS', '-1024'), text(0x00281053, 'DS', '1')]
    const hounsfield = openDicomPixels(fileOf(EXPLICIT_LITTLE_ENDIAN, ...ct))
    assert.deepEqual(hounsfield.windows, [
      { low: 864, high: 1264 },
      { low: -126, high: 1374 },
    ])
    const own = [text(0x00281050, 'DS', '100', '300'), text(0x00281051, 'DS', '50', '200')]
    const signed = openDicomPixels(fileOf(EXPLICIT_LITTLE_ENDIAN, ...own, us(0x00280103, 1)))
    assert.deepEqual(signed.windows, [
      { low: 75 + 2048, high: 125 + 2048 },
      { low: 200 + 2048, high: 400 + 2048 },
    ])
    assert.deepEqual(openDicomPixels(fileOf(EXPLICIT_LITTLE_ENDIAN)).windows, [])
  })
})

function withoutPixels(...more: readonly NewElement[]): DicomFile {
  const elements = [text(0x00080016, 'UI', '1.2.3'), text(0x00080018, 'UI', '1.2.3'), ...more]
  return parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))))
}

describe('checkMarkable', () => {
  const shape = { components: 1, width: 100, height: 100, bits: 12, isLossy: false }

  it('lets images through that can be marked', () => {
    checkMarkable(shape)
    checkMarkable({ ...shape, components: 3, bits: 8 })
  })

  it('refuses what was compressed with loss, by its header too', () => {
    const file = fileOf(EXPLICIT_LITTLE_ENDIAN, text(0x00282110, 'CS', '01'))
    assert.throws(() => checkMarkable(openDicomPixels(file)), withCode('mark_lossy_source'))
  })

  for (const [name, other] of Object.entries({
    'a single row': { height: 1 },
    'three bits': { bits: 3 },
    'too many samples': { width: 65_535, height: 65_535 },
    'two components': { components: 2 },
  })) {
    it(`refuses ${name}`, () => {
      assert.throws(() => checkMarkable({ ...shape, ...other }), withCode('pixels_unsuited'))
    })
  }
})
