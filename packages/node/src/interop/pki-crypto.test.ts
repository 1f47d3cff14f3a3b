/**
 * One suite for both implementations of the Crypto port; keys and signatures come from the openssl program, and for
 * ML-DSA-44, which its older releases lack, from node:crypto.
 */
import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { HashName } from '@fiducial/core/bytes/hash.ts'
import { portableCrypto } from '@fiducial/core/bytes/portable-crypto.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'

const openssl = peer('openssl')
const ports = { native: nativeCrypto, portable: portableCrypto }
const hashNames: readonly HashName[] = ['md5', 'ripemd160', 'sha1', 'sha256', 'sha384', 'sha512']
const message = new TextEncoder().encode('The quick brown fox jumps over the lazy dog')

interface Vector {
  readonly title: string
  readonly spki: Uint8Array
  readonly hash: HashName | undefined
  readonly signature: Uint8Array
}

const genkey: Record<string, readonly string[]> = {
  'rsa-2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'rsa-3072': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
  'rsa-2048-e3': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_pubexp:3'],
  'rsa-1024': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  'p-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'p-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'p-521': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  ed25519: ['-algorithm', 'ED25519'],
}
const vectors: Vector[] = []
const digestOf = (name: HashName): Uint8Array => createHash(name).update(message).digest()

async function makeVectors(folder: string, name: string): Promise<void> {
  const key = join(folder, `${name}.pem`)
  const input = join(folder, 'message')
  writeFileSync(input, message)
  const made = await run(openssl.path, ['genpkey', ...(genkey[name] ?? []), '-out', key])
  assert.equal(made.code, 0, made.stderr)
  const spki = new Uint8Array(createPublicKey(readFileSync(key)).export({ format: 'der', type: 'spki' }))
  for (const hash of name === 'ed25519' ? [undefined] : hashNames) {
    // Nobody signs with MD5 and an elliptic curve, and openssl has no name for RIPEMD-160 with one.
    if (!name.startsWith('rsa') && (hash === 'md5' || hash === 'ripemd160')) continue
    const result =
      hash === undefined
        ? await run(openssl.path, ['pkeyutl', '-sign', '-inkey', key, '-rawin', '-in', input])
        : await run(openssl.path, [
            'dgst',
            `-${hash}`,
            '-sign',
            key,
            '-provider',
            'default',
            '-provider',
            'legacy',
            input,
          ])
    assert.equal(result.code, 0, result.stderr)
    vectors.push({ title: `${name} ${hash ?? ''}`, spki, hash, signature: result.output })
  }
}

function makeLatticeVector(): Vector {
  const { privateKey, publicKey } = generateKeyPairSync('ml-dsa-44')
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  return { title: 'ml-dsa-44', spki, hash: undefined, signature: new Uint8Array(sign(null, message, privateKey)) }
}

const check = (port: keyof typeof ports, { spki, hash }: Vector, signature: Uint8Array): boolean =>
  hash === undefined
    ? ports[port].verifyMessage(spki, message, signature)
    : ports[port].verifyDigest(spki, hash, digestOf(hash), signature)

const isRefusedKey = ({ title }: Vector): boolean => title.startsWith('rsa-1024') || title.startsWith('p-521')

describe('both crypto ports on signatures of openssl', { skip: openssl.skip }, () => {
  before(async () => {
    const folder = temporaryFolder()
    for (const name of Object.keys(genkey)) await makeVectors(folder, name)
    vectors.push(makeLatticeVector())
  })

  for (const port of ['native', 'portable'] as const) {
    it(`accepts them all, except those of keys out of range (${port})`, () => {
      for (const vector of vectors)
        assert.equal(check(port, vector, vector.signature), !isRefusedKey(vector), vector.title)
    })

    it(`refuses a flipped bit anywhere (${port})`, () => {
      for (const vector of vectors) {
        for (const at of [0, 1, 4, vector.signature.length >> 1, vector.signature.length - 1]) {
          const damaged = vector.signature.slice()
          damaged[at] = (damaged[at] ?? 0) ^ 1
          assert.equal(check(port, vector, damaged), false, `${vector.title} at ${at}`)
        }
      }
    })

    it(`refuses signatures cut short, extended and empty (${port})`, () => {
      for (const vector of vectors) {
        const { signature } = vector
        for (const wrong of [
          signature.subarray(1),
          signature.subarray(0, -1),
          Uint8Array.of(...signature, 0),
          new Uint8Array(),
        ]) {
          assert.equal(check(port, vector, wrong), false, vector.title)
        }
      }
    })

    it(`refuses the right signature under another key, digest or digest name (${port})`, () => {
      const [first, second] = vectors.filter(({ title }) => title.endsWith('sha256') && title.startsWith('rsa-2048'))
      assert.ok(first && second)
      assert.equal(check(port, { ...first, spki: second.spki }, first.signature), false)
      assert.equal(
        ports[port].verifyDigest(first.spki, 'sha256', digestOf('sha384').subarray(0, 32), first.signature),
        false,
      )
      assert.equal(
        ports[port].verifyDigest(first.spki, 'sha1', digestOf('sha256').subarray(0, 20), first.signature),
        false,
      )
      assert.equal(ports[port].verifyDigest(first.spki, 'sha384', digestOf('sha256'), first.signature), false)
    })

    it(`refuses an RSA signature with the modulus added, which is the same number to the key (${port})`, () => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
      const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
      const modulus = BigInt(
        `0x${Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
      )
      for (let i = 0; i < 32; i++) {
        const text = Uint8Array.of(i)
        const signature = new Uint8Array(sign('sha256', text, privateKey))
        assert.ok(ports[port].verifyMessage(spki, text, signature))
        const larger = (BigInt(`0x${Buffer.from(signature).toString('hex')}`) + modulus).toString(16)
        if (larger.length > 512) continue
        assert.ok(!ports[port].verifyMessage(spki, text, new Uint8Array(Buffer.from(larger, 'hex'))))
      }
    })

    it(`refuses, and does not throw for, every damaged key (${port})`, () => {
      for (const title of ['rsa-2048 sha256', 'p-256 sha256', 'ed25519 ', 'ml-dsa-44']) {
        const vector = vectors.find((candidate) => candidate.title === title)
        assert.ok(vector)
        for (let at = 0; at < vector.spki.length; at += vector.spki.length > 200 ? 7 : 1) {
          const spki = vector.spki.slice()
          spki[at] = (spki[at] ?? 0) ^ 0x04
          assert.equal(check(port, { ...vector, spki }, vector.signature), false, `${title} at ${at}`)
        }
        for (const length of [0, 1, 20]) {
          assert.equal(check(port, { ...vector, spki: vector.spki.subarray(0, length) }, vector.signature), false)
        }
      }
    })

    it(`digests a message with SHA-256 where an algorithm needs a digest (${port})`, () => {
      for (const vector of vectors) {
        if (vector.hash === undefined) continue
        const holds = ports[port].verifyMessage(vector.spki, message, vector.signature)
        assert.equal(holds, vector.hash === 'sha256' && !isRefusedKey(vector), vector.title)
      }
    })

    it(`copies a running digest (${port})`, () => {
      for (const name of hashNames) {
        const hash = ports[port].hash(name)
        hash.update(message.subarray(0, 10))
        const branch = hash.copy()
        hash.update(message.subarray(10))
        assert.deepEqual(hash.digest(), new Uint8Array(digestOf(name)))
        assert.deepEqual(branch.digest(), new Uint8Array(createHash(name).update(message.subarray(0, 10)).digest()))
      }
    })
  }
})
