import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeLatin1 } from '../../bytes/text.ts'
import { elementsOf, spellDecimal } from './attributes.ts'
import { createRandom } from './random.ts'
import { drawUniqueId } from './unique-id.ts'

describe('attributes', () => {
  it('puts elements in ascending order, whatever order they came in', () => {
    const tags = elementsOf({ Rows: 3, PatientName: 'A', SOPClassUID: '1.2', BitsStored: 12 }).map(({ tag }) => tag)
    assert.deepEqual(tags, [0x00080016, 0x00100010, 0x00280010, 0x00280101])
  })

  it('spells by value representation', () => {
    const [lists, kv, age, rows] = elementsOf({
      ImageType: ['ORIGINAL', 'PRIMARY'],
      KVP: 120.5,
      InstanceNumber: 7,
      Rows: 258,
    })
    assert.deepEqual(
      [lists, kv, age, rows].map((element) => element?.vr),
      ['CS', 'DS', 'IS', 'US'],
    )
    const textOf = (element: typeof lists): string =>
      element !== undefined && 'value' in element ? decodeLatin1(element.value) : ''
    assert.deepEqual([lists, kv, age].map(textOf), ['ORIGINAL\\PRIMARY', '120.5', '7'])
    assert.deepEqual(rows !== undefined && 'value' in rows ? [...rows.value] : [], [2, 1])
  })

  it('nests items and leaves out what is undefined', () => {
    const [sequence, ...rest] = elementsOf({
      AnatomicRegionSequence: [{ CodeMeaning: 'Chest', CodeValue: '1' }],
      TimezoneOffsetFromUTC: undefined,
    })
    assert.equal(rest.length, 0)
    assert.ok(sequence !== undefined && 'items' in sequence)
    assert.deepEqual(
      sequence.items.map((item) => item.map(({ tag }) => tag)),
      [[0x00080100, 0x00080104]],
    )
  })

  it('chooses the sign of US or SS attributes by Pixel Representation', () => {
    const vrOf = (PixelRepresentation: number): string | undefined =>
      elementsOf({ PixelRepresentation, PixelPaddingValue: 0 }).at(-1)?.vr
    assert.equal(vrOf(1), 'SS')
    assert.equal(vrOf(0), 'US')
  })

  it('refuses a keyword that the standard does not know', () => {
    assert.throws(() => elementsOf({ PatientShoeSize: '44' }), RangeError)
    assert.throws(() => elementsOf({ PatientName: 44 }), RangeError)
  })

  it('keeps decimals within 16 characters', () => {
    for (const value of [1 / 3, -1234567.891234567, 1e-9 / 3, 6.02214076e23, 0, 120, -0.000123456789012]) {
      const text = spellDecimal(value)
      assert.ok(text.length <= 16, text)
      assert.ok(Math.abs(Number(text) - value) <= Math.abs(value) * 1e-6, text)
    }
  })
})

describe('unique identifiers', () => {
  it('are UUIDs of version 8 under 2.25, in the 64 characters of the standard', () => {
    const random = createRandom('ids')
    for (let i = 0; i < 200; i++) {
      const uid = drawUniqueId(random)
      assert.match(uid, /^2\.25\.(0|[1-9]\d*)$/)
      assert.ok(uid.length <= 64)
      const digits = BigInt(uid.slice(5)).toString(16).padStart(32, '0')
      assert.equal(digits.length, 32)
      assert.equal(digits[12], '8')
      assert.match(digits[16] as string, /[89ab]/)
    }
  })

  it('differ', () => {
    const random = createRandom('ids')
    assert.equal(new Set(Array.from({ length: 1000 }, () => drawUniqueId(random))).size, 1000)
  })
})
