/**
 * Signing a digest by ECDSA, for runtimes that sign whole messages only.
 *
 * Source: FIPS 186-5 section 6.4, with the nonce of RFC 6979 section 3.6: derived from key and digest and hedged with
 * randomness that is handed in, so that neither a bad generator nor a repeated digest gives the key away.
 *
 * Known flaw: the curves compute with BigInt, whose time depends on its values. Whoever can time single signatures on
 * the machine to nanoseconds can hope to learn the key; RSA and a token behind PKCS#11 do not have this flaw.
 */
import { p256, p384 } from '@noble/curves/nist.js'

/**
 * @param scalar      private key, big-endian, of the length of the curve's order
 * @param randomness  32 fresh random bytes
 * @returns the signature, DER (RFC 3279 section 2.2.3)
 */
export function signEcdsa(
  algorithm: 'ecdsa-p256' | 'ecdsa-p384',
  digest: Uint8Array,
  { scalar, randomness }: { readonly scalar: Uint8Array; readonly randomness: Uint8Array },
): Uint8Array {
  const curve = algorithm === 'ecdsa-p256' ? p256 : p384
  return curve.sign(digest, scalar, { prehash: false, lowS: false, extraEntropy: randomness, format: 'der' })
}
