import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { KeyError } from '@fiducial/core/errors.ts'
import { decodePem, encodePem } from '@fiducial/core/formats/x509/pem.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { formatPrivateKey, parsePrivateKey, readKeyFile } from './key-file.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const fails = (code: string) => (error: unknown) => error instanceof KeyError && error.code === code
const isSame = (a: KeyObject, b: KeyObject): boolean => a.equals(b)

describe('private key as text', () => {
  it('comes back as it went, with and without a passphrase, for every kind of key', () => {
    const keys = [
      privateKey,
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
      generateKeyPairSync('ml-dsa-44').privateKey,
    ]
    for (const key of keys) {
      assert.ok(isSame(parsePrivateKey(formatPrivateKey(key)), key))
      assert.ok(isSame(parsePrivateKey(formatPrivateKey(key, 'pass'), 'pass'), key))
    }
  })

  it('does not show the key where there is a passphrase, and never the same text twice', () => {
    const [one, other] = [formatPrivateKey(privateKey, 'pass'), formatPrivateKey(privateKey, 'pass')]
    const secret = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url')
    const [block] = decodePem(one)
    assert.equal(block?.label, 'ENCRYPTED PRIVATE KEY')
    assert.equal(Buffer.from(block?.bytes ?? []).indexOf(secret), -1)
    assert.notEqual(one, other)
  })

  it('reads the older forms of keys and of encryption', () => {
    const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    assert.ok(isSame(parsePrivateKey(rsa.export({ format: 'pem', type: 'pkcs1' }) as string), rsa))
    const old = rsa.export({ format: 'pem', type: 'pkcs1', cipher: 'aes-128-cbc', passphrase: 'pass' }) as string
    assert.ok(isSame(parsePrivateKey(old, 'pass'), rsa))
    assert.throws(() => parsePrivateKey(old), fails('key_passphrase_missing'))
    assert.throws(() => parsePrivateKey(old, 'other'), fails('key_passphrase_wrong'))
  })

  it('does not need a passphrase that is given for a key that has none', () => {
    assert.ok(isSame(parsePrivateKey(formatPrivateKey(privateKey), 'pass'), privateKey))
  })

  const encrypted = formatPrivateKey(privateKey, 'pass')
  const [block] = decodePem(encrypted)
  const cut = encodePem({ label: 'ENCRYPTED PRIVATE KEY', bytes: (block?.bytes ?? new Uint8Array()).subarray(0, 100) })
  const refused: Record<string, readonly [string, string | undefined, string]> = {
    'no passphrase': [encrypted, undefined, 'key_passphrase_missing'],
    'a wrong passphrase': [encrypted, 'Pass', 'key_passphrase_wrong'],
    'an empty passphrase': [encrypted, '', 'key_passphrase_wrong'],
    'a cut file': [cut, 'pass', 'key_passphrase_wrong'],
    'an empty file': ['', undefined, 'key_unreadable'],
    'a certificate': ['-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n', undefined, 'key_unreadable'],
  }
  for (const [name, [text, passphrase, code]] of Object.entries(refused)) {
    it(`refuses ${name}`, () => assert.throws(() => parsePrivateKey(text, passphrase), fails(code)))
  }
})

describe('private key in a file', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'key.pem')

  it('is read where the owner alone can read it', () => {
    writeFileSync(path, formatPrivateKey(privateKey), { mode: 0o600 })
    assert.ok(isSame(readKeyFile(path, 'the key'), privateKey))
  })

  it('is refused where others can read it', { skip: process.platform === 'win32' && 'no file modes' }, () => {
    for (const mode of [0o640, 0o604, 0o660, 0o755]) {
      chmodSync(path, mode)
      assert.throws(() => readKeyFile(path, 'the key'), fails('key_unreadable'))
    }
    chmodSync(path, 0o400)
    assert.ok(readKeyFile(path, 'the key'))
  })

  it('is missed by its name', () => {
    assert.throws(
      () => readKeyFile(join(folder, 'none.pem'), 'the key of room 2'),
      (error: unknown) => {
        return fails('key_missing')(error) && String(error).includes('the key of room 2')
      },
    )
    assert.throws(() => readKeyFile(join(path, 'below'), 'the key'), fails('key_missing'))
  })

  it('is no folder', () => {
    mkdirSync(join(folder, 'folder'), { mode: 0o700 })
    assert.throws(() => readKeyFile(join(folder, 'folder'), 'the key'), fails('key_unreadable'))
  })
})
