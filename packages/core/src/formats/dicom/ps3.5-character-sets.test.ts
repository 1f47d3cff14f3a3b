/** Character sets: the examples of PS3.5 annexes H, I, J and K byte by byte, each repertoire, and damage. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes, encodeLatin1 } from '../../bytes/text.ts'
import { element, file, item } from '../../testing/spelled-by-hand.ts'
import { decodeCharacters, parseCharacterSet, readCharacterSet, readCharacters } from './character-set.ts'
import { parseDicom } from './parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts'

const decode = (terms: string, spelled: string, vr = 'PN'): string =>
  decodeCharacters(encodeLatin1(spelled), vr, parseCharacterSet(terms))

/** As the standard prints them: column/row pairs in hexadecimal, ESC as 1b. */
const bytes = (hex: string): string => Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1')

describe('the examples of the standard', () => {
  it('H.3.1: Japanese behind the default repertoire', () => {
    const spelled = 'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B'
    assert.equal(decode('\\ISO 2022 IR 87', spelled), 'Yamada^Tarou=山田^太郎=やまだ^たろう')
  })

  it('H.3.2: Japanese behind JIS X 0201', () => {
    const spelled = `${bytes('d4cfc0de5ec0dbb33d')}\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J`
    assert.equal(decode('ISO 2022 IR 13\\ISO 2022 IR 87', spelled), 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう')
  })

  it('I.2: Korean', () => {
    const spelled = `Hong^Gildong=\x1b$)C${bytes('fbf3')}^\x1b$)C${bytes('d1ced4d7')}=\x1b$)C${bytes('c8ab')}^\x1b$)C${bytes('b1e6b5bf')}`
    assert.equal(decode('\\ISO 2022 IR 149', spelled), 'Hong^Gildong=洪^吉洞=홍^길동')
  })

  it('J.1: Chinese in UTF-8', () => {
    assert.equal(decode('ISO_IR 192', `Wang^XiaoDong=${bytes('e78e8b5ee5b08fe69db13d')}`), 'Wang^XiaoDong=王^小東=')
  })

  it('J.2: Chinese in GB18030 and GBK', () => {
    for (const term of ['GB18030', 'GBK']) {
      assert.equal(decode(term, `Wang^XiaoDong=${bytes('cdf55ed0a1b6ab3d')}`), 'Wang^XiaoDong=王^小东=')
    }
  })

  it('K.2: Chinese in GB 2312', () => {
    const spelled = `Zhang^XiaoDong=\x1b$)A${bytes('d5c5')}^\x1b$)A${bytes('d0a1b6ab')}=`
    assert.equal(decode('\\ISO 2022 IR 58', spelled), 'Zhang^XiaoDong=张^小东=')
  })
})

describe('single-byte repertoires', () => {
  const examples: readonly (readonly [string, string, string])[] = [
    ['100', 'c4d6dcdfe9a0', 'ÄÖÜßé\u00a0'],
    ['101', 'a1c8d8f8', 'ĄČŘř'],
    ['109', 'a6c6', 'ĤĈ'],
    ['110', 'a1e5', 'Ąå'],
    ['144', 'bbeedae1', 'Люкс'],
    ['126', 'c4e9efedf5f3e9eff2', 'Διονυσιος'],
    ['127', 'e2c8c7e6ea', 'قباني'],
    ['138', 'f9f8e5ef', 'שרון'],
    ['148', 'd0ddde', 'ĞİŞ'],
    ['166', 'a1d2c3', 'การ'],
    ['203', 'a4bcbd', '€Œœ'],
    ['13', 'd4cfc0de', 'ﾔﾏﾀﾞ'],
  ]
  for (const [number, hex, expected] of examples) {
    it(`ISO_IR ${number} in the first value, or behind its escape sequence`, () => {
      assert.equal(decode(`ISO_IR ${number}`, `a ${bytes(hex)}`), `a ${expected}`)
      assert.equal(decode(`ISO 2022 IR ${number}`, bytes(hex)), decode(`ISO_IR ${number}`, bytes(hex)))
      const sequence = SEQUENCES[number] ?? ''
      assert.equal(decode('ISO 2022 IR 6', `${sequence}${bytes(hex)}`), decode(`ISO_IR ${number}`, bytes(hex)))
    })
  }

  const SEQUENCES: Readonly<Record<string, string>> = {
    '100': '\x1b-A',
    '101': '\x1b-B',
    '109': '\x1b-C',
    '110': '\x1b-D',
    '144': '\x1b-L',
    '126': '\x1b-F',
    '127': '\x1b-G',
    '138': '\x1b-H',
    '148': '\x1b-M',
    '166': '\x1b-T',
    '203': '\x1b-b',
    '13': '\x1b)I',
  }

  it('have nothing from 80 to 9F, where others put curly quotes', () => {
    for (const number of ['100', '148', '166', '126'])
      assert.equal(decode(`ISO_IR ${number}`, '\x80\x93\x9f'), '\ufffd\ufffd\ufffd')
  })
})

describe('code extensions', () => {
  it('of JIS X 0212 are told from those of JIS X 0208', () => {
    assert.equal(decode('\\ISO 2022 IR 159', '\x1b$(D\x30\x21\x1b(B'), '丂')
    assert.equal(decode('\\ISO 2022 IR 87', '\x1b$B\x30\x21\x1b(B'), '亜')
  })

  it('take two bytes at a time, whatever these are elsewhere', () => {
    // 3D3D and 3D5E are characters: no group and no component of a name ends within them.
    assert.equal(decode('\\ISO 2022 IR 87', '\x1b$B\x3d\x3d\x3d\x5e\x1b(B^a'), '十殉^a')
  })

  it('end at the delimiters of the VR and at control characters', () => {
    const korean = `\x1b$)C${bytes('c8ab')}`
    const high = bytes('c8ab')
    assert.equal(decode('\\ISO 2022 IR 149', `${korean}^${high}`), '홍^\ufffd\ufffd')
    assert.equal(decode('\\ISO 2022 IR 149', `${korean}=${high}`), '홍=\ufffd\ufffd')
    assert.equal(decode('\\ISO 2022 IR 149', `${korean}\\${high}`, 'LO'), '홍\\\ufffd\ufffd')
    assert.equal(decode('\\ISO 2022 IR 149', `${korean}\r\n${high}`, 'LT'), '홍\r\n\ufffd\ufffd')
    assert.equal(decode('\\ISO 2022 IR 149', `${korean}^${high}`, 'LO'), '홍^홍')
    assert.equal(decode('\\ISO 2022 IR 149', `${korean}\\${high}`, 'LT'), '홍\\홍')
    assert.equal(decode('ISO 2022 IR 100\\ISO 2022 IR 149', `${korean}^${high}`), '홍^È«')
  })
})

describe('the terms', () => {
  it('leave high bytes unknown where there are none, or unknown ones', () => {
    for (const terms of ['', 'ISO_IR 6', 'ISO 2022 IR 6', 'ISO_IR 999', 'LATIN1', 'toString', 'ISO_IR', '\\']) {
      assert.equal(decode(terms, 'a\xe9b'), 'a\ufffdb', terms)
    }
  })

  it('may be padded', () => {
    assert.equal(decode(' ISO_IR 100 ', '\xe9'), 'é')
  })
})

describe('damage', () => {
  it('is shown as replacement characters', () => {
    assert.equal(decode('ISO_IR 192', 'a\xe2\x82'), 'a\ufffd')
    assert.equal(decode('\\ISO 2022 IR 87', '\x1b$B\x30'), '\ufffd')
    assert.equal(decode('\\ISO 2022 IR 87', '\x1b$B\x30\x80a'), '\ufffd\ufffd\ufffd')
    assert.equal(decode('\\ISO 2022 IR 149', '\x1b$)C\xc8'), '\ufffd')
    assert.equal(decode('', 'a\x1bb'), 'a\ufffdb')
    assert.equal(decode('', 'a\x1b'), 'a\ufffd')
    assert.equal(decode('', '\x1b$(X'), '\ufffd$(X')
    assert.equal(decode('ISO_IR 166', '\xfc\xff'), '\ufffd\ufffd')
  })

  it('never throws, for any two bytes behind any start', () => {
    const terms = ['', 'ISO_IR 192', 'GB18030', 'ISO 2022 IR 13\\ISO 2022 IR 87', '\\ISO 2022 IR 149']
    for (const term of terms) {
      const set = parseCharacterSet(term)
      for (const start of ['', '\x1b', '\x1b$', '\x1b$B', '\x1b$(D', '\x1b$)C']) {
        const head = encodeLatin1(start)
        for (let pair = 0; pair < 65_536; pair += 7) {
          const text = decodeCharacters(concatBytes(head, Uint8Array.of(pair >> 8, pair & 0xff)), 'PN', set)
          assert.ok(text.length <= 6)
        }
      }
    }
  })
})

describe('a data set', () => {
  it('hands its character set to its items, unless they have their own', () => {
    const name = element(0x00100010, 'PN', '\xe9')
    const code = element(0x00080060, 'CS', '\xe9')
    const own = item(concatBytes(element(0x00080005, 'CS', 'ISO_IR 144'), name))
    const dataSet = concatBytes(
      element(0x00080005, 'CS', 'ISO_IR 100'),
      code,
      element(0x00081140, 'SQ', concatBytes(item(name), own)),
    )
    const { source, elements } = parseDicom(memorySource(file(dataSet, EXPLICIT_LITTLE_ENDIAN))).dataSet
    const outer = readCharacterSet(source, elements)
    const [, modality, sequence] = elements
    const names = sequence?.items?.map((one) => {
      const set = readCharacterSet(source, one.elements, outer)
      const last = one.elements.at(-1)
      return last === undefined ? '' : readCharacters(source, last, set)
    })
    assert.deepEqual(names, ['é', 'щ'])
    // A code string is ASCII, whatever the character set; other bytes are shown as Latin-1.
    assert.equal(modality === undefined ? '' : readCharacters(source, modality, parseCharacterSet('ISO_IR 144')), 'é')
  })
})
