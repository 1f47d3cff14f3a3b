/** HMAC with SHA-256: RFC 2104, with whatever hash the runtime has. */
import { digestOf, type HashFactory } from './hash.ts'

const BLOCK_BYTES = 64

/** 32 bytes. @param key  of any length */
export function hmacSha256(hashes: HashFactory, key: Uint8Array, ...pieces: readonly Uint8Array[]): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES)
  block.set(key.length > BLOCK_BYTES ? digestOf(hashes, 'sha256', key) : key)
  const inner = digestOf(
    hashes,
    'sha256',
    block.map((byte) => byte ^ 0x36),
    ...pieces,
  )
  return digestOf(
    hashes,
    'sha256',
    block.map((byte) => byte ^ 0x5c),
    inner,
  )
}
