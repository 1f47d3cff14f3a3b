/**
 * Strength: which keys and digests are too weak to prove anything.
 *
 * Source: NIST SP 800-131A revision 2 (RSA below 2048 bits, signatures over MD5 and SHA-1).
 */
import type { HashName } from '../../bytes/hash.ts'
import type { SignatureAlgorithm } from '../../formats/x509/algorithm.ts'
import type { KeyDescription } from '../../formats/x509/certificate.ts'

/** Whether two messages of one digest can be made. */
export const isWeakHash = (name: HashName): boolean => name === 'md5' || name === 'sha1' || name === 'ripemd160'

export const isWeakSignature = (algorithm: SignatureAlgorithm): boolean =>
  'hash' in algorithm && isWeakHash(algorithm.hash)

export const isWeakKey = ({ algorithm, bits = 0 }: KeyDescription): boolean => algorithm === 'rsa' && bits < 2048
