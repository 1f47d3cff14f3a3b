/**
 * Settings of the acceptor: who may associate, what is taken, and what everything may cost.
 *
 * Where they are read from, and checked, is left to others; the defaults suit one gateway in front of a department.
 */
import type { TlsIdentity } from './tls-profile.ts'

/** Somebody who may associate: every condition that is given has to hold. */
export interface Caller {
  /** Calling AE title; null for any. */
  readonly aet: string | null
  /** IP addresses, networks such as 10.1.0.0/16, and names of hosts; empty for any. */
  readonly addresses: readonly string[]
  /** SHA-256 of certificates in hexadecimal, or subjects as `CN=CT 1, O=Hospital`; empty for any, or none. */
  readonly certificates: readonly string[]
}

export interface AcceptorTls extends TlsIdentity {
  /** Whether the peer has to show a certificate; `optional` ones are checked all the same. */
  readonly clientCertificate: 'none' | 'optional' | 'required'
}

export interface AcceptorLimits {
  /** Established at once. */
  readonly associations: number
  /** From one address, not yet established ones among them. */
  readonly connectionsPerAddress: number
  /** Longest P-DATA-TF that is announced and taken, without its header. */
  readonly pduBytes: number
  readonly associateBytes: number
  readonly commandBytes: number
  /** Longest object. */
  readonly objectBytes: number
  /** Longest data set of a request that is not C-STORE. */
  readonly requestBytes: number
  /** Objects of one association that wait to become durable; also granted as asynchronous operations window. */
  readonly operations: number
  /** From the connection to the end of its request (ARTIM), TLS handshake and closing likewise. */
  readonly associateMs: number
  /** Without any message. */
  readonly idleMs: number
  /** A message under way has to bring {@link stallBytes} in each span of this length. */
  readonly stallMs: number
  readonly stallBytes: number
  /** For the answer to a request of ours. */
  readonly answerMs: number
}

export const DEFAULT_ACCEPTOR_LIMITS: AcceptorLimits = {
  associations: 128,
  connectionsPerAddress: 128,
  pduBytes: 131_072,
  associateBytes: 262_144,
  commandBytes: 16_384,
  objectBytes: 8 * 2 ** 30,
  requestBytes: 4 * 2 ** 20,
  operations: 4,
  associateMs: 30_000,
  idleMs: 600_000,
  stallMs: 60_000,
  stallBytes: 65_536,
  answerMs: 60_000,
}

export interface AcceptorSettings {
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Default: 0, any that is free. */
  readonly port?: number
  /** Called AE titles that are ours; `any` takes whatever is called. */
  readonly calledTitles: 'any' | readonly string[]
  readonly callers: 'any' | readonly Caller[]
  /** Transfer syntaxes: the first of `prefer` that is proposed, else the first proposed one that is not in `refuse`. */
  readonly syntaxes?: { readonly prefer?: readonly string[]; readonly refuse?: readonly string[] }
  /** SOP Classes of storage that are not taken. */
  readonly refusedSopClasses?: readonly string[]
  readonly tls?: AcceptorTls
  readonly limits?: Partial<AcceptorLimits>
}
