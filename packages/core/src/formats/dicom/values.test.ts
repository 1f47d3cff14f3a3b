import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { joinBytes } from '../../bytes/text.ts'
import { element, file } from '../../testing/spelled-by-hand.ts'
import type { Element } from './element.ts'
import { encodeElement, type NewElement } from './encode.ts'
import { type DataSet, parseDicom } from './parse.ts'
import { EXPLICIT_BIG, EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts'
import {
  at,
  fd,
  numberAt,
  ob,
  readBytes,
  readTags,
  readText,
  readUint16s,
  readUint32s,
  ss,
  text,
  textAt,
  uint16At,
  ul,
  us,
} from './values.ts'

function dataSetOf(elements: readonly Uint8Array[], uid = EXPLICIT_LITTLE_ENDIAN): DataSet {
  return parseDicom(memorySource(file(joinBytes(elements), uid))).dataSet
}

/** One element, written and read in both byte orders. */
function inBothOrders(written: NewElement, check: (dataSet: DataSet, element: Element) => void): void {
  for (const [encoding, uid] of [
    [EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN],
    [EXPLICIT_BIG, EXPLICIT_BIG_ENDIAN],
  ] as const) {
    const dataSet = dataSetOf([encodeElement(written, encoding)], uid)
    const [first] = dataSet.elements
    assert.ok(first !== undefined)
    check(dataSet, first)
  }
}

describe('numbers and tags', () => {
  it('are read as they were written, in both byte orders', () => {
    inBothOrders(us(0x00280010, 0, 1, 0x1234, 0xffff), ({ source }, read) =>
      assert.deepEqual(readUint16s(source, read), [0, 1, 0x1234, 0xffff]),
    )
    inBothOrders(ul(0x00081161, 0, 0x12345678, 0xffffffff), ({ source }, read) =>
      assert.deepEqual(readUint32s(source, read), [0, 0x12345678, 0xffffffff]),
    )
    inBothOrders(at(0x00280009, 0x00181063, 0xfffefffe), ({ source }, read) =>
      assert.deepEqual(readTags(source, read), [0x00181063, 0xfffefffe]),
    )
    inBothOrders(us(0x00280010, 512), (dataSet) => assert.equal(uint16At(dataSet, 0x00280010), 512))
  })

  it('are written in little-endian order', () => {
    const hex = (written: NewElement): string => ('value' in written ? Buffer.from(written.value).toString('hex') : '')
    assert.equal(hex(us(0x00280010, 0x0102)), '0201')
    assert.equal(hex(ss(0x00280106, -2)), 'feff')
    assert.equal(hex(ul(0x00081161, 0x01020304)), '04030201')
    assert.equal(hex(fd(0x00180050, 1)), '000000000000f03f')
    assert.equal(hex(at(0x00280009, 0x00181063)), '18006310')
    assert.equal(hex(ob(0x00420011, Uint8Array.of(1, 2))), '0102')
    assert.equal(hex(text(0x00100010, 'PN', 'Ä', 'b')), 'c3845c62')
  })

  it('leave out what is not whole', () => {
    const dataSet = dataSetOf([
      element(0x00280010, 'US', '\x01\0\x02'),
      element(0x00280011, 'US', ''),
      element(0x00280012, 'UL', 'abcdef'),
      element(0x00281101, 'AT', 'abcdef'),
    ])
    const [odd, empty, long, tags] = dataSet.elements as [Element, Element, Element, Element]
    assert.deepEqual(readUint16s(dataSet.source, odd), [1])
    assert.deepEqual(readUint16s(dataSet.source, empty), [])
    assert.equal(readUint32s(dataSet.source, long).length, 1)
    assert.equal(readTags(dataSet.source, tags).length, 1)
    assert.equal(uint16At(dataSet, 0x00280011), undefined)
    assert.equal(uint16At(dataSet, 0x00280013), undefined)
  })

  it('are cut at 64 KiB, lists of tags are not', () => {
    const bytes = new Uint8Array(80_000)
    const dataSet = dataSetOf([element(0x00420011, 'OB', bytes), element(0x7fe00010, 'OW', bytes)])
    const [first, second] = dataSet.elements as [Element, Element]
    assert.equal(readBytes(dataSet.source, first).length, 65_536)
    assert.equal(readUint16s(dataSet.source, second).length, 32_768)
    assert.equal(readTags(dataSet.source, second).length, 20_000)
  })
})

describe('text', () => {
  it('is read without padding', () => {
    const spellings: readonly (readonly [string, string | undefined])[] = [
      ['CT', 'CT'],
      ['CT ', 'CT'],
      ['1.2\0', '1.2'],
      ['a \0 \0', 'a'],
      [' a', 'a'],
      ['a b', 'a b'],
      ['\xc4', 'Ä'],
      ['', undefined],
      ['  ', undefined],
      ['\0\0', undefined],
    ]
    for (const [spelled, expected] of spellings) {
      assert.equal(textAt(dataSetOf([element(0x00080060, 'CS', spelled)]), 0x00080060), expected)
    }
    assert.equal(textAt(dataSetOf([]), 0x00080060), undefined)
  })

  it('keeps what stands before it', () => {
    const { source, elements } = dataSetOf([element(0x00080060, 'CS', ' a ')])
    assert.equal(readText(source, elements[0] as Element), ' a')
  })

  it('is read in one go where padding is everywhere but at the end', () => {
    const { source, elements } = dataSetOf([element(0x00104000, 'UT', `${' \0'.repeat(32_767)}x`)])
    assert.equal(readText(source, elements[0] as Element).length, 65_535)
  })
})

describe('decimal numbers', () => {
  const read = (spelled: string): number | undefined =>
    numberAt(dataSetOf([element(0x00280008, 'IS', spelled)]), 0x00280008)

  it('are read as PS3.5 section 6.2 spells them', () => {
    for (const [spelled, value] of [
      ['1', 1],
      ['+1', 1],
      ['-12 ', -12],
      [' 5', 5],
      ['007', 7],
      ['1.5', 1.5],
      ['.5', 0.5],
      ['5.', 5],
      ['1e3', 1000],
      ['1E-1', 0.1],
      ['3\\4', 3],
      ['3 \\4', 3],
    ] as const) {
      assert.equal(read(spelled), value)
    }
  })

  it('are undefined in every other spelling', () => {
    for (const spelled of [
      '',
      ' ',
      '\\3',
      'x',
      '0x10',
      '1_000',
      '1,5',
      'Infinity',
      'NaN',
      '1e999',
      '--1',
      '1 2',
      '.',
      'e1',
      '0b1',
      '1n',
    ]) {
      assert.equal(read(spelled), undefined, spelled)
    }
    assert.equal(numberAt(dataSetOf([]), 0x00280008), undefined)
  })
})
