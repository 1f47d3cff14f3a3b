/** Remote node: a peer that we call, and how it is to be called. Which TLS is spoken, tls-profile says. */
import type { UserIdentity } from '@fiducial/core/formats/dul/user-information.ts'

/** PEM texts. */
export interface ClientTls {
  /** Authorities of which one must have certified the peer; without them, those that the system trusts. */
  readonly trusted?: string | Uint8Array
  /** What we show of ourselves, where the peer asks: certificate (with its chain) and key. */
  readonly certificate?: string | Uint8Array
  readonly key?: string | Uint8Array
  /** Name that the certificate must have. Default: the host that is called. */
  readonly serverName?: string
  /** Whether the certificate must name the host at all. Default: true. */
  readonly isHostChecked?: boolean
}

export interface NodeTimeouts {
  /** Until a connection stands, TLS included. */
  readonly connectMs: number
  /** Until the association is answered; likewise for its release. */
  readonly associateMs: number
  /** Without a byte from or to the peer while something is under way. */
  readonly idleMs: number
}

export const DEFAULT_NODE_TIMEOUTS: NodeTimeouts = { connectMs: 10_000, associateMs: 30_000, idleMs: 60_000 }

export interface RemoteNode {
  readonly host: string
  readonly port: number
  /** Title of the peer, and the one that we call ourselves by: 1 to 16 characters. */
  readonly calledAet: string
  readonly callingAet: string
  readonly tls?: ClientTls
  readonly identity?: UserIdentity
  readonly timeouts?: Partial<NodeTimeouts>
}
