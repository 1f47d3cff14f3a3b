import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { text } from '../../formats/dicom/values.ts'
import { HOST_KINDS, hostKindOf, spacingOf } from './host-facts.ts'
import type { HostKind } from './technique.ts'

function dataSetOf(...more: readonly NewElement[]) {
  const names = [text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'), text(0x00080018, 'UI', '1.2.3')]
  const elements = [...names, ...more].toSorted((a, b) => a.tag - b.tag)
  return parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid: '1.2.840.10008.1.2.1', elements })))).dataSet
}

describe('hostKindOf', () => {
  const cases: readonly (readonly [modality: string, part: string, kind: HostKind])[] = [
    ['CT', 'CHEST', 'ct'],
    ['MR', '', 'mr'],
    ['DX', 'CHEST', 'chest'],
    ['CR', 'Thorax', 'chest'],
    ['CR', 'HAND', 'limb'],
    ['DX', 'LOWER LEG', 'limb'],
    ['DX', 'FEET', 'limb'],
    ['DX', 'ANKLE ', 'limb'],
    ['DX', 'UPPER ARM', 'limb'],
    ['DX', 'SKULL', 'other'],
    ['DX', '', 'other'],
    ['US', 'CHEST', 'other'],
    ['', 'CHEST', 'other'],
  ]
  for (const [modality, part, kind] of cases) {
    it(`takes ${modality || 'no modality'} of ${part || 'nothing'} for ${kind}`, () => {
      const said = [text(0x00080060, 'CS', modality), text(0x00180015, 'CS', part)]
      assert.equal(hostKindOf(dataSetOf(...said)), kind)
      assert.ok(HOST_KINDS.includes(kind))
    })
  }

  it('knows nothing of a header that says nothing', () => assert.equal(hostKindOf(dataSetOf()), 'other'))
})

describe('spacingOf', () => {
  const pixel = (...values: string[]) => text(0x00280030, 'DS', ...values)
  const imager = (...values: string[]) => text(0x00181164, 'DS', ...values)

  it('prefers the spacing at the patient', () => {
    assert.equal(spacingOf(dataSetOf(pixel('0.5', '0.4'), imager('0.14', '0.14'))), 0.5)
    assert.equal(spacingOf(dataSetOf(imager('0.14', '0.14'))), 0.14)
  })

  it('takes no number that is none', () => {
    assert.equal(spacingOf(dataSetOf()), null)
    assert.equal(spacingOf(dataSetOf(pixel(''))), null)
    assert.equal(spacingOf(dataSetOf(pixel('0', '0'))), null)
    assert.equal(spacingOf(dataSetOf(pixel('-1', '-1'), imager('0.2', '0.2'))), 0.2)
    assert.equal(spacingOf(dataSetOf(pixel('1e999', '1'))), null)
  })
})
