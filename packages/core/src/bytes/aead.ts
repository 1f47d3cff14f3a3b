/** Authenticated encryption: ChaCha20-Poly1305 of RFC 8439 section 2.8; the cipher is the noble library's. */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'

/** Bytes by which a sealed text is longer. */
export const TAG_BYTES = 16

export interface AeadPlace {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 12 bytes, never twice under one key. */
  readonly nonce: Uint8Array
  /** What the text belongs to; must be the same when it is opened. */
  readonly context: Uint8Array
}

/** @throws {RangeError} for a key or nonce of another length */
export function sealText(text: Uint8Array, place: AeadPlace): Uint8Array {
  return cipherOf(place).encrypt(text)
}

/** @returns undefined where key, nonce, context or bytes are not those of the sealing. @throws as {@link sealText} */
export function openText(sealed: Uint8Array, place: AeadPlace): Uint8Array | undefined {
  const cipher = cipherOf(place)
  try {
    return cipher.decrypt(sealed)
  } catch {
    return undefined
  }
}

function cipherOf({ key, nonce, context }: AeadPlace) {
  if (key.length !== 32 || nonce.length !== 12) throw new RangeError('a key of 32 bytes and a nonce of 12 are needed')
  return chacha20poly1305(key, nonce, context)
}
