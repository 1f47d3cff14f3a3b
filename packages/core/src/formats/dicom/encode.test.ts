import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes, encodeLatin1, joinBytes } from '../../bytes/text.ts'
import { element, item, sequenceEnd, UNDEFINED, uint16, uint32 } from '../../testing/spelled-by-hand.ts'
import { type Element, type Encoding, findElement } from './element.ts'
import {
  encodeElement,
  encodeElements,
  encodeFile,
  encodeHeader,
  type NewElement,
  padEven,
  swapWords,
} from './encode.ts'
import { type DataSet, parseDicom } from './parse.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE,
  IMPLICIT_LITTLE_ENDIAN,
} from './transfer-syntax.ts'
import { at, fd, ob, sq, ss, text, ul, us } from './values.ts'
import { wordBytes } from './vr.ts'

const NATIVE = [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, DEFLATED_EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]

/** Of every kind; with odd lengths, sequences, and a value too long for a short length where that is allowed. */
const ELEMENTS: readonly NewElement[] = [
  text(0x00080005, 'CS', 'ISO_IR 192'),
  text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
  text(0x00080018, 'UI', '1.2.3'),
  text(0x00080060, 'CS', 'OT'),
  sq(0x00081140, [text(0x00081155, 'UI', '1.2.3.4'), sq(0x00081199, [], [us(0x00280010, 1)])], []),
  text(0x00100010, 'PN', 'Müller^Änne'),
  text(0x00104000, 'LT', 'x'.repeat(999)),
  us(0x00280010, 1, 2, 0xffff),
  at(0x00280009, 0x00181063, 0x7fe00010),
  ss(0x00280106, -1, 2),
  fd(0x00189073, 1.5, -2.25),
  ul(0x00081161, 1, 0xfffffffe),
  ob(0x00420011, Uint8Array.of(1, 2, 3)),
  { tag: 0x00660016, vr: 'OF', value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  { tag: 0x7fe00010, vr: 'OW', value: Uint8Array.from({ length: 1000 }, (_, i) => i % 251) },
].toSorted((a, b) => a.tag - b.tag)

/** What was read, as what is written: values in little-endian order, padding left in place. */
function rewritten({ source }: DataSet, elements: readonly Element[]): NewElement[] {
  return elements.map((read) => {
    const { tag, vr, items, valueStart, valueEnd, encoding } = read
    if (items !== undefined) return sq(tag, ...items.map((one) => rewritten({ source } as DataSet, one.elements)))
    const value = source.view(valueStart, valueEnd)
    return {
      tag,
      vr: vr === 'xs' ? 'SS' : vr,
      value: encoding.isLittleEndian ? value : swapWords(value, wordBytes(vr)),
    }
  })
}

/** What is written, with values of even length. */
const padded = (elements: readonly NewElement[]): NewElement[] =>
  elements.map((written) => {
    if ('items' in written) return sq(written.tag, ...written.items.map(padded))
    return 'value' in written ? { ...written, value: Uint8Array.from(padEven(written.value, written.vr)) } : written
  })

const plain = (elements: readonly NewElement[]): unknown =>
  JSON.parse(
    JSON.stringify(elements, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)),
  )

describe('encodeFile', () => {
  for (const transferSyntaxUid of NATIVE) {
    it(`writes what is read again, without a finding, in ${transferSyntaxUid}`, () => {
      const bytes = joinBytes(encodeFile({ transferSyntaxUid, elements: ELEMENTS }))
      const file = parseDicom(memorySource(bytes), { isStrict: true })
      assert.equal(file.transferSyntaxUid, transferSyntaxUid)
      assert.equal(file.preamble, 'empty')
      assert.deepEqual(
        file.meta.map(({ tag }) => tag),
        [0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013],
      )
      assert.deepEqual(plain(rewritten(file.dataSet, file.dataSet.elements)), plain(padded(ELEMENTS)))
      assert.equal(bytes.length % 2, 0)
    })
  }

  it('names class and instance in the meta information', () => {
    const { source, meta } = parseDicom(
      memorySource(joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: ELEMENTS }))),
    )
    const metaText = (tag: number): string => {
      const { valueStart = 0, valueEnd = 0 } = findElement(meta, tag) ?? {}
      return Buffer.from(source.view(valueStart, valueEnd)).toString('latin1')
    }
    assert.equal(metaText(0x00020002), '1.2.840.10008.5.1.4.1.1.7\0')
    assert.equal(metaText(0x00020003), '1.2.3\0')
  })

  it('writes encapsulated pixel data', () => {
    const fragments = [new Uint8Array(0), Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)]
    const elements: NewElement[] = [...ELEMENTS.slice(0, 3), { tag: 0x7fe00010, vr: 'OB', fragments }]
    const bytes = joinBytes(encodeFile({ transferSyntaxUid: '1.2.840.10008.1.2.5', elements }))
    const { dataSet } = parseDicom(memorySource(bytes), { isStrict: true })
    const read = dataSet.elements.at(-1)?.fragments?.map(({ valueStart, end }) => [...bytes.subarray(valueStart, end)])
    assert.deepEqual(read, [[], [1, 2, 3, 0], [4, 5]])
  })

  it('refuses elements out of order, twice, or without class and instance', () => {
    const [a, b, c] = [text(0x00080016, 'UI', '1'), text(0x00080018, 'UI', '2'), text(0x00080060, 'CS', 'OT')]
    const write =
      (...elements: NewElement[]) =>
      () =>
        encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements })
    assert.doesNotThrow(write(a, b, c))
    for (const wrong of [write(b, a, c), write(a, b, c, c), write(a, c), write(b, c), write()])
      assert.throws(wrong, TypeError)
  })
})

