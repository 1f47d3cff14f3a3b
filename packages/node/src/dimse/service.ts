/**
 * Service: how an association's acceptor hands requests to those who answer them.
 *
 * C-ECHO and C-STORE are the acceptor's own; every other service class is one of these: queries that are passed on to an
 * archive, storage commitment, procedure steps. The acceptor keeps the protocol: contexts, order, limits, C-CANCEL.
 */
import type { CommandOf, Request, Response } from '@fiducial/core/formats/dimse/command.ts'

/** Who is at the other end; nothing of it is a patient's. */
export interface AssociationFacts {
  /** Of our own making; no other association has it. */
  readonly id: string
  readonly callingAet: string
  readonly calledAet: string
  /** Host and port of the peer, as we see them. */
  readonly address: string
  /** SHA-256 of the peer's certificate, in lower-case hexadecimal; null where it showed none. */
  readonly certificate: string | null
}

/** A presentation context as it was agreed. */
export interface AgreedContext {
  readonly id: number
  readonly abstractSyntax: string
  readonly transferSyntax: string
  /** The peer may perform operations in it that we invoke, such as C-STORE for a C-GET (role selection). */
  readonly isPeerScp: boolean
}

/** A request of ours to the peer, on its own association. */
export interface OwnRequest {
  readonly context: AgreedContext
  /** Its message id is set by the acceptor. */
  readonly command: OwnCommand
  /** In the transfer syntax of the context; pieces are sent as they come. */
  readonly dataSet: Uint8Array | AsyncIterable<Uint8Array> | null
}

type WithoutIds<T> = T extends unknown ? Omit<T, 'messageId' | 'hasDataSet'> : never
export type OwnCommand = WithoutIds<CommandOf<'c_store_rq' | 'n_event_report_rq' | 'c_echo_rq'>>

export interface Answer {
  readonly response: Response
  readonly dataSet: Uint8Array | null
}

/** An association, as services see it. */
export interface ServedAssociation extends AssociationFacts {
  readonly contexts: readonly AgreedContext[]
  /** Aborted when the association has ended, however it did. */
  readonly ended: AbortSignal
  /**
   * Asks the peer something: C-STORE while a C-GET is answered, N-EVENT-REPORT for storage commitment. One at a time; what
   * is asked meanwhile waits.
   * @throws {StoreError} `association_aborted` where the association ends before the answer
   */
  ask(request: OwnRequest): Promise<Answer>
}

/** What an answer says beside what it repeats of the request. */
export type Reply = Partial<Omit<Response, 'kind' | 'messageIdBeingRespondedTo' | 'hasDataSet' | 'status'>> & {
  readonly status: number
}

/** A request to be answered. */
export interface Operation {
  readonly association: ServedAssociation
  readonly context: AgreedContext
  readonly request: Request
  /** Whole, in the transfer syntax of the context; null where the request has none. */
  readonly dataSet: Uint8Array | null
  /** Aborted by C-CANCEL, and when the association ends. */
  readonly signal: AbortSignal
  /**
   * Sends an answer; each `pending` one is followed by another, the last one has another status. Resolves when the peer can
   * take more. Message id and UIDs of the request are filled in.
   * @throws {StoreError} `association_aborted`
   */
  reply(reply: Reply, dataSet?: Uint8Array): Promise<void>
}

export interface ServiceProvider {
  /** For events and metrics, such as `query` or `storage_commitment`. */
  readonly name: string
  /** Whether it takes contexts of an abstract syntax. The first provider that does has them. */
  takes(abstractSyntax: string): boolean
  /** Which of the proposed transfer syntaxes it works with; undefined refuses the context. Default: the first. */
  chooseSyntax?(proposed: readonly string[]): string | undefined
  /**
   * Answers a request of such a context. When it returns without a last answer, or throws, the acceptor answers that
   * processing failed. Called for one request at a time on each association.
   */
  serve(operation: Operation): Promise<void>
}
