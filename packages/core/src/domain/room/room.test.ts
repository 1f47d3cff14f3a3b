import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeLatin1 } from '../../bytes/text.ts'
import { tagOf } from '../../formats/dicom/dictionary.ts'
import { encodeElements } from '../../formats/dicom/encode.ts'
import { EXPLICIT_LITTLE } from '../../formats/dicom/transfer-syntax.ts'
import type { ExposureKind, ExposureRequest } from './plan.ts'
import { EXPOSURE_KINDS, planExposure } from './plan.ts'
import type { Capture } from './room.ts'
import { captureExposure, captureSeries, runRoom } from './room.ts'

const AT = '2026-03-04T10:11:12.345+01:00'
const SMALL = {
  chest: { columns: 256, rows: 320 },
  hand: { columns: 240, rows: 300 },
  ct: { columns: 128, rows: 128 },
  mr: { columns: 96, rows: 96 },
} as const
const plan = (seed: string, kind: ExposureKind, request: Partial<ExposureRequest> = {}) =>
  planExposure(seed, { kind, at: AT, size: SMALL[kind], sliceCount: 3, ...request })
const capture = (seed: string, kind: ExposureKind, request: Partial<ExposureRequest> = {}): Capture =>
  captureExposure(plan(seed, kind, request))
/** One picture of each kind that tests may look at together. */
const shared = new Map(EXPOSURE_KINDS.map((kind) => [kind, capture('shared', kind)]))
const sharedOf = (kind: ExposureKind): Capture => shared.get(kind) as Capture

/** First value of an attribute as text or number. */
function readFirst({ elements }: Capture, keyword: string): string | undefined {
  const element = elements.find(({ tag }) => tag === tagOf(keyword))
  if (element === undefined || !('value' in element)) return undefined
  if (element.vr === 'US')
    return String(new DataView(element.value.buffer, element.value.byteOffset).getUint16(0, true))
  return decodeLatin1(element.value).replace(/[\0 ]+$/, '')
}
const meanOf = ({ pixels, columns }: Capture, left: number, top: number, width: number, height: number): number => {
  let sum = 0
  for (let v = top; v < top + height; v++)
    for (let u = left; u < left + width; u++) sum += pixels[v * columns + u] as number
  return sum / (width * height)
}

