/** Admission: titles, addresses and certificates. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Caller } from './acceptor-settings.ts'
import { admissionBy, plainAddress, type Visitor } from './admission.ts'

const SHA = 'ab'.repeat(32)
const VISITOR: Visitor = {
  callingAet: 'CT_1',
  calledAet: 'GATEWAY',
  host: '10.1.2.3',
  certificate: { sha256: SHA, subject: 'O=Hospital, CN=CT 1' },
}
const ANYBODY: Caller = { aet: null, addresses: [], certificates: [] }

const refusal = (
  callers: 'any' | readonly Partial<Caller>[],
  over: Partial<Visitor> = {},
  resolve: (name: string) => Promise<readonly string[]> = async () => [],
) => {
  const rules = callers === 'any' ? callers : callers.map((caller) => ({ ...ANYBODY, ...caller }))
  return admissionBy({ calledTitles: ['GATEWAY'], callers: rules }, resolve)({ ...VISITOR, ...over })
}

describe('admission', () => {
  it('asks for one of our titles', async () => {
    assert.equal(await refusal('any'), undefined)
    assert.equal(await refusal('any', { calledAet: 'gateway' }), 'called_title')
    const any = admissionBy({ calledTitles: 'any', callers: 'any' })
    assert.equal(await any({ ...VISITOR, calledAet: 'WHATEVER' }), undefined)
    assert.equal(await any({ ...VISITOR, calledAet: '' }), 'called_title')
    assert.equal(await any({ ...VISITOR, callingAet: '' }), 'calling_title')
    assert.equal(await any({ ...VISITOR, callingAet: 'A\\B' }), 'calling_title')
  })

  it('knows callers by title', async () => {
    assert.equal(await refusal([{ aet: 'CT_1' }]), undefined)
    assert.equal(await refusal([{ aet: 'CT_2' }, { aet: null }]), undefined)
    assert.equal(await refusal([{ aet: 'CT_2' }]), 'calling_title')
    assert.equal(await refusal([]), 'calling_title')
  })

  it('binds a title to addresses and networks of either family', async () => {
    for (const address of ['10.1.2.3', '10.1.0.0/16', '0.0.0.0/0']) {
      assert.equal(await refusal([{ addresses: [address] }]), undefined, address)
    }
    for (const address of ['10.1.2.4', '10.2.0.0/16', '10.1.2.3/32']) {
      assert.equal(await refusal([{ addresses: [address] }], { host: '10.1.9.9' }), 'address', address)
    }
    assert.equal(await refusal([{ addresses: ['fd00::/8'] }], { host: 'fd12::1' }), undefined)
    assert.equal(await refusal([{ addresses: ['fd00::/8'] }], { host: 'fe80::1' }), 'address')
    assert.equal(await refusal([{ aet: 'CT_1', addresses: ['10.9.0.0/16'] }, { addresses: ['10.1.2.3'] }]), undefined)
  })

  it('looks names of hosts up', async () => {
    const resolve = async (name: string) => (name === 'ct1.hospital' ? ['::ffff:10.1.2.3'] : [])
    assert.equal(await refusal([{ addresses: ['ct1.hospital'] }], {}, resolve), undefined)
    assert.equal(await refusal([{ addresses: ['ct2.hospital'] }], {}, resolve), 'address')
  })

  it('binds a title to certificates', async () => {
    const spelled = SHA.toUpperCase().replace(/(..)(?=.)/g, '$1:')
    for (const certificate of [SHA, spelled, 'O=Hospital, CN=CT 1']) {
      assert.equal(await refusal([{ certificates: [certificate] }]), undefined, certificate)
    }
    assert.equal(await refusal([{ certificates: ['CN=CT 1'] }]), 'certificate')
    assert.equal(await refusal([{ certificates: [SHA] }], { certificate: null }), 'certificate')
    const other = { sha256: 'cd'.repeat(32), subject: 'CN=CT 1' }
    assert.equal(await refusal([{ certificates: [SHA] }], { certificate: other }), 'certificate')
    assert.equal(await refusal([{ addresses: ['10.9.9.9'] }, { certificates: ['x'] }]), 'certificate')
  })

  it('refuses rules that are no networks', () => {
    for (const address of ['10.0.0.0/33', '10.0.0.0/', 'fd00::/129', '10.0.0.0/x', 'host/8']) {
      const callers = [{ ...ANYBODY, addresses: [address] }]
      assert.throws(() => admissionBy({ calledTitles: 'any', callers }), RangeError, address)
    }
  })
})

describe('plainAddress', () => {
  it('gives an IPv4 address that came in by IPv6 its own form', () => {
    assert.equal(plainAddress('::ffff:10.1.2.3'), '10.1.2.3')
    assert.equal(plainAddress('fd00::1'), 'fd00::1')
  })
})
