/** Signing by Ed25519 (RFC 8032) with a key that is derived and not kept in a file; the curve is the noble library's. */
import { ed25519 } from '@noble/curves/ed25519.js'

/** 64 bytes. @param seed  32 secret bytes */
export const signEd25519 = (seed: Uint8Array, message: Uint8Array): Uint8Array => ed25519.sign(message, seed)

/** 32 bytes. @param seed  32 secret bytes */
export const publicKeyOf = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed)
