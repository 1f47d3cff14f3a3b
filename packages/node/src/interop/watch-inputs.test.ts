/** What the watchdog does with other people's files, and with pictures that are made to trip it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { type GreyView, viewGrey } from '@fiducial/core/domain/pixels/grey-view.ts'
import { examinePicture } from '@fiducial/core/domain/watch/examine.ts'
import { measureView } from '@fiducial/core/domain/watch/measure-view.ts'
import type { WatchReport } from '@fiducial/core/domain/watch/report.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { createEncoders } from '@fiducial/core/formats/codec/encode.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { encode } from 'fast-png'
import { readSubject } from '../services/watch/subject.ts'
import { loadWasm } from '../storage/wasm.ts'
import { sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'
import { greyElements, modelOfOne, pictureOf, pngOf } from '../testing/watch-pictures.ts'
import { openImageFile } from '../wiring/image-file.ts'

const view = pictureOf(1, 192)
const SIDE = view.width
/** Calibrated for nothing that is looked at here. */
const model = modelOfOne(view, {
  kind: 'other',
  selector: { stationName: 'NOBODY HAS THIS' },
  limits: { rows: [SIDE, SIDE], columns: [SIDE, SIDE], bits: [8] },
})
const means = { codecs: createCodecs(loadWasm), encoders: createEncoders(loadWasm) }

async function openSubject(bytes: Uint8Array, frame = 0) {
  const { pixels, dicom } = await openImageFile(memorySource(bytes), means)
  return readSubject(pixels, dicom, frame)
}

async function examine(bytes: Uint8Array, frame = 0): Promise<WatchReport> {
  const subject = await openSubject(bytes, frame)
  return examinePicture({ ...subject, rules: subject.checkRules(), model }).report
}

/** Start of Image, and of the segment behind it. */
const JPEG_START = Uint8Array.of(0xff, 0xd8, 0xff)
const JPEG_END = Uint8Array.of(0xff, 0xd9)

/** The elements of a picture in DICOM, others laid over them. */
function dicomOf(...more: readonly NewElement[]): Uint8Array {
  const merged = new Map([...greyElements(view), ...more].map((element) => [element.tag, element]))
  const elements = [...merged.values()].toSorted((a, b) => a.tag - b.tag)
  return joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
}

const pixelsOf = (samples: ArrayLike<number>): NewElement => ({
  tag: 0x7fe00010,
  vr: 'OB',
  value: Uint8Array.from(samples),
})
const wordsOf = (samples: Uint16Array | Int16Array): readonly NewElement[] => [
  us(0x00280100, 16),
  us(0x00280101, 16),
  us(0x00280102, 15),
  { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(samples.buffer) },
]

const rgbPng = (colourAt: (i: number) => readonly [number, number, number]): Uint8Array =>
  encode({ width: SIDE, height: SIDE, depth: 8, channels: 3, data: interleave(colourAt) })

function interleave(colourAt: (i: number) => readonly [number, number, number]): Uint8Array {
  const data = new Uint8Array(3 * SIDE * SIDE)
  for (let i = 0; i < SIDE * SIDE; i++) data.set(colourAt(i), 3 * i)
  return data
}

const sampleAt = (i: number): number => view.samples[i] as number
const greyAt = (i: number) => [sampleAt(i), sampleAt(i), sampleAt(i)] as const
const photoAt = (i: number) => [sampleAt(i), 255 - sampleAt(i), (i * 13) & 255] as const

function valuesOf(picture: GreyView | 'colour'): Float64Array {
  assert.ok(picture !== 'colour')
  const measured = measureView(picture, 'other')
  assert.ok(typeof measured !== 'string', String(measured))
  return measured.values
}
const measuresOf = async (bytes: Uint8Array): Promise<Float64Array> => valuesOf((await openSubject(bytes)).view)

/** Throws where a number of a report is none, at any depth. */
function assertNumbers(value: unknown, path = 'report'): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value), `${path} is ${value}`)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
  for (const [name, one] of Object.entries(value)) assertNumbers(one, `${path}.${name}`)
}

