import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { concatBytes, encodeLatin1 } from '../../bytes/text.ts'
import { encodeElement, type NewElement } from '../../formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '../../formats/dicom/parse.ts'
import {
  DEFLATED_EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { at, ob, sq, ss, text, ul, us } from '../../formats/dicom/values.ts'
import { countingHashes } from '../../testing/counting-hashes.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { hashes, toyDescription, toyElements, toyFile, toyStatement, without } from '../../testing/toy-seal.ts'
import { Digests, digestSignature, streamContext } from '../signature/digest.ts'
import type { DecodeFrame } from '../signature/encapsulated.ts'
import { TAGS } from '../signature/read.ts'
import { type CompareOptions, type Comparison, compareInstance } from './compare.ts'
import type { AcquisitionStatement } from './statement.ts'

const RLE = '1.2.840.10008.1.2.5'
const JPEG_LOSSLESS = '1.2.840.10008.1.2.4.70'
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50'
const pixels = Uint8Array.from({ length: 96 }, (_, i) => i)
const native = (value: Uint8Array, vr = 'OW'): NewElement => ({ tag: 0x7fe00010, vr, value })
const encapsulated = (...fragments: readonly Uint8Array[]): NewElement => ({
  tag: 0x7fe00010,
  vr: 'OB',
  fragments: [new Uint8Array(0), ...fragments],
})

/** The signatures of both holders, with values of no meaning. */
const parts = [1, 2].map((id) => {
  const mac = [
    us(TAGS.macId, id),
    text(TAGS.macTransferSyntax, 'UI', '1.2.840.10008.1.2.1'),
    text(TAGS.macAlgorithm, 'CS', 'SHA256'),
    at(TAGS.signedElements, 0x00080018),
  ]
  const item = [
    us(TAGS.macId, id),
    text(TAGS.signatureUid, 'UI', `2.25.${6 + id}`),
    text(TAGS.signatureDateTime, 'DT', '20260303101400.000000+0000'),
    text(TAGS.certificateType, 'CS', 'X509_1993_SIG'),
    ob(TAGS.certificate, Uint8Array.of(0x30, 0x00)),
    ob(TAGS.signature, Uint8Array.of(id, 2, 3, 4)),
  ]
  return { mac, item }
})
const macParameters = sq(0x4ffe0001, ...parts.map(({ mac }) => mac))
const signatures = (...items: readonly (readonly NewElement[])[]): NewElement => sq(0xfffafffa, ...items)
const signed: readonly NewElement[] = [macParameters, signatures(...parts.map(({ item }) => item))]

/** What sealing these elements states, with the signatures above. */
function statementOf(
  elements: readonly NewElement[],
  syntax: string = EXPLICIT_LITTLE_ENDIAN,
  decodeFrame?: DecodeFrame,
): { statement: AcquisitionStatement; frames: readonly Uint8Array[] } {
  const file = toyFile(
    [...elements, ...signed].toSorted((a, b) => a.tag - b.tag),
    syntax,
  )
  const description = toyDescription(file, decodeFrame)
  const context = streamContext(file.dataSet)
  const [device, operator] = parts.map(({ mac, item }, i) => ({
    uid: `2.25.${7 + i}`,
    sha256: digestSignature(context, hashes, mac, item),
  })) as [AcquisitionStatement['signatures']['device'], AcquisitionStatement['signatures']['device']]
  return { statement: toyStatement(description, { signatures: { device, operator } }), frames: description.frames }
}

const sealed = statementOf(toyElements())

function compareFile(file: DicomFile, options: Partial<CompareOptions> = {}, by = sealed): Comparison {
  return compareInstance(by.statement, file, {
    hashes,
    digests: new Digests(file.dataSet, hashes),
    frames: by.frames,
    ...options,
  })
}

const signedFile = (elements: readonly NewElement[], syntax?: string): DicomFile =>
  toyFile(
    [...elements, ...signed].toSorted((a, b) => a.tag - b.tag),
    syntax,
  )

const compare = (
  elements: readonly NewElement[],
  syntax?: string,
  options: Partial<CompareOptions> = {},
  by = sealed,
): Comparison => compareFile(signedFile(elements, syntax), options, by)

/** `what concern tag frame` of each change. */
const spell = ({ changes }: Comparison): readonly string[] =>
  changes.map(({ what, concern, tag, frame }) =>
    [what, concern, tag?.toString(16), frame].filter((part) => part !== undefined).join(' '),
  )

describe('compareInstance of what did not change', () => {
  it('knows the very file by its digest', () => {
    assert.deepEqual(compare(toyElements(), undefined, { fileSha256: sealed.statement.file }), {
      kind: 'identical',
      changes: [],
      changedFrames: 0,
      concerns: [],
    })
    assert.equal(compare(toyElements(), undefined, { fileSha256: sha256() }).kind, 'equivalent')
  })

  it('finds every native encoding equivalent', () => {
    const elements = without(toyElements(), 0x00291010)
    const by = statementOf(elements)
    for (const syntax of [
      EXPLICIT_LITTLE_ENDIAN,
      IMPLICIT_LITTLE_ENDIAN,
      EXPLICIT_BIG_ENDIAN,
      DEFLATED_EXPLICIT_LITTLE_ENDIAN,
    ]) {
      assert.deepEqual(
        compare(elements, syntax, {}, by),
        { kind: 'equivalent', changes: [], changedFrames: 0, concerns: [] },
        syntax,
      )
    }
  })

  it('passes over group lengths that are right, and names one that is wrong', () => {
    const bytes = toyElements()
      .filter(({ tag }) => tag >>> 16 === 0x0010)
      .reduce((sum, element) => sum + encodeElement(element, EXPLICIT_LITTLE).length, 0)
    assert.deepEqual(spell(compare(toyElements([ul(0x00100000, bytes)]))), [])
    assert.deepEqual(spell(compare(toyElements([ul(0x00100000, bytes + 2)]))), ['element_added patient 100000'])
    const by = statementOf(toyElements([ul(0x00100000, bytes)]))
    assert.deepEqual(spell(compare(toyElements(), undefined, {}, by)), [])
  })

  it('digests no pixel and decodes none', () => {
    const large = [
      us(0x00280010, 500),
      us(0x00280011, 500),
      text(0x00280008, 'IS', '1'),
      native(new Uint8Array(500_000)),
    ]
    const by = statementOf(toyElements(large))
    const file = signedFile(toyElements(large))
    const counted = countingHashes(hashes)
    const digests = new Digests(file.dataSet, counted.hashes)
    digests.digestElements(
      'sha256',
      file.dataSet.elements.filter(({ tag }) => tag !== 0x00291010 && tag < 0xfffafffa && tag !== 0x4ffe0001),
      'as_stored',
    )
    const before = counted.bytes()
    const decodeFrame: DecodeFrame = () => assert.fail('decoded')
    assert.equal(compareFile(file, { hashes: counted.hashes, digests, decodeFrame }, by).kind, 'equivalent')
    assert.ok(counted.bytes() - before < 5000, `${counted.bytes() - before} bytes`)
  })
})

describe('compareInstance of attributes', () => {
  const changes: readonly {
    readonly name: string
    readonly elements: readonly NewElement[]
    readonly expected: readonly string[]
  }[] = [
    {
      name: 'another patient',
      elements: toyElements([text(0x00100010, 'PN', 'Other^Patient'), text(0x00100020, 'LO', 'P-2')]),
      expected: ['element_changed patient 100010', 'element_changed patient 100020'],
    },
    {
      name: 'another date',
      elements: toyElements([text(0x00080020, 'DA', '20250303')]),
      expected: ['element_changed date 80020'],
    },
    {
      name: 'another operator',
      elements: toyElements([text(0x00081070, 'PN', 'X')]),
      expected: ['element_changed operator 81070'],
    },
    {
      name: 'another instance',
      elements: toyElements([text(0x00080018, 'UI', '2.25.1')]),
      expected: ['element_changed identity 80018'],
    },
    {
      name: 'a window',
      elements: toyElements([text(0x00281050, 'DS', '10')]),
      expected: ['element_changed display 281050'],
    },
    {
      name: 'a shutter',
      elements: toyElements([text(0x00181600, 'CS', 'CIRCULAR')]),
      expected: ['element_added display 181600'],
    },
    {
      name: 'an overlay',
      elements: toyElements([{ tag: 0x60023000, vr: 'OW', value: new Uint8Array(4) }]),
      expected: ['element_added overlay 60023000'],
    },
    {
      name: 'a spacing',
      elements: toyElements([text(0x00280030, 'DS', '1', '1')]),
      expected: ['element_added geometry 280030'],
    },
    {
      name: 'an attribute gone',
      elements: without(toyElements(), 0x00100020),
      expected: ['element_removed patient 100020'],
    },
    {
      name: 'a value emptied',
      elements: toyElements([text(0x00100020, 'LO', '')]),
      expected: ['element_changed patient 100020'],
    },
    {
      name: 'an item added',
      elements: toyElements([sq(0x00081111, [text(0x00081150, 'UI', '1.2.3'), text(0x00081155, 'UI', '1.2.4')], [])]),
      expected: ['element_changed other 81111'],
    },
    {
      name: 'padding inside a sequence',
      elements: toyElements([
        sq(0x00081111, [
          text(0x00081150, 'UI', '1.2.3'),
          text(0x00081155, 'UI', '1.2.4'),
          { tag: 0xfffcfffc, vr: 'OB', value: new Uint8Array(2) },
        ]),
      ]),
      expected: ['element_changed other 81111'],
    },
    {
      name: 'an unknown value',
      elements: toyElements([{ tag: 0x00291010, vr: 'UN', value: Uint8Array.of(9, 2, 3, 4) }]),
      expected: ['element_changed other 291010'],
    },
    {
      name: 'an unknown value gone',
      elements: without(toyElements(), 0x00291010),
      expected: ['element_removed other 291010'],
    },
    {
      name: 'padding behind the data',
      elements: toyElements([{ tag: 0xfffcfffc, vr: 'OB', value: new Uint8Array(2) }]),
      expected: ['element_added other fffcfffc'],
    },
    {
      name: 'another VR',
      elements: toyElements([text(0x00100020, 'SH', 'P-1')]),
      expected: ['element_changed patient 100020'],
    },
    {
      name: 'the meaning of the samples',
      elements: toyElements([text(0x00280004, 'CS', 'MONOCHROME1')]),
      expected: ['element_changed pixels 280004', 'pixels_changed pixels 7fe00010'],
    },
    {
      name: 'the sign of the samples',
      elements: toyElements([ss(0x00280103, 1)]),
      expected: ['element_changed pixels 280103'],
    },
    {
      name: 'a second kind of pixels',
      elements: toyElements([{ tag: 0x7fe00008, vr: 'OF', value: new Uint8Array(4) }]),
      expected: ['element_added pixels 7fe00008'],
    },
  ]
  for (const { name, elements, expected } of changes) {
    it(`names ${name}`, () => {
      const found = compare(elements)
      assert.equal(found.kind, 'altered')
      assert.deepEqual(spell(found), expected)
      assert.deepEqual(found.concerns, [...new Set(expected.map((line) => line.split(' ')[1]))])
    })
  }

  it('gives the name of the dictionary', () => {
    assert.equal(compare(toyElements([text(0x00100020, 'LO', 'X')])).changes[0]?.name, 'Patient ID')
  })

  it('does not mind when padding behind the data is dropped', () => {
    const by = statementOf(toyElements([{ tag: 0xfffcfffc, vr: 'OB', value: new Uint8Array(2) }]))
    const dropped = compare(toyElements(), undefined, {}, by)
    assert.deepEqual([dropped.kind, ...spell(dropped)], ['equivalent', 'element_removed other fffcfffc'])
    assert.equal(compare(without(toyElements(), 0x00291010), undefined, {}, by).kind, 'altered')
  })

  it('names a second element with one tag', () => {
    const file = signedFile(toyElements())
    const element = file.dataSet.elements.find(({ tag }) => tag === 0x00100020) as { start: number; end: number }
    const { source } = file
    const twice = concatBytes(source.view(0, element.end), source.view(element.start, source.length))
    const found = compareFile(parseDicom(memorySource(twice)))
    assert.equal(found.kind, 'altered')
    assert.deepEqual(spell(found), ['element_duplicated patient 100020'])
  })

  it('lets a value that lost its VR pass as equivalent, and says so', () => {
    const by = statementOf(toyElements([text(0x00291001, 'LO', 'private')]))
    const lost = compare(
      toyElements([{ tag: 0x00291001, vr: 'UN', value: encodeLatin1('private ') }]),
      undefined,
      {},
      by,
    )
    assert.equal(lost.kind, 'equivalent')
    assert.deepEqual(spell(lost), ['vr_lost other 291001'])
    const other = compare(
      toyElements([{ tag: 0x00291001, vr: 'UN', value: encodeLatin1('privat- ') }]),
      undefined,
      {},
      by,
    )
    assert.deepEqual([other.kind, ...spell(other)], ['altered', 'element_changed other 291001'])
  })

  it('finds every change of a single byte of the data set', () => {
    const file = signedFile(toyElements())
    const bytes = file.source.view(0, file.source.length)
    const end = file.dataSet.elements.find(({ tag }) => tag === 0x7fe00010)?.end ?? 0
    const mac = file.dataSet.elements.find(({ tag }) => tag === 0x4ffe0001) as { start: number; end: number }
    const long = file.dataSet.elements.flatMap((element) => [
      element,
      ...(element.items ?? []).flatMap((item) => item.elements),
    ])
    const reserved = new Set(
      long.filter(({ start, valueStart }) => valueStart - start === 12).flatMap(({ start }) => [start + 6, start + 7]),
    )
    let found = 0
    for (let i = file.dataSetStart; i < end; i++) {
      if (i >= mac.start && i < mac.end) continue
      const damaged = bytes.slice()
      damaged[i] = (damaged[i] as number) ^ (1 << (i % 8))
      const copy = parseDicom(memorySource(damaged))
      const { kind, changes } = compareFile(copy)
      // Two bytes of a long header are reserved: they mean nothing, and no digest takes them in.
      if (reserved.has(i)) continue
      // A length that runs past the end is read as far as it goes, with a finding.
      if (copy.findings.length > 0) continue
      assert.ok(kind === 'altered' || changes.length > 0, `byte ${i}: ${kind}`)
      found++
    }
    assert.ok(found > 250, `${found} bytes`)
  })
})

describe('compareInstance of native pixels', () => {
  it('names the frame in which a pixel changed', () => {
    const found = compare(toyElements([native(pixels.with(95, 0))]))
    assert.equal(found.kind, 'altered')
    assert.deepEqual(spell(found), ['frame_changed pixels 7fe00010 2'])
    assert.equal(found.changedFrames, 1)
  })

  it('names frames that changed places', () => {
    const swapped = concatBytes(pixels.subarray(48), pixels.subarray(0, 48))
    assert.deepEqual(spell(compare(toyElements([native(swapped)]))), [
      'frame_changed pixels 7fe00010 1',
      'frame_changed pixels 7fe00010 2',
    ])
  })

  it('names a frame that is gone, and one that came', () => {
    const fewer = compare(toyElements([text(0x00280008, 'IS', '1'), native(pixels.subarray(48))]))
    assert.deepEqual(spell(fewer), ['element_changed pixels 280008', 'frame_removed pixels 7fe00010 1'])
    const more = compare(
      toyElements([
        text(0x00280008, 'IS', '3'),
        native(concatBytes(pixels.subarray(0, 48), new Uint8Array(48), pixels.subarray(48))),
      ]),
    )
    assert.deepEqual(spell(more), ['element_changed pixels 280008', 'frame_added pixels 7fe00010 2'])
    const doubled = compare(
      toyElements([text(0x00280008, 'IS', '3'), native(concatBytes(pixels, pixels.subarray(0, 48)))]),
    )
    assert.deepEqual(spell(doubled), ['element_changed pixels 280008', 'frame_added pixels 7fe00010 3'])
  })

  it('says that pixels changed where the seal lists no frames', () => {
    assert.deepEqual(spell(compare(toyElements([native(pixels.with(0, 9))]), undefined, { frames: [] })), [
      'pixels_changed pixels 7fe00010',
    ])
  })

  it('names pixels that came or went as attributes', () => {
    assert.deepEqual(spell(compare(without(toyElements(), 0x7fe00010))), ['element_removed pixels 7fe00010'])
    const by = statementOf(without(toyElements(), 0x7fe00010))
    const added = compare(toyElements(), undefined, {}, by)
    assert.deepEqual([added.kind, ...spell(added)], ['altered', 'element_added pixels 7fe00010'])
  })

  it('takes another VR of the same samples for the same', () => {
    const eight = [us(0x00280100, 8), us(0x00280101, 8), us(0x00280102, 7), text(0x00280008, 'IS', '4')]
    const by = statementOf(toyElements([...eight, native(pixels, 'OB')]))
    const found = compare(toyElements([...eight, native(pixels, 'OW')]), undefined, {}, by)
    assert.deepEqual([found.kind, ...spell(found)], ['equivalent'])
  })

  it('notices the byte that makes a value even', () => {
    const odd = [us(0x00280010, 1), us(0x00280011, 3), us(0x00280100, 8), text(0x00280008, 'IS', '1')]
    const by = statementOf(toyElements([...odd, native(Uint8Array.of(1, 2, 3, 0), 'OB')]))
    const found = compare(toyElements([...odd, native(Uint8Array.of(1, 2, 3, 9), 'OB')]), undefined, {}, by)
    assert.deepEqual([found.kind, ...spell(found)], ['altered', 'encoding_changed other'])
  })
})

/** A codec without compression: the codestream is the frame, behind one byte that names its interpretation. */
const plainCodec: DecodeFrame = (_uid, codestream, shape) => ({
  bytes: codestream.slice(2),
  samplesPerPixel: shape.samplesPerPixel,
  bitsAllocated: shape.bitsAllocated,
  planarConfiguration: 0,
  photometricInterpretation: codestream[0] === 1 ? 'RGB' : shape.photometricInterpretation,
  isLossless: codestream[0] !== 2,
})
const coded = (frame: Uint8Array, kind = 0): Uint8Array => concatBytes(Uint8Array.of(kind, 0), frame)
const codedFrames = [coded(pixels.subarray(0, 48)), coded(pixels.subarray(48))]

describe('compareInstance of pixels that were compressed after sealing', () => {
  const decodeFrame = plainCodec

  it('decodes them and finds the same samples', () => {
    const found = compare(toyElements([encapsulated(...codedFrames)]), RLE, { decodeFrame })
    assert.deepEqual([found.kind, ...spell(found)], ['transcoded', 'transfer_syntax_changed pixels 7fe00010'])
  })

  it('names the frame that differs', () => {
    const found = compare(
      toyElements([encapsulated(codedFrames[0] as Uint8Array, coded(pixels.subarray(48).with(0, 0)))]),
      RLE,
      { decodeFrame },
    )
    assert.deepEqual(
      [found.kind, ...spell(found)],
      ['altered', 'transfer_syntax_changed pixels 7fe00010', 'frame_changed pixels 7fe00010 2'],
    )
  })

  it('cannot decide without a decoder, or for a codestream with loss', () => {
    for (const [syntax, options] of [
      [RLE, {}],
      [JPEG_BASELINE, { decodeFrame }],
    ] as const) {
      const found = compare(toyElements([encapsulated(...codedFrames)]), syntax, options)
      assert.deepEqual([found.kind, ...spell(found)], ['undecided', 'transfer_syntax_changed pixels 7fe00010'])
    }
    const lossy = codedFrames.map((frame) => frame.with(0, 2))
    assert.equal(compare(toyElements([encapsulated(...lossy)]), JPEG_LOSSLESS, { decodeFrame }).kind, 'undecided')
  })

  it('calls an image derived that says what a compressor with loss must say', () => {
    const derived = [
      text(0x00080008, 'CS', 'DERIVED', 'PRIMARY'),
      text(0x00080018, 'UI', '2.25.99'),
      text(0x00282110, 'CS', '01'),
      text(0x00282112, 'DS', '10'),
    ]
    const found = compare(toyElements([...derived, encapsulated(...codedFrames)]), JPEG_BASELINE)
    assert.equal(found.kind, 'derived')
    assert.equal(
      compare(toyElements([...derived, text(0x00100020, 'LO', 'P-2'), encapsulated(...codedFrames)]), JPEG_BASELINE)
        .kind,
      'altered',
    )
    // Without compression there is nothing to excuse.
    assert.equal(compare(toyElements(derived)).kind, 'altered')
  })

  it('lets the attributes of the encoding follow, and only those', () => {
    const colour = [
      us(0x00280002, 3),
      us(0x00280006, 0),
      text(0x00280004, 'CS', 'RGB'),
      us(0x00280010, 2),
      us(0x00280011, 4),
      us(0x00280100, 16),
    ]
    const by = statementOf(toyElements([...colour, native(pixels)]))
    const rct = [
      ...colour,
      text(0x00280004, 'CS', 'YBR_RCT'),
      encapsulated(...codedFrames.map((frame) => frame.with(0, 1))),
    ].filter((element, i, all) => all.findLastIndex(({ tag }) => tag === element.tag) === i)
    const found = compare(toyElements(rct), RLE, { decodeFrame }, by)
    assert.deepEqual([found.kind, ...spell(found)], ['transcoded', 'transfer_syntax_changed pixels 7fe00010'])
    const wider = compare(toyElements([...rct, us(0x00280107, 9)]), RLE, { decodeFrame }, by)
    assert.deepEqual([wider.kind, wider.changes[0]?.what], ['altered', 'element_added'])
  })

  describe('with a description of the derivation', () => {
    const line = 'Lossless JPEG compression, selection value 1, point transform 0, compression ratio 2.74'
    const describing = (value: string, ...more: readonly NewElement[]): readonly NewElement[] =>
      toyElements([text(0x00082111, 'ST', value), ...more])
    const bare = statementOf(toyElements())

    it('knows the line of an encoder that lost nothing, before and after decompression', () => {
      const coded = compare(describing(line, encapsulated(...codedFrames)), RLE, { decodeFrame }, bare)
      assert.deepEqual(
        [coded.kind, ...spell(coded)],
        ['transcoded', 'derivation_noted other 82111', 'transfer_syntax_changed pixels 7fe00010'],
      )
      const decoded = compare(describing(line), EXPLICIT_LITTLE_ENDIAN, {}, bare)
      assert.deepEqual([decoded.kind, ...spell(decoded)], ['transcoded', 'derivation_noted other 82111'])
    })

    it('knows the text that was sealed behind it, and no other', () => {
      for (const sealedText of ['Averaged', 'a [b] c', 'odd', '']) {
        const by = statementOf(describing(sealedText))
        const kind = (value: string): string => compare(describing(value), EXPLICIT_LITTLE_ENDIAN, {}, by).kind
        assert.equal(kind(sealedText === '' ? line : `${line} [${sealedText}]`), 'transcoded', sealedText)
        assert.equal(kind(`${line} [Fracture]`), 'altered')
        if (sealedText !== '') assert.equal(kind(line), 'altered')
      }
      assert.equal(compare(describing(`${line} [Fracture]`), EXPLICIT_LITTLE_ENDIAN, {}, bare).kind, 'altered')
    })

    it('takes other words of an encoder for an addition, and for an alteration where nothing was encoded', () => {
      const words = 'Lossless JPEG compression'
      const found = compare(describing(words, encapsulated(...codedFrames)), RLE, { decodeFrame }, bare)
      assert.deepEqual(
        [found.kind, ...spell(found)],
        ['transcoded', 'element_added other 82111', 'transfer_syntax_changed pixels 7fe00010'],
      )
      for (const value of [words, `${line}, and a fracture`, line.replace('Lossless', 'Lossy')]) {
        assert.equal(compare(describing(value), EXPLICIT_LITTLE_ENDIAN, {}, bare).kind, 'altered')
      }
      const before = statementOf(describing(words))
      const other = describing('Fracture removed', encapsulated(...codedFrames))
      assert.equal(compare(other, RLE, { decodeFrame }, before).kind, 'altered')
    })
  })

  it('does not let a compressed copy turn black into white', () => {
    const found = compare(toyElements([text(0x00280004, 'CS', 'MONOCHROME1'), encapsulated(...codedFrames)]), RLE, {
      decodeFrame,
    })
    assert.equal(found.kind, 'altered')
    assert.deepEqual(spell(found), [
      'element_changed pixels 280004',
      'transfer_syntax_changed pixels 7fe00010',
      'pixels_changed pixels 7fe00010',
    ])
  })

  it('tries zeros above signed samples', () => {
    const shape = [us(0x00280010, 1), us(0x00280011, 1), text(0x00280008, 'IS', '1'), us(0x00280103, 1)]
    const by = statementOf(toyElements([...shape, native(Uint8Array.of(0xff, 0x0f))]))
    const extended = compare(
      toyElements([...shape, encapsulated(coded(Uint8Array.of(0xff, 0xff)))]),
      RLE,
      { decodeFrame },
      by,
    )
    assert.equal(extended.kind, 'transcoded')
    assert.equal(
      compare(toyElements([...shape, encapsulated(coded(Uint8Array.of(0xfe, 0xff)))]), RLE, { decodeFrame }, by).kind,
      'altered',
    )
  })
})

describe('compareInstance of an image that was sealed compressed', () => {
  const decodeFrame = plainCodec
  const by = statementOf(toyElements([encapsulated(...codedFrames)]), RLE, plainCodec)
  const compareRle = (element: NewElement, options: Partial<CompareOptions> = { decodeFrame }): Comparison =>
    compare(toyElements([element]), RLE, options, by)

  it('finds it unchanged without a decoder', () => {
    assert.deepEqual(compareRle(encapsulated(...codedFrames), {}), {
      kind: 'equivalent',
      changes: [],
      changedFrames: 0,
      concerns: [],
    })
  })

  it('finds the same samples after decompression', () => {
    const found = compare(toyElements([native(pixels)]), EXPLICIT_LITTLE_ENDIAN, {}, by)
    assert.deepEqual([found.kind, ...spell(found)], ['transcoded', 'transfer_syntax_changed pixels 7fe00010'])
    assert.equal(compare(toyElements([native(pixels.with(0, 9))]), EXPLICIT_LITTLE_ENDIAN, {}, by).kind, 'altered')
  })

  it('names the frame that changed, where it can decode', () => {
    const other = encapsulated(codedFrames[0] as Uint8Array, coded(pixels.subarray(48).with(0, 0)))
    assert.deepEqual(spell(compareRle(other)), ['frame_changed pixels 7fe00010 2'])
    const blind = compareRle(other, {})
    assert.deepEqual([blind.kind, ...spell(blind)], ['altered', 'pixels_changed pixels 7fe00010'])
  })

  it('finds that two frames became one fragment, although the data set has one digest', () => {
    const tag = Uint8Array.of(0xfe, 0xff, 0x00, 0xe0)
    const merged = compareRle(
      encapsulated(concatBytes(codedFrames[0] as Uint8Array, tag, codedFrames[1] as Uint8Array)),
    )
    assert.deepEqual([merged.kind, ...spell(merged)], ['altered', 'fragments_changed pixels 7fe00010'])
  })

  it('accepts a table of offsets that somebody filled in', () => {
    const table = new Uint8Array(8)
    new DataView(table.buffer).setUint32(4, 8 + (codedFrames[0] as Uint8Array).length, true)
    const found = compareRle({ tag: 0x7fe00010, vr: 'OB', fragments: [table, ...codedFrames] }, {})
    assert.deepEqual([found.kind, ...spell(found)], ['transcoded', 'fragments_changed pixels 7fe00010'])
  })

  it('accepts no table that contradicts the fragments', () => {
    const table = Uint8Array.of(0, 0, 0, 0, 2, 0, 0, 0)
    const found = compareRle({ tag: 0x7fe00010, vr: 'OB', fragments: [table, ...codedFrames] })
    assert.deepEqual([found.kind, ...spell(found)], ['altered', 'fragments_changed pixels 7fe00010'])
  })

  it('finds a new meaning of the same codestreams', () => {
    const inverted = compare(
      toyElements([text(0x00280004, 'CS', 'MONOCHROME1'), encapsulated(...codedFrames)]),
      RLE,
      { decodeFrame },
      by,
    )
    assert.deepEqual([inverted.kind, ...spell(inverted)], ['altered', 'element_changed pixels 280004'])
  })

  it('finds the same samples in other codestreams of the same syntax', () => {
    const again = codedFrames.map((frame) => frame.with(1, 7))
    const found = compareRle(encapsulated(...again))
    assert.deepEqual([found.kind, ...spell(found)], ['transcoded'])
  })
})

describe('compareInstance of an image that was sealed with loss', () => {
  const by = statementOf(toyElements([encapsulated(...codedFrames)]), JPEG_BASELINE)

  it('holds the codestreams against each other, frame by frame', () => {
    assert.equal(compare(toyElements([encapsulated(...codedFrames)]), JPEG_BASELINE, {}, by).kind, 'equivalent')
    const found = compare(
      toyElements([encapsulated(codedFrames[0] as Uint8Array, coded(new Uint8Array(48)))]),
      JPEG_BASELINE,
      {},
      by,
    )
    assert.deepEqual([found.kind, ...spell(found)], ['altered', 'frame_changed pixels 7fe00010 2'])
  })

  it('cannot decide once it was decompressed', () => {
    const found = compare(toyElements([native(pixels)]), EXPLICIT_LITTLE_ENDIAN, {}, by)
    assert.deepEqual([found.kind, ...spell(found)], ['undecided', 'transfer_syntax_changed pixels 7fe00010'])
  })
})

describe('compareInstance of signatures', () => {
  it('misses those that were stripped, from an image that is otherwise the same', () => {
    const found = compareFile(toyFile())
    assert.equal(found.kind, 'equivalent')
    assert.deepEqual(spell(found), ['signature_removed device', 'signature_removed operator'])
    assert.deepEqual(found.concerns, ['device', 'operator'])
  })

  it('misses the one that was taken out, and names the one that was exchanged', () => {
    const withItems = (...items: readonly (readonly NewElement[])[]): DicomFile =>
      toyFile([...toyElements(), macParameters, signatures(...items)].toSorted((a, b) => a.tag - b.tag))
    const [device, operator] = parts.map(({ item }) => item) as [NewElement[], NewElement[]]
    assert.deepEqual(spell(compareFile(withItems(operator))), ['signature_removed device'])
    const other = (tag: number): NewElement[] =>
      device.map((element) => (element.tag === tag ? ob(tag, Uint8Array.of(0x30, 2, 3, 9)) : element))
    for (const tag of [TAGS.signature, TAGS.certificate]) {
      assert.deepEqual(spell(compareFile(withItems(other(tag), operator))), ['signature_changed device'])
    }
  })

  it('asks for one only, where the technologist signs the series', () => {
    const { statement, frames } = sealed
    const inSeries = { statement: { ...statement, signatures: { ...statement.signatures, operator: null } }, frames }
    assert.deepEqual(spell(compareFile(toyFile(), {}, inSeries)), ['signature_removed device'])
  })
})

describe('compareInstance of the preamble', () => {
  /** The file with another first byte. */
  const beginning = (byte: number): DicomFile => {
    const { source } = signedFile(toyElements())
    return parseDicom(memorySource(source.view(0, source.length).slice().with(0, byte)))
  }
  const tiff = { ...sealed, statement: { ...sealed.statement, preamble: sha256(new Uint8Array(128).with(0, 0x49)) } }

  it('takes the sealed one and an empty one', () => {
    for (const file of [beginning(0x49), beginning(0)]) assert.deepEqual(spell(compareFile(file, {}, tiff)), [])
    assert.deepEqual(spell(compareFile(beginning(0))), [])
  })

  it('shows any other, which leaves the content as it is', () => {
    for (const [file, by] of [
      [beginning(0x4d), tiff],
      [beginning(0x49), sealed],
    ] as const) {
      const found = compareFile(file, {}, by)
      assert.deepEqual([found.kind, ...spell(found)], ['equivalent', 'preamble_changed other'])
    }
  })
})

describe('compareInstance of what implicit syntax and dictionaries say', () => {
  const lookup = (vr: string): NewElement =>
    sq(0x00283000, [
      { tag: 0x00283002, vr: 'US', value: Uint8Array.of(2, 0, 0, 0, 16, 0) },
      { tag: 0x00283006, vr, value: Uint8Array.of(1, 2, 3, 4) },
    ])

  it('finds a lookup table unchanged whatever its VR was', () => {
    for (const vr of ['US', 'OW']) {
      const by = statementOf(toyElements([lookup(vr)]))
      const found = compare(toyElements([lookup(vr)]), IMPLICIT_LITTLE_ENDIAN, {}, by)
      assert.deepEqual([found.kind, ...spell(found)], ['equivalent'], vr)
      const other = compare(toyElements([lookup(vr === 'US' ? 'SS' : 'OB')]), IMPLICIT_LITTLE_ENDIAN, {}, by)
      assert.equal(other.kind, 'equivalent', 'the file does not say')
    }
  })

  it('finds a value unchanged whose VR nobody knew when it was sealed', () => {
    const unknown = { tag: 0x00081030, vr: 'UN', value: encodeLatin1('Chest ') }
    const by = statementOf(toyElements([unknown]))
    const found = compare(toyElements([unknown]), IMPLICIT_LITTLE_ENDIAN, {}, by)
    assert.deepEqual([found.kind, ...spell(found)], ['equivalent'])
    // In explicit syntax somebody would have written the VR down.
    const said = compare(toyElements([{ ...unknown, vr: 'LO' }]), undefined, {}, by)
    assert.deepEqual([said.kind, said.changes[0]?.what], ['altered', 'element_changed'])
    const changed = compare(
      toyElements([{ ...unknown, value: encodeLatin1('Cheek ') }]),
      IMPLICIT_LITTLE_ENDIAN,
      {},
      by,
    )
    assert.equal(changed.kind, 'altered')
  })

  it('cannot compare a private sequence that became UN, and calls a public one altered', () => {
    const item = [text(0x00091001, 'LO', 'x')]
    const kindOf = (tag: number): readonly string[] => {
      const creator = tag === 0x00091010 ? [text(0x00090010, 'LO', 'NOBODY 1.0')] : []
      const by = statementOf(toyElements([...creator, sq(tag, item)]))
      const lost = { tag, vr: 'UN', value: Uint8Array.of(0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0) }
      const found = compare(toyElements([...creator, lost]), IMPLICIT_LITTLE_ENDIAN, {}, by)
      return [found.kind, ...found.changes.map(({ what }) => what)]
    }
    assert.deepEqual(kindOf(0x00091010), ['equivalent', 'sequence_lost', 'transfer_syntax_changed'])
    assert.equal(kindOf(0x00081140)[0], 'altered')
  })
})

describe('compareInstance of an icon', () => {
  it('cannot compare one that was compressed with the image', () => {
    const icon = (value: NewElement): NewElement =>
      sq(0x00880200, [us(0x00280010, 2), us(0x00280011, 2), us(0x00280100, 8), value])
    const by = statementOf(toyElements([icon(native(Uint8Array.of(1, 2, 3, 4), 'OB'))]))
    const small = encapsulated(coded(Uint8Array.of(1, 2, 3, 4)))
    const found = compare(
      toyElements([icon(small), encapsulated(...codedFrames)]),
      RLE,
      { decodeFrame: plainCodec },
      by,
    )
    assert.deepEqual(
      [found.kind, ...spell(found)],
      ['transcoded', 'icon_recoded other 880200', 'transfer_syntax_changed pixels 7fe00010'],
    )
    const alone = compare(toyElements([icon(native(Uint8Array.of(1, 2, 3, 5), 'OB'))]), undefined, {}, by)
    assert.equal(alone.kind, 'altered')
  })
})
