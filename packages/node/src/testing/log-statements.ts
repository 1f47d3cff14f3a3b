/**
 * Log statements: entries of the shape that the program logs, with their statements, for tests that check whole logs.
 *
 * Everything follows from the name. The signatures are none: no check of a log as a whole looks at them.
 */
import { createHash, hash } from 'node:crypto'
import { makeEntry } from '@fiducial/core/domain/log/entry.ts'
import { identityOf } from '@fiducial/core/domain/log/identity.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { NewEntry } from '../services/log/ports.ts'

/** SubjectPublicKeyInfo of an Ed25519 key (RFC 8410), up to the key itself. */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const EMPTY_BYTES = JSON.stringify({ name: '', padding: '' }).length

/**
 * An entry with a statement.
 * @param payloadBytes  of the statement; more where the name alone takes more
 */
export function makeStatementEntry(name: string, payloadBytes = 200): NewEntry {
  const padding = 'x'.repeat(Math.max(0, payloadBytes - EMPTY_BYTES - Buffer.byteLength(name)))
  const payload = new Uint8Array(Buffer.from(JSON.stringify({ name, padding })))
  const spki = Uint8Array.from(Buffer.concat([ED25519_SPKI, sha256(`key ${name}`)]))
  const signature = new Uint8Array(createHash('sha512').update(name).digest())
  return {
    leaf: makeEntry({ payload, signature, spki }, nativeCrypto.hash),
    identity: identityOf(payload, nativeCrypto.hash),
    payload,
    terms: [
      { kind: 'type', value: 'test' },
      { kind: 'study', value: `1.2.${name.length}` },
      { kind: 'digest', value: sha256(name).toString('hex') },
    ],
  }
}

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer')
