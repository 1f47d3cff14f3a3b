import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../../bytes/source.ts'
import { concatBytes } from '../../../bytes/text.ts'
import { FormatError } from '../../../errors.ts'
import { encodeElements, type NewElement } from '../../../formats/dicom/encode.ts'
import { type DataSet, parseDataSet } from '../../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN } from '../../../formats/dicom/transfer-syntax.ts'
import { sq, text, ul, us } from '../../../formats/dicom/values.ts'
import { createRandom } from '../../attack/random.ts'
import { chestPlane } from '../testing/chest-plane.ts'
import { type Finding, placeFinding } from './finding.ts'
import { formatFindings, parseFindings } from './findings-json.ts'
import { readPresentation } from './presentation-state.ts'
import { readReport } from './structured-report.ts'

const IMAGE = '1.2.3.4'
const refuses = (run: () => unknown): void =>
  assert.throws(run, (error) => error instanceof FormatError && error.code === 'findings_malformed')
const floats = (tag: number, ...values: number[]): NewElement => ({
  tag,
  vr: 'FL',
  value: new Uint8Array(Float32Array.from(values).buffer),
})
const longs = (tag: number, ...values: number[]): NewElement => ({
  tag,
  vr: 'SL',
  value: new Uint8Array(Int32Array.from(values).buffer),
})
const bytesOf = (elements: readonly NewElement[]): Uint8Array => encodeElements(elements, EXPLICIT_LITTLE)
const open = (bytes: Uint8Array): DataSet => parseDataSet(memorySource(bytes), EXPLICIT_LITTLE_ENDIAN)

const code = (tag: number, value: string, meaning: string): NewElement =>
  sq(tag, [text(0x00080100, 'SH', value), text(0x00080102, 'SH', 'DCM'), text(0x00080104, 'LO', meaning)])
const content = (type: string, ...rest: NewElement[]): NewElement[] =>
  [text(0x0040a040, 'CS', type), ...rest].sort((a, b) => a.tag - b.tag)
const image = (uid = IMAGE, frame?: string): NewElement[] =>
  content(
    'IMAGE',
    sq(0x00081199, [text(0x00081155, 'UI', uid), ...(frame === undefined ? [] : [text(0x00081160, 'IS', frame)])]),
  )
const scoord = (type: string, points: number[], source = image()): NewElement[] =>
  content('SCOORD', sq(0x0040a730, source), floats(0x00700022, ...points), text(0x00700023, 'CS', type))
const number = (concept: string, value: string): NewElement[] =>
  content('NUM', code(0x0040a043, concept, 'number'), sq(0x0040a300, [text(0x0040a30a, 'DS', value)]))
const named = (meaning: string): NewElement[] =>
  content('CODE', code(0x0040a043, '121071', 'Finding'), code(0x0040a168, '1', meaning))
const report = (...children: NewElement[][]): NewElement[] => content('CONTAINER', sq(0x0040a730, ...children))
const group = (...children: NewElement[][]): NewElement[] => content('CONTAINER', sq(0x0040a730, ...children))

const BOX: Finding = {
  region: { kind: 'box', left: 10, top: 20, right: 30, bottom: 50 },
  label: 'fracture',
  score: 0.75,
  frame: 0,
}

