import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { parseCharacterSet } from '@fiducial/core/formats/dicom/character-set.ts'
import type { Element } from '@fiducial/core/formats/dicom/element.ts'
import { encodeFile, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { at, fd, ob, ss, text, ul, us } from '@fiducial/core/formats/dicom/values.ts'
import { isPersonal, previewValue } from './inspect-values.ts'

const NAMES = [text(0x00080016, 'UI', '1.2.3'), text(0x00080018, 'UI', '1.2.4')]

function preview(
  element: NewElement,
  characterSet = 'ISO_IR 192',
  transferSyntaxUid = EXPLICIT_LITTLE_ENDIAN,
): string | undefined {
  const elements = [...NAMES, element].toSorted((a, b) => a.tag - b.tag)
  const { dataSet } = parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid, elements }))))
  const found = dataSet.elements.find(({ tag }) => tag === element.tag) as Element
  return previewValue(dataSet.source, found, parseCharacterSet(characterSet))
}

describe('previewValue', () => {
  for (const syntax of [EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    it(`reads text and numbers (${syntax})`, () => {
      assert.equal(preview(text(0x00081030, 'LO', 'Köpfchen '), 'ISO_IR 192', syntax), 'Köpfchen')
      assert.equal(preview(text(0x0020000d, 'UI', '1.2.345'), 'ISO_IR 192', syntax), '1.2.345')
      assert.equal(preview(us(0x00280010, 512, 7), 'ISO_IR 192', syntax), '512\\7')
      assert.equal(preview(ss(0x00280106, -2000), 'ISO_IR 192', syntax), '-2000')
      assert.equal(preview(ul(0x00081161, 4_000_000_000), 'ISO_IR 192', syntax), '4000000000')
      assert.equal(preview(fd(0x00189313, -0.25), 'ISO_IR 192', syntax), '-0.25')
      assert.equal(preview(at(0x00280009, 0x00181063), 'ISO_IR 192', syntax), '(0018,1063)')
    })
  }

  it('tells bulk by its size, long lists by their beginning', () => {
    assert.equal(preview(ob(0x00420011, new Uint8Array(5000))), '5000 bytes')
    assert.equal(preview(us(0x00280010, ...Array.from({ length: 20 }, (_, i) => i))), '0\\1\\2\\3\\4\\5\\6\\7…')
    const fragments = [new Uint8Array(0), new Uint8Array(10), new Uint8Array(12)]
    assert.match(preview({ tag: 0x7fe00010, vr: 'OB', fragments }) ?? '', /^2 fragments, \d+ bytes$/)
    assert.equal(preview(text(0x00081030, 'LO', '')), undefined)
  })

  it('reads names in the character set of the file', () => {
    const greek: NewElement = { tag: 0x00100010, vr: 'PN', value: Uint8Array.of(0xc4, 0xe9, 0xef) }
    assert.equal(preview(greek, 'ISO_IR 126'), 'Διο')
  })
})

describe('isPersonal', () => {
  const is = (tag: number, vr: string): boolean => isPersonal({ tag, vr })

  it('holds back the patient, all names, numbers that lead to a person, free text and private values', () => {
    for (const [tag, vr] of [
      [0x00100020, 'LO'],
      [0x00080090, 'PN'],
      [0x00081070, 'PN'],
      [0x00080050, 'SH'],
      [0x00204000, 'LT'],
      [0x00091001, 'LO'],
      [0x00081234, 'UN'],
    ] as const) {
      assert.ok(is(tag, vr), tag.toString(16))
    }
  })

  it('shows what tells of device, image and place', () => {
    for (const [tag, vr] of [
      [0x00080060, 'CS'],
      [0x00280010, 'US'],
      [0x00181000, 'LO'],
      [0x0020000d, 'UI'],
    ] as const) {
      assert.ok(!is(tag, vr), tag.toString(16))
    }
  })
})
