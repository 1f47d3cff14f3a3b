/**
 * Key file: a private key as PKCS#8 in PEM, encrypted where a passphrase is given.
 *
 * Source: RFC 5958 (PKCS#8), RFC 8018 (PBES2), RFC 7914 (scrypt). scrypt runs with N = 16384, r = 8, p = 5: 0.13 s on
 * a desktop and 16 MiB, the most memory that OpenSSL allows when it opens such a file itself.
 */
import { createCipheriv, createPrivateKey, type KeyObject, randomBytes, scryptSync } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { KeyError } from '@fiducial/core/errors.ts'
import { writeInteger, writeOctets, writeOid, writeSequence } from '@fiducial/core/formats/der/write.ts'
import { encodePem } from '@fiducial/core/formats/x509/pem.ts'
import { isCode } from './durable.ts'

const SCRYPT = { cost: 16384, blockSize: 8, parallelization: 5 } as const
const OID = {
  pbes2: '1.2.840.113549.1.5.13',
  scrypt: '1.3.6.1.4.1.11591.4.11',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const

/** Writes a key as PEM. @param passphrase  none: not encrypted */
export function formatPrivateKey(key: KeyObject, passphrase?: string): string {
  const plain = key.export({ format: 'der', type: 'pkcs8' })
  if (passphrase === undefined) return encodePem({ label: 'PRIVATE KEY', bytes: plain })
  const salt = randomBytes(16)
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-cbc', scryptSync(passphrase, salt, 32, SCRYPT), iv)
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()])
  const derivation = writeSequence(
    writeOid(OID.scrypt),
    writeSequence(
      writeOctets(salt),
      writeInteger(SCRYPT.cost),
      writeInteger(SCRYPT.blockSize),
      writeInteger(SCRYPT.parallelization),
      writeInteger(32),
    ),
  )
  const scheme = writeSequence(derivation, writeSequence(writeOid(OID.aes256Cbc), writeOctets(iv)))
  const bytes = writeSequence(writeSequence(writeOid(OID.pbes2), scheme), writeOctets(encrypted))
  return encodePem({ label: 'ENCRYPTED PRIVATE KEY', bytes })
}

/**
 * Reads a key from PEM: PKCS#8 encrypted or not, or the older forms of RSA and EC keys.
 * @throws {KeyError} `key_unreadable`, `key_passphrase_missing`, `key_passphrase_wrong`
 */
export function parsePrivateKey(pem: string, passphrase?: string): KeyObject {
  const isEncrypted = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)
  if (isEncrypted && passphrase === undefined) {
    throw new KeyError('key_passphrase_missing', 'the key is encrypted, and there is no passphrase')
  }
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(isEncrypted && { passphrase }) })
  } catch (cause) {
    // A wrong passphrase may also decrypt to bytes that are no key.
    if (isEncrypted) throw new KeyError('key_passphrase_wrong', 'the passphrase does not open the key', { cause })
    throw new KeyError('key_unreadable', 'not a private key', { cause })
  }
}

/**
 * Reads a key file, refusing one that others on the machine can read.
 * @param name  what to call the file in a message
 * @throws {KeyError} `key_missing`, `key_unreadable`, `key_passphrase_missing`, `key_passphrase_wrong`
 */
export function readKeyFile(path: string, name: string, passphrase?: string): KeyObject {
  let pem: string
  try {
    const { mode } = statSync(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const found = (mode & 0o777).toString(8).padStart(4, '0')
      throw new KeyError('key_unreadable', `${name}: others can read the key (mode ${found}); chmod 600 it`)
    }
    pem = readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof KeyError) throw cause
    if (isCode(cause, 'ENOENT', 'ENOTDIR')) throw new KeyError('key_missing', `${name}: no such key`, { cause })
    throw new KeyError('key_unreadable', `${name}: the key cannot be read`, { cause })
  }
  try {
    return parsePrivateKey(pem, passphrase)
  } catch (cause) {
    if (cause instanceof KeyError) throw new KeyError(cause.code, `${name}: ${cause.message}`, { cause })
    throw cause
  }
}
