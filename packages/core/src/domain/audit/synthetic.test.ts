import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { sq, text } from '../../formats/dicom/values.ts'
import { findSyntheticMarks } from './synthetic.ts'

const NAMES = [text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'), text(0x00080018, 'UI', '1.2.3')]

function dataSetOf(...more: readonly NewElement[]) {
  const elements = [...NAMES, ...more].toSorted((a, b) => a.tag - b.tag)
  return parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid: '1.2.840.10008.1.2.1', elements })))).dataSet
}

const equipment = (code: string, scheme: string): NewElement =>
  sq(0x0018a001, [
    text(0x00080070, 'LO', 'ACME'),
    sq(0x0040a170, [text(0x00080100, 'SH', code), text(0x00080102, 'SH', scheme), text(0x00080104, 'LO', 'Equipment')]),
  ])

describe('findSyntheticMarks', () => {
  it('reads Synthetic Data', () => {
    assert.deepEqual(findSyntheticMarks(dataSetOf(text(0x0008001c, 'CS', 'YES')), false), ['synthetic_data'])
    assert.deepEqual(findSyntheticMarks(dataSetOf(text(0x0008001c, 'CS', 'NO')), false), [])
  })

  it('reads synthesizing equipment among what contributed', () => {
    assert.deepEqual(findSyntheticMarks(dataSetOf(equipment('109100', 'DCM')), false), ['synthesizing_equipment'])
    assert.deepEqual(findSyntheticMarks(dataSetOf(equipment('109101', 'DCM')), false), [])
    assert.deepEqual(findSyntheticMarks(dataSetOf(equipment('109100', '99LOCAL')), false), [])
  })

  it('tells of signers for demonstration where the file itself says nothing', () => {
    assert.deepEqual(findSyntheticMarks(dataSetOf(), true), ['demo_signer'])
    assert.deepEqual(findSyntheticMarks(dataSetOf(text(0x0008001c, 'CS', 'YES')), true), ['synthetic_data'])
  })
})
