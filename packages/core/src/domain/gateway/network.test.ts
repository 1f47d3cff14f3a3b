import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hostOf, isInNetwork, parseNetwork } from './network.ts'

describe('network', () => {
  const members: readonly (readonly [string, string, boolean])[] = [
    ['10.1.0.0/16', '10.1.255.3:104', true],
    ['10.1.0.0/16', '10.2.0.1:104', false],
    ['10.1.0.7', '10.1.0.7:50000', true],
    ['0.0.0.0/0', '192.0.2.1', true],
    ['0.0.0.0/0', '::1', false],
    ['10.0.0.0/8', '[::ffff:10.9.8.7]:104', true],
    ['2001:db8::/32', '[2001:db8:1::5]:104', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::/0', '2001:db9::1', true],
    ['fe80::/10', '[fe80::1%eth0]:104', true],
    ['10.0.0.0/8', 'localhost:104', false],
  ]
  for (const [range, address, expected] of members) {
    it(`says that ${address} is ${expected ? '' : 'not '}in ${range}`, () => {
      const network = parseNetwork(range)
      assert.ok(network !== undefined)
      assert.equal(isInNetwork(address, network), expected)
    })
  }

  for (const text of [
    '',
    '10.1.0.0/33',
    '10.1.0.1/16',
    '10.1.0/16',
    '10.01.0.0/16',
    '256.0.0.0',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '1::2::3',
    '2001:db8:::/32',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'example.org',
    '::1/129',
  ]) {
    it(`refuses '${text}'`, () => assert.equal(parseNetwork(text), undefined))
  }

  it('takes the port off', () => {
    assert.deepEqual(['a:1', '[::1]:2', '::1', '1.2.3.4'].map(hostOf), ['a', '::1', '::1', '1.2.3.4'])
  })
})
