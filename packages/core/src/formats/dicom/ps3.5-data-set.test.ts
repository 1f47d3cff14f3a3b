/** Data sets as PS3.5 sections 6.2, 7 and annex A have them, in each encoding; and what a strict reader refuses. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes } from '../../bytes/text.ts'
import { type FormatCode, FormatError } from '../../errors.ts'
import {
  DATA_SET_START,
  element,
  file,
  item,
  itemEnd,
  type Spelling,
  sequenceEnd,
  UNDEFINED,
  uint16,
  uint32,
} from '../../testing/spelled-by-hand.ts'
import { type Element, type Encoding, formatTag } from './element.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { type DicomFile, type ParseOptions, parseDicom } from './parse.ts'
import {
  EXPLICIT_BIG,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE,
  IMPLICIT_LITTLE_ENDIAN,
} from './transfer-syntax.ts'

const UIDS = new Map([
  [EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN],
  [IMPLICIT_LITTLE, IMPLICIT_LITTLE_ENDIAN],
  [EXPLICIT_BIG, EXPLICIT_BIG_ENDIAN],
])
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50'

/** Parses a data set; its offsets are those in the file, less {@link DATA_SET_START}. */
function parse(dataSet: Uint8Array, encoding: Encoding = EXPLICIT_LITTLE, options: ParseOptions = {}): DicomFile {
  return parseDicom(memorySource(file(dataSet, UIDS.get(encoding) ?? '')), options)
}

/** `tag VR` of each element, with the elements of its items in brackets. */
const outline = (elements: readonly Element[]): string =>
  elements
    .map(({ tag, vr, items, fragments }) => {
      const inside =
        items?.map((one) => `[${outline(one.elements)}]`).join('') ?? (fragments && `<${fragments.length}>`)
      return `${formatTag(tag)} ${vr}${inside ?? ''}`
    })
    .join(' ')

const findingsIn = ({ findings }: DicomFile): string[] =>
  findings.map(({ code, offset }) => `${code}@${offset - DATA_SET_START}`)

