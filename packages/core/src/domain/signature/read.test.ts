import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../bytes/source.ts'
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import { encodeElement, type NewElement } from '../../formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '../../formats/dicom/parse.ts'
import { EXPLICIT_LITTLE } from '../../formats/dicom/transfer-syntax.ts'
import { at, ob, sq, text, us } from '../../formats/dicom/values.ts'
import { toyElements, toyFile } from '../../testing/toy-seal.ts'
import {
  CLAIMED,
  deviceSigner,
  personSigner,
  toyAssemble,
  toyRequest,
  toySigned,
  toyVerify,
} from '../../testing/toy-signature.ts'
import { readSignatures, SIGNATURES_LIMIT, TAGS } from './read.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, MAC_PARAMETERS_SEQUENCE } from './signable.ts'

const PARAMETERS: readonly NewElement[] = [
  us(TAGS.macId, 0),
  text(TAGS.macTransferSyntax, 'UI', '1.2.840.10008.1.2.1'),
  text(TAGS.macAlgorithm, 'CS', 'SHA256'),
  at(TAGS.signedElements, 0x00100010, 0x00100020),
]
const ITEM: readonly NewElement[] = [
  us(TAGS.macId, 0),
  text(TAGS.signatureUid, 'UI', '2.25.7'),
  text(TAGS.signatureDateTime, 'DT', CLAIMED),
  text(TAGS.certificateType, 'CS', 'X509_1993_SIG'),
  ob(TAGS.certificate, deviceSigner.certificate),
  ob(TAGS.signature, new Uint8Array(32)),
]

type Items = readonly (readonly NewElement[])[]

/** A toy image with these items in its two sequences, whatever they hold. */
function fileWith(parameters: Items, items: Items): DicomFile {
  const sequences = [sq(MAC_PARAMETERS_SEQUENCE, ...parameters), sq(DIGITAL_SIGNATURES_SEQUENCE, ...items)]
  return toyFile([...toyElements(), ...sequences].toSorted((a, b) => a.tag - b.tag))
}

const without = (elements: readonly NewElement[], tag: Tag): readonly NewElement[] =>
  elements.filter((element) => element.tag !== tag)
const instead = (elements: readonly NewElement[], element: NewElement): readonly NewElement[] =>
  [...without(elements, element.tag), element].toSorted((a, b) => a.tag - b.tag)

const problemsOf = (file: DicomFile): readonly string[] => {
  const { signatures, malformed } = readSignatures(file.dataSet)
  return [...signatures.map(({ uid }) => `read ${uid}`), ...malformed.map(({ problem }) => problem)]
}

