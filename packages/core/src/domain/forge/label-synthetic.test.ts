import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { equalBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { type DataSet, type DicomFile, parseDicom } from '../../formats/dicom/parse.ts'
import { piecesOf } from '../../formats/dicom/splice.ts'
import { readText, sq, text, textAt, ul } from '../../formats/dicom/values.ts'
import { findSyntheticMarks } from '../audit/synthetic.ts'
import { labelSynthetic, type SyntheticLabel, uidOf } from './label-synthetic.ts'
import { toNativePixels } from './native-pixels.ts'

const NATIVE = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99'] as const
const LABEL: SyntheticLabel = {
  sopInstanceUid: '2.25.1',
  seriesInstanceUid: '2.25.2',
  description: 'SYNTHETIC, forged',
  version: '1.2.3',
}
const NAMES: readonly NewElement[] = [
  text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
  text(0x00080018, 'UI', '1.2.3.4'),
  text(0x00100010, 'PN', 'Doe^Jane'),
  text(0x0020000e, 'UI', '1.2.3.5'),
  { tag: 0x7fe00010, vr: 'OW', value: Uint8Array.of(1, 2, 3, 4) },
]

function fileOf(more: readonly NewElement[] = [], transferSyntaxUid: string = NATIVE[1], names = NAMES): DicomFile {
  const replaced = new Set(more.map(({ tag }) => tag))
  const elements = [...names.filter(({ tag }) => !replaced.has(tag)), ...more].toSorted((a, b) => a.tag - b.tag)
  return parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid, elements }))))
}
const bytesOf = (file: DicomFile, label = LABEL): Uint8Array =>
  joinBytes([...piecesOf(labelSynthetic(file, label))].map((piece) => piece.slice()))
const labelled = (file: DicomFile, label = LABEL): DicomFile =>
  parseDicom(memorySource(bytesOf(file, label)), { isStrict: true })
const valueAt = ({ source, elements }: DataSet, tag: Tag): Uint8Array => {
  const element = findElement(elements, tag)
  return element === undefined ? new Uint8Array(0) : source.view(element.valueStart, element.valueEnd)
}

describe('labelSynthetic', () => {
  for (const syntax of NATIVE) {
    it(`labels a file in ${syntax} so that an auditor finds it, and keeps every other element`, () => {
      const before = fileOf([], syntax)
      const { dataSet, meta, transferSyntaxUid } = labelled(before)
      assert.deepEqual(findSyntheticMarks(dataSet, false), ['synthetic_data', 'synthesizing_equipment'])
      assert.equal(transferSyntaxUid, syntax)
      assert.equal(textAt(dataSet, 0x00080018), '2.25.1')
      assert.equal(textAt(dataSet, 0x0020000e), '2.25.2')
      assert.ok(meta.some((element) => element.tag === 0x00020003))
      for (const tag of [0x00080016, 0x00100010, 0x7fe00010])
        assert.ok(equalBytes(valueAt(dataSet, tag), valueAt(before.dataSet, tag)), tag.toString(16))
    })
  }

  it('names the original, and makes the image a derived one', () => {
    const { dataSet } = labelled(fileOf([text(0x00080008, 'CS', 'ORIGINAL', 'PRIMARY', 'AXIAL')]))
    const sources = findElement(dataSet.elements, 0x00082112)?.items ?? []
    const uids = sources.map(({ elements }) => textAt({ ...dataSet, elements }, 0x00081155))
    assert.deepEqual(uids, ['1.2.3.4'])
    const type = findElement(dataSet.elements, 0x00080008)
    assert.equal(type && readText(dataSet.source, type).trim(), 'DERIVED\\PRIMARY\\AXIAL')
  })

  it('adds to what contributed before, and to what was derived before', () => {
    const file = fileOf([
      sq(0x0018a001, [text(0x00080070, 'LO', 'ACME')]),
      sq(0x00082112, [text(0x00081155, 'UI', '1.9')]),
      text(0x00082111, 'ST', 'cropped '),
    ])
    const { dataSet } = labelled(file)
    const makers = (findElement(dataSet.elements, 0x0018a001)?.items ?? []).map(({ elements }) =>
      textAt({ ...dataSet, elements }, 0x00080070),
    )
    assert.deepEqual(makers, ['ACME', 'Fiducial'])
    assert.equal(findElement(dataSet.elements, 0x00082112)?.items?.length, 2)
    assert.equal(textAt(dataSet, 0x00082111), 'SYNTHETIC, forged [cropped ]')
  })

  it('says nothing but that it is synthetic where an old description leaves no room', () => {
    const { dataSet } = labelled(fileOf([text(0x00082111, 'ST', 'x'.repeat(1020))]))
    assert.equal(textAt(dataSet, 0x00082111), 'SYNTHETIC, forged')
  })

  it('labels a forgery of a forgery once more', () => {
    const twice = labelled(labelled(fileOf()), { ...LABEL, sopInstanceUid: '2.25.9' })
    const sources = findElement(twice.dataSet.elements, 0x00082112)?.items ?? []
    const uids = sources.map(({ elements }) => textAt({ ...twice.dataSet, elements }, 0x00081155))
    assert.deepEqual(uids, ['1.2.3.4', '2.25.1'])
  })

  it('leaves out the lengths of groups that have grown', () => {
    const { dataSet } = labelled(fileOf([ul(0x00080000, 4), ul(0x00100000, 16)]))
    assert.equal(findElement(dataSet.elements, 0x00080000), undefined)
    assert.notEqual(findElement(dataSet.elements, 0x00100000), undefined)
  })

  it('refuses a file without an identity', () => {
    for (const missing of [0x00080016, 0x00080018]) {
      const file = fileOf()
      const elements = file.dataSet.elements.filter(({ tag }) => tag !== missing)
      assert.throws(
        () => labelSynthetic({ ...file, dataSet: { ...file.dataSet, elements } }, LABEL),
        (error) => error instanceof FormatError && error.code === 'dicom_element_malformed',
      )
    }
  })

  it('takes other pixels along', () => {
    const file = fileOf()
    const plane = { width: 1, height: 2, bits: 16, samples: Uint16Array.of(513, 1027) }
    const other = { changes: toNativePixels(file.dataSet, [plane]), transferSyntaxUid: NATIVE[1] }
    const made = parseDicom(memorySource(joinBytes([...piecesOf(labelSynthetic(file, LABEL, other))])))
    assert.deepEqual([...valueAt(made.dataSet, 0x7fe00010)], [1, 2, 3, 4])
  })
})

describe('uidOf', () => {
  it('gives UIDs that DICOM allows, another one for each digest', () => {
    const uids = Array.from({ length: 256 }, (_, byte) => uidOf(new Uint8Array(32).fill(byte)))
    for (const uid of uids) assert.match(uid, /^2\.25\.[1-9][0-9]{1,38}$/)
    assert.equal(new Set(uids).size, uids.length)
  })
})
