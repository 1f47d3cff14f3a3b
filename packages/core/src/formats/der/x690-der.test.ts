import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { FormatError } from '../../errors.ts'
import * as read from './read.ts'
import { constructed, TAG } from './tag.ts'
import * as write from './write.ts'

const element = (hex: string): read.DerElement => read.readDer(decodeHex(hex))
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'der_malformed'

describe('DER elements', () => {
  const refused = {
    nothing: '',
    'a tag without length': '30',
    'an indefinite length': '30800000',
    'a length of five bytes': '04850000000001aa',
    'a length that fits the short form': '048101aa',
    'a length with a leading zero': `04820080${'00'.repeat(128)}`,
    'a length past the end': '0403aabb',
    'a cut length': '0482',
    'a byte after the element': '050000',
    'a tag number of several bytes': '1f810100',
  }
  for (const [name, hex] of Object.entries(refused)) {
    it(`refuses ${name}`, () => assert.throws(() => element(hex), isMalformed))
  }

  it('refuses a child that reaches past its parent', () => {
    assert.throws(() => read.readChildren(element('30030402aa')), isMalformed)
    assert.throws(() => read.readChildren(element('3003300205')), isMalformed)
  })

  it('refuses parts of an element that has none', () => {
    assert.throws(() => read.readChildren(element('0402aabb')), isMalformed)
  })

  it('refuses deep nesting, not by exhausting the stack', () => {
    let bytes: Uint8Array = new Uint8Array()
    for (let i = 0; i < 40; i++) bytes = write.writeSequence(bytes)
    const walk = (parent: read.DerElement): void => read.readChildren(parent).forEach(walk)
    assert.throws(() => walk(read.readDer(bytes)), isMalformed)
  })

  it('refuses an input over its size limit', () => {
    assert.throws(() => read.readDer(new Uint8Array(100), 99), isMalformed)
  })

  it('says where it stopped', () => {
    const fields = new read.DerFields(element('30060500020200ff'))
    fields.take(TAG.null)
    assert.throws(
      () => fields.take(TAG.boolean),
      (error: FormatError) => error.offset === 4,
    )
  })

  it('takes fields in order, and complains of those left', () => {
    const fields = new read.DerFields(element('3007020101a0020500'))
    assert.equal(read.readSmallInteger(fields.take(TAG.integer)), 1)
    assert.equal(fields.takeIf(constructed(1)), undefined)
    assert.throws(() => fields.finish(), isMalformed)
  })
})

