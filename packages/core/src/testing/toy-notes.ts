/**
 * Toy notes: keys for notes whose signatures anybody can make, for tests of the rules of notes and quorums.
 *
 * A toy signature is the SHA-256 of key and message, again and again until it has the length of a real one. Real keys
 * are put to the test in foreign-notes.ts and in packages/node/src/interop.
 */
import type { Crypto } from '../bytes/crypto.ts'
import { portableCrypto } from '../bytes/portable-crypto.ts'
import { concatBytes, encodeUtf8, equalBytes } from '../bytes/text.ts'
import type { LogSigner, NoteSigner } from '../domain/log/sign-checkpoint.ts'
import {
  makeVerifierKey,
  signatureLength,
  spkiOfVerifierKey,
  type VerifierKey,
  type VerifierKeyType,
} from '../formats/note/verifier-key.ts'
import { sha256 } from './toy-pki.ts'

/** A key that is made of its name and a seed. */
export function toyNoteKey(name: string, type: VerifierKeyType, seed = ''): VerifierKey {
  const bytes = stretch(sha256(encodeUtf8(`${type} ${name} ${seed}`)), type === 'cosignature-ml-dsa-44' ? 1312 : 32)
  return makeVerifierKey(name, type, bytes, portableCrypto.hash)
}

export function toyNoteSigner(name: string, type: VerifierKeyType, seed = ''): NoteSigner {
  const key = toyNoteKey(name, type, seed)
  return { key, sign: async (message) => toySignature(spkiOfVerifierKey(key), message, signatureLength(type)) }
}

/** A log with both of its keys. */
export const toyLogSigner = (origin: string): LogSigner & { readonly mlDsa44: NoteSigner } => ({
  origin,
  ed25519: toyNoteSigner(origin, 'ed25519'),
  mlDsa44: toyNoteSigner(origin, 'cosignature-ml-dsa-44'),
})

/** Accepts toy signatures of the length that the key's algorithm has, and nothing else. */
export const toyNoteCrypto: Crypto = {
  hash: portableCrypto.hash,
  verifyDigest: () => false,
  verifyMessage: (spki, message, signature) =>
    signature.length === (spki.length < 100 ? 64 : 2420) &&
    equalBytes(signature, toySignature(spki, message, signature.length)),
}

const toySignature = (spki: Uint8Array, message: Uint8Array, length: number): Uint8Array =>
  stretch(sha256(spki, message), length)

function stretch(seed: Uint8Array, length: number): Uint8Array {
  const pieces = Array.from({ length: Math.ceil(length / 32) }, (_, i) => sha256(seed, Uint8Array.of(i)))
  return concatBytes(...pieces).subarray(0, length)
}
