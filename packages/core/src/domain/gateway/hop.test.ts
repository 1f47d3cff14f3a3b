import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { encodeFile, type NewElement } from '../../formats/dicom/encode.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { ob, text, ul } from '../../formats/dicom/values.ts'
import { compareHop, type HopSide, privateTags } from './hop.ts'

const BASE = [
  text(0x00080016, 'UI', '1.2.3'),
  text(0x00080018, 'UI', '1.2.3.4'),
  text(0x00090010, 'LO', 'MAKER'),
  text(0x00091001, 'LO', 'mark'),
  text(0x00100020, 'LO', 'P'),
]

function side(
  elements: readonly NewElement[],
  pixels: Uint8Array | null = null,
  syntax = EXPLICIT_LITTLE_ENDIAN,
): HopSide {
  return { file: parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid: syntax, elements })))), pixels }
}

const without = (tag: number): NewElement[] => BASE.filter((element) => element.tag !== tag)

describe('a hop', () => {
  it('is none where nothing changed', () => {
    const change = compareHop(side(BASE, Uint8Array.of(1)), side(BASE, Uint8Array.of(1)), portableCrypto.hash)
    assert.deepEqual(change, {
      isRawSame: true,
      isCanonicalSame: true,
      pixels: 'same',
      isSyntaxSame: true,
      removed: [],
      added: [],
      changed: [],
    })
  })

  it('may change bytes that are no attribute: group lengths and trailing padding', () => {
    const other = [ul(0x00080000, 44), ...BASE, ob(0xfffcfffc, new Uint8Array(8))]
    const change = compareHop(side(other), side(BASE), portableCrypto.hash)
    assert.equal(change.isRawSame, false)
    assert.equal(change.isCanonicalSame, true)
    assert.equal(change.pixels, 'unknown')
  })

  it('is told by the attributes that it took, added and changed', () => {
    const after = [...without(0x00091001).slice(0, -1), text(0x00100020, 'LO', 'Q'), text(0x00200010, 'SH', 'S')]
    const change = compareHop(side(BASE, Uint8Array.of(1)), side(after, Uint8Array.of(2)), portableCrypto.hash)
    assert.deepEqual(change.removed, [0x00091001])
    assert.deepEqual(change.changed, [0x00100020])
    assert.deepEqual(change.added, [0x00200010])
    assert.deepEqual(privateTags(change.removed), [0x00091001])
    assert.equal(change.pixels, 'changed')
    assert.equal(change.isCanonicalSame, false)
  })

  it('into another transfer syntax leaves public attributes as they are', () => {
    const plain = BASE.filter(({ tag }) => tag >>> 16 !== 9)
    const change = compareHop(side(plain), side(plain, null, IMPLICIT_LITTLE_ENDIAN), portableCrypto.hash)
    assert.equal(change.isRawSame, false)
    assert.equal(change.isCanonicalSame, true)
    assert.equal(change.isSyntaxSame, false)
  })
})