describe('findings as JSON', () => {
  const others: readonly Finding[] = [
    { region: { kind: 'circle', x: 5, y: 6.5, radius: 2 }, label: 'nodule', score: null, frame: 2 },
    { region: { kind: 'point', x: 0, y: 65535 }, label: 'lésion', score: 0, frame: 0 },
  ]
  it('read what was written', () => assert.deepEqual(parseFindings(formatFindings([BOX, ...others])), [BOX, ...others]))

  it('take frame 0 and no score where they are left out', () => {
    const text = '{"form":"fiducial-findings/1","findings":[{"region":{"kind":"point","x":1,"y":2},"label":"a"}]}'
    assert.deepEqual(parseFindings(text), [
      { region: { kind: 'point', x: 1, y: 2 }, label: 'a', score: null, frame: 0 },
    ])
  })

  const good = '{"region":{"kind":"point","x":1,"y":2},"label":"a"}'
  const whole = (finding: string): string => `{"form":"fiducial-findings/1","findings":[${finding}]}`
  for (const [name, refused] of [
    ['no JSON', 'findings'],
    ['another form', '{"form":"fiducial-findings/2","findings":[]}'],
    ['an unknown field', whole(good.replace('"a"', '"a","patient":"x"'))],
    ['no label', whole(good.replace('"a"', '""'))],
    ['a label with a line break', whole(good.replace('"a"', '"a\\nb"'))],
    ['a score over 1', whole(good.replace('"a"', '"a","score":1.5'))],
    ['a score as text', whole(good.replace('"a"', '"a","score":"1"'))],
    ['a place left of the picture', whole(good.replace('"x":1', '"x":-1'))],
    ['a number without end', whole(good.replace('"x":1', '"x":1e999'))],
    ['an empty box', whole('{"region":{"kind":"box","left":3,"top":1,"right":3,"bottom":2},"label":"a"}')],
    ['an unknown region', whole('{"region":{"kind":"mask"},"label":"a"}')],
    ['too many', whole(Array(1001).fill(good).join(','))],
  ] as const) {
    it(`refuse ${name}`, () => refuses(() => parseFindings(refused)))
  }

  it('are read or refused with one code, however damaged', () => {
    const random = createRandom(3)
    const bytes = new TextEncoder().encode(formatFindings([BOX, ...others]))
    for (let round = 0; round < 400; round++) survive(() => parseFindings(damage(bytes, random)))
  })
})

describe('findings of a structured report', () => {
  const read = (...children: NewElement[][]): readonly Finding[] =>
    readReport(open(bytesOf(report(...children))), IMAGE)

  it('are named by the finding beside them and scored by its certainty', () => {
    const found = read(
      group(named('Fracture'), number('111012', '80'), scoord('POLYLINE', [10, 20, 30, 20, 30, 50, 10, 20])),
    )
    assert.deepEqual(found, [{ region: BOX.region, label: 'Fracture', score: 0.8, frame: 0 }])
  })

  it('know every graphic type', () => {
    const regions = [
      scoord('POINT', [1, 2]),
      scoord('CIRCLE', [10, 10, 13, 14]),
      scoord('ELLIPSE', [0, 5, 20, 5, 10, 0, 10, 10]),
      scoord('MULTIPOINT', [1, 1, 5, 9]),
    ].map((place) => read(group(place))[0]?.region)
    assert.deepEqual(regions, [
      { kind: 'point', x: 1, y: 2 },
      { kind: 'circle', x: 10, y: 10, radius: 5 },
      { kind: 'box', left: 0, top: 0, right: 20, bottom: 10 },
      { kind: 'box', left: 1, top: 1, right: 5, bottom: 9 },
    ])
  })

  it('prefer an outline to the centre of the same finding', () => {
    assert.deepEqual(
      read(group(scoord('POINT', [1, 2]), scoord('POLYLINE', [0, 0, 4, 4]))).map(({ region }) => region.kind),
      ['box'],
    )
  })

  it('are those of the image alone, and of the frames it names', () => {
    assert.deepEqual(read(group(scoord('POINT', [1, 2], image('9.9')))), [])
    assert.deepEqual(
      read(group(scoord('POINT', [1, 2], image(IMAGE, '3')))).map(({ frame }) => frame),
      [2],
    )
  })

  it('find the image through the image library', () => {
    const reference: NewElement[] = content('IMAGE', ul(0x0040db73, 1, 1, 1)).filter(({ tag }) => tag !== 0x0040a040)
    assert.equal(read(group(image()), group(scoord('POINT', [1, 2], reference))).length, 1)
    const nowhere: NewElement[] = [ul(0x0040db73, 1, 9, 9)]
    assert.equal(read(group(image()), group(scoord('POINT', [1, 2], nowhere))).length, 0)
  })

  it('leave out what is not to be presented', () => {
    const hidden = content(
      'CODE',
      code(0x0040a043, '111056', 'Rendering Intent'),
      code(0x0040a168, '111152', 'Not for Presentation'),
    )
    assert.deepEqual(read(group(hidden, scoord('POINT', [1, 2]))), [])
  })

  it('refuse coordinates that suit no graphic', () => {
    for (const place of [
      scoord('CIRCLE', [1, 2]),
      scoord('STAR', [1, 2]),
      scoord('POINT', [1]),
      scoord('POINT', [Number.NaN, 1]),
    ]) {
      refuses(() => read(group(place)))
    }
    refuses(() => read(group(scoord('POINT', [1, 2], image(IMAGE, '0')))))
  })

  it('are read or refused with one code, however damaged', () => {
    const random = createRandom(5)
    const bytes = bytesOf(
      report(group(named('Fracture'), number('111012', '80'), scoord('POLYLINE', [10, 20, 30, 20]))),
    )
    for (let round = 0; round < 400; round++) survive(() => readReport(open(damage(bytes, random)), IMAGE))
  })
})