for (const [encoding, uid] of UIDS) {
  const spell = (tag: number, vr: string, content: string | Uint8Array = '', spelling: Spelling = {}): Uint8Array =>
    element(tag, vr, content, { ...spelling, encoding })
  const anItem = (content: string | Uint8Array, length?: number): Uint8Array =>
    item(content, { encoding, ...(length === undefined ? {} : { length }) })
  const endOfItem = itemEnd({ encoding })
  const endOfSequence = sequenceEnd({ encoding })
  const header = encoding.isExplicit ? 12 : 8
  const modality = spell(0x00080060, 'CS', 'CT')

  describe(`a data set in ${uid}`, () => {
    it('has elements with short and with long lengths', () => {
      const bytes = concatBytes(
        spell(0x00080018, 'UI', '1.2\0'),
        modality,
        spell(0x0040a160, 'UT', 'text'),
        spell(0x7fe00010, 'OW', 'abcd'),
      )
      const { dataSet, findings } = parse(bytes, encoding)
      assert.equal(outline(dataSet.elements), '(0008,0018) UI (0008,0060) CS (0040,a160) UT (7fe0,0010) OW')
      assert.deepEqual(
        dataSet.elements.map(({ valueStart, valueEnd }) => valueEnd - valueStart),
        [4, 2, 4, 4],
      )
      const values = dataSet.elements.map(({ valueStart, valueEnd }) =>
        Buffer.from(dataSet.source.view(valueStart, valueEnd)).toString('latin1'),
      )
      assert.deepEqual(values, ['1.2\0', 'CT', 'text', 'abcd'])
      assert.equal(dataSet.end, dataSet.source.length)
      assert.deepEqual(findings, [])
    })

    const inner = concatBytes(modality, spell(0x00100020, 'LO', 'id'))
    const forms: readonly (readonly [string, Uint8Array, string])[] = [
      ['empty, with a length', spell(0x00081140, 'SQ'), ''],
      ['empty, with a delimiter', concatBytes(spell(0x00081140, 'SQ', '', { length: UNDEFINED }), endOfSequence), ''],
      [
        'with lengths',
        spell(0x00081140, 'SQ', concatBytes(anItem(inner), anItem(modality))),
        '[(0008,0060) CS (0010,0020) LO][(0008,0060) CS]',
      ],
      [
        'with delimiters',
        concatBytes(
          spell(0x00081140, 'SQ', '', { length: UNDEFINED }),
          anItem(inner, UNDEFINED),
          endOfItem,
          anItem('', UNDEFINED),
          endOfItem,
          endOfSequence,
        ),
        '[(0008,0060) CS (0010,0020) LO][]',
      ],
      [
        'with a length around delimiters',
        spell(0x00081140, 'SQ', concatBytes(anItem(inner, UNDEFINED), endOfItem, anItem(''))),
        '[(0008,0060) CS (0010,0020) LO][]',
      ],
      [
        'with a delimiter behind lengths',
        concatBytes(
          spell(0x00081140, 'SQ', '', { length: UNDEFINED }),
          anItem(modality),
          anItem(modality),
          endOfSequence,
        ),
        '[(0008,0060) CS][(0008,0060) CS]',
      ],
    ]
    for (const [name, bytes, inside] of forms) {
      it(`has sequences: ${name}`, () => {
        const { dataSet, findings } = parse(concatBytes(bytes, spell(0x00100020, 'LO', 'id')), encoding)
        assert.equal(outline(dataSet.elements), `(0008,1140) SQ${inside} (0010,0020) LO`)
        assert.deepEqual(findings, [])
        const [sequence] = dataSet.elements
        assert.equal(sequence?.end, DATA_SET_START + bytes.length)
        assert.ok(sequence?.items !== undefined)
      })
    }

    it('gives the ranges of sequences and items without and with their delimiters', () => {
      const bytes = concatBytes(
        spell(0x00081140, 'SQ', '', { length: UNDEFINED }),
        anItem(modality, UNDEFINED),
        endOfItem,
        anItem(modality),
        endOfSequence,
      )
      const { dataSet } = parse(bytes, encoding)
      const [sequence] = dataSet.elements
      const [first, second] = sequence?.items ?? []
      const at = (offset: number): number => DATA_SET_START + header + offset
      const n = modality.length
      assert.deepEqual(
        [sequence?.valueStart, sequence?.valueEnd, sequence?.end],
        [at(0), at(24 + 2 * n), at(32 + 2 * n)],
      )
      assert.deepEqual(
        [first?.start, first?.valueStart, first?.valueEnd, first?.end],
        [at(0), at(8), at(8 + n), at(16 + n)],
      )
      assert.deepEqual(
        [second?.start, second?.valueStart, second?.valueEnd, second?.end],
        [at(16 + n), at(24 + n), at(24 + 2 * n), at(24 + 2 * n)],
      )
      assert.deepEqual([first?.hasUndefinedLength, second?.hasUndefinedLength], [true, false])
    })

    it('has sequences in sequences', () => {
      let nested = concatBytes(modality)
      for (let i = 0; i < 10; i++) {
        const content = i % 2 === 0 ? anItem(nested) : concatBytes(anItem(nested, UNDEFINED), endOfItem)
        nested =
          i % 3 === 0
            ? spell(0x00081140, 'SQ', content)
            : concatBytes(spell(0x00081140, 'SQ', '', { length: UNDEFINED }), content, endOfSequence)
      }
      const { dataSet, findings } = parse(nested, encoding)
      assert.equal(outline(dataSet.elements), `${'(0008,1140) SQ['.repeat(10)}(0008,0060) CS${']'.repeat(10)}`)
      assert.deepEqual(findings, [])
    })

    const nest = (depth: number, length: number | undefined): Uint8Array => {
      const units: Uint8Array[] = []
      let content = new Uint8Array(0)
      if (length === undefined) {
        for (let i = 0; i < depth; i++) content = spell(0x00081140, 'SQ', anItem(content)) as Uint8Array<ArrayBuffer>
        return content
      }
      for (let i = 0; i < depth; i++) units.push(spell(0x00081140, 'SQ', '', { length }), anItem('', length))
      return concatBytes(...units, ...Array.from({ length: depth }, () => concatBytes(endOfItem, endOfSequence)))
    }
    for (const [name, length] of [
      ['lengths', undefined],
      ['delimiters', UNDEFINED],
    ] as const) {
      it(`is refused when sequences with ${name} are nested over the limit`, () => {
        assert.equal(parse(nest(64, length), encoding).findings.length, 0)
        const where = DATA_SET_START + 65 * (header + 8)
        const isRefused = (error: unknown): boolean =>
          error instanceof FormatError && error.code === 'dicom_limit_exceeded' && error.offset === where
        assert.throws(() => parse(nest(65, length), encoding), isRefused)
        assert.throws(() => parse(nest(4000, length), encoding), isRefused)
      })
    }

    it('has a limit on the number of elements, items and fragments', () => {
      // Two of meta information, then one sequence, two items and two elements: seven parts.
      const bytes = spell(0x00081140, 'SQ', concatBytes(anItem(modality), anItem(modality)))
      const limits = { ...DEFAULT_LIMITS, parts: 7 }
      assert.equal(parse(bytes, encoding, { limits }).findings.length, 0)
      assert.throws(
        () => parse(bytes, encoding, { limits: { ...limits, parts: 6 } }),
        (error) =>
          error instanceof FormatError &&
          error.code === 'dicom_limit_exceeded' &&
          error.offset === DATA_SET_START + bytes.length - modality.length,
      )
    })

    const patientId = spell(0x00100020, 'LO', 'id')
    const n = modality.length
    const sequenceOf = (content: Uint8Array): Uint8Array => spell(0x00081140, 'SQ', content)
    const openSequence = spell(0x00081140, 'SQ', '', { length: UNDEFINED })
    const refusals: readonly (readonly [string, Uint8Array, FormatCode, number])[] = [
      ['a tag twice in a row', concatBytes(modality, modality), 'dicom_duplicate_tag', n],
      ['a tag twice, with others between', concatBytes(modality, patientId, modality), 'dicom_duplicate_tag', 2 * n],
      ['a tag twice behind a greater one', concatBytes(patientId, modality, patientId), 'dicom_order', n],
      ['a tag behind a greater one', concatBytes(patientId, modality), 'dicom_order', n],
      [
        'a tag twice in an item',
        sequenceOf(anItem(concatBytes(modality, modality))),
        'dicom_duplicate_tag',
        header + 8 + n,
      ],
      ['disorder in an item', sequenceOf(anItem(concatBytes(patientId, modality))), 'dicom_order', header + 8 + n],
      ['one byte where an element should start', concatBytes(modality, new Uint8Array(1)), 'dicom_truncated', n],
      [
        'seven bytes where an element should start',
        concatBytes(modality, patientId.subarray(0, 7)),
        'dicom_truncated',
        n,
      ],
      ['a value that is cut off', modality.subarray(0, -1), 'dicom_length_past_end', 0],
      ['a length of almost 4 GiB', spell(0x00282000, 'OB', 'abcd', { length: 0xfffffffe }), 'dicom_length_past_end', 0],
      [
        'an element longer than its item',
        concatBytes(sequenceOf(anItem(spell(0x00080060, 'CS', 'CT', { length: 4 }))), patientId),
        'dicom_length_past_end',
        header + 8,
      ],
      [
        'an item longer than its sequence',
        concatBytes(sequenceOf(anItem(modality, n + 2)), patientId),
        'dicom_length_past_end',
        header,
      ],
      [
        'a sequence longer than the data set',
        spell(0x00081140, 'SQ', anItem(modality), { length: n + 9 }),
        'dicom_length_past_end',
        0,
      ],
      [
        'an item without its delimiter',
        concatBytes(openSequence, anItem(modality, UNDEFINED)),
        'dicom_truncated',
        header + 8 + n,
      ],
      [
        'an item closed as a sequence',
        concatBytes(openSequence, anItem(modality, UNDEFINED), endOfSequence),
        'dicom_element_malformed',
        header + 8 + n,
      ],
      [
        'a sequence without its delimiter',
        concatBytes(openSequence, anItem(modality)),
        'dicom_truncated',
        header + 8 + n,
      ],
      [
        'a sequence closed as an item',
        concatBytes(openSequence, anItem(modality), endOfItem),
        'dicom_element_malformed',
        header + 8 + n,
      ],
      [
        'an element where an item should start',
        concatBytes(openSequence, modality, endOfSequence),
        'dicom_element_malformed',
        header,
      ],
      [
        'an element behind the items of a sequence',
        sequenceOf(concatBytes(anItem(modality), patientId)),
        'dicom_element_malformed',
        header + 8 + n,
      ],
      [
        'four bytes behind the items of a sequence',
        sequenceOf(concatBytes(anItem(modality), new Uint8Array(4))),
        'dicom_element_malformed',
        header + 8 + n,
      ],
      [
        'a delimiter behind the items of a sequence with a length',
        sequenceOf(concatBytes(anItem(modality), endOfSequence)),
        'dicom_element_malformed',
        header + 8 + n,
      ],
      [
        'a delimiter inside an item with a length',
        sequenceOf(anItem(concatBytes(modality, endOfItem))),
        'dicom_element_malformed',
        header + 8 + n,
      ],
      [
        'four bytes inside an item behind its elements',
        sequenceOf(anItem(concatBytes(modality, new Uint8Array(4)))),
        'dicom_truncated',
        header + 8 + n,
      ],
      [
        'an item delimiter with a length',
        concatBytes(openSequence, anItem('', UNDEFINED), itemEnd({ encoding, length: 4 }), endOfSequence),
        'dicom_element_malformed',
        header + 8,
      ],
      [
        'a sequence delimiter with a length',
        concatBytes(openSequence, sequenceEnd({ encoding, length: 2 })),
        'dicom_element_malformed',
        header,
      ],
      ['an item outside a sequence', concatBytes(modality, anItem(patientId)), 'dicom_element_malformed', n],
      [
        'an item of undefined length outside a sequence',
        concatBytes(modality, anItem('', UNDEFINED), endOfItem),
        'dicom_element_malformed',
        n,
      ],
      [
        'an item delimiter outside a sequence',
        concatBytes(modality, endOfItem, patientId),
        'dicom_element_malformed',
        n,
      ],
      ['a sequence delimiter outside a sequence', concatBytes(modality, endOfSequence), 'dicom_element_malformed', n],
      ['another tag of group FFFE', concatBytes(modality, spell(0xfffe0001, 'UN', '')), 'dicom_element_malformed', n],
    ]
    for (const [name, bytes, code, offset] of refusals) {
      it(`is refused in strict mode for ${name}`, () => {
        const isRefused = (error: unknown): boolean =>
          error instanceof FormatError && error.code === code && error.offset === DATA_SET_START + offset
        assert.throws(() => parse(bytes, encoding, { isStrict: true }), isRefused)
        assert.equal(findingsIn(parse(bytes, encoding))[0], `${code}@${offset}`)
      })
    }
  })
}

