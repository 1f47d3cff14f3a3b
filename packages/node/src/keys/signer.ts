/**
 * Signer: opens a key wherever it lies, in a file or in a token.
 */
import type { Signer } from '@fiducial/core/bytes/crypto.ts'
import { createFileSigner, type KeyMaterial } from './file-signer.ts'
import { createTokenSigner, type TokenMaterial } from './pkcs11.ts'

/** All that a signer is made of. Can be posted to a worker thread; holds the key or the PIN, so never log it. */
export type SignerMaterial = ({ readonly kind: 'file' } & KeyMaterial) | ({ readonly kind: 'token' } & TokenMaterial)

/**
 * Makes a signer.
 * @throws {KeyError} `key_unreadable`, or for a token `token_unavailable`, `key_passphrase_wrong`, `key_missing`
 */
export async function createSigner(material: SignerMaterial): Promise<Signer> {
  return material.kind === 'file' ? createFileSigner(material) : createTokenSigner(material)
}