function assertNoJudgement(report: WatchReport): void {
  assert.ok(report.outcome === 'abstained' || report.outcome === 'refused', report.outcome)
  assert.equal(report.score, null)
  assert.notEqual(report.reason, null)
  assert.ok(report.cues.every(({ p, isUnusual }) => p === null && isUnusual === null))
  const { cues, ...rest } = report
  assertNumbers(rest)
  for (const { id, measures } of cues) assertNumbers(measures, id)
}

describe('the watchdog on other people’s files', { skip: sharedSkip }, () => {
  /** Outcomes of all of them, `failed` among these; throws where one is judged, or fails without a code. */
  async function examineAll(cut: (file: Buffer) => Uint8Array | undefined): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = { abstained: 0, refused: 0, failed: 0 }
    const count = (outcome: string): void => {
      counts[outcome] = (counts[outcome] ?? 0) + 1
    }
    for (const { path, name } of sharedFiles('data/dicom')) {
      const bytes = cut(readFileSync(path))
      if (bytes === undefined) continue
      try {
        const report = await examine(bytes)
        assertNoJudgement(report)
        count(report.outcome)
      } catch (error) {
        assert.ok(error instanceof FormatError && error.code.length > 0, `${name}: ${error}`)
        count('failed')
      }
    }
    return counts
  }

  it('judges none of them without calibration, and fails on none but with a code', async () => {
    const { abstained = 0, refused = 0 } = await examineAll((file) => file)
    assert.ok(abstained > 20 && refused > 20, `${abstained} ${refused}`)
  })

  it('does so with the JPEG pictures inside them', async () => {
    const { abstained = 0, refused = 0 } = await examineAll((file) => {
      const [start, end] = [file.indexOf(JPEG_START), file.lastIndexOf(JPEG_END)]
      return start > 0 && end > start ? file.subarray(start, end + JPEG_END.length) : undefined
    })
    assert.ok(abstained + refused > 3, `${abstained} ${refused}`)
  })
})

