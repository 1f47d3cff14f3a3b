/**
 * Events of the acceptor: what happened, for metrics, traces and logs. Nothing of a patient is in them; UIDs of
 * instances are, and are not for log lines.
 */
import type { AssociationFacts } from './service.ts'

/** Why no association came about before anything was negotiated. */
export type ConnectionFailure =
  | 'too_many_connections'
  | 'tls_failed'
  | 'tls_on_plain_port'
  | 'associate_timeout'
  | 'pdu_malformed'
  | 'unexpected_pdu'
  | 'disconnected'
  | 'internal'

export type RejectionReason =
  | 'application_context'
  | 'protocol_version'
  | 'called_title'
  | 'calling_title'
  | 'address'
  | 'certificate'
  | 'too_many_associations'
  | 'stopping'

/** How an association ended. */
export type AssociationEnd =
  | 'released'
  | 'aborted_by_peer'
  | 'disconnected'
  | 'pdu_malformed'
  | 'dimse_malformed'
  | 'unexpected_pdu'
  | 'object_too_large'
  | 'idle_timeout'
  | 'stalled'
  | 'answer_timeout'
  | 'stopped'
  | 'internal'

export type AcceptorEvent =
  | { readonly type: 'connection_failed'; readonly address: string; readonly reason: ConnectionFailure }
  | {
      readonly type: 'association_rejected'
      readonly association: AssociationFacts
      readonly reason: RejectionReason
    }
  | {
      readonly type: 'association_accepted'
      readonly association: AssociationFacts
      readonly contexts: number
      readonly refusedContexts: number
      /** Such as TLSv1.3; null for plain. */
      readonly tls: string | null
      readonly implementationVersion: string | null
    }
  | {
      /** Objects that are becoming durable at this moment are told of afterwards. */
      readonly type: 'association_ended'
      readonly association: AssociationFacts
      readonly end: AssociationEnd
      readonly durationMs: number
      readonly receivedBytes: number
      readonly sentBytes: number
      readonly stored: number
      readonly failed: number
    }
  | {
      readonly type: 'object_stored'
      readonly association: AssociationFacts
      /** The gateway's own name of it. */
      readonly instanceId: string
      readonly sopClassUid: string
      readonly transferSyntaxUid: string
      readonly lengthBytes: number
      /** From its command to its answer, and the part of it that was waiting for the disk. */
      readonly durationMs: number
      readonly commitMs: number
    }
  | {
      readonly type: 'object_failed'
      readonly association: AssociationFacts
      /** As it was answered; null where the association ended before. */
      readonly status: number | null
      /** Of the error, or why it was refused. */
      readonly code: string
      readonly sopClassUid: string
      readonly lengthBytes: number
    }
  | {
      readonly type: 'operation_served'
      readonly association: AssociationFacts
      readonly service: string
      readonly kind: string
      /** Of the last answer; null where the association ended before. */
      readonly status: number | null
      readonly replies: number
      readonly durationMs: number
    }
  /** Something of ours did what it should not: a service that threw, a system that has no handles left (no association). */
  | { readonly type: 'fault'; readonly association: AssociationFacts | null; readonly error: unknown }
