/**
 * Instance: an object on its way through the gateway, and what is known of it at each step.
 *
 * The steps: received (durable, and acknowledged), judged (its verdict and its way are known), done (delivered to all
 * destinations, or dropped). One that is held back waits in quarantine between judged and delivered.
 */
import type { Origin } from './origin.ts'

export const INSTANCE_STATES = ['received', 'quarantined', 'forwarding', 'done', 'rejected'] as const
/**
 * `received`: acknowledged, nothing is known of it yet · `quarantined`: held back, until two persons release or one
 * rejects it · `forwarding`: on its way to destinations · `done`: at all of them, or nowhere to go · `rejected`:
 * taken out of quarantine for good, and never forwarded.
 */
export type InstanceState = (typeof INSTANCE_STATES)[number]

/** What a sender handed over, as it was acknowledged. */
export interface ReceivedInstance {
  /** 26 characters, ascending in time (a ULID): the gateway's own name of it. */
  readonly id: string
  /** Under which the spool has its bytes: a Part 10 file. */
  readonly spoolKey: string
  readonly lengthBytes: number
  /** Of those bytes, 32 bytes. */
  readonly sha256: Uint8Array
  readonly origin: Origin
  readonly receivedAt: Date
  /** As the sender stated them, or the first bytes show; null where they do not. */
  readonly sopClassUid: string | null
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
  readonly transferSyntaxUid: string | null
  /** What keeps its order: instances of the same key go to a destination in the order in which they came. */
  readonly orderKey: string
}

/** What verification came to: the words are those of domain/verdict. */
export interface InstanceVerdict {
  readonly verdict: 'authentic' | 'not_authentic' | 'undetermined'
  readonly level: 'P0' | 'P1' | 'P2' | 'P3' | 'P4'
  readonly content: string
  /** Name of the policy. */
  readonly policy: string
  readonly sentence: string
  readonly isSynthetic: boolean
  /** Checks that fail. */
  readonly failing: readonly { readonly subject: string; readonly reason: string }[]
}