describe('explicit value representations', () => {
  it('are told from each other by the length of their lengths', () => {
    const short = 'AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US'.split(' ')
    const long = 'OB OD OF OL OV OW SV UC UN UR UT UV'.split(' ')
    for (const vr of [...short, ...long]) {
      const { dataSet, findings } = parse(concatBytes(element(0x00100020, vr, 'abcd'), element(0x00100040, 'CS', 'O ')))
      assert.equal(outline(dataSet.elements), `(0010,0020) ${vr} (0010,0040) CS`)
      assert.deepEqual(findings, [])
    }
  })

  it('are refused when they are unknown; letters are read with the long form', () => {
    const unknown = concatBytes(Uint8Array.of(0x10, 0, 0x20, 0), Buffer.from('XY\0\0'), uint32(2), Buffer.from('id'))
    const letters = parse(concatBytes(element(0x00080060, 'CS', 'CT'), unknown, element(0x00100040, 'CS', 'O ')))
    assert.equal(outline(letters.dataSet.elements), '(0008,0060) CS (0010,0020) XY (0010,0040) CS')
    assert.deepEqual(findingsIn(letters), ['dicom_element_malformed@14'])
    const noLetters = parse(
      concatBytes(element(0x00080060, 'CS', 'CT'), element(0x00100020, 'l0', 'id'), element(0x00100040, 'CS', 'O ')),
    )
    assert.equal(outline(noLetters.dataSet.elements), '(0008,0060) CS (0010,0020) l0 (0010,0040) CS')
    assert.deepEqual(findingsIn(noLetters), ['dicom_element_malformed@14'])
  })

  it('are refused when the reserved bytes are not zero', () => {
    const bytes = concatBytes(element(0x00080060, 'CS', 'CT'), element(0x0040a160, 'UT', 'text', { reserved: 1 }))
    assert.deepEqual(findingsIn(parse(bytes)), ['dicom_element_malformed@16'])
  })

  it('are refused when the file ends between them and their length', () => {
    const bytes = concatBytes(element(0x00080060, 'CS', 'CT'), element(0x0040a160, 'UT').subarray(0, 10))
    assert.deepEqual(findingsIn(parse(bytes)), ['dicom_truncated@10'])
  })

  it('may differ from the dictionary: what the file says counts', () => {
    const { dataSet } = parse(concatBytes(element(0x00080060, 'UN', 'CT'), element(0x00100020, 'UT', 'id')))
    assert.equal(outline(dataSet.elements), '(0008,0060) UN (0010,0020) UT')
  })
})

