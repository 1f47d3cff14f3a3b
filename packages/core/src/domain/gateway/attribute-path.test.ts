import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { encodeUtf8, joinBytes } from '../../bytes/text.ts'
import { encodeFile } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { at, fd, sq, ss, text, us } from '../../formats/dicom/values.ts'
import { parseAttributePath, readAttribute } from './attribute-path.ts'

const fileIn = (transferSyntaxUid: string) =>
  parseDicom(
    memorySource(
      joinBytes(
        encodeFile({
          transferSyntaxUid,
          elements: [
            text(0x00080005, 'CS', 'ISO_IR 192'),
            text(0x00080008, 'CS', 'ORIGINAL', 'PRIMARY '),
            text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
            text(0x00080018, 'UI', '1.2.3'),
            text(0x00081030, 'LO', 'Schädel'),
            sq(0x00081110),
            text(0x00100010, 'PN', 'Roe^Jane'),
            text(0x00104000, 'LT', 'one\\value'),
            { tag: 0x00190010, vr: 'LO', value: encodeUtf8('ACME 1/1') },
            { tag: 0x0019100c, vr: 'IS', value: encodeUtf8('7') },
            at(0x00280009, 0x00181063),
            us(0x00280010, 512),
            ss(0x00280106, -5),
            fd(0x00189087, 1000.5),
            sq(0x00400275, [text(0x00400009, 'SH', 'STEP1')], [text(0x00400009, 'SH', 'STEP2')], []),
          ].toSorted((a, b) => a.tag - b.tag),
        }),
      ),
    ),
  )

describe('attribute paths', () => {
  for (const [text, name] of [
    ['Modality', 'Modality'],
    ['(0008,0060)', 'Modality'],
    ['00080060', 'Modality'],
    ['(0009,1001)', '(0009,1001)'],
    ['RequestAttributesSequence/(0040,0009)', 'RequestAttributesSequence/ScheduledProcedureStepID'],
    ['(0019,ACME 1/1,0C)', '(0019,ACME 1/1,0c)'],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(parseAttributePath(text)?.name, name))
  }
  for (const text of [
    '',
    '-',
    'Modalty',
    '(0008,0060',
    '0008,006',
    '(0018,ACME,0C)',
    'a/b',
    'Modality/'.repeat(9),
    '__proto__',
  ]) {
    it(`refuses '${text.slice(0, 20)}'`, () => assert.equal(parseAttributePath(text), undefined))
  }
})

describe('readAttribute', () => {
  for (const syntax of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    const { dataSet } = fileIn(syntax)
    const read = (text: string): readonly string[] | undefined => {
      const path = parseAttributePath(text)
      assert.ok(path !== undefined)
      return readAttribute(dataSet, path)
    }
    it(`gives values as text (${syntax})`, () => {
      assert.deepEqual(read('ImageType'), ['ORIGINAL', 'PRIMARY'])
      assert.deepEqual(read('StudyDescription'), ['Schädel'])
      assert.deepEqual(read('PatientComments'), ['one\\value'])
      assert.deepEqual(read('Rows'), ['512'])
      assert.deepEqual(read('DiffusionBValue'), ['1000.5'])
      assert.deepEqual(read('FrameIncrementPointer'), ['(0018,1063)'])
      assert.deepEqual(read('RequestAttributesSequence/ScheduledProcedureStepID'), ['STEP1', 'STEP2'])
      assert.deepEqual(read('RequestAttributesSequence'), [])
      assert.equal(read('PatientID'), undefined)
      assert.equal(read('PatientName/PatientID'), undefined)
      assert.equal(read('(0019,OTHER,0C)'), undefined)
    })
    it(`finds private attributes by their creator (${syntax})`, () => {
      assert.deepEqual(read('(0019,ACME 1/1,0C)'), ['7'])
    })
  }
})
