import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { proposalsFor } from './dimse-archive.ts'
import { formatIdentifier, KEY, readIdentifier } from './query-keys.ts'

const CT = '1.2.840.10008.5.1.4.1.1.2'

describe('proposalsFor', () => {
  it('offers each transfer syntax by itself, so that what is stored comes as it is', () => {
    const storage = proposalsFor([CT]).filter(({ abstractSyntax }) => abstractSyntax === CT)
    assert.ok(storage.length > 10)
    assert.ok(storage.every(({ transferSyntaxes, isOwnScp }) => transferSyntaxes.length === 1 && isOwnScp === true))
    assert.equal(new Set(storage.map(({ transferSyntaxes }) => transferSyntaxes[0])).size, storage.length)
  })

  for (const [name, classes] of [
    ['of which nobody says the classes', []],
    ['of many classes', Array.from({ length: 20 }, (_, i) => `1.2.3.${i}`)],
    ['of more classes than fit', Array.from({ length: 300 }, (_, i) => `1.2.3.${i}`)],
  ] as const) {
    it(`fits one association for a series ${name}`, () => {
      const proposals = proposalsFor(classes)
      assert.ok(proposals.length > 100 && proposals.length <= 128, `${proposals.length}`)
      if (classes.length === 20) assert.equal(new Set(proposals.map((one) => one.abstractSyntax)).size, 21)
    })
  }
})

describe('formatIdentifier', () => {
  for (const syntax of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN]) {
    it(`writes keys in the order of their tags, and lists of UIDs, in ${syntax}`, () => {
      const keys = { [KEY.sopInstance]: ['1.2', '1.3'], [KEY.study]: '1', [KEY.studyDate]: '20260101-' }
      const answer = readIdentifier(formatIdentifier('IMAGE', keys, syntax), syntax)
      assert.deepEqual(
        [KEY.level, KEY.study, KEY.studyDate].map((tag) => answer?.(tag)),
        ['IMAGE', '1', '20260101-'],
      )
      assert.ok(answer?.(KEY.sopInstance)?.startsWith('1.2'))
    })
  }

  it('passes over an answer that is no data set', () => {
    assert.equal(readIdentifier(new Uint8Array(0), EXPLICIT_LITTLE_ENDIAN)?.(KEY.study), undefined)
  })
})