describe('implicit value representations', () => {
  const implicit = (tag: number, content: string | Uint8Array = '', length?: number): Uint8Array =>
    element(tag, '', content, { encoding: IMPLICIT_LITTLE, ...(length === undefined ? {} : { length }) })
  const vrsOf = (...elements: readonly Uint8Array[]): string =>
    outline(parse(concatBytes(...elements), IMPLICIT_LITTLE).dataSet.elements)

  it('come from the dictionary', () => {
    assert.equal(
      vrsOf(
        implicit(0x00080000, uint32(0)),
        implicit(0x00080060, 'CT'),
        implicit(0x00280106, uint16(0)),
        implicit(0x60020010, uint16(1)),
        implicit(0x60023000, 'ab'),
      ),
      '(0008,0000) UL (0008,0060) CS (0028,0106) xs (6002,0010) US (6002,3000) OW',
    )
    assert.equal(vrsOf(implicit(0x00080003, 'xx')), '(0008,0003) UN')
  })

  it('of private elements come from their creator, in the block that it reserved', () => {
    const creator = implicit(0x00190010, 'GEMS_ACQU_01 ')
    assert.equal(
      vrsOf(creator, implicit(0x00191002, 'ab'), implicit(0x00191102, 'ab')),
      '(0019,0010) LO (0019,1002) SL (0019,1102) UN',
    )
    assert.equal(
      vrsOf(implicit(0x001900ff, 'GEMS_ACQU_01\0'), implicit(0x0019ff02, 'ab')),
      '(0019,00ff) LO (0019,ff02) SL',
    )
    assert.equal(
      vrsOf(implicit(0x00190010, 'NOBODY KNOWS'), implicit(0x00191002, 'ab')),
      '(0019,0010) LO (0019,1002) UN',
    )
    assert.equal(vrsOf(implicit(0x00191002, 'ab')), '(0019,1002) UN')
    // Another group: the creator is known there for other elements only.
    assert.equal(
      vrsOf(implicit(0x00210010, 'GEMS_ACQU_01'), implicit(0x00211002, 'ab')),
      '(0021,0010) LO (0021,1002) UN',
    )
  })

  it('do not carry creators from a data set into its items, nor out of them', () => {
    const creator = implicit(0x00190010, 'GEMS_ACQU_01')
    const inside = item(implicit(0x00191002, 'ab'))
    const own = item(concatBytes(creator, implicit(0x00191002, 'ab')))
    assert.equal(
      vrsOf(creator, implicit(0x00400260, concatBytes(inside, own))),
      '(0019,0010) LO (0040,0260) SQ[(0019,1002) UN][(0019,0010) LO (0019,1002) SL]',
    )
    assert.equal(
      vrsOf(implicit(0x00081140, own), implicit(0x00191002, 'ab')),
      '(0008,1140) SQ[(0019,0010) LO (0019,1002) SL] (0019,1002) UN',
    )
  })

  it('read unknown elements of undefined length as sequences', () => {
    const unknown = concatBytes(implicit(0x00091001, '', UNDEFINED), item(implicit(0x00080060, 'CT')), sequenceEnd())
    assert.equal(vrsOf(unknown, implicit(0x00100020, 'id')), '(0009,1001) UN[(0008,0060) CS] (0010,0020) LO')
  })
})