describe('findings of a presentation state', () => {
  const graphic = (units: string, type: string, ...points: number[]): NewElement[] => [
    text(0x00700005, 'CS', units),
    floats(0x00700022, ...points),
    text(0x00700023, 'CS', type),
  ]
  const state = (drawing: NewElement[], ...rest: NewElement[]): NewElement[] => [
    sq(0x00700001, [
      sq(0x00081140, [text(0x00081155, 'UI', IMAGE)]),
      text(0x00700002, 'CS', 'CAD'),
      sq(0x00700008, [text(0x00700006, 'ST', 'fracture')]),
      sq(0x00700009, drawing),
    ]),
    ...rest,
  ]
  const area = sq(0x0070005a, [longs(0x00700052, 101, 1), longs(0x00700053, 300, 100)])
  const read = (elements: NewElement[]) => readPresentation(open(bytesOf(elements)), IMAGE)

  it('in samples are where they are', () => {
    const { findings } = read(state(graphic('PIXEL', 'POLYLINE', 10, 20, 30, 50)))
    assert.deepEqual(findings, [{ ...BOX, score: null }])
  })

  it('in shares of the display are placed by the displayed area', () => {
    const { findings } = read(state(graphic('DISPLAY', 'POINT', 0.5, 0.25), area))
    assert.deepEqual(
      findings.map(({ region }) => region),
      [{ kind: 'point', x: 200, y: 25 }],
    )
  })

  it('are left out and counted where the picture is turned, or no area is said', () => {
    assert.deepEqual(read(state(graphic('DISPLAY', 'POINT', 0.5, 0.25), us(0x00700042, 90), area)), {
      findings: [],
      unplaced: 1,
    })
    assert.deepEqual(read(state(graphic('DISPLAY', 'POINT', 0.5, 0.25))), { findings: [], unplaced: 1 })
  })

  it('of another image are passed over', () => {
    assert.deepEqual(readPresentation(open(bytesOf(state(graphic('PIXEL', 'POINT', 1, 1)))), '9.9').findings, [])
  })

  it('in unknown units are refused', () => refuses(() => read(state(graphic('MATRIX', 'POINT', 1, 1)))))

  it('are read or refused with one code, however damaged', () => {
    const random = createRandom(9)
    const bytes = bytesOf(state(graphic('DISPLAY', 'ELLIPSE', 0, 0, 1, 1, 0, 1, 1, 0), area))
    for (let round = 0; round < 400; round++) survive(() => readPresentation(open(damage(bytes, random)), IMAGE))
  })
})

describe('the place of a finding', () => {
  const plane = { ...chestPlane({}), crop: { left: 100, top: 50, right: 868, bottom: 818 }, shrink: 2 }

  it('is found on the normal plane', () => {
    const region = { kind: 'box', left: 120, top: 70, right: 140, bottom: 90 } as const
    assert.deepEqual(placeFinding({ ...BOX, region }, plane), { left: 10, top: 10, right: 20, bottom: 20 })
  })

  it('is null outside of what was kept', () => assert.equal(placeFinding(BOX, plane), null))
})

function damage(bytes: Uint8Array, random: ReturnType<typeof createRandom>): Uint8Array {
  const damaged = bytes.slice(0, random.uniform() < 0.3 ? random.integer(bytes.length) : bytes.length)
  const times = 1 + random.integer(4)
  for (let i = 0; i < times && damaged.length > 0; i++) damaged[random.integer(damaged.length)] = random.integer(256)
  return random.uniform() < 0.1 ? concatBytes(damaged, damaged) : damaged
}

/** Damage of the DICOM encoding itself is refused by its own parser, with its own codes. */
function survive(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error))
  }
}
