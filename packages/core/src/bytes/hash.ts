/**
 * Hash: the port through which `core` digests bytes.
 *
 * The runtime hands in its own (native in Node, portable in a browser), since streaming and copying of a state
 * are not in WebCrypto. Names are those of RFC 8017 appendix B.1 in lower case without the hyphen.
 */

export type HashName = 'md5' | 'ripemd160' | 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** A running digest. */
export interface Hash {
  update(bytes: Uint8Array): void
  /** A second state that has seen the same bytes: two messages with one long common beginning cost one pass. */
  copy(): Hash
  /** The digest; the state must not be used after it. */
  digest(): Uint8Array
}

export type HashFactory = (name: HashName) => Hash

/** Digest of a few pieces at once. */
export function digestOf(hashes: HashFactory, name: HashName, ...pieces: readonly Uint8Array[]): Uint8Array {
  const hash = hashes(name)
  for (const piece of pieces) hash.update(piece)
  return hash.digest()
}
