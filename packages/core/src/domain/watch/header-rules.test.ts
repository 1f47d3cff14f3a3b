import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { encodeElements, type NewElement } from '../../formats/dicom/encode.ts'
import { type DataSet, parseDataSet } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { text } from '../../formats/dicom/values.ts'
import { compressJpeg } from '../attack/jpeg.ts'
import { createRandom } from '../attack/random.ts'
import type { RuleId } from './header-rules/rule.ts'
import { checkConsistency, type PixelFacts, type RuleFinding } from './header-rules.ts'

const header = (...elements: NewElement[]): DataSet =>
  parseDataSet(
    memorySource(
      encodeElements(
        [...elements].sort((a, b) => a.tag - b.tag),
        EXPLICIT_LITTLE,
      ),
    ),
    EXPLICIT_LITTLE_ENDIAN,
  )
const modality = (value: string): NewElement => text(0x00080060, 'CS', value)

/** A slope with grain, of as many values as there are. */
function pixelsOf(side: number, bits: number, valueAt?: (x: number, y: number) => number): PixelFacts {
  const random = createRandom(2)
  const white = 2 ** bits - 1
  const slope = (x: number, y: number): number => white * (0.2 + (0.5 * (x + y)) / (2 * side) + 0.03 * random.normal())
  const samples = Uint16Array.from({ length: side * side }, (_, i) =>
    (valueAt ?? slope)(i % side, Math.floor(i / side)),
  )
  return { width: side, height: side, samples, bits, planes: 1, isInverted: false, isLossySyntax: false }
}
const find = (rule: RuleId, dataSet: DataSet, pixels = pixelsOf(256, 12)): RuleFinding => {
  const finding = checkConsistency(dataSet, pixels).find((each) => each.rule === rule)
  assert.ok(finding !== undefined)
  return finding
}
const outcomeOf = (...asked: Parameters<typeof find>): string => find(...asked).outcome

describe('header rules', () => {
  it('give one finding each, of numbers that are numbers', () => {
    const findings = checkConsistency(header(modality('CT')), pixelsOf(256, 12))
    assert.equal(new Set(findings.map(({ rule }) => rule)).size, 7)
    for (const { facts } of findings) assert.ok(Object.values(facts).every(Number.isFinite))
  })

  it('say nothing of a header without anything', () => {
    for (const { rule, outcome } of checkConsistency(header(), pixelsOf(128, 8))) {
      assert.equal(outcome, rule === 'lossy-flag' ? 'consistent' : 'unknown', rule)
    }
  })

  it('refuse samples that do not fill the grid', () => {
    assert.throws(() => checkConsistency(header(), { ...pixelsOf(64, 8), width: 65 }), RangeError)
  })

  it('never repeat text of the header', () => {
    const dataSet = header(
      modality('SECRET'),
      text(0x00080070, 'LO', 'SECRET'),
      text(0x00080018, 'UI', '1.2.840.113619.7'),
    )
    assert.ok(!JSON.stringify(checkConsistency(dataSet, pixelsOf(256, 12))).includes('SECRET'))
  })
})

describe('bit depth', () => {
  const eight = pixelsOf(256, 8)
  it('is odd for 8 bits multiplied by 16', () => {
    assert.equal(
      outcomeOf('bit-depth', header(), { ...eight, bits: 12, samples: eight.samples.map((value) => value * 16) }),
      'odd',
    )
  })
  it('is odd for 8 bits stretched by 16.06', () => {
    const samples = eight.samples.map((value) => Math.floor((value * 4095) / 255))
    assert.equal(outcomeOf('bit-depth', header(), { ...eight, bits: 12, samples }), 'odd')
  })
  it('is consistent for 12 bits in use', () => assert.equal(outcomeOf('bit-depth', header()), 'consistent'))
  it('is unknown for 8 bits', () => assert.equal(outcomeOf('bit-depth', header(), eight), 'unknown'))
})

describe('lossy flag', () => {
  const plain = pixelsOf(256, 8)
  const picture = compressJpeg({ width: 256, height: 256, samples: Uint8Array.from(plain.samples) }, 20)
  const blocky = { ...plain, samples: Uint16Array.from(picture.samples) }
  it('is odd for blocks that nobody speaks of', () => assert.equal(outcomeOf('lossy-flag', header(), blocky), 'odd'))
  it('is consistent for blocks that the header speaks of', () => {
    assert.equal(outcomeOf('lossy-flag', header(text(0x00282110, 'CS', '01')), blocky), 'consistent')
  })
  it('is consistent for grain', () => assert.equal(outcomeOf('lossy-flag', header(), plain), 'consistent'))
  it('is odd for a syntax that loses under a header that does not say so', () => {
    assert.equal(outcomeOf('lossy-flag', header(), { ...plain, isLossySyntax: true }), 'odd')
  })
})

