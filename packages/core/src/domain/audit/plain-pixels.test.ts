import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import { encodeFile } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { text, us } from '../../formats/dicom/values.ts'
import { isPlain } from './plain-pixels.ts'

const SIDE = 256

function fileWith(pixels: NewElement | undefined, transferSyntaxUid = '1.2.840.10008.1.2.1') {
  const elements = [
    text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
    text(0x00080018, 'UI', '1.2.3'),
    us(0x00280002, 1),
    us(0x00280010, SIDE),
    us(0x00280011, SIDE),
    us(0x00280100, 16),
    us(0x00280101, 16),
    us(0x00280102, 15),
    us(0x00280103, 0),
    ...(pixels === undefined ? [] : [pixels]),
  ]
  return parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid, elements }))))
}

const native = (value: (i: number) => number) =>
  fileWith({
    tag: 0x7fe00010,
    vr: 'OW',
    value: new Uint8Array(Uint16Array.from({ length: SIDE * SIDE }, (_, i) => value(i)).buffer),
  })
const encoded = (bytes: number) =>
  fileWith({ tag: 0x7fe00010, vr: 'OB', fragments: [new Uint8Array(0), new Uint8Array(bytes)] }, '1.2.840.10008.1.2.5')

describe('isPlain', () => {
  it('takes black, a mask of two values, and no pixels at all for plain', () => {
    assert.equal(isPlain(native(() => 0)), true)
    assert.equal(isPlain(native((i) => (i % SIDE < 100 ? 0 : 4095))), true)
    assert.equal(isPlain(fileWith(undefined)), true)
  })

  it('does not take a picture with noise for plain, be it in a corner of a black one', () => {
    assert.equal(isPlain(native((i) => (i * 7919) % 4096)), false)
    assert.equal(isPlain(native((i) => (i > SIDE * SIDE * 0.75 ? (i * 7919) % 4096 : 0))), false)
  })

  it('goes by how much encapsulated pixels shrank', () => {
    assert.equal(isPlain(encoded(1200)), true)
    assert.equal(isPlain(encoded(40_000)), false)
  })
})
