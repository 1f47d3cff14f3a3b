/**
 * Verify ECDSA: over a digest, which neither WebCrypto nor node:crypto takes; the curves come from noble.
 *
 * Source: FIPS 186-5 section 6.4.2. A file of its own, since it is all of portable code that the native port needs.
 */
import { p256, p384 } from '@noble/curves/nist.js'

/**
 * Checks an ECDSA signature over a digest; DER by its one spelling, low and high s alike (X.509 and DICOM have both).
 * Shared with the native port, since node:crypto has no way to check a digest.
 *
 * @param point  public key as in SEC 1 section 2.3.3
 * @returns false also for a point off the curve or a malformed signature
 */
export function verifyEcdsa(
  algorithm: 'ecdsa-p256' | 'ecdsa-p384',
  point: Uint8Array,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const curve = algorithm === 'ecdsa-p256' ? p256 : p384
  try {
    return curve.verify(signature, digest, point, { prehash: false, lowS: false, format: 'der' })
  } catch {
    return false
  }
}