describe('readSignatures', () => {
  it('finds none where there is none', () => {
    assert.deepEqual(readSignatures(toyFile().dataSet), { signatures: [], malformed: [] })
  })

  it('reads every part', async () => {
    const file = await toySigned(
      toyFile(),
      toyRequest({ timestamp: async () => Uint8Array.of(0x30, 0) }),
      toyRequest({ signer: personSigner, purpose: '1', uid: '2.25.7002', hash: 'sha512', tags: [0x00100010] }),
    )
    const { signatures, malformed } = readSignatures(file.dataSet)
    assert.deepEqual(malformed, [])
    const [first, second] = signatures
    assert.ok(first && second)
    assert.deepEqual(
      [first.path, first.macId, first.uid, first.dateTime, first.purpose, first.hash, first.macTransferSyntaxUid],
      ['', 0, '2.25.7001', CLAIMED, '14', 'sha256', '1.2.840.10008.1.2.1'],
    )
    assert.deepEqual(first.certificate.subarray(0, deviceSigner.certificate.length), deviceSigner.certificate)
    assert.deepEqual(first.timestamp, Uint8Array.of(0x30, 0))
    assert.deepEqual(
      [second.macId, second.hash, second.signedTags, second.timestamp],
      [1, 'sha512', [0x00100010], undefined],
    )
  })

  it('reads a signature in an item, with the place and the elements it speaks for', () => {
    const inner = [
      text(0x0040a040, 'CS', 'TEXT'),
      sq(MAC_PARAMETERS_SEQUENCE, PARAMETERS),
      sq(DIGITAL_SIGNATURES_SEQUENCE, ITEM),
    ]
    const file = toyFile(toyElements([sq(0x0040a730, [text(0x0040a040, 'CS', 'CODE')], [sq(0x0040a043, inner)])]))
    const { signatures } = readSignatures(file.dataSet)
    assert.deepEqual(
      signatures.map(({ path, elements }) => [path, elements.length]),
      [['(0040,a730)[2](0040,a043)[1]', 3]],
    )
  })

  it('does not look for signatures inside signatures', () => {
    const nested = [...ITEM, sq(DIGITAL_SIGNATURES_SEQUENCE, ITEM)]
    assert.deepEqual(problemsOf(fileWith([PARAMETERS], [nested])), ['read 2.25.7'])
  })

  const MALFORMED: readonly { name: string; parameters?: Items; items?: Items; problems: readonly string[] }[] = [
    { name: 'no MAC ID', items: [without(ITEM, TAGS.macId)], problems: ['no MAC ID'] },
    { name: 'an empty MAC ID', items: [instead(ITEM, us(TAGS.macId))], problems: ['no MAC ID'] },
    { name: 'no parameters at all', parameters: [], problems: ['no MAC parameters'] },
    {
      name: 'parameters of another MAC ID',
      parameters: [instead(PARAMETERS, us(TAGS.macId, 1))],
      problems: ['no MAC parameters'],
    },
    {
      name: 'parameters without a MAC ID',
      parameters: [without(PARAMETERS, TAGS.macId)],
      problems: ['no MAC parameters'],
    },
    {
      name: 'two parameters with one MAC ID',
      parameters: [PARAMETERS, instead(PARAMETERS, at(TAGS.signedElements, 0x00280010))],
      problems: ['no list of signed elements'],
    },
    {
      name: 'two signatures with one MAC ID',
      items: [ITEM, instead(ITEM, text(TAGS.signatureUid, 'UI', '2.25.8'))],
      problems: ['read 2.25.7', 'read 2.25.8'],
    },
    {
      name: 'no list',
      parameters: [without(PARAMETERS, TAGS.signedElements)],
      problems: ['no list of signed elements'],
    },
    {
      name: 'an empty list',
      parameters: [instead(PARAMETERS, at(TAGS.signedElements))],
      problems: ['no list of signed elements'],
    },
    {
      name: 'no algorithm',
      parameters: [without(PARAMETERS, TAGS.macAlgorithm)],
      problems: ['no known MAC algorithm'],
    },
    {
      name: 'an unknown algorithm',
      parameters: [instead(PARAMETERS, text(TAGS.macAlgorithm, 'CS', 'CRC32'))],
      problems: ['no known MAC algorithm'],
    },
    {
      name: 'the name of a property of every object as an algorithm',
      parameters: [instead(PARAMETERS, text(TAGS.macAlgorithm, 'CS', 'constructor'))],
      problems: ['no known MAC algorithm'],
    },
    { name: 'no UID', items: [without(ITEM, TAGS.signatureUid)], problems: ['no signature UID or date'] },
    { name: 'no date', items: [without(ITEM, TAGS.signatureDateTime)], problems: ['no signature UID or date'] },
    { name: 'no certificate', items: [without(ITEM, TAGS.certificate)], problems: ['no certificate or signature'] },
    {
      name: 'an empty signature',
      items: [instead(ITEM, ob(TAGS.signature, new Uint8Array(0)))],
      problems: ['no certificate or signature'],
    },
    {
      name: 'a certificate of another type',
      items: [instead(ITEM, text(TAGS.certificateType, 'CS', 'PGP'))],
      problems: ['no X.509 certificate'],
    },
    { name: 'an empty item', items: [[]], problems: ['no MAC ID'] },
    { name: 'an empty sequence', items: [], problems: ['an empty sequence of signatures'] },
    {
      name: 'a good one beside a bad one',
      items: [without(ITEM, TAGS.macId), ITEM],
      problems: ['read 2.25.7', 'no MAC ID'],
    },
  ]
  for (const { name, parameters = [PARAMETERS], items = [ITEM], problems } of MALFORMED) {
    it(`reports ${name}, and never throws`, () => {
      const file = fileWith(parameters, items)
      assert.deepEqual(problemsOf(file), problems)
      // A report of nonsense is a report, too.
      for (const { state } of toyVerify(file).signatures) assert.equal(state, 'tampered')
    })
  }

  it('reports parts whose VR is none that they could have', () => {
    const wrong: NewElement[] = [
      { tag: TAGS.macId, vr: 'OB', value: Uint8Array.of(0) },
      text(TAGS.macId, 'LO', ''),
      { tag: TAGS.signatureUid, vr: 'SQ', items: [] },
      { tag: TAGS.certificate, vr: 'SQ', items: [[text(TAGS.certificateType, 'CS', 'A')]] },
      { tag: TAGS.purpose, vr: 'LO', value: new Uint8Array(4) },
    ]
    for (const element of wrong) {
      const { signatures, malformed } = toyVerify(fileWith([PARAMETERS], [instead(ITEM, element)]))
      assert.ok(signatures.every(({ state }) => state === 'tampered'))
      assert.equal(signatures.length + malformed.length, 1)
    }
  })

  it('reports a certificate that is none', () => {
    for (const bytes of [new Uint8Array(2), Uint8Array.of(0x30, 0x80), new Uint8Array(4000).fill(0x30)]) {
      const { signatures, malformed } = toyVerify(fileWith([PARAMETERS], [instead(ITEM, ob(TAGS.certificate, bytes))]))
      assert.deepEqual(signatures, [])
      assert.deepEqual(
        malformed.map(({ problem, uid }) => [problem, uid]),
        [['the certificate does not parse', '2.25.7']],
      )
    }
  })

  it('reads no more signatures than its limit, in one sequence and in many', () => {
    const many = Array.from({ length: SIGNATURES_LIMIT + 10 }, () => ITEM)
    const one = readSignatures(fileWith([PARAMETERS], many).dataSet)
    assert.equal(one.signatures.length, SIGNATURES_LIMIT)
    assert.deepEqual(
      one.malformed.map(({ problem }) => problem),
      [`more than ${SIGNATURES_LIMIT} signatures`],
    )
    const inner = [sq(MAC_PARAMETERS_SEQUENCE, PARAMETERS), sq(DIGITAL_SIGNATURES_SEQUENCE, ITEM)]
    const spread = toyFile(toyElements([sq(0x0040a730, ...Array.from({ length: 500 }, () => inner))]))
    const found = readSignatures(spread.dataSet)
    assert.equal(found.signatures.length + found.malformed.length, SIGNATURES_LIMIT + 1)
    const empty = toyFile(
      toyElements([sq(0x0040a730, ...Array.from({ length: 500 }, () => [sq(DIGITAL_SIGNATURES_SEQUENCE)]))]),
    )
    assert.equal(readSignatures(empty.dataSet).malformed.length, SIGNATURES_LIMIT + 1)
  })

  it('copes with a list of a million tags, and hashes each element once for all signatures over it', () => {
    const tags = Array.from({ length: 1_000_000 }, (_, i) => 0x00090000 + i)
    const long = instead(PARAMETERS, at(TAGS.signedElements, ...tags.slice(0, 10_000), 0x00100010))
    const items = Array.from({ length: SIGNATURES_LIMIT }, (_, i) =>
      instead(ITEM, text(TAGS.signatureUid, 'UI', `2.25.${i}`)),
    )
    const { signatures } = toyVerify(fileWith([long], items))
    assert.equal(signatures.length, SIGNATURES_LIMIT)
    const huge = new Uint8Array(4 * tags.length)
    const list = { tag: TAGS.signedElements, vr: 'UN', value: huge } as const
    assert.equal(toyVerify(fileWith([instead(PARAMETERS, list)], [ITEM])).signatures.length, 1)
  })

  it('reports on every truncation of a signed file without throwing anything of its own', async () => {
    const file = await toySigned(toyFile())
    const start = findElement(file.dataSet.elements, MAC_PARAMETERS_SEQUENCE)?.start ?? 0
    const bytes = file.source.view(0, file.source.length)
    for (let length = start; length < bytes.length; length += 3) {
      const { signatures } = toyVerify(parseDicom(memorySource(bytes.subarray(0, length))))
      assert.ok(signatures.every(({ state }) => state !== 'valid'))
    }
  })

  it('reports on random bytes in the place of the sequences', () => {
    let state = 7
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state >>> 24
    }
    for (let round = 0; round < 200; round++) {
      const value = Uint8Array.from({ length: 2 * (random() % 100) }, random)
      const parts = [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE].map((tag) => {
        const bytes = encodeElement({ tag, vr: 'OB', value }, EXPLICIT_LITTLE)
        bytes.set([0x53, 0x51], 4)
        return { tag, bytes }
      })
      const file = parseDicom(memorySource(toyAssemble(toyFile(), parts)))
      assert.ok(toyVerify(file).signatures.every(({ state: verdict }) => verdict !== 'valid'))
    }
  })
})