describe('spacing', () => {
  const spacing = (value: string, detector?: string): NewElement[] => [
    text(0x00280030, 'DS', value),
    ...(detector === undefined ? [] : [text(0x00181164, 'DS', detector)]),
  ]
  it('is consistent for a field of 256 mm', () => {
    assert.equal(outcomeOf('spacing', header(modality('CT'), ...spacing('1\\1'))), 'consistent')
  })
  it('is odd for fields that no gantry has', () => {
    assert.equal(outcomeOf('spacing', header(modality('CT'), ...spacing('10\\10'))), 'odd')
    assert.equal(outcomeOf('spacing', header(modality('CT'), ...spacing('0.01\\0.01'))), 'odd')
  })
  it('is odd for a patient that is larger than his picture on the detector', () => {
    assert.equal(outcomeOf('spacing', header(modality('DX'), ...spacing('1.5\\1.5', '1\\1'))), 'odd')
  })
  it('is unknown for spacing that is none', () => {
    for (const value of ['0\\0', '-1\\1', '1', 'x\\y'])
      assert.equal(outcomeOf('spacing', header(modality('CT'), ...spacing(value))), 'unknown')
  })
})

describe('exposure and noise', () => {
  const exposed = (mas: string): DataSet => header(modality('DX'), text(0x00181152, 'IS', mas))
  const smooth = pixelsOf(256, 12, (x, y) => 4 * x + 4 * y)
  it('are odd for one mAs without noise', () => assert.equal(outcomeOf('exposure-noise', exposed('1'), smooth), 'odd'))
  it('are consistent for one mAs with noise, and for many without', () => {
    assert.equal(outcomeOf('exposure-noise', exposed('1')), 'consistent')
    assert.equal(outcomeOf('exposure-noise', exposed('100'), smooth), 'consistent')
  })
})

describe('UID root', () => {
  const made = (maker: string, uid: string): DataSet =>
    header(text(0x00080018, 'UI', uid), text(0x00080070, 'LO', maker))
  for (const [maker, uid, outcome] of [
    ['SIEMENS', '1.3.12.2.1107.5.1', 'consistent'],
    ['GE MEDICAL SYSTEMS', '1.2.840.113619.2.5', 'consistent'],
    ['Philips Medical Systems', '1.3.46.670589.11', 'consistent'],
    ['SIEMENS', '1.2.840.113619.2.5', 'odd'],
    ['SIEMENS', '2.25.1234', 'unknown'],
    ['SIEMENS', '1.3.12.2.11070.1', 'unknown'],
    ['Somebody', '1.3.12.2.1107.5.1', 'unknown'],
  ] as const) {
    it(`of ${maker} under ${uid} is ${outcome}`, () => assert.equal(outcomeOf('uid-root', made(maker, uid)), outcome))
  }
})

describe('photometric interpretation and matrix', () => {
  const dx = (photometric: string, ...more: NewElement[]): DataSet =>
    header(modality('DX'), text(0x00280004, 'CS', photometric), ...more)
  it('of an original in colour is odd, of a derived one unknown', () => {
    assert.equal(outcomeOf('photometric', dx('RGB'), { ...pixelsOf(64, 8), planes: 3 }), 'odd')
    assert.equal(
      outcomeOf('photometric', dx('RGB', text(0x00080008, 'CS', 'DERIVED', 'SECONDARY')), {
        ...pixelsOf(64, 8),
        planes: 3,
      }),
      'unknown',
    )
    assert.equal(outcomeOf('photometric', dx('MONOCHROME2')), 'consistent')
  })
  it('of 512 × 512 and 8 bits is odd for a radiograph alone', () => {
    assert.equal(outcomeOf('matrix', dx('MONOCHROME2'), pixelsOf(512, 8)), 'odd')
    assert.equal(outcomeOf('matrix', dx('MONOCHROME2'), pixelsOf(512, 12)), 'consistent')
    assert.equal(outcomeOf('matrix', header(modality('CT')), pixelsOf(512, 8)), 'unknown')
  })
})
