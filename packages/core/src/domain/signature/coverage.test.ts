import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatTag } from '../../formats/dicom/element.ts'
import { toyFile } from '../../testing/toy-seal.ts'
import { personSigner, toyRequest, toySigned } from '../../testing/toy-signature.ts'
import { coverageOf, describeTag, unsignedElements } from './coverage.ts'
import { readSignatures } from './read.ts'

const PATIENT = [0x00100010, 0x00100020]
const both = toySigned(
  toyFile(),
  toyRequest({ uid: '2.25.1' }),
  toyRequest({ uid: '2.25.2', signer: personSigner, purpose: '1', tags: PATIENT }),
)

describe('coverageOf', () => {
  it('lists each attribute once, with who signed it, and leaves out the signatures', async () => {
    const { dataSet } = await both
    const entries = coverageOf(dataSet.elements, readSignatures(dataSet).signatures)
    assert.equal(entries.length, toyFile().dataSet.elements.length)
    const states = new Map(entries.map(({ tag, state, signedBy }) => [formatTag(tag), `${state} ${signedBy.join()}`]))
    assert.equal(states.get('(0010,0010)'), 'signed 2.25.1,2.25.2')
    assert.equal(states.get('(0028,0010)'), 'signed 2.25.1')
    assert.equal(states.get('(0029,1010)'), 'unsignable ')
  })

  it('says what is left open where there is no signature', () => {
    const { dataSet } = toyFile()
    const states = coverageOf(dataSet.elements, []).map(({ state }) => state)
    assert.deepEqual(new Set(states), new Set(['unsigned', 'unsignable']))
  })

  it('names each attribute and its concern, and no value', async () => {
    const { dataSet } = await both
    const [name] = coverageOf(dataSet.elements, []).filter(({ tag }) => tag === 0x00100010)
    assert.deepEqual(name, {
      tag: 0x00100010,
      name: "Patient's Name",
      vr: 'PN',
      concern: 'patient',
      state: 'unsigned',
      signedBy: [],
    })
    assert.equal(describeTag(0x00100010), "(0010,0010) Patient's Name")
  })
})

describe('unsignedElements', () => {
  it('is empty for a signature over everything that can be signed', async () => {
    const [all, some] = readSignatures((await both).dataSet).signatures
    assert.ok(all && some)
    assert.deepEqual(unsignedElements(all), [])
    const open = unsignedElements(some).map(({ tag }) => tag)
    assert.ok(!open.includes(0x00100010) && !open.includes(0x00291010))
    assert.equal(open.length, toyFile().dataSet.elements.length - PATIENT.length - 1)
  })
})
