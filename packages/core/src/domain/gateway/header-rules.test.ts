import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes, encodeLatin1 } from '../../bytes/text.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { ob, sq, text, us } from '../../formats/dicom/values.ts'
import { checkHeader, HEADER_RULES, type HeaderRule, type StatedObject } from './header-rules.ts'

const NOW = new Date('2026-03-03T10:14:00Z')
const CT = '1.2.840.10008.5.1.4.1.1.2'
const UNSTATED: StatedObject = { sopClassUid: null, sopInstanceUid: null, transferSyntaxUid: null }

const good: readonly NewElement[] = [
  text(0x00080016, 'UI', CT),
  text(0x00080018, 'UI', '2.25.1'),
  text(0x00080020, 'DA', '20260303'),
  text(0x00080060, 'CS', 'CT'),
  text(0x0020000d, 'UI', '2.25.3'),
  text(0x0020000e, 'UI', '2.25.2'),
  us(0x00280002, 1),
  text(0x00280004, 'CS', 'MONOCHROME2'),
  us(0x00280010, 2),
  us(0x00280011, 2),
  us(0x00280100, 16),
  us(0x00280101, 12),
  us(0x00280102, 11),
  us(0x00280103, 0),
  { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(8) },
]

/** The good file with elements in the place of others, or without some. */
function fileWith(changes: readonly NewElement[], without: readonly number[] = []): Uint8Array {
  const changed = new Set([...changes.map(({ tag }) => tag), ...without])
  const elements = [...good.filter(({ tag }) => !changed.has(tag)), ...changes].toSorted((a, b) => a.tag - b.tag)
  return concatBytes(...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
}

/** The good file as it is read, as if an element were not in it. */
function checkWithout(tag: number): readonly HeaderRule[] {
  const file = parseDicom(memorySource(fileWith([])))
  const elements = file.dataSet.elements.filter((element) => element.tag !== tag)
  return checkHeader({ ...file, dataSet: { ...file.dataSet, elements } }, UNSTATED, NOW)
}

const check = (bytes: Uint8Array, stated = UNSTATED): readonly HeaderRule[] =>
  checkHeader(parseDicom(memorySource(bytes)), stated, NOW)

function executable(): Uint8Array {
  const bytes = fileWith([])
  bytes.set(encodeLatin1('MZ'))
  return bytes
}

const synthesizer = sq(0x0018a001, [sq(0x0040a170, [text(0x00080100, 'SH', '109100')])])

const cases: Readonly<Record<HeaderRule, readonly HeaderRule[]>> = {
  sop_class_missing: checkWithout(0x00080016),
  sop_instance_missing: checkWithout(0x00080018),
  study_missing: checkWithout(0x0020000d),
  sop_class_mismatch: check(fileWith([]), { ...UNSTATED, sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }),
  sop_instance_mismatch: check(fileWith([]), { ...UNSTATED, sopInstanceUid: '2.25.99' }),
  transfer_syntax_mismatch: check(fileWith([]), { ...UNSTATED, transferSyntaxUid: '1.2.840.10008.1.2' }),
  uid_invalid: check(fileWith([text(0x0020000e, 'UI', '2.25.02')])),
  modality_mismatch: check(fileWith([text(0x00080060, 'CS', 'MR')])),
  synthetic_stated: check(fileWith([text(0x0008001c, 'CS', 'YES')])),
  synthetic_equipment: check(fileWith([synthesizer])),
  date_in_future: check(fileWith([text(0x00080022, 'DA', '20260306')])),
  pixel_length_mismatch: check(fileWith([us(0x00280010, 3)])),
  bits_inconsistent: check(fileWith([us(0x00280102, 16)])),
  encoding_ambiguous: check(concatBytes(fileWith([]), new Uint8Array(4))),
  preamble_executable: check(executable()),
}

describe('header rules', () => {
  it('say nothing of an honest header', () => {
    assert.deepEqual(check(fileWith([])), [])
  })

  for (const rule of Object.keys(HEADER_RULES) as HeaderRule[]) {
    it(`see ${rule}, and nothing else`, () => assert.deepEqual(cases[rule], [rule]))
  }

  it('take a date of a time zone that is ahead for one of today', () => {
    assert.deepEqual(check(fileWith([text(0x00080022, 'DA', '20260304')])), [])
  })

  it('take a meta information that names another instance for a mismatch', () => {
    const bytes = fileWith([])
    const at = findBytes(bytes, encodeLatin1('2.25.1'))
    bytes.set(encodeLatin1('2.25.7'), at)
    assert.deepEqual(check(bytes), ['sop_instance_mismatch'])
  })

  it('do not ask a class for a modality that others may write', () => {
    const captured = fileWith([text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'), text(0x00080060, 'CS', 'MR')])
    assert.deepEqual(check(captured), [])
  })

  it('let an object without pixels be', () => {
    const document = fileWith([ob(0x00420011, new Uint8Array(2))], [0x7fe00010, 0x00280010])
    assert.deepEqual(check(document), [])
  })
})

function findBytes(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let i = 0; i + wanted.length <= bytes.length; i++) if (wanted.every((byte, k) => bytes[i + k] === byte)) return i
  throw new TypeError('not there')
}
