import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { findElement } from '../../formats/dicom/element.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { piecesOf, spliceFile } from '../../formats/dicom/splice.ts'
import { text, us } from '../../formats/dicom/values.ts'
import { toyPlane } from '../../testing/toy-planes.ts'
import { openDicomPixels } from '../pixels/dicom-pixels.ts'
import { toNativePixels } from './native-pixels.ts'

const shape = { width: 7, height: 5 }

function fileOf(allocated: number, stored: number, isSigned: boolean, frames: number) {
  const value = new Uint8Array(
    (shape.width * shape.height * frames * allocated) / 8 + (((35 * frames * allocated) / 8) % 2),
  )
  const elements: NewElement[] = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
    text(0x00080018, 'UI', '1.2.3'),
    us(0x00280002, 1),
    text(0x00280004, 'CS', 'MONOCHROME2'),
    text(0x00280008, 'IS', String(frames)),
    us(0x00280010, shape.height),
    us(0x00280011, shape.width),
    us(0x00280100, allocated),
    us(0x00280101, stored),
    us(0x00280102, stored - 1),
    us(0x00280103, isSigned ? 1 : 0),
    { tag: 0x7fe00001, vr: 'OV', value: new Uint8Array(8) },
    { tag: 0x7fe00010, vr: allocated === 8 ? 'OB' : 'OW', value },
  ]
  return parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid: '1.2.840.10008.1.2.1', elements }))))
}

describe('toNativePixels', () => {
  for (const [allocated, stored] of [
    [8, 8],
    [8, 6],
    [16, 8],
    [16, 12],
    [16, 16],
  ] as const) {
    for (const isSigned of [false, true]) {
      it(`gives planes of ${stored} bits in ${allocated} back as they were${isSigned ? ', signed' : ''}`, () => {
        const file = fileOf(allocated, stored, isSigned, 3)
        const planes = [1, 2, 3].map((seed) => toyPlane({ ...shape, bits: stored }, 'random', seed))
        const changes = toNativePixels(file.dataSet, planes)
        const made = parseDicom(memorySource(joinBytes([...piecesOf(spliceFile(file, changes))])), { isStrict: true })
        const pixels = openDicomPixels(made)
        for (const [frame, plane] of planes.entries()) assert.deepEqual(pixels.read(frame)[0]?.samples, plane.samples)
        assert.equal(findElement(made.dataSet.elements, 0x7fe00001), undefined)
      })
    }
  }
})
