import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from './hex.ts'
import { encodeDigestInfo, encodeEmsaPkcs1, readPublicKey, rememberKeys } from './public-key.ts'

const rsaIdentifier = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0]
const length = (n: number): number[] => (n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255])
const element = (tag: number, value: readonly number[]): number[] => [tag, ...length(value.length), ...value]

/** An RSA key of odd bytes: the reader looks at sizes, not at whether the number is a product of primes. */
function rsaKey({ bits = 2048, exponent = [1, 0, 1], last = 1 } = {}): Uint8Array {
  const modulus = new Array<number>(Math.ceil(bits / 8)).fill(0xab)
  modulus[0] = 1 << ((bits - 1) % 8)
  modulus[modulus.length - 1] = last
  const sign = (modulus[0] ?? 0) >= 0x80 ? [0] : []
  const key = element(0x30, [...element(2, [...sign, ...modulus]), ...element(2, exponent)])
  return Uint8Array.from(element(0x30, [...rsaIdentifier, ...element(3, [0, ...key])]))
}

describe('readPublicKey', () => {
  it('reads the modulus without its sign byte', () => {
    const key = readPublicKey(rsaKey())
    assert.ok(key?.algorithm === 'rsa')
    assert.equal(key.modulus.length, 256)
    assert.deepEqual([...key.exponent], [1, 0, 1])
  })

  const sizes = [
    { bits: 2047, isRead: false },
    { bits: 2048, isRead: true },
    { bits: 3071, isRead: true },
    { bits: 4096, isRead: true },
    { bits: 4097, isRead: false },
  ]
  for (const { bits, isRead } of sizes) {
    it(`${isRead ? 'reads' : 'refuses'} an RSA modulus of ${bits} bits`, () => {
      assert.equal(readPublicKey(rsaKey({ bits })) !== undefined, isRead)
    })
  }

  const refused = {
    'exponent 1': rsaKey({ exponent: [1] }),
    'an even exponent': rsaKey({ exponent: [4] }),
    'a negative exponent': rsaKey({ exponent: [0x83] }),
    'an exponent with a leading zero': rsaKey({ exponent: [0, 3] }),
    'an exponent of nine bytes': rsaKey({ exponent: [1, 0, 0, 0, 0, 0, 0, 0, 1] }),
    'an even modulus': rsaKey({ last: 2 }),
    'a trailing byte': Uint8Array.of(...rsaKey(), 0),
    'a cut key': rsaKey().subarray(0, -1),
    'no bytes': new Uint8Array(),
    'an Ed25519 key of 31 bytes': Uint8Array.of(
      0x30,
      41,
      0x30,
      5,
      6,
      3,
      0x2b,
      0x65,
      0x70,
      3,
      32,
      0,
      ...new Uint8Array(31),
    ),
  }
  for (const [name, spki] of Object.entries(refused)) {
    it(`refuses ${name}`, () => assert.equal(readPublicKey(spki), undefined))
  }

  it('reads exponent 3 and an Ed25519 key', () => {
    assert.ok(readPublicKey(rsaKey({ exponent: [3] })))
    const spki = Uint8Array.of(0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0, ...new Uint8Array(32))
    assert.equal(readPublicKey(spki)?.algorithm, 'ed25519')
  })
})

describe('rememberKeys', () => {
  it('makes each key once, and forgets the oldest beyond its limit', () => {
    const made: string[] = []
    const keyOf = rememberKeys((spki) => made.push(encodeHex(spki)), 2)
    for (const byte of [1, 2, 1, 3, 2, 1]) keyOf(Uint8Array.of(byte))
    assert.deepEqual(made, ['01', '02', '03', '01'])
  })
})

describe('EMSA-PKCS1-v1_5', () => {
  it('fills a block of the length of the modulus', () => {
    const block = encodeEmsaPkcs1('sha256', new Uint8Array(32), 256)
    assert.equal(encodeHex(block.subarray(0, 4)), '0001ffff')
    assert.equal(block.length, 256)
    assert.equal(block[256 - 52], 0)
    assert.deepEqual(block.subarray(256 - 51), encodeDigestInfo('sha256', new Uint8Array(32)))
  })

  it('refuses a digest of another length', () => {
    assert.throws(() => encodeDigestInfo('sha384', new Uint8Array(32)), RangeError)
  })
})