describe('the watchdog on pictures that are made to trip it', () => {
  const refuses = (name: string, bytes: () => Uint8Array, reason: string): void => {
    it(`does not look at ${name}`, async () => {
      const report = await examine(bytes())
      assertNoJudgement(report)
      assert.deepEqual([report.outcome, report.reason], ['refused', reason])
    })
  }
  const colour = [us(0x00280002, 3), text(0x00280004, 'CS', 'RGB'), us(0x00280006, 0)]
  const flat = (value: number) => pixelsOf(new Uint8Array(SIDE * SIDE).fill(value))
  refuses('a colour photograph', () => rgbPng(photoAt), 'colour')
  refuses('one in DICOM', () => dicomOf(...colour, pixelsOf(interleave(photoAt))), 'colour')
  refuses('a tiny picture', () => pngOf(pictureOf(1, 16)), 'too_small')
  refuses('a black one', () => dicomOf(flat(0)), 'blank')
  refuses('a white one', () => dicomOf(flat(255)), 'blank')
  refuses('a picture of one row', () => strip(4096, 1), 'too_small')
  refuses('a picture a hundred times as wide as it is high', () => strip(16_000, 160), 'too_small')
  refuses('two values', () => dicomOf(pixelsOf(view.samples.map((value) => (value > 128 ? 255 : 0)))), 'too_few_values')

  it('looks at grey that is stored as colour, as it looks at grey', async () => {
    const plain = await measuresOf(pngOf(view))
    assert.deepEqual(await measuresOf(rgbPng(greyAt)), plain)
    assert.deepEqual(await measuresOf(dicomOf(...colour, pixelsOf(interleave(greyAt)))), plain)
  })

  it('measures MONOCHROME1 as its MONOCHROME2 twin, bit for bit', async () => {
    const inverted = pixelsOf(view.samples.map((value) => 255 - value))
    const plain = await measuresOf(dicomOf())
    assert.deepEqual(await measuresOf(dicomOf(text(0x00280004, 'CS', 'MONOCHROME1'), inverted)), plain)
    assert.notDeepEqual(await measuresOf(dicomOf(inverted)), plain)
  })

  it('measures signed values as their unsigned twins', async () => {
    const ct = [text(0x00080060, 'CS', 'CT'), text(0x00281053, 'DS', '1')]
    const unsigned = Uint16Array.from(view.samples, (value) => 20 * value)
    const signed = Int16Array.from(unsigned, (value) => value - 1024)
    const [one, two] = await Promise.all([
      measuresOf(dicomOf(...ct, us(0x00280103, 1), text(0x00281052, 'DS', '0'), ...wordsOf(signed))),
      measuresOf(dicomOf(...ct, us(0x00280103, 0), text(0x00281052, 'DS', '-1024'), ...wordsOf(unsigned))),
    ])
    assert.deepEqual(one, two)
  })

  it('cuts borders with letters burned into them', async () => {
    const [plain, framed] = [valuesOf(view), valuesOf(withBorder(view, 24))]
    assert.deepEqual(framed, plain)
  })

  it('takes no part of a damaged file for a picture', async () => {
    const files = [dicomOf(), pngOf(view)]
    for (const whole of files)
      for (const share of [0, 0.001, 0.1, 0.5, 0.9, 0.999])
        await assert.rejects(examine(whole.subarray(0, Math.floor(share * whole.length))), FormatError, `${share}`)
    const png = pngOf(view)
    png[png.length >> 1] = (png[png.length >> 1] as number) ^ 0xff
    await assert.rejects(examine(png), { code: 'picture_malformed' })
    await assert.rejects(examine(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0)), FormatError)
  })

  it('looks at each frame there is, and at no other', async () => {
    const two = dicomOf(text(0x00280008, 'IS', '2'), pixelsOf([...view.samples, ...new Float32Array(SIDE * SIDE)]))
    assert.equal((await examine(two, 0)).outcome, 'abstained')
    assert.equal((await examine(two, 1)).reason, 'blank')
    for (const frame of [2, 1e9, -1, 0.5, Number.NaN])
      await assert.rejects(examine(two, frame), { code: 'pixels_absent' }, String(frame))
  })

  it('says of pixels in floating point that it cannot look at them', async () => {
    const others = greyElements(view).filter(({ tag }) => tag !== 0x7fe00010 && tag !== 0x00280100)
    const floats = { tag: 0x7fe00008, vr: 'OF', value: new Uint8Array(4 * SIDE * SIDE) }
    const elements = [...others, us(0x00280100, 32), floats]
    const bytes = joinBytes(
      encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: elements.toSorted((a, b) => a.tag - b.tag) }),
    )
    await assert.rejects(examine(bytes), { code: 'pixels_unsuited' })
  })

  it('measures no plane that a window shows otherwise', () => {
    const plane = { width: SIDE, height: SIDE, bits: 8, samples: Uint16Array.from(view.samples) }
    const seen = viewGrey(plane, { isInverted: false, windows: [{ low: 100, high: 101 }] })
    assert.deepEqual(valuesOf(seen), valuesOf(view))
  })
})

/** A wide picture of grain. */
function strip(width: number, height: number): Uint8Array {
  const samples = Uint8Array.from({ length: width * height }, (_, i) => (i * 7919 + (i >> 7) * 31) & 255)
  return dicomOf(us(0x00280010, height), us(0x00280011, width), pixelsOf(samples))
}

/** Black around a picture, with a few white strokes on it. */
function withBorder(inner: GreyView, wide: number): GreyView {
  const side = inner.width + 2 * wide
  const samples = new Float32Array(side * side)
  for (let y = 0; y < inner.height; y++)
    samples.set(inner.samples.subarray(y * inner.width, (y + 1) * inner.width), (y + wide) * side + wide)
  for (let stroke = 0; stroke < 3; stroke++) samples[(wide >> 1) * side + (wide >> 1) + 2 * stroke] = 255
  return { ...inner, width: side, height: side, samples }
}
