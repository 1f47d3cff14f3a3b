/**
 * The mark's kernel for firmware: tiles, and what they need of ciphers and codes.
 *
 * Source: docs/reference/mark.md. Compiled without vectors and translated to C; packages/kernel/c is the other side. HKDF,
 * HMAC, SHA-256 and Ed25519 are left to the cryptographic library that a device has anyway.
 */
export { chacha20, makeKeys, makePads } from './mark-keys'
export { addParity } from './mark-parity'
export { plan, scratchBytes } from './mark-state'
export { embed, fit, read } from './mark-tile'
export { sum } from './mark-tag'
