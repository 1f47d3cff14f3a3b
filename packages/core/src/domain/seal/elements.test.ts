import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes, encodeLatin1 } from '../../bytes/text.ts'
import { encodeElement, type NewElement } from '../../formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '../../formats/dicom/parse.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { sq, text, ul, us } from '../../formats/dicom/values.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { hashes, salt, toyElements, toyFile, without } from '../../testing/toy-seal.ts'
import { describeElements, digestElementAs, type ElementDigest } from './elements.ts'

const describeAll = (file: DicomFile): readonly ElementDigest[] => describeElements(file.dataSet, { hashes, salt })
const find = (file: DicomFile, tag: number): ElementDigest | undefined =>
  describeAll(file).find((entry) => entry.tag === tag)
const spell = (list: readonly ElementDigest[]): readonly string[] =>
  list.map(
    ({ tag, vr, digest, isSignable }) => `${tag.toString(16)} ${vr} ${digest ? encodeHex(digest) : '-'} ${isSignable}`,
  )
const known = (elements: readonly NewElement[]): readonly NewElement[] => without(elements, 0x00291010)

describe('describeElements', () => {
  it('digests salt, tag, VR, length and value in explicit little endian', () => {
    const element = encodeElement(text(0x00100020, 'LO', 'P-1'), EXPLICIT_LITTLE)
    assert.deepEqual(find(toyFile(), 0x00100020)?.digest, sha256(salt, element).slice(0, 16))
  })

  it('digests a sequence without lengths', () => {
    const item = concatBytes(
      encodeElement(text(0x00081150, 'UI', '1.2.3'), EXPLICIT_LITTLE),
      encodeElement(text(0x00081155, 'UI', '1.2.4'), EXPLICIT_LITTLE),
    )
    const start = Uint8Array.of(0x08, 0x00, 0x11, 0x11, 0x53, 0x51, 0, 0, 0xfe, 0xff, 0x00, 0xe0)
    const end = Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0)
    assert.deepEqual(find(toyFile(), 0x00081111)?.digest, sha256(salt, start, item, end).slice(0, 16))
  })

  it('gives one list for every native transfer syntax', () => {
    const expected = spell(describeAll(toyFile(known(toyElements()))))
    for (const syntax of [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, DEFLATED_EXPLICIT_LITTLE_ENDIAN]) {
      assert.deepEqual(spell(describeAll(toyFile(known(toyElements()), syntax))), expected, syntax)
    }
  })

  it('gives one digest for strings that differ in padding alone', () => {
    const padded = toyFile(toyElements([{ tag: 0x00100020, vr: 'LO', value: encodeLatin1('P-1   ') }]))
    assert.deepEqual(spell(describeAll(padded)), spell(describeAll(toyFile())))
  })

  it('lists unknown values with a digest, as unsignable', () => {
    const entry = find(toyFile(), 0x00291010)
    assert.equal(entry?.isSignable, false)
    assert.equal(entry?.vr, 'UN')
    const other = toyFile(toyElements([{ tag: 0x00291010, vr: 'UN', value: Uint8Array.of(1, 2, 3, 5) }]))
    assert.notDeepEqual(find(other, 0x00291010)?.digest, entry?.digest)
  })

  it('leaves out the digest of the pixel data, and of nothing else', () => {
    assert.deepEqual(
      describeAll(toyFile())
        .filter(({ digest }) => digest === undefined)
        .map(({ tag }) => tag),
      [0x7fe00010],
    )
    const icon = sq(0x00880200, [{ tag: 0x7fe00010, vr: 'OB', value: Uint8Array.of(1, 2) }])
    assert.notEqual(find(toyFile(toyElements([icon])), 0x00880200)?.digest, undefined)
    const float: NewElement = { tag: 0x7fe00008, vr: 'OF', value: new Uint8Array(4) }
    assert.notEqual(find(toyFile(toyElements([float])), 0x7fe00008)?.digest, undefined)
  })

  it('sees what no signature covers inside a sequence', () => {
    const nested = (...more: readonly NewElement[]): ElementDigest | undefined =>
      find(toyFile(toyElements([sq(0x00081111, [text(0x00081150, 'UI', '1.2.3'), ...more])])), 0x00081111)
    const plain = nested()
    const padding: NewElement = { tag: 0xfffcfffc, vr: 'OB', value: Uint8Array.of(1, 2) }
    assert.equal(nested(padding)?.isSignable, true)
    assert.notDeepEqual(nested(padding)?.digest, plain?.digest)
    const unknown = nested({ tag: 0x00291010, vr: 'UN', value: Uint8Array.of(1, 2) })
    assert.equal(unknown?.isSignable, false)
    assert.notDeepEqual(nested({ tag: 0x00291010, vr: 'UN', value: Uint8Array.of(1, 3) })?.digest, unknown?.digest)
  })

  it('passes over a group length that is right and digests one that is wrong', () => {
    const length = (value: number): ElementDigest | undefined => {
      const group = toyElements().filter(({ tag }) => tag >>> 16 === 0x0010)
      const bytes = group.reduce((sum, element) => sum + encodeElement(element, EXPLICIT_LITTLE).length, 0)
      return find(toyFile(toyElements([ul(0x00100000, bytes + value)])), 0x00100000)
    }
    assert.equal(length(0)?.digest, undefined)
    assert.notEqual(length(2)?.digest, undefined)
    assert.equal(length(0)?.isSignable, false)
  })

  it('passes over a right group length inside an item, and not over a wrong one', () => {
    const inner = text(0x00081150, 'UI', '1.2.3')
    const bytes = encodeElement(inner, EXPLICIT_LITTLE).length
    const sequence = (...lengths: readonly number[]): ElementDigest | undefined => {
      const items = [...lengths.map((value) => ul(0x00080000, value)), inner]
      return find(toyFile(toyElements([sq(0x00081111, items)])), 0x00081111)
    }
    assert.deepEqual(sequence(bytes)?.digest, sequence()?.digest)
    assert.notDeepEqual(sequence(bytes + 2)?.digest, sequence()?.digest)
  })

  it('leaves out the signatures that a sealer adds, and no other sequence', () => {
    const added = [sq(0x4ffe0001, [us(0x04000005, 0)]), sq(0xfffafffa, [us(0x04000005, 0)])]
    assert.deepEqual(spell(describeAll(toyFile(toyElements(added)))), spell(describeAll(toyFile())))
    const other = toyFile(toyElements([sq(0x4ffe0003, [us(0x04000005, 0)])]))
    assert.equal(describeAll(other).length, describeAll(toyFile()).length + 1)
  })

  it('with the data set known, digests only what its digest does not cover', () => {
    const known = new Set(toyFile().dataSet.elements.map(({ tag }) => tag))
    const list = describeElements(toyFile().dataSet, { hashes, salt, known })
    const digested = list.filter(({ digest }) => digest !== undefined).map(({ tag }) => tag)
    assert.deepEqual(digested, [0x00081111, 0x00291010])
    assert.equal(list.length, describeAll(toyFile()).length)
  })

  it('spells VRs that implicit files leave to the reader', () => {
    const elements = toyElements([us(0x00280103, 1), { tag: 0x00280120, vr: 'SS', value: Uint8Array.of(0xff, 0xff) }])
    const implicit = toyFile(elements, IMPLICIT_LITTLE_ENDIAN)
    assert.equal(find(implicit, 0x00280120)?.vr, 'SS')
    assert.equal(find(implicit, 0x7fe00010)?.vr, 'OW')
    assert.deepEqual(find(implicit, 0x00280120)?.digest, find(toyFile(elements), 0x00280120)?.digest)
  })

  it('refuses a salt of another length', () => {
    assert.throws(() => describeElements(toyFile().dataSet, { hashes, salt: new Uint8Array(15) }), RangeError)
  })
})

