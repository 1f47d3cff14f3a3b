/**
 * Observation: what whoever watches a gateway is told, as it happens: metrics, traces, a page that is live.
 *
 * Names of instances are our own. Nothing of a patient, and no UID that a sender gave, is in it.
 */
import type { InstanceVerdict } from '@fiducial/core/domain/gateway/instance.ts'
import type { Protocol } from '@fiducial/core/domain/gateway/origin.ts'

export type Observation =
  /** An instance is durable and acknowledged. */
  | {
      readonly kind: 'received'
      readonly id: string
      readonly protocol: Protocol
      readonly lengthBytes: number
      /** From its first byte, and from its last one, until it was acknowledged. */
      readonly tookMs: number
      readonly durableMs: number
    }
  /** A sender was turned away, or what it sent could not be kept. */
  | { readonly kind: 'refused'; readonly protocol: Protocol; readonly code: string }
  | {
      readonly kind: 'judged'
      readonly id: string
      readonly state: 'quarantined' | 'forwarding' | 'done'
      readonly route: string | null
      readonly reasons: readonly string[]
      /** Troubles in spite of which it goes on. */
      readonly failedOpen: readonly string[]
      readonly verdict: InstanceVerdict['verdict'] | null
      readonly level: InstanceVerdict['level'] | null
      readonly isSealedHere: boolean
      readonly lengthBytes: number
      readonly cpuMs: number
      readonly sinceReceivedMs: number
    }
  /** A thread died of an instance, or took too long over it. */
  | { readonly kind: 'examiner_died'; readonly id: string; readonly attempt: number }
  | { readonly kind: 'examiner_away' }
  | { readonly kind: 'examiner_back' }
  | {
      readonly kind: 'sent'
      readonly id: string
      readonly destination: string
      readonly lengthBytes: number
      readonly attempts: number
      readonly sinceReceivedMs: number
    }
  | {
      readonly kind: 'delivery_failed'
      readonly id: string
      readonly destination: string
      readonly code: string
      /** It was given up. */
      readonly isDead: boolean
    }
  /** A destination has lost what it took: it is sent again. */
  | { readonly kind: 'resent'; readonly id: string; readonly destination: string }
  /**
   * How an instance went that its route has relayed: `relayed`: the destination has it · `refused`: it refused it · `held_back`:
   * its end was never sent · `not_relayed`: it goes the usual way, for the reason of the code.
   */
  | {
      readonly kind: 'relay'
      readonly destination: string
      readonly outcome: 'relayed' | 'refused' | 'held_back' | 'not_relayed'
      readonly code: string | null
    }
  | { readonly kind: 'destination_away'; readonly destination: string; readonly code: string; readonly retryAt: Date }
  | { readonly kind: 'destination_back'; readonly destination: string }
  | { readonly kind: 'logged'; readonly events: number }
  | { readonly kind: 'log_away'; readonly code: string }
  | { readonly kind: 'log_back' }
  /** The log does not take an event, whatever is done: a defect of ours. */
  | { readonly kind: 'event_refused'; readonly code: string }
  | { readonly kind: 'released'; readonly id: string }
  | { readonly kind: 'rejected'; readonly id: string }
  | { readonly kind: 'reexamined'; readonly id: string }
  | { readonly kind: 'expired'; readonly instances: number }
  /** The file of an acknowledged instance is gone or not whole: an instance is lost. */
  | { readonly kind: 'lost'; readonly id: string }
  /** Something around us failed, and the work goes on. */
  | { readonly kind: 'trouble'; readonly where: string; readonly code: string }

export type Observe = (observation: Observation) => void

/** Tells several. */
export const observeAll =
  (...observers: readonly Observe[]): Observe =>
  (observation) => {
    for (const observe of observers) observe(observation)
  }