describe('room', () => {
  for (const kind of EXPOSURE_KINDS) {
    it(`gives the same bytes for the same seed and others for another (${kind})`, () => {
      const bytesOf = ({ elements }: Capture): Uint8Array => encodeElements(elements, EXPLICIT_LITTLE)
      assert.deepEqual(bytesOf(capture('shared', kind)), bytesOf(sharedOf(kind)))
      assert.notDeepEqual(capture('other', kind).pixels, sharedOf(kind).pixels)
    })

    it(`keeps stored values within the stored bits, and uses them (${kind})`, () => {
      const taken = sharedOf(kind)
      const { pixels, bitsStored, rows, columns } = taken
      assert.equal(pixels.length, rows * columns)
      const [low, high] =
        pixels instanceof Int16Array ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1]
      assert.ok(pixels.every((value) => value >= low && value <= high))
      assert.ok(new Set(pixels).size > 200)
      assert.equal(readFirst(taken, 'BitsStored'), String(bitsStored))
      assert.equal(readFirst(taken, 'HighBit'), String(bitsStored - 1))
    })

    it(`is marked as synthetic and as a demo, and carries what a seal asks for (${kind})`, () => {
      const taken = sharedOf(kind)
      assert.equal(readFirst(taken, 'SyntheticData'), 'YES')
      for (const keyword of [
        'Manufacturer',
        'PatientName',
        'PatientID',
        'OperatorsName',
        'InstitutionName',
        'DeviceSerialNumber',
      ]) {
        assert.match(readFirst(taken, keyword) ?? '', /DEMO/, keyword)
      }
      for (const keyword of [
        'DeviceUID',
        'AcquisitionUID',
        'StudyInstanceUID',
        'SeriesInstanceUID',
        'SOPInstanceUID',
      ]) {
        assert.match(readFirst(taken, keyword) ?? '', /^2\.25\.\d+$/, keyword)
      }
      assert.match(readFirst(taken, 'AcquisitionDateTime') ?? '', /^20260304101112\.345000\+0100$/)
      assert.equal(readFirst(taken, 'AcquisitionDate'), '20260304')
      assert.ok(taken.elements.some(({ tag }) => tag === 0x00081072))
      assert.ok(readFirst(taken, 'PixelSpacing') ?? readFirst(taken, 'ImagerPixelSpacing'))
    })

    it(`has its elements in ascending order, once each, items included (${kind})`, () => {
      const check = (elements: Capture['elements']): void => {
        for (let i = 1; i < elements.length; i++)
          assert.ok((elements[i - 1] as { tag: number }).tag < (elements[i] as { tag: number }).tag)
        for (const element of elements) if ('items' in element) element.items.forEach(check)
      }
      check(sharedOf(kind).elements)
    })

    it(`hands over pixels that are the bytes of Pixel Data (${kind})`, () => {
      const { elements, pixels } = sharedOf(kind)
      const data = elements.find(({ tag }) => tag === 0x7fe00010)
      assert.ok(data !== undefined && 'value' in data)
      const view = new DataView(data.value.buffer, data.value.byteOffset, data.value.byteLength)
      for (let i = 0; i < pixels.length; i += 101) {
        assert.equal(pixels instanceof Int16Array ? view.getInt16(2 * i, true) : view.getUint16(2 * i, true), pixels[i])
      }
    })
  }

  it('shows a chest with dark lungs, a bright middle and a marker on the left of the patient', () => {
    const taken = sharedOf('chest')
    const right = meanOf(taken, 55, 110, 35, 50)
    const left = meanOf(taken, 166, 110, 35, 50)
    const middle = meanOf(taken, 118, 110, 20, 50)
    assert.ok(middle > 1.5 * right && middle > 1.5 * left, `${right} ${middle} ${left}`)
    const top = 2 ** taken.bitsStored * 0.97
    const bright = [...taken.pixels.entries()]
      .filter(([i, value]) => value > top && Math.floor(i / 256) < 30)
      .map(([i]) => i % 256)
    assert.ok(
      bright.length > 5 && bright.every((column) => column > 200),
      'letters only at the right edge of the picture',
    )
  })

  it('shows the heart on the right of the picture', () => {
    for (const seed of ['h1', 'h2']) {
      const taken = capture(seed, 'chest')
      let [left, right] = [0, 0]
      for (let v = 180; v < 205; v++) {
        left += meanOf(taken, 128 - 50, v, 30, 1)
        right += meanOf(taken, 128 + 20, v, 30, 1)
      }
      assert.ok(right > 1.1 * left, `${right} and ${left}`)
    }
  })

  it('shows hands of both sides, as negative or positive, thumb and marker on the same side', () => {
    const kinds = new Set<string>()
    for (let i = 0; i < 8; i++) {
      const hand = plan(`hand ${i}`, 'hand')
      const taken = captureExposure(hand)
      const isNegative = readFirst(taken, 'PhotometricInterpretation') === 'MONOCHROME1'
      assert.equal(taken.isInverted, isNegative)
      assert.equal(readFirst(taken, 'Laterality'), hand.laterality)
      kinds.add(`${hand.laterality}${isNegative}`)
      const shown = (left: number, top: number, width: number, height: number): number => {
        const mean = meanOf(taken, left, top, width, height)
        return isNegative ? 2 ** taken.bitsStored - 1 - mean : mean
      }
      const [thumb, other] = hand.laterality === 'L' ? [175, 35] : [35, 175]
      assert.ok(shown(thumb, 120, 30, 70) > shown(other, 120, 30, 70) + 2)
      const [marked, bare] = hand.laterality === 'L' ? [200, 10] : [10, 200]
      assert.ok(shown(marked, 12, 30, 24) > 1.2 * shown(bare, 12, 30, 24))
    }
    assert.ok(kinds.size >= 3, [...kinds].join(' '))
  })

  it('gives CT in Hounsfield units after rescale, from the head downwards', () => {
    const series = [...captureSeries(plan('ct', 'ct'))]
    assert.equal(series.length, 3)
    const heights = series.map((taken) => Number(readFirst(taken, 'SliceLocation')))
    assert.deepEqual(
      heights,
      heights.toSorted((a, b) => b - a),
    )
    for (const taken of series) {
      const { slope, intercept } = taken.rescale
      const values = Float32Array.from(taken.pixels, (value) => value * slope + intercept).toSorted()
      const at = (share: number): number => values[Math.round(share * (values.length - 1))] as number
      assert.ok(at(0.3) < -900, 'air around')
      assert.ok(at(0.97) > 30 && at(0.9) > -50 && at(1) > 300, 'muscle and bone')
      assert.equal(readFirst(taken, 'RescaleIntercept'), String(intercept))
    }
    assert.equal(new Set(series.map((taken) => readFirst(taken, 'SeriesInstanceUID'))).size, 1)
    assert.equal(new Set(series.map((taken) => readFirst(taken, 'SOPInstanceUID'))).size, 3)
    assert.deepEqual(
      series.map((taken) => readFirst(taken, 'InstanceNumber')),
      ['1', '2', '3'],
    )
  })

  it('stores CT both ways that scanners do', () => {
    const shapes = new Set(
      Array.from(
        { length: 6 },
        (_, i) =>
          capture(`sign ${i}`, 'ct', { sliceCount: 1, size: { columns: 64, rows: 64 } }).pixels.constructor.name,
      ),
    )
    assert.deepEqual([...shapes].sort(), ['Int16Array', 'Uint16Array'])
  })

  it('takes an image alone as it takes it in its series', () => {
    for (const kind of ['ct', 'mr'] as const) {
      const third = [...captureSeries(plan('alone', kind))][2] as Capture
      assert.deepEqual(captureExposure(plan('alone', kind), 2).pixels, third.pixels)
    }
  })

  it('names device and operator as they are handed in', () => {
    const device = {
      stationName: 'ROOM7',
      manufacturer: 'DEMO maker',
      model: 'M',
      serialNumber: 'S-1',
      deviceUid: '2.25.7',
      softwareVersion: '3',
    }
    const operator = { name: 'DEMO^ANNA', id: 'OP7' }
    const taken = capture('named', 'mr', { device, operator })
    assert.equal(readFirst(taken, 'StationName'), 'ROOM7')
    assert.equal(readFirst(taken, 'DeviceUID'), '2.25.7')
    assert.equal(readFirst(taken, 'OperatorsName'), 'DEMO^ANNA')
    const identified = taken.elements.find(({ tag }) => tag === 0x00081072)
    assert.match(decodeLatin1(encodeElements(identified === undefined ? [] : [identified], EXPLICIT_LITTLE)), /OP7/)
  })

  it('gives patients the age that their birth date says', () => {
    for (let i = 0; i < 40; i++) {
      const { patient, body } = plan(`age ${i}`, 'chest')
      const [year, rest] = [Number(patient.birthDate.slice(0, 4)), patient.birthDate.slice(4)]
      assert.equal(2026 - year - (rest > '0304' ? 1 : 0), body.age)
    }
  })

  it('works through a mixed list: new patients, later and later, series whole', () => {
    const list = [
      ...runRoom('list', 4, { at: AT, kinds: ['mr', 'ct'], size: { columns: 64, rows: 64 }, sliceCount: 2 }),
    ]
    assert.deepEqual(
      list.map(({ plan: { kind }, index }) => `${kind}${index}`),
      ['mr0', 'mr1', 'ct0', 'ct1', 'mr0', 'mr1', 'ct0', 'ct1'],
    )
    assert.deepEqual(
      [...new Set(list.map(({ plan: { patient } }) => patient.id))],
      ['DEMO-0001', 'DEMO-0002', 'DEMO-0003', 'DEMO-0004'],
    )
    assert.deepEqual(
      [...new Set(list.map(({ plan: { patient } }) => patient.name))],
      ['A', 'B', 'C', 'D'].map((letter) => `DEMO^PATIENT^${letter}`),
    )
    const times = [...new Set(list.map((taken) => readFirst(taken, 'StudyTime') ?? ''))]
    assert.equal(times.length, 4)
    assert.deepEqual(times, times.toSorted())
    assert.equal(new Set(list.map((taken) => readFirst(taken, 'SOPInstanceUID'))).size, 8)
  })

  it('starts a picture only when it is asked for', () => {
    const endless = runRoom('lazy', 1_000_000, {
      at: AT,
      kinds: ['mr'],
      size: { columns: 64, rows: 64 },
      sliceCount: 1,
    })
    assert.equal(endless.next().done, false)
    endless.return()
  })

  for (const [what, request] of [
    ['no date', { at: 'today' }],
    ['too few pixels', { size: { columns: 32, rows: 32 } }],
    ['half a pixel', { size: { columns: 256.5, rows: 256 } }],
    ['an oblong slice', { kind: 'ct', size: { columns: 128, rows: 256 } }],
    ['no slices', { kind: 'mr', sliceCount: 0 }],
    ['patient zero', { patientNumber: 0 }],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => planExposure('x', { kind: 'chest', at: AT, ...request }), RangeError)
    })
  }

  it('refuses an image that the plan does not have', () => {
    assert.throws(() => captureExposure(plan('x', 'ct'), 3), RangeError)
    assert.throws(() => captureExposure(plan('x', 'chest'), 1), RangeError)
    assert.throws(() => captureExposure(plan('x', 'mr'), -1), RangeError)
  })
})