describe('digestElementAs', () => {
  it('gives the digest that a value had before its VR was lost', () => {
    const sealed = toyFile(toyElements([text(0x00291001, 'LO', 'private')]))
    const lost = toyFile(toyElements([{ tag: 0x00291001, vr: 'UN', value: encodeLatin1('private ') }]))
    const element = lost.dataSet.elements.find(({ tag }) => tag === 0x00291001)
    assert.ok(element)
    assert.deepEqual(digestElementAs(lost.dataSet, element, 'LO', { hashes, salt }), find(sealed, 0x00291001)?.digest)
    assert.notDeepEqual(
      digestElementAs(lost.dataSet, element, 'SH', { hashes, salt }),
      find(sealed, 0x00291001)?.digest,
    )
  })

  it('leaves sequences and big-endian values alone', () => {
    const { dataSet } = toyFile()
    const sequence = dataSet.elements.find(({ tag }) => tag === 0x00081111)
    assert.ok(sequence)
    assert.equal(digestElementAs(dataSet, sequence, 'LO', { hashes, salt }), undefined)
    const big = toyFile(known(toyElements()), EXPLICIT_BIG_ENDIAN).dataSet
    const rows = big.elements.find(({ tag }) => tag === 0x00280010)
    assert.ok(rows)
    assert.equal(digestElementAs(big, rows, 'SS', { hashes, salt }), undefined)
  })
})

describe('a file cut short', () => {
  it('is listed as far as it goes', () => {
    const whole = toyFile()
    const all = describeAll(whole).map(({ tag }) => tag)
    let longest = 0
    for (let length = 144; length < whole.source.length; length += 7) {
      const list = describeAll(parseDicom(memorySource(whole.source.view(0, length))))
      const tags = list.map(({ tag }) => tag).filter((tag) => tag >= 0x00080000)
      assert.deepEqual(tags, all.slice(0, tags.length))
      longest = Math.max(longest, tags.length)
    }
    assert.equal(longest, all.length)
  })
})
