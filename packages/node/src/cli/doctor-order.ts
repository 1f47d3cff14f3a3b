/** Doctor order: what the examination of a peer is told. */

/** A peer to examine, for the adapter that does. */
export interface DoctorOrder {
  readonly host: string
  readonly port: number
  readonly calledAet: string
  readonly callingAet: string
  /** Paths of PEM files; null for a plain connection. */
  readonly tls: { readonly trust: string; readonly certificate?: string; readonly key?: string } | null
  /** Whether a synthetic image may be stored there. */
  readonly isStoring: boolean
  /** Have it sent there by C-MOVE, as the peer knows us; null for C-GET. */
  readonly receiveAt: { readonly aet: string; readonly host: string; readonly port: number } | null
  readonly timeoutMs: number
  readonly signal: AbortSignal
}
