import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { joinBytes } from '../../bytes/text.ts'
import { encodeFile } from '../../formats/dicom/encode.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { text, textAt, us } from '../../formats/dicom/values.ts'
import { toyElements } from '../../testing/toy-seal.ts'
import { openImage } from './edit.ts'
import { copyPatch, fileScreenshot } from './mark-forgeries.ts'
import { readGrey } from './samples.ts'
import { showImage } from './show.ts'

const SIZE = 640

/** A radiograph in which no two samples of a row are the same. */
function radiograph(size = SIZE): Uint8Array {
  const pixels = Uint16Array.from({ length: size * size }, (_, i) => (i % size) * 4 + (Math.floor(i / size) % 4))
  const elements = toyElements([
    text(0x0008001c, 'CS', 'YES'),
    text(0x00280008, 'IS', '1'),
    us(0x00280010, size),
    us(0x00280011, size),
    { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(pixels.buffer) },
  ])
  return joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements }))
}

describe('copyPatch', () => {
  it('puts one part of the picture over another, and changes no other byte', () => {
    const file = radiograph()
    const [before, after] = [readGrey(file).samples, readGrey(copyPatch(file)).samples]
    const changed = [...after.keys()].filter((i) => before[i] !== after[i])
    assert.equal(changed.length, 128 * 128)
    for (const i of changed) assert.equal(after[i], before[i + 256], `sample ${i}`)
    const bytes = copyPatch(file)
    assert.equal(bytes.filter((byte, i) => byte !== file[i]).length <= 2 * changed.length, true)
    assert.equal(bytes.length, file.length)
  })

  it('refuses a picture without room for it', () => {
    assert.throws(() => copyPatch(radiograph(500)), RangeError)
  })
})

describe('fileScreenshot', () => {
  it('keeps what is seen, and nothing that names the original', () => {
    const file = radiograph()
    const { dataSet } = openImage(fileScreenshot(file))
    const original = openImage(file).dataSet
    for (const tag of [0x00080018, 0x0020000d, 0x0020000e, 0x00100010, 0x00100020])
      assert.notEqual(textAt(dataSet, tag), textAt(original, tag))
    const pixels = dataSet.elements.find(({ tag }) => tag === 0x7fe00010)
    assert.ok(pixels)
    assert.deepEqual(dataSet.source.view(pixels.valueStart, pixels.valueEnd), showImage(file).grey)
  })

  it('is still labelled as synthetic', () => {
    assert.equal(textAt(openImage(fileScreenshot(radiograph())).dataSet, 0x0008001c), 'YES')
  })
})
