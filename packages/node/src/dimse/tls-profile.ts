/**
 * TLS profile: which TLS our DIMSE speaks, on either side.
 *
 * Source: PS3.15 annexes B.12 and B.13, which follow BCP 195 (RFC 9325): TLS 1.2 with forward secrecy and authenticated
 * encryption, TLS 1.3; nothing older, no renegotiation down. Reading keys from disk is left to wiring.
 */
import type { SecureContextOptions } from 'node:tls'

/** TLS 1.3 suites, then those of RFC 9325 section 4.2, strongest first. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
]

export const TLS_PROFILE = {
  minVersion: 'TLSv1.2',
  ciphers: CIPHERS.join(':'),
  honorCipherOrder: true,
  ecdhCurve: 'X25519:P-256:P-384:P-521',
} as const satisfies SecureContextOptions

/** Own keys and the authorities that vouch for the other side, as PEM. */
export interface TlsIdentity {
  readonly key: string
  readonly certificate: string
  readonly passphrase?: string
  /** Who vouches for the other side; without it, those that the system trusts. */
  readonly authorities?: readonly string[]
}
