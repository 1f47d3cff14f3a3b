import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes, decodeUtf8, encodeLatin1, encodeUtf8, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { encodeFile, type NewElement } from '../dicom/encode.ts'
import { type DataSet, parseDicom } from '../dicom/parse.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../dicom/transfer-syntax.ts'
import { ob, sq, text, us } from '../dicom/values.ts'
import { encodeDicomJson, findByPath, formatDicomJson } from './format.ts'
import { type DicomJson, itemsAt, textAt, textsAt } from './model.ts'
import { decodeDicomJson, parseDicomJson } from './parse.ts'

const SYNTAXES = [IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, DEFLATED_EXPLICIT_LITTLE_ENDIAN]
const refused = { code: 'dicom_json_malformed' }
const HEAD = [text(0x00080016, 'UI', '1.2.3'), text(0x00080018, 'UI', '1.2.3.4')]

const dataSetOf = (elements: readonly NewElement[], transferSyntaxUid = EXPLICIT_LITTLE_ENDIAN): DataSet =>
  parseDicom(memorySource(joinBytes(encodeFile({ transferSyntaxUid, elements })))).dataSet

/** What the model says of elements behind the two UIDs of every file. */
function modelOf(elements: readonly NewElement[], transferSyntaxUid?: string): DicomJson {
  const sorted = [...HEAD, ...elements].sort((a, b) => a.tag - b.tag)
  const { '00080016': _class, '00080018': _instance, ...rest } = formatDicomJson(dataSetOf(sorted, transferSyntaxUid))
  return rest
}

const raw = (tag: number, vr: string, value: Uint8Array): NewElement => ({ tag, vr, value })

