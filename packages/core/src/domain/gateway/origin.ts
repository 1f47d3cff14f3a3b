/**
 * Origin: from where, and in which way, an instance came to the gateway.
 *
 * What a sender says of itself (its AE title) is a claim; what the gateway saw (address, certificate, token) is not.
 */

export const PROTOCOLS = ['dimse', 'dicomweb', 'file'] as const
export type Protocol = (typeof PROTOCOLS)[number]

export interface Origin {
  readonly protocol: Protocol
  /** Calling AE title, 1 to 16 characters; null where the protocol has none. */
  readonly callingAet: string | null
  /** Called AE title, likewise. */
  readonly calledAet: string | null
  /** Host and port of the sender, as the gateway saw them. */
  readonly address: string | null
  /** SHA-256 of the sender's TLS certificate in hexadecimal, or the name of its token; null where it showed neither. */
  readonly peer: string | null
}
