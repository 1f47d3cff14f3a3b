import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { encodeFile, type NewElement } from './encode.ts'
import { type InstanceUids, readInstanceUids } from './instance-uids.ts'
import { parseDicom } from './parse.ts'
import { scanInstanceUids } from './scan.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from './transfer-syntax.ts'
import { text } from './values.ts'

const SYNTAXES = [
  IMPLICIT_LITTLE_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
] as const

const encode = (elements: readonly NewElement[], transferSyntaxUid: string = EXPLICIT_LITTLE_ENDIAN): Uint8Array =>
  joinBytes(encodeFile({ transferSyntaxUid, elements }))

const ELEMENTS: readonly NewElement[] = [
  text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
  text(0x00080018, 'UI', '2.25.1'),
  { tag: 0x00081140, vr: 'SQ', items: [[text(0x00081155, 'UI', '2.25.9')], []] },
  text(0x00090010, 'LO', 'MAKER'),
  { tag: 0x00091001, vr: 'OB', value: new Uint8Array(10) },
  text(0x0020000d, 'UI', '2.25.3'),
  text(0x0020000e, 'UI', '2.25.4'),
  { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(64) },
]
const whole = (bytes: Uint8Array): InstanceUids => readInstanceUids(parseDicom(memorySource(bytes)))
const scan = (bytes: Uint8Array): InstanceUids => scanInstanceUids(memorySource(bytes))

/** What an index of the whole finds, or the code with which it ends. */
function outcome(read: (bytes: Uint8Array) => InstanceUids, bytes: Uint8Array): InstanceUids | string {
  try {
    return read(bytes)
  } catch (error) {
    if (error instanceof FormatError) return error.code
    throw error
  }
}

describe('a scan for UIDs', () => {
  for (const syntax of SYNTAXES) {
    it(`finds what an index of the whole finds, in ${syntax}`, () => {
      const bytes = encode(ELEMENTS, syntax)
      const found = scan(bytes)
      assert.deepEqual(found, whole(bytes))
      assert.deepEqual(found, {
        sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
        sopInstanceUid: '2.25.1',
        seriesInstanceUid: '2.25.4',
        studyInstanceUid: '2.25.3',
        transferSyntaxUid: syntax,
      })
    })
  }

  it('finds the first of two, and one that stands out of order', () => {
    for (const syntax of [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
      const bytes = encode([...ELEMENTS.slice(0, 2), text(0x00080019, 'UI', '2.25.77'), ...ELEMENTS.slice(2)], syntax)
      const { dataSet, dataSetStart } = parseDicom(memorySource(bytes))
      const pieces = dataSet.elements.map(({ start, end }) => bytes.slice(start, end))
      // (0008,0019) becomes a second (0008,0018).
      pieces[2]?.fill(0x18, syntax === EXPLICIT_BIG_ENDIAN ? 3 : 2, syntax === EXPLICIT_BIG_ENDIAN ? 4 : 3)
      const [kind, instance, twice, sequence, creator, value, study, series, pixels] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
      const between = [sequence, creator, value]
      const orders = [
        [instance, kind, ...between, study, series, pixels],
        [kind, instance, twice, ...between, study, series, pixels],
        [kind, instance, ...between, study, pixels, series],
        [kind, ...between, study, series, pixels, instance],
      ]
      for (const order of orders) {
        const file = joinBytes([
          bytes.subarray(0, dataSetStart),
          ...order.map((i) => pieces[i ?? 0] ?? new Uint8Array(0)),
        ])
        assert.deepEqual(scan(file), whole(file))
        assert.equal(scan(file).sopInstanceUid, '2.25.1')
        assert.equal(scan(file).seriesInstanceUid, '2.25.4')
      }
    }
  })

  it('finds what the whole has, whatever of it is cut off', () => {
    for (const syntax of [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
      const bytes = encode(ELEMENTS, syntax)
      for (let length = 0; length <= bytes.length; length++) {
        const cut = bytes.subarray(0, length)
        assert.deepEqual(outcome(scan, cut), outcome(whole, cut), `${syntax}, ${length} bytes`)
      }
    }
  })

  it('finds what the whole has where the front is damaged', () => {
    const random = seeded(11)
    for (const syntax of [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
      const bytes = encode(ELEMENTS, syntax)
      for (let i = 0; i < 5_000; i++) {
        const damaged = bytes.slice()
        for (let n = 1 + random(3); n > 0; n--) damaged[132 + random(bytes.length - 132)] = random(256)
        assert.deepEqual(outcome(scan, damaged), outcome(whole, damaged), `${syntax}, ${i}`)
      }
    }
  })
})
