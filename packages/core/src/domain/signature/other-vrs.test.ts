import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NewElement } from '../../formats/dicom/encode.ts'
import { EXPLICIT_BIG_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { sq, ss, us } from '../../formats/dicom/values.ts'
import { toyElements, toyFile, without } from '../../testing/toy-seal.ts'
import { toyAssemble, toyReparse, toySigned, toyVerify } from '../../testing/toy-signature.ts'
import { otherVrs } from './other-vrs.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, MAC_PARAMETERS_SEQUENCE } from './signable.ts'

const PIXEL_DATA = 0x7fe00010
const bytes = Uint8Array.from({ length: 96 }, (_, i) => i)
const pixels = (vr: string): NewElement => ({ tag: PIXEL_DATA, vr, value: bytes })

/** Each spelling, shortly. */
const spelled = (file: ReturnType<typeof toyFile>): readonly string[] =>
  otherVrs(file).map(({ isSignedPixels, vrs = new Map() }) => {
    return [...vrs].map(([tag, vr]) => `${tag.toString(16)} ${vr}`).join() + (isSignedPixels ? ' signed' : '')
  })

describe('otherVrs', () => {
  const plain = without(toyElements(), 0x00291010)

  it('takes pixels of little endian for OB or OW', () => {
    assert.deepEqual(spelled(toyFile(plain)), ['7fe00010 OB'])
    assert.deepEqual(spelled(toyFile(toyElements([pixels('OB')]))), ['7fe00010 OW'])
    assert.deepEqual(spelled(toyFile(plain, IMPLICIT_LITTLE_ENDIAN)), ['7fe00010 OB'])
  })

  it('leaves big endian alone, where OB and OW are other bytes', () => {
    assert.deepEqual(spelled(toyFile(plain, EXPLICIT_BIG_ENDIAN)), [])
  })

  it('leaves encapsulated pixels alone, and data sets without any', () => {
    assert.deepEqual(spelled(toyFile(without(plain, PIXEL_DATA))), [])
    const fragments: NewElement = { tag: PIXEL_DATA, vr: 'OB', fragments: [new Uint8Array(0), new Uint8Array(2)] }
    assert.deepEqual(spelled(toyFile(toyElements([fragments]), '1.2.840.10008.1.2.5')), [])
  })

  it('takes lookup tables and numbers of unknown sign either way in implicit syntax, at any depth', () => {
    const table = sq(0x00283010, [{ tag: 0x00283006, vr: 'US', value: Uint8Array.of(1, 0) }])
    const some = [...plain, table].toSorted((a, b) => a.tag - b.tag)
    assert.deepEqual(spelled(toyFile(some)), ['7fe00010 OB'])
    assert.deepEqual(spelled(toyFile(some, IMPLICIT_LITTLE_ENDIAN)), [
      '7fe00010 OB',
      '283006 US',
      '7fe00010 OB,283006 US',
    ])
    const number = sq(0x00283010, [us(0x00283002, 2, 0, 16)])
    const signs = [...plain, number].toSorted((a, b) => a.tag - b.tag)
    assert.deepEqual(spelled(toyFile(signs, IMPLICIT_LITTLE_ENDIAN)), ['7fe00010 OB', ' signed', '7fe00010 OB signed'])
  })

  /** The signed explicit file spelled anew in implicit syntax: the same values, and no VR. */
  async function throughImplicit(elements: readonly NewElement[]): Promise<ReturnType<typeof toyVerify>> {
    const signed = await toySigned(toyFile(elements))
    const sequences = [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE]
    const raw = signed.dataSet.elements
      .filter(({ tag }) => sequences.includes(tag))
      .map(
        ({ tag, items = [] }): NewElement => ({ tag, vr: 'SQ', items: items.map((item) => item.elements.map(copy)) }),
      )
    const all = [...elements, ...raw].toSorted((a, b) => a.tag - b.tag)
    return toyVerify(toyFile(all, IMPLICIT_LITTLE_ENDIAN))
    function copy(element: (typeof signed.dataSet.elements)[number]): NewElement {
      const { tag, vr, items } = element
      if (items !== undefined) return { tag, vr: 'SQ', items: items.map((item) => item.elements.map(copy)) }
      return { tag, vr, value: signed.dataSet.source.view(element.valueStart, element.valueEnd) }
    }
  }

  it('lets a signature over bytes, tables and wrong signs hold after a way through implicit syntax', async () => {
    const table = sq(0x00283010, [{ tag: 0x00283006, vr: 'US', value: Uint8Array.of(1, 0) }])
    const cases: readonly (readonly NewElement[])[] = [
      [pixels('OB')],
      [pixels('OB'), table],
      [table],
      [ss(0x00280120, -5)],
      [ss(0x00280120, -5), table, pixels('OB')],
    ]
    for (const changed of cases) {
      const elements = without(toyElements(changed), 0x00291010)
      const [report] = (await throughImplicit(elements)).signatures
      assert.deepEqual(report?.mac, { outcome: 'holds', by: 'other_vrs' })
      assert.equal(report?.state, 'valid')
    }
    const [same] = (await throughImplicit(without(toyElements(), 0x00291010))).signatures
    assert.deepEqual(same?.mac, { outcome: 'holds', by: 'stored' })
  })

  it('does not let a change of a value pass', async () => {
    const signed = await toySigned(toyFile(toyElements([pixels('OB')])))
    const at = signed.dataSet.elements.find(({ tag }) => tag === PIXEL_DATA)?.valueStart ?? 0
    const changed = toyAssemble(signed, [])
    changed[at] = 99
    assert.equal(toyVerify(toyReparse(changed)).signatures[0]?.state, 'tampered')
  })
})
