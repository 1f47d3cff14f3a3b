/**
 * Log signer: a log's two keys as signers of its checkpoints.
 *
 * Signing is done off the main thread: a log signs a checkpoint for every batch, while it hashes the next one.
 */
import { sign as cryptoSign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import type { LogSigner, NoteSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { makeVerifierKey, type VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { spkiOf } from './file-signer.ts'

const signAsync: (algorithm: null, data: Uint8Array, key: KeyObject) => Promise<Uint8Array> = promisify(cryptoSign)

/** Bytes of a raw public key, which stands at the end of its SubjectPublicKeyInfo (RFC 8410, FIPS 204). */
export const publicKeyLength = (type: VerifierKey['type']): number => (type === 'cosignature-ml-dsa-44' ? 1312 : 32)

/**
 * A signer of notes under a name.
 * @param key  Ed25519 or ML-DSA-44 as the type asks
 * @throws {RangeError} for a key of another algorithm, or a name that no note may carry
 */
export function createNoteSigner(
  name: string,
  type: VerifierKey['type'],
  key: KeyObject,
  hashes: HashFactory,
): NoteSigner {
  const expected = type === 'cosignature-ml-dsa-44' ? 'ml-dsa-44' : 'ed25519'
  if (key.asymmetricKeyType !== expected) throw new RangeError(`a note key of type ${type} is ${expected}`)
  const publicKey = spkiOf(key).slice(-publicKeyLength(type))
  return {
    key: makeVerifierKey(name, type, publicKey, hashes),
    sign: async (message) => new Uint8Array(await signAsync(null, message, key)),
  }
}

/** The signers of a log, both under its origin. @throws {RangeError} as {@link createNoteSigner} */
export function createLogSigner(
  origin: string,
  keys: { readonly ed25519: KeyObject; readonly mlDsa44: KeyObject },
  hashes: HashFactory,
): LogSigner {
  return {
    origin,
    ed25519: createNoteSigner(origin, 'ed25519', keys.ed25519, hashes),
    mlDsa44: createNoteSigner(origin, 'cosignature-ml-dsa-44', keys.mlDsa44, hashes),
  }
}

/** The cosigners of a witness, both under its name. @throws {RangeError} as {@link createNoteSigner} */
export function createWitnessSigners(
  name: string,
  keys: { readonly ed25519: KeyObject; readonly mlDsa44: KeyObject },
  hashes: HashFactory,
): readonly NoteSigner[] {
  return [
    createNoteSigner(name, 'cosignature-ed25519', keys.ed25519, hashes),
    createNoteSigner(name, 'cosignature-ml-dsa-44', keys.mlDsa44, hashes),
  ]
}
