/** ChaCha20 key streams: RFC 8439 section 2.4, counter from 0; the cipher is the noble library's. */
import { chacha20 } from '@noble/ciphers/chacha.js'

/**
 * The first bytes of the key stream.
 * @param key    32 bytes
 * @param nonce  12 bytes
 * @throws {RangeError} for another length of either
 */
export function chacha20Stream(key: Uint8Array, nonce: Uint8Array, lengthBytes: number): Uint8Array {
  if (key.length !== 32 || nonce.length !== 12) throw new RangeError('a key of 32 bytes and a nonce of 12 are needed')
  return chacha20(key, nonce, new Uint8Array(lengthBytes))
}