describe('the value representation UN', () => {
  const inner = element(0x00080060, '', 'CT', { encoding: IMPLICIT_LITTLE })

  it('of undefined length holds items in implicit little endian, whatever is around it', () => {
    for (const encoding of [EXPLICIT_LITTLE, EXPLICIT_BIG]) {
      const un = element(0x00091001, 'UN', '', { encoding, length: UNDEFINED })
      const after = element(0x00100020, 'LO', 'id', { encoding })
      const { dataSet, findings } = parse(
        concatBytes(un, item(inner, { length: UNDEFINED }), itemEnd(), item(inner), sequenceEnd(), after),
        encoding,
      )
      assert.equal(outline(dataSet.elements), '(0009,1001) UN[(0008,0060) CS][(0008,0060) CS] (0010,0020) LO')
      assert.deepEqual(findings, [])
      assert.deepEqual(dataSet.elements[0]?.encoding, encoding)
      assert.deepEqual(dataSet.elements[0]?.items?.[0]?.elements[0]?.encoding, IMPLICIT_LITTLE)
      assert.deepEqual(dataSet.elements[1]?.encoding, encoding)
    }
  })

  it('of a stated length is left closed', () => {
    const { dataSet, findings } = parse(element(0x00091001, 'UN', item(inner)))
    assert.equal(outline(dataSet.elements), '(0009,1001) UN')
    assert.deepEqual(findings, [])
  })

  it('knows the private creators of its items', () => {
    const implicit = (tag: number, content: string): Uint8Array =>
      element(tag, '', content, { encoding: IMPLICIT_LITTLE })
    const content = item(concatBytes(implicit(0x00190010, 'GEMS_ACQU_01'), implicit(0x00191002, 'ab')))
    const { dataSet } = parse(concatBytes(element(0x00091001, 'UN', '', { length: UNDEFINED }), content, sequenceEnd()))
    assert.equal(outline(dataSet.elements), '(0009,1001) UN[(0019,0010) LO (0019,1002) SL]')
  })
})

