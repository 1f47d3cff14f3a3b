import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatTag } from '../../formats/dicom/element.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import { sq, text } from '../../formats/dicom/values.ts'
import { toyElements, toyFile } from '../../testing/toy-seal.ts'
import { hasUnknownVr, isSignable, isSignableTag } from './signable.ts'

describe('isSignableTag', () => {
  const REFUSED = [
    0x00080000, 0x00280000, 0x7fe00000, 0x00080001, 0x00020010, 0x00040000, 0x00070010, 0xfffafffa, 0xfffa0001,
    0x4ffe0001, 0xfffcfffc, 0xfffee000, 0xfffee00d, 0xfffee0dd,
  ]
  const ACCEPTED = [0x00080005, 0x00080008, 0x00090010, 0x00100010, 0x4ffe0002, 0x60003000, 0x7fe00010, 0xfffb0010]

  for (const tag of REFUSED) it(`refuses ${formatTag(tag)}`, () => assert.equal(isSignableTag(tag), false))
  for (const tag of ACCEPTED) it(`accepts ${formatTag(tag)}`, () => assert.equal(isSignableTag(tag), true))
})

describe('isSignable', () => {
  /** A sequence around an element without a known VR, as many levels deep as asked for. */
  const nested = (levels: number) => {
    let inner: NewElement = { tag: 0x00091001, vr: 'UN', value: Uint8Array.of(1, 2) }
    for (let i = 0; i < levels; i++) inner = sq(0x00091002, [text(0x00080100, 'SH', 'A'), inner])
    return toyFile(toyElements([inner])).dataSet.elements.find(({ tag }) => tag === inner.tag)
  }

  for (const levels of [0, 1, 2, 5]) {
    it(`refuses an element of unknown VR ${levels} levels deep`, () => {
      const element = nested(levels)
      assert.ok(element)
      assert.equal(hasUnknownVr(element), true)
      assert.equal(isSignable(element), false)
    })
  }

  it('accepts a sequence without items', () => {
    const element = toyFile(toyElements([sq(0x00081140)])).dataSet.elements.find(({ tag }) => tag === 0x00081140)
    assert.ok(element)
    assert.equal(isSignable(element), true)
  })

  it('leaves open nothing else of a toy image', () => {
    const refused = toyFile().dataSet.elements.filter((element) => !isSignable(element))
    assert.deepEqual(
      refused.map(({ tag }) => formatTag(tag)),
      ['(0029,1010)'],
    )
  })
})
