/**
 * Log site: a custody log with keys of its own, over the adapters that a test hands in.
 */
import { createHash, generateKeyPairSync } from 'node:crypto'
import type { LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { createPlainHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import { createLogSigner } from '../keys/log-signer.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { LogOptions } from '../services/log/custody-log.ts'
import type { NewEntry } from '../services/log/ports.ts'

/** The name of the log of tests. */
export const ORIGIN = 'log.example/test'

/** A new key pair for a log. */
export function makeLogSigner(origin: string = ORIGIN): LogSigner {
  const keys = {
    ed25519: generateKeyPairSync('ed25519').privateKey,
    mlDsa44: generateKeyPairSync('ml-dsa-44').privateKey,
  }
  return createLogSigner(origin, keys, nativeCrypto.hash)
}

/** Options of a log that waits for nothing and whose clock stands still. */
export function makeLogOptions(signer: LogSigner, options: Partial<LogOptions> = {}): LogOptions {
  return {
    crypto: nativeCrypto,
    hasher: createPlainHasher(nativeCrypto.hash),
    signer,
    now: () => new Date('2026-03-03T10:14:00Z'),
    pause: () => Promise.resolve(),
    ...options,
  }
}

/** An entry that only its name makes different from others. */
export function makeLogEntry(name: string, leafBytes = 100): NewEntry {
  const leaf = new Uint8Array(leafBytes)
  leaf.set(Buffer.from(name).subarray(0, leafBytes))
  return {
    leaf,
    identity: new Uint8Array(createHash('sha256').update(name).digest()),
    terms: [{ kind: 'type', value: 'test' }],
  }
}