describe('DICOM JSON model, PS3.18 annex F', () => {
  it('writes each kind of value, the same from every native syntax', () => {
    const elements: NewElement[] = [
      text(0x00080008, 'CS', 'ORIGINAL', '', 'AXIAL'),
      text(0x00080020, 'DA', '20260303'),
      text(0x00080050, 'SH', ''),
      text(0x00080056, 'CS', ' ONLINE '),
      raw(0x00082112, 'SQ', new Uint8Array()),
      text(0x00100010, 'PN', 'Doe^Jane', 'A^B=C=D', '==E', ''),
      text(0x00100030, 'DA'),
      text(0x00181041, 'DS', '1.50', '-0.25', ' 3e2 ', '1234567890.123456', 'x'),
      text(0x00200013, 'IS', '+7', '08'),
      raw(0x00089215, 'SQ', new Uint8Array()),
      { tag: 0x00189810, vr: 'xs', value: Uint8Array.of(0xff, 0xff) },
      us(0x00280010, 1, 65535),
      raw(0x00280009, 'AT', Uint8Array.of(0x18, 0, 0x63, 0x10)),
      us(0x00280103, 1),
      raw(0x00186011, 'SQ', new Uint8Array()),
      raw(0x00400310, 'ST', encodeLatin1('one\\two  ')),
      raw(0x00480201, 'US', Uint8Array.of()),
      raw(0x00720072, 'DS', encodeLatin1('NaN ')),
      raw(0x00720073, 'LT', encodeLatin1(' a ')),
      raw(0x00720076, 'FL', new Uint8Array(new Float32Array([0.5, Number.POSITIVE_INFINITY]).buffer)),
      raw(0x00720074, 'FD', new Uint8Array(new Float64Array([0.1, Number.NaN]).buffer)),
      raw(0x00720083, 'UV', new Uint8Array(new BigUint64Array([5n, 2n ** 60n]).buffer)),
      raw(0x00720081, 'SV', new Uint8Array(new BigInt64Array([-5n, -(2n ** 62n)]).buffer)),
      raw(0x00720069, 'OW', Uint8Array.of(1, 2, 3, 4)),
      text(0x00720071, 'UR', 'https://example.org/a\\b'),
      sq(0x00720080, [text(0x00080100, 'SH', 'x')], []),
    ]
    const distinct = elements.filter(({ tag, vr }) => vr !== 'SQ' || 'items' in { tag, vr } || tag === 0x00720080)
    const expected = {
      '00080008': { vr: 'CS', Value: ['ORIGINAL', null, 'AXIAL'] },
      '00080020': { vr: 'DA', Value: ['20260303'] },
      '00080050': { vr: 'SH' },
      '00080056': { vr: 'CS', Value: ['ONLINE'] },
      '00100010': {
        vr: 'PN',
        Value: [
          { Alphabetic: 'Doe^Jane' },
          { Alphabetic: 'A^B', Ideographic: 'C', Phonetic: 'D' },
          { Phonetic: 'E' },
          null,
        ],
      },
      '00100030': { vr: 'DA' },
      '00181041': { vr: 'DS', Value: [1.5, -0.25, 300, '1234567890.123456', 'x'] },
      '00200013': { vr: 'IS', Value: [7, 8] },
      '00280009': { vr: 'AT', Value: ['00181063'] },
      '00280010': { vr: 'US', Value: [1, 65535] },
      '00280103': { vr: 'US', Value: [1] },
      '00400310': { vr: 'ST', Value: ['one\\two'] },
      '00480201': { vr: 'US' },
      '00720069': { vr: 'OW', InlineBinary: 'AQIDBA==' },
      '00720071': { vr: 'UR', Value: ['https://example.org/a\\b'] },
      '00720072': { vr: 'DS', Value: ['NaN'] },
      '00720074': { vr: 'FD', Value: [0.1, 'NaN'] },
      '00720076': { vr: 'FL', Value: [0.5, 'Infinity'] },
      '00720073': { vr: 'LT', Value: [' a'] },
      '00720080': { vr: 'SQ', Value: [{ '00080100': { vr: 'SH', Value: ['x'] } }, {}] },
      '00720081': { vr: 'SV', Value: [-5, '-4611686018427387904'] },
      '00720083': { vr: 'UV', Value: [5, '1152921504606846976'] },
    }
    const spelled = distinct.filter(({ vr }) => vr !== 'xs')
    // In the implicit syntax the dictionary knows the VR, and it is not always the one that this test picks.
    for (const syntax of SYNTAXES.slice(1)) assert.deepEqual(modelOf(spelled, syntax), expected, syntax)
  })

  it('lets Pixel Representation decide between US and SS in the implicit syntax', () => {
    for (const [sign, vr, value] of [
      [0, 'US', 65535],
      [1, 'SS', -1],
    ] as const) {
      const elements = [raw(0x00280103, 'US', Uint8Array.of(sign, 0)), raw(0x00280120, 'US', Uint8Array.of(0xff, 0xff))]
      assert.deepEqual(modelOf(elements, IMPLICIT_LITTLE_ENDIAN)['00280120'], { vr, Value: [value] })
    }
  })

  it('writes text in UTF-8 whatever the character set was, in items too', () => {
    const latin = raw(0x00100010, 'PN', encodeLatin1('M\xfcller^J\xfcrgen'))
    const item = [raw(0x00080005, 'CS', encodeLatin1('ISO_IR 144')), raw(0x00080104, 'LO', Uint8Array.of(0xbb, 0xee))]
    const inherits = [raw(0x00080104, 'LO', encodeLatin1('\xe9'))]
    const model = modelOf([raw(0x00080005, 'CS', encodeLatin1('ISO_IR 100')), latin, sq(0x00081032, item, inherits)])
    assert.equal(textAt(model, 0x00100010), 'Müller^Jürgen')
    assert.equal(textAt(model, 0x00080005), 'ISO_IR 192')
    const [first, second] = itemsAt(model, 0x00081032)
    assert.equal(textAt(first, 0x00080005), 'ISO_IR 192')
    assert.equal(textAt(first, 0x00080104), 'Лю')
    assert.equal(textAt(second, 0x00080104), 'é')
    const back = parseDicomJson(decodeDicomJson(encodeDicomJson(model))[0] ?? {})
    assert.deepEqual(modelOf(back), model)
  })

  it('gives values addresses, also inside of items, and finds them again', () => {
    const dataSet = dataSetOf([
      ...HEAD,
      sq(0x54000100, [], [ob(0x54001010, new Uint8Array(8))]),
      ob(0x7fe00010, new Uint8Array(10)),
    ])
    const model = formatDicomJson(dataSet, {
      bulkDataUri: ({ vr }, path) => (vr === 'OB' ? `bulk/${path}` : undefined),
    })
    assert.deepEqual(model['7FE00010'], { vr: 'OB', BulkDataURI: 'bulk/7FE00010' })
    assert.deepEqual(itemsAt(model, 0x54000100)[1], {
      '54001010': { vr: 'OB', BulkDataURI: 'bulk/54000100/2/54001010' },
    })
    assert.equal(findByPath(dataSet, '54000100/2/54001010')?.vr, 'OB')
    assert.equal(findByPath(dataSet, '7FE00010')?.tag, 0x7fe00010)
    for (const path of [
      '',
      '7fe00010',
      '54000100/3/54001010',
      '54000100/0/54001010',
      '54000100/2',
      '00080016/1/00080016',
      '../..',
      '54000100/1/54001010',
      '7FE00010/1/7FE00010',
    ])
      assert.equal(findByPath(dataSet, path), undefined, path)
  })

  it('has no place for fragments without an address, nor for group lengths', () => {
    const fragments: NewElement = { tag: 0x7fe00010, vr: 'OB', fragments: [new Uint8Array(), new Uint8Array(4)] }
    const dataSet = dataSetOf([raw(0x00080000, 'UL', new Uint8Array(4)), ...HEAD, fragments], '1.2.840.10008.1.2.5')
    assert.deepEqual(Object.keys(formatDicomJson(dataSet)), ['00080016', '00080018'])
    assert.deepEqual(formatDicomJson(dataSet, { bulkDataUri: (_, path) => path })['7FE00010'], {
      vr: 'OB',
      BulkDataURI: '7FE00010',
    })
  })

  it('writes attributes in ascending order, also those whose keys look like numbers', () => {
    const later = text(0x20500020, 'CS', 'IDENTITY')
    const model = modelOf([text(0x00100020, 'LO', 'x'), sq(0x00081032, [text(0x00080100, 'SH', 'y'), later]), later])
    const json = decodeUtf8(encodeDicomJson(model))
    const keys = [...json.matchAll(/"([0-9A-F]{8})":\{"vr"/g)].map(([, key]) => key)
    assert.deepEqual(keys, ['00081032', '00080100', '20500020', '00100020', '20500020'])
  })

  it('writes only what is asked for', () => {
    assert.deepEqual(Object.keys(formatDicomJson(dataSetOf(HEAD), { includes: (tag) => tag === 0x00080018 })), [
      '00080018',
    ])
  })

  it('writes damaged numbers as bytes', () => {
    const element = raw(0x00280010, 'US', Uint8Array.of(1, 2))
    const file = joinBytes(encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: [...HEAD, element] }))
    // The last element of three bytes, not four: its length and the end of the file.
    const damaged = concatBytes(file.subarray(0, file.length - 4), Uint8Array.of(3, 0, 1, 2, 3))
    assert.deepEqual(formatDicomJson(parseDicom(memorySource(damaged)).dataSet)['00280010'], {
      vr: 'UN',
      InlineBinary: 'AQID',
    })
  })

  it('reads addresses through its caller', () => {
    const [model = {}] = decodeDicomJson('{"7FE00010":{"vr":"OW","BulkDataURI":"x"}}')
    assert.deepEqual(parseDicomJson(model, { bulkData: () => Uint8Array.of(1, 2) }), [
      raw(0x7fe00010, 'OW', Uint8Array.of(1, 2)),
    ])
    assert.throws(() => parseDicomJson(model), refused)
  })

  it('spells numbers within the characters that DS and IS have', () => {
    const [model = {}] = decodeDicomJson(
      '{"00181041":{"vr":"DS","Value":[0.1,-0.12345678901234567,1e300,123456789012345680]},"00200013":{"vr":"IS","Value":[-5,"6"]}}',
    )
    const [ds, is] = parseDicomJson(model)
    for (const value of decodeUtf8(bytesOf(ds)).split('\\')) assert.ok(value.length <= 16, value)
    assert.equal(decodeUtf8(bytesOf(is)), '-5\\6')
  })

  it('reads texts of models that others wrote', () => {
    const [model] = decodeDicomJson(
      '[{"00100010":{"vr":"PN","Value":[{"Alphabetic":"a"},{"Phonetic":"b"},null]},"00280010":{"vr":"US","Value":[5]},"00080050":{"vr":"SH","Value":[]}}]',
    )
    assert.deepEqual(textsAt(model, 0x00100010), ['a', '', ''])
    assert.equal(textAt(model, 0x00280010), '5')
    assert.equal(textAt(model, 0x00080050), undefined)
    assert.equal(textAt(undefined, 0x00080050), undefined)
    assert.deepEqual(textsAt({ '00080050': 5 }, 0x00080050), [])
    assert.deepEqual(itemsAt(model, 0x00100010).length, 2)
  })

  const refusals = [
    '',
    '5',
    '[5]',
    '{"0010001":{"vr":"PN"}}',
    '{"0010001G":{"vr":"PN"}}',
    '{"00100010":{"vr":"PN"},"00100010":{"vr":"PN"}}',
    '{"0010001a":{"vr":"PN"},"0010001A":{"vr":"PN"}}',
    '{"00100010":5}',
    '{"00100010":{}}',
    '{"00100010":{"vr":"XX"}}',
    '{"00100010":{"vr":"PN","Value":"x"}}',
    '{"00100010":{"vr":"PN","Value":[5]}}',
    '{"00100010":{"vr":"PN","Value":[{"Alphabetic":5}]}}',
    '{"00100010":{"vr":"PN","Value":[{"Alphabetic":"a\\\\b"}]}}',
    '{"00100010":{"vr":"LO","Value":["a\\\\b"]}}',
    '{"00100010":{"vr":"LO","Value":["a"],"InlineBinary":"AA=="}}',
    '{"00280010":{"vr":"US","Value":[65536]}}',
    '{"00280010":{"vr":"US","Value":[1.5]}}',
    '{"00280010":{"vr":"US","Value":["x"]}}',
    '{"00280010":{"vr":"FD","Value":["x"]}}',
    '{"00280010":{"vr":"UV","Value":["18446744073709551616"]}}',
    '{"00280010":{"vr":"UV","Value":[1e20]}}',
    '{"00280010":{"vr":"AT","Value":["0010"]}}',
    '{"00280010":{"vr":"OB","Value":[1]}}',
    '{"00280010":{"vr":"OB","InlineBinary":"A"}}',
    '{"00280010":{"vr":"OB","InlineBinary":5}}',
    '{"00280010":{"vr":"SQ","InlineBinary":"AA=="}}',
    '{"00280010":{"vr":"SQ","Value":[5]}}',
    '{"00280010":{"vr":"IS","Value":[1e20]}}',
  ]
  for (const spelled of refusals) {
    it(`refuses ${spelled}`, () => {
      assert.throws(() => decodeDicomJson(spelled).map((model) => parseDicomJson(model)), refused)
    })
  }

  it('refuses sequences without end', () => {
    const deep = (depth: number): string => `${'{"00081032":{"vr":"SQ","Value":['.repeat(depth)}${']}}'.repeat(depth)}`
    assert.equal(decodeDicomJson(deep(64)).map((model) => parseDicomJson(model)).length, 1)
    assert.throws(() => decodeDicomJson(deep(66)).map((model) => parseDicomJson(model)), refused)
    assert.throws(() => decodeDicomJson(deep(100_000)), refused)
  })

  it('reads damaged models, or refuses them with an error of its own (20,000 texts)', () => {
    const random = seeded(5)
    const elements = [
      text(0x00080005, 'CS', 'ISO_IR 192'),
      text(0x00100010, 'PN', 'é^a=b'),
      text(0x00181041, 'DS', '1.5'),
      us(0x00280010, 5),
      raw(0x00720083, 'UV', new Uint8Array(8)),
      sq(0x00081032, [ob(0x54001010, Uint8Array.of(1, 2))]),
    ]
    const good = encodeDicomJson(modelOf(elements))
    let refusals = 0
    for (let i = 0; i < 20_000; i++) {
      const damaged = good.slice()
      for (let k = 0; k <= random(3); k++)
        damaged[random(damaged.length)] = random(4) === 0 ? random(256) : (good[random(good.length)] as number)
      try {
        for (const model of decodeDicomJson(damaged)) parseDicomJson(model)
      } catch (error) {
        assert.ok(error instanceof FormatError && error.code === 'dicom_json_malformed', String(error))
        refusals++
      }
    }
    assert.ok(refusals > 1000)
  })

  it('reads what it writes (2,000 random data sets)', () => {
    const random = seeded(18)
    const bytes = (length: number) => Uint8Array.from({ length }, () => random(256))
    const words = ['', 'a', 'Ab 9', 'é', '日本', 'x_y']
    const word = () => words[random(words.length)] as string
    const kinds: (() => NewElement)[] = [
      () => text(0x00080050, 'SH', word()),
      () => text(0x00100010, 'PN', `${word()}^x=${word()}=${word()}`),
      () => text(0x00181041, 'DS', String(random(100000) / 1000), String(-random(99))),
      () => text(0x00200013, 'IS', String(random(1000))),
      () => us(0x00280010, random(65536), random(65536)),
      () => raw(0x00720076, 'FL', bytes(4).fill(0x41, 3)),
      () => raw(0x00720083, 'UV', bytes(16)),
      () => raw(0x00720078, 'UL', bytes(8)),
      () => raw(0x00720070, 'UT', encodeUtf8(`${word()}\\${word()}.`)),
      () => ob(0x7fe00010, bytes(2 * random(20))),
      () => raw(0x00090010, 'LO', encodeLatin1('OURS')),
      () => raw(0x00091001, 'UN', bytes(6)),
      () => sq(0x00081032, ...Array.from({ length: random(3) }, () => list(2))),
    ]
    const list = (most: number): NewElement[] => {
      const picked = Array.from({ length: random(most + 1) }, () => (kinds[random(kinds.length)] as () => NewElement)())
      return [...new Map(picked.map((element) => [element.tag, element])).values()].sort((a, b) => a.tag - b.tag)
    }
    for (let i = 0; i < 2000; i++) {
      const utf8 = text(0x00080005, 'CS', 'ISO_IR 192')
      const model = modelOf([utf8, ...list(6)], SYNTAXES[1 + (i % 3)])
      const back = parseDicomJson(decodeDicomJson(encodeDicomJson(model))[0] ?? {})
      assert.deepEqual(modelOf(back, SYNTAXES[1 + ((i + 1) % 3)]), model)
    }
  })
})

function bytesOf(element: NewElement | undefined): Uint8Array {
  assert.ok(element !== undefined && 'value' in element)
  return element.value
}
