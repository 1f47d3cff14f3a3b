import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { encodeCanonicalJson, formatCanonicalJson, parseCanonicalJson } from './canonical.ts'
import { parseJson } from './parse.ts'

const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'json_malformed'

/** A double from the hexadecimal spelling of its 64 bits. */
function double(bits: string): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(`0x${bits}`))
  return view.getFloat64(0)
}

/** Source: RFC 8785 appendix B. */
const numbers: readonly (readonly [bits: string, spelled: string])[] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
]

describe('formatCanonicalJson', () => {
  for (const [bits, spelled] of numbers) {
    it(`writes ${bits} as ${spelled}`, () => assert.equal(formatCanonicalJson(double(bits)), spelled))
  }

  it('sorts names by UTF-16 code units', () => {
    // Source: RFC 8785 section 3.2.3.
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6']
    const value = Object.fromEntries(names.map((name) => [name, 0]))
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33']
    assert.equal(formatCanonicalJson(value), `{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`)
  })

  it('writes the example of section 3.2.2', () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`
    const expected = String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`
    assert.equal(formatCanonicalJson(parseJson(text)), expected)
  })

  it('leaves what need not be escaped', () => {
    assert.equal(formatCanonicalJson('</\u2028\u007f\u00e9'), '"</\u2028\u007f\u00e9"')
  })

  it('sorts numbers in names as text', () => {
    assert.equal(formatCanonicalJson({ 10: 0, 9: 0, 1: 0 }), '{"1":0,"10":0,"9":0}')
  })

  it('refuses what JSON has no spelling for', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '\ud83d', { '\ude00': 1 }]) {
      assert.throws(() => formatCanonicalJson(value), RangeError)
    }
  })
})

describe('parseCanonicalJson', () => {
  it('reads what encodeCanonicalJson writes', () => {
    const value = { b: [1, 'x', null, { z: true, a: -1.5 }], a: '€' }
    assert.equal(formatCanonicalJson(parseCanonicalJson(encodeCanonicalJson(value))), formatCanonicalJson(value))
  })

  const other = [
    '{"b":1,"a":2}',
    '{ "a":1}',
    '1.0',
    '-0',
    '1e2',
    String.raw`"\u0041"`,
    String.raw`"\/"`,
    '[1, 2]',
    '1\n',
    String.raw`"\u000A"`,
  ]
  for (const text of other) {
    it(`refuses the spelling ${JSON.stringify(text)}`, () => {
      parseJson(text)
      assert.throws(() => parseCanonicalJson(encodeUtf8(text)), isMalformed)
    })
  }

  it('reads names that look like numbers, and text that looks like an escape', () => {
    for (const value of [{ 10: 0, 9: 0, 1: 0 }, { a: '\\ud800' }, { ['__proto__']: { a: 1 } }, '\\ud', [['[[[[']]]) {
      const bytes = encodeCanonicalJson(value)
      assert.equal(formatCanonicalJson(parseCanonicalJson(bytes)), formatCanonicalJson(value))
    }
  })

  it('stops at its limits of depth and length, brackets in strings not counted', () => {
    const nested = (depth: number): Uint8Array => encodeUtf8('['.repeat(depth) + ']'.repeat(depth))
    parseCanonicalJson(nested(32))
    parseCanonicalJson(encodeUtf8(JSON.stringify(['['.repeat(100), '\\"{{{'])), { depth: 1, length: 1000 })
    assert.throws(() => parseCanonicalJson(nested(33)), isMalformed)
    assert.throws(() => parseCanonicalJson(nested(1_000_000)), isMalformed)
    assert.throws(() => parseCanonicalJson(encodeUtf8('"aaaa"'), { depth: 1, length: 5 }), isMalformed)
  })

  it('reads exactly what the strict parser reads and the writer writes', () => {
    const next = seeded(11)
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '0',
      '1',
      '-',
      '.5',
      'e',
      'a',
      ' ',
      'true',
      '"a":',
      '"b":',
      '"1":',
      '"10":',
      '"9":',
      '\\ud83d',
      '\\n',
      '\\u000f',
      '\u20ac',
      '1e21',
    ]
    let read = 0
    for (let i = 0; i < 30_000; i++) {
      const text = Array.from({ length: 1 + next(9) }, () => pieces[next(pieces.length)]).join('')
      let expected: string | undefined
      try {
        const spelled = formatCanonicalJson(parseJson(text))
        if (spelled === text) expected = text
      } catch {}
      let found: string | undefined
      try {
        found = formatCanonicalJson(parseCanonicalJson(encodeUtf8(text)))
      } catch (error) {
        assert.ok(isMalformed(error), text)
      }
      assert.equal(found, expected, text)
      if (found !== undefined) read++
    }
    assert.ok(read > 100, `${read} texts`)
  })
})