describe('encodeElement', () => {
  const both = (written: NewElement, encoding: Encoding, expected: Uint8Array): void =>
    assert.deepEqual([...encodeElement(written, encoding)], [...expected])

  for (const encoding of [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG]) {
    const isLittle = encoding.isLittleEndian
    it(`spells as by hand (explicit: ${encoding.isExplicit}, little endian: ${isLittle})`, () => {
      const hand = (tag: number, vr: string, content: string | Uint8Array): Uint8Array =>
        element(tag, vr, content, { encoding })
      both(text(0x00080060, 'CS', 'CT'), encoding, hand(0x00080060, 'CS', 'CT'))
      both(text(0x00080060, 'CS', 'OTT'), encoding, hand(0x00080060, 'CS', 'OTT '))
      both(text(0x00080018, 'UI', '1.2'), encoding, hand(0x00080018, 'UI', '1.2\0'))
      both(text(0x0040a160, 'UT', 'abc'), encoding, hand(0x0040a160, 'UT', 'abc '))
      both(text(0x00080008, 'CS', 'A', 'B'), encoding, hand(0x00080008, 'CS', 'A\\B '))
      both(us(0x00280010, 0x0102), encoding, hand(0x00280010, 'US', uint16(0x0102, isLittle)))
      both(ul(0x00081161, 0x01020304), encoding, hand(0x00081161, 'UL', uint32(0x01020304, isLittle)))
      both(
        at(0x00280009, 0x00181063),
        encoding,
        hand(0x00280009, 'AT', concatBytes(uint16(0x18, isLittle), uint16(0x1063, isLittle))),
      )
      const one = new Uint8Array(8)
      new DataView(one.buffer).setFloat64(0, 1.25, isLittle)
      both(fd(0x00180050, 1.25), encoding, hand(0x00180050, 'FD', one))
      both(ob(0x00420011, Uint8Array.of(1, 2, 3)), encoding, hand(0x00420011, 'OB', Uint8Array.of(1, 2, 3, 0)))
      const inner = hand(0x00080060, 'CS', 'CT')
      both(
        sq(0x00081140, [text(0x00080060, 'CS', 'CT')], []),
        encoding,
        hand(0x00081140, 'SQ', concatBytes(item(inner, { encoding }), item('', { encoding }))),
      )
    })
  }

  it('spells fragments as by hand', () => {
    const expected = concatBytes(
      element(0x7fe00010, 'OB', '', { length: UNDEFINED }),
      item(),
      item('abc\0'),
      sequenceEnd(),
    )
    both({ tag: 0x7fe00010, vr: 'OB', fragments: [new Uint8Array(0), encodeLatin1('abc')] }, EXPLICIT_LITTLE, expected)
  })

  it('takes more items and fragments than a call may have arguments', () => {
    const fragments = Array.from({ length: 200_000 }, () => new Uint8Array(0))
    assert.equal(encodeElement({ tag: 0x7fe00010, vr: 'OB', fragments }, EXPLICIT_LITTLE).length, 12 + 8 * 200_001)
    assert.equal(
      encodeElements(
        fragments.map((_, i) => ob(i, Uint8Array.of())),
        EXPLICIT_LITTLE,
      ).length,
      12 * 200_000,
    )
  })

  it('refuses a value that is too long for a short length', () => {
    const long = text(0x00104000, 'LT', 'x'.repeat(65_535))
    assert.throws(() => encodeElement(long, EXPLICIT_LITTLE), RangeError)
    assert.equal(encodeElement(long, IMPLICIT_LITTLE).length, 8 + 65_536)
    assert.equal(encodeElement(text(0x00104000, 'LT', 'x'.repeat(65_534)), EXPLICIT_LITTLE).length, 8 + 65_534)
    assert.throws(() => encodeHeader(0x7fe00010, 'OW', 2 ** 32, EXPLICIT_LITTLE), RangeError)
    assert.throws(() => encodeHeader(0x7fe00010, 'OW', 2 ** 32, IMPLICIT_LITTLE), RangeError)
  })
})

describe('swapWords', () => {
  it('turns whole words and leaves the rest', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert.deepEqual([...swapWords(bytes, 2)], [2, 1, 4, 3, 6, 5, 8, 7, 9])
    assert.deepEqual([...swapWords(bytes, 4)], [4, 3, 2, 1, 8, 7, 6, 5, 9])
    assert.deepEqual([...swapWords(bytes, 8)], [8, 7, 6, 5, 4, 3, 2, 1, 9])
    assert.deepEqual([...bytes], [1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})
