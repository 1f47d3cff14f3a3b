import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { type JsonValue, parseJson } from './parse.ts'

/** What the reader gives has no prototype; `JSON.stringify` does not mind. */
const plain = (value: JsonValue): unknown => JSON.parse(JSON.stringify(value))
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'json_malformed'

/** Source: by hand, after the grammar of RFC 8259. */
const accepted: readonly { readonly name: string; readonly text: string; readonly value: unknown }[] = [
  { name: 'a literal', text: 'true', value: true },
  { name: 'null with space around it', text: ' \t\r\nnull\n', value: null },
  { name: 'an empty object', text: '{}', value: {} },
  { name: 'an empty array', text: '[ ]', value: [] },
  { name: 'nested values', text: '{"a":[1,{"b":false}],"c":""}', value: { a: [1, { b: false }], c: '' } },
  { name: 'all short escapes', text: String.raw`"\"\\\/\b\f\n\r\t"`, value: '"\\/\b\f\n\r\t' },
  { name: 'a surrogate pair as escapes', text: String.raw`"\ud83d\ude00"`, value: '\u{1f600}' },
  { name: 'a control character as an escape', text: String.raw`"\u0000"`, value: '\0' },
  { name: 'numbers of every shape', text: '[0,-0.5,1e3,1E-2,1.25e+2]', value: [0, -0.5, 1000, 0.01, 125] },
  { name: 'a number that underflows', text: '1e-400', value: 0 },
  { name: 'an escaped name', text: String.raw`{"\u0061":1}`, value: { a: 1 } },
]

const refused: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'nothing', text: '' },
  { name: 'space alone', text: '  ' },
  { name: 'two values', text: '1 2' },
  { name: 'a byte order mark', text: '\ufeff{}' },
  { name: 'a name twice', text: '{"a":1,"a":1}' },
  { name: 'a name twice, once escaped', text: String.raw`{"a":1,"\u0061":2}` },
  { name: 'a comma behind the last member', text: '{"a":1,}' },
  { name: 'a comma behind the last entry', text: '[1,]' },
  { name: 'a missing colon', text: '{"a" 1}' },
  { name: 'a name without quotes', text: '{a:1}' },
  { name: 'a missing comma', text: '[1 2]' },
  { name: 'an open object', text: '{"a":1' },
  { name: 'an open array', text: '[1' },
  { name: 'an open string', text: '"a' },
  { name: 'a string that ends in a backslash', text: '"a\\' },
  { name: 'single quotes', text: "'a'" },
  { name: 'a raw control character', text: '"a\tb"' },
  { name: 'a raw newline in a string', text: '"a\nb"' },
  { name: 'an unknown escape', text: String.raw`"\x41"` },
  { name: 'an escape of an inherited property', text: String.raw`"\constructor"` },
  { name: 'a short unicode escape', text: String.raw`"\u12"` },
  { name: 'a unicode escape with a sign', text: String.raw`"\u+123"` },
  { name: 'a high surrogate alone', text: String.raw`"\ud83d"` },
  { name: 'a low surrogate alone', text: String.raw`"\ude00"` },
  { name: 'surrogates the wrong way round', text: String.raw`"\ude00\ud83d"` },
  { name: 'a lone surrogate in a name', text: String.raw`{"\ud83d":1}` },
  { name: 'a leading zero', text: '01' },
  { name: 'a plus sign', text: '+1' },
  { name: 'a point without digits', text: '1.' },
  { name: 'a number that begins with a point', text: '.5' },
  { name: 'an exponent without digits', text: '1e' },
  { name: 'a minus alone', text: '-' },
  { name: 'a hexadecimal number', text: '0x10' },
  { name: 'NaN', text: 'NaN' },
  { name: 'a number over the largest double', text: '1e400' },
  { name: 'a literal in capitals', text: 'True' },
  { name: 'a literal with a tail', text: 'nulls' },
  { name: 'a comment', text: '{/**/}' },
  { name: 'another kind of space', text: '\u00a01' },
]

describe('parseJson', () => {
  for (const { name, text, value } of accepted) {
    it(`reads ${name}`, () => {
      assert.deepEqual(plain(parseJson(text)), value)
      assert.deepEqual(plain(parseJson(encodeUtf8(text))), value)
    })
  }
  for (const { name, text } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => parseJson(text), isMalformed))
  }

  it('reads __proto__ and constructor as names like any other', () => {
    const value = parseJson('{"__proto__":{"a":1},"constructor":2}') as Record<string, JsonValue>
    assert.deepEqual(Object.keys(value), ['__proto__', 'constructor'])
    assert.equal(Object.getPrototypeOf(value), null)
    assert.equal(({} as Record<string, unknown>).a, undefined)
  })

  it('refuses bytes that are no UTF-8', () => {
    const vectors = [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xe2, 0x82, 0x22],
    ]
    for (const bytes of vectors) assert.throws(() => parseJson(Uint8Array.from(bytes)), isMalformed)
  })

  it('stops at its limits of depth and length', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    parseJson(nested(32))
    assert.throws(() => parseJson(nested(33)), isMalformed)
    assert.throws(() => parseJson('['.repeat(1_000_000)), isMalformed)
    assert.throws(() => parseJson('"aaaa"', { depth: 1, length: 5 }), isMalformed)
  })

  it('counts depth and not the number of siblings', () => {
    parseJson(`[${Array.from({ length: 100 }, () => '[[]]').join(',')}]`, { depth: 3, length: 1000 })
  })

  it('names the offset at which it gave up', () => {
    assert.throws(
      () => parseJson('{"a":x}'),
      (error) => error instanceof FormatError && error.offset === 5,
    )
  })

  it('agrees with JSON.parse on what both read, and refuses all that it refuses', () => {
    const next = seeded(7)
    const alphabet = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'u',
      '0',
      '1',
      '-',
      '.',
      'e',
      'a',
      ' ',
      'true',
      '"a":',
      '\\u0041',
    ]
    for (let i = 0; i < 20_000; i++) {
      const text = Array.from({ length: 1 + next(8) }, () => alphabet[next(alphabet.length)]).join('')
      let ours: JsonValue | undefined
      try {
        ours = parseJson(text)
      } catch (error) {
        assert.ok(isMalformed(error), text)
      }
      let theirs: unknown
      try {
        theirs = JSON.parse(text)
      } catch {
        assert.equal(ours, undefined, text)
      }
      if (ours !== undefined) assert.deepEqual(plain(ours), plain(theirs as JsonValue), text)
    }
  })
})
