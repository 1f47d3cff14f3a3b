import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toyCertificate } from '../../testing/toy-pki.ts'
import { ROLE_PURPOSES, roleOf } from './roles.ts'

const { device, person, gateway, log, timestamp } = ROLE_PURPOSES
const roleFor = (purposes: readonly string[], isCritical = false) =>
  roleOf(toyCertificate({ name: 'holder', extensions: { extendedKeyUsage: { purposes, isCritical } } }))

describe('roles', () => {
  for (const role of ['device', 'person', 'gateway', 'log'] as const) {
    it(`reads the role ${role} back from a certificate`, () => {
      assert.equal(roleFor([ROLE_PURPOSES[role]]), role)
      assert.equal(roleFor(['1.3.6.1.5.5.7.3.4', ROLE_PURPOSES[role]]), role)
    })
  }

  it('knows a timestamp authority by a critical purpose that stands alone', () => {
    assert.equal(roleFor([timestamp], true), 'timestamp')
    assert.equal(roleFor([timestamp], false), 'uncertified')
    assert.equal(roleFor([timestamp, '1.3.6.1.5.5.7.3.4'], true), 'uncertified')
  })

  it('grants none of two roles', () => {
    for (const pair of [
      [device, person],
      [person, log],
      [device, timestamp],
      [log, device],
      [gateway, device],
      [person, gateway],
    ]) {
      assert.equal(roleFor(pair), 'uncertified')
    }
  })

  it('grants none without a purpose of ours', () => {
    assert.equal(
      roleOf(toyCertificate({ name: 'holder', extensions: { keyUsage: ['digitalSignature'] } })),
      'uncertified',
    )
    assert.equal(roleFor(['1.3.6.1.5.5.7.3.4']), 'uncertified')
    assert.equal(roleFor(['2.5.29.37.0']), 'uncertified')
  })
})