describe('encapsulated pixel data', () => {
  const open = element(0x7fe00010, 'OB', '', { length: UNDEFINED })
  const parseAs = (uid: string, ...units: readonly Uint8Array[]): DicomFile =>
    parseDicom(memorySource(file(concatBytes(...units), uid)))

  it('is a list of fragments, the offset table first', () => {
    const { dataSet, findings } = parseAs(
      JPEG_BASELINE,
      open,
      item(uint32(0)),
      item('abcd'),
      item(''),
      item('ef'),
      sequenceEnd(),
      element(0xfffcfffc, 'OB', '\0\0'),
    )
    const [pixels, padding] = dataSet.elements
    assert.deepEqual(
      pixels?.fragments?.map(({ start, valueStart, end }) =>
        [start, valueStart, end].map((offset) => offset - DATA_SET_START),
      ),
      [
        [12, 20, 24],
        [24, 32, 36],
        [36, 44, 44],
        [44, 52, 54],
      ],
    )
    assert.deepEqual([pixels?.valueEnd, pixels?.end], [DATA_SET_START + 54, DATA_SET_START + 62])
    assert.equal(padding?.tag, 0xfffcfffc)
    assert.deepEqual(findings, [])
  })

  it('may be spelled OW', () => {
    assert.deepEqual(
      parseAs(JPEG_BASELINE, element(0x7fe00010, 'OW', '', { length: UNDEFINED }), item(), sequenceEnd()).findings,
      [],
    )
  })

  const refusals: readonly (readonly [string, string, readonly Uint8Array[], string])[] = [
    ['no offset table', JPEG_BASELINE, [open, sequenceEnd()], 'dicom_fragments_malformed@12'],
    ['no delimiter', JPEG_BASELINE, [open, item(), item('ab')], 'dicom_truncated@30'],
    ['an item delimiter instead', JPEG_BASELINE, [open, item(), itemEnd()], 'dicom_element_malformed@20'],
    [
      'a delimiter with a length',
      JPEG_BASELINE,
      [open, item(), sequenceEnd({ length: 8 })],
      'dicom_element_malformed@20',
    ],
    [
      'a fragment that is cut off',
      JPEG_BASELINE,
      [open, item(), item('ab', { length: 4 })],
      'dicom_length_past_end@20',
    ],
    [
      'a fragment of undefined length',
      JPEG_BASELINE,
      [open, item(), item('', { length: UNDEFINED }), sequenceEnd()],
      'dicom_length_past_end@20',
    ],
    [
      'a native transfer syntax',
      EXPLICIT_LITTLE_ENDIAN,
      [open, item(), item('ab'), sequenceEnd()],
      'dicom_fragments_malformed@0',
    ],
    ['a stated length instead', JPEG_BASELINE, [element(0x7fe00010, 'OB', 'ab')], 'dicom_fragments_malformed@0'],
    [
      'a stated length under RLE',
      '1.2.840.10008.1.2.5',
      [element(0x7fe00010, 'OW', 'ab')],
      'dicom_fragments_malformed@0',
    ],
    [
      'another tag',
      JPEG_BASELINE,
      [element(0x00420011, 'OB', '', { length: UNDEFINED }), item(), sequenceEnd()],
      'dicom_fragments_malformed@0',
    ],
    [
      'text of undefined length',
      JPEG_BASELINE,
      [element(0x00420011, 'UT', '', { length: UNDEFINED }), item(), sequenceEnd()],
      'dicom_fragments_malformed@0',
    ],
    [
      'a VR for numbers',
      JPEG_BASELINE,
      [element(0x7fe00010, 'OF', '', { length: UNDEFINED }), item(), sequenceEnd()],
      'dicom_fragments_malformed@0',
    ],
  ]
  for (const [name, uid, units, finding] of refusals) {
    it(`is refused in strict mode for ${name}`, () => {
      assert.equal(findingsIn(parseAs(uid, ...units))[0], finding)
    })
  }

  it('may be native under syntaxes that are unknown, referenced or uncompressed', () => {
    for (const uid of ['1.2.840.113619.5.2', '1.2.840.10008.1.2.4.94', EXPLICIT_LITTLE_ENDIAN]) {
      assert.deepEqual(parseAs(uid, element(0x7fe00010, 'OB', 'ab')).findings, [])
    }
  })
})

describe('findings without end', () => {
  it('are cut at a thousand', () => {
    const { findings } = parse(concatBytes(...Array.from({ length: 2000 }, () => element(0x00080060, 'CS', 'CT'))))
    assert.equal(findings.length, 1000)
    assert.equal(findings[0]?.offset, DATA_SET_START + 10)
  })
})
