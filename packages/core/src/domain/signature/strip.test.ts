import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { toyElements, toyFile } from '../../testing/toy-seal.ts'
import { personSigner, toyAssemble, toyReparse, toyRequest, toySigned } from '../../testing/toy-signature.ts'
import { readSignatures } from './read.ts'
import { stripSignatures } from './strip.ts'

describe('stripSignatures', () => {
  for (const syntax of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    it(`gives the bytes back as they were before signing, in ${syntax}`, async () => {
      const file = toyFile(toyElements(), syntax)
      const before = toyAssemble(file, [])
      const signed = await toySigned(file, toyRequest(), toyRequest({ uid: '2.25.7002', signer: personSigner }))
      assert.deepEqual(toyAssemble(signed, stripSignatures(signed)), before)
      assert.deepEqual(toyAssemble(signed, stripSignatures(signed, new Set(['2.25.7001', '2.25.7002']))), before)
    })
  }

  it('takes the asked one out and leaves the bytes of the others', async () => {
    const file = toyFile()
    const other = toyRequest({ uid: '2.25.7002', signer: personSigner, purpose: '1' })
    const one = await toySigned(file, other)
    const two = await toySigned(one, toyRequest())
    const stripped = toyAssemble(two, stripSignatures(two, new Set(['2.25.7001'])))
    assert.deepEqual(stripped, toyAssemble(one, []))
    assert.deepEqual(
      readSignatures(toyReparse(stripped).dataSet).signatures.map(({ uid }) => uid),
      ['2.25.7002'],
    )
  })

  it('changes nothing where there is nothing to take', async () => {
    assert.deepEqual(stripSignatures(toyFile()), [])
    assert.deepEqual(stripSignatures(toyFile(), new Set(['2.25.7001'])), [])
    const signed = await toySigned(toyFile())
    assert.deepEqual(toyAssemble(signed, stripSignatures(signed, new Set(['2.25.9']))), toyAssemble(signed, []))
  })
})
