/** HKDF with SHA-256: RFC 5869, for outputs of one block. */
import type { HashFactory } from './hash.ts'
import { hmacSha256 } from './hmac.ts'

const FIRST_BLOCK = Uint8Array.of(1)

/**
 * 32 bytes of key, bound to what they are for.
 *
 * @param secret  input key material, 32 bytes or more of it unguessable
 * @param salt    may be empty
 * @param info    what the key is for
 */
export function hkdfSha256(hashes: HashFactory, secret: Uint8Array, salt: Uint8Array, info: Uint8Array): Uint8Array {
  const pseudorandomKey = hmacSha256(hashes, salt, secret)
  return hmacSha256(hashes, pseudorandomKey, info, FIRST_BLOCK)
}