describe('DER values', () => {
  const integers: readonly [bigint, string][] = [
    [0n, '020100'],
    [127n, '02017f'],
    [128n, '02020080'],
    [256n, '02020100'],
    [-1n, '0201ff'],
    [-128n, '020180'],
    [-129n, '0202ff7f'],
    [2n ** 64n, '0209010000000000000000'],
  ]
  for (const [value, hex] of integers) {
    it(`reads and writes the integer ${value}`, () => {
      assert.equal(read.readInteger(element(hex)), value)
      assert.equal(encodeHex(write.writeInteger(value)), hex)
    })
  }

  it('writes a positive integer from bytes', () => {
    assert.equal(encodeHex(write.writeInteger(Uint8Array.of(0, 0, 0x80))), '02020080')
    assert.equal(encodeHex(write.writeInteger(Uint8Array.of(0))), '020100')
    assert.equal(encodeHex(write.writeInteger(new Uint8Array())), '020100')
  })

  // X.690 section 8.19.5 and the UUID of ITU-T X.667 section 8, as given by its example.
  const oids: readonly [string, string][] = [
    ['2.100.3', '0603813403'],
    ['1.2.840.113549.1.1.11', '06092a864886f70d01010b'],
    ['2.25.329800735698586629295641978511506172918', '06146983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776'],
    ['0.9.2342.19200300.100.1.1', '060a0992268993f22c640101'],
  ]
  for (const [text, hex] of oids) {
    it(`reads and writes the object identifier ${text}`, () => {
      assert.equal(read.readOid(element(hex)), text)
      assert.equal(encodeHex(write.writeOid(text)), hex)
    })
  }

  it('reads and writes times', () => {
    assert.equal(read.readTime(element('170d3439313233313233353935395a')).toISOString(), '2049-12-31T23:59:59.000Z')
    assert.equal(read.readTime(element('170d3530303130313030303030305a')).toISOString(), '1950-01-01T00:00:00.000Z')
    for (const iso of ['2026-02-28T12:34:56.000Z', '2050-01-01T00:00:00.000Z', '9999-12-31T23:59:59.000Z']) {
      assert.equal(read.readTime(read.readDer(write.writeTime(new Date(iso)))).toISOString(), iso)
      assert.equal(read.readTime(read.readDer(write.writeGeneralizedTime(new Date(iso)))).toISOString(), iso)
    }
    for (const iso of ['2026-02-28T12:34:56.780Z', '2026-02-28T12:34:56.007Z', '2026-02-28T12:34:56.000Z']) {
      assert.equal(read.readTime(read.readDer(write.writeFineTime(new Date(iso)))).toISOString(), iso)
    }
  })

  it('reads and writes named bits', () => {
    assert.equal(encodeHex(write.writeNamedBits([0])), '03020780')
    assert.equal(encodeHex(write.writeNamedBits([5, 6])), '03020106')
    assert.equal(encodeHex(write.writeNamedBits([])), '030100')
    assert.deepEqual(read.readNamedBits(element('03020106')), [5, 6])
    assert.deepEqual(read.readNamedBits(element('0303070080')), [8])
  })

  it('reads the kinds of text that names use', () => {
    assert.equal(read.readText(element('0c03c3a461')), 'äa')
    assert.equal(read.readText(element('13024142')), 'AB')
    assert.equal(read.readText(element('1e0400e40061')), 'äa')
    assert.equal(read.readText(element('1402e461')), 'äa')
  })

  it('sorts a set', () => {
    const set = write.writeSet(write.writeInteger(2), write.writeInteger(1), write.writeNull())
    assert.equal(encodeHex(set), '31080201010201020500')
  })

  const refused: Record<string, readonly [(element: read.DerElement) => unknown, string]> = {
    'an integer of no bytes': [read.readInteger, '0200'],
    'an integer with a needless zero': [read.readInteger, '02020001'],
    'a negative integer with a needless byte': [read.readInteger, '0202ffff'],
    'a negative number as a small one': [read.readSmallInteger, '0201ff'],
    'a large number as a small one': [read.readSmallInteger, '02050100000000'],
    'a boolean that is neither': [read.readBoolean, '010101'],
    'a boolean of two bytes': [read.readBoolean, '0102ffff'],
    'an empty object identifier': [read.readOid, '0600'],
    'a cut object identifier': [read.readOid, '060181'],
    'a padded object identifier': [read.readOid, '06032a8001'],
    'a very long object identifier': [read.readOid, `0641${'01'.repeat(65)}`],
    'a bit string of no bytes': [read.readBits, '0300'],
    'a bit string with unused bits of nothing': [read.readBits, '030101'],
    'a bit string with nine unused bits': [read.readBits, '03020900'],
    'a bit string with ones among the unused': [read.readBits, '03020701'],
    'a key of broken bytes': [read.readBitBytes, '03020780'],
    'named bits with trailing zeros': [read.readNamedBits, '03020540'],
    'a thirteenth month': [read.readTime, '170d3236313330313030303030305a'],
    'the thirtieth of February': [read.readTime, '170d3236303233303030303030305a'],
    'a leap second': [read.readTime, '170d3236303633303233353936305a'],
    'a time with an offset': [read.readTime, '17113236303130313030303030302b30303030'],
    'a time without seconds': [read.readTime, '170b323630313031303030305a'],
    'a fraction ending in zero': [read.readTime, '181132303236303130313030303030302e305a'],
    'a short time with a fraction': [read.readTime, '170f3236303130313030303030302e355a'],
    'text that is not UTF-8': [read.readText, '0c01ff'],
    'printable text outside ASCII': [read.readText, '1301e4'],
    'two-byte text of odd length': [read.readText, '1e0100'],
    'a number as text': [read.readText, '020141'],
  }
  for (const [name, [reader, hex]] of Object.entries(refused)) {
    it(`refuses ${name}`, () => assert.throws(() => reader(element(hex)), isMalformed))
  }

  it('refuses to write what is no object identifier or no time', () => {
    for (const text of ['', '1', '3.1', '1.40', '1.02', '1.2.']) assert.throws(() => write.writeOid(text), RangeError)
    assert.throws(() => write.writeTime(new Date(Number.NaN)), RangeError)
  })
})
