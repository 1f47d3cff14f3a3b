/**
 * Query: C-ECHO, C-FIND, C-MOVE and C-GET, as the one who asks.
 *
 * Source: PS3.7 sections 9.1.2 to 9.1.5, PS3.4 annex C. Identifiers go out and come in as bytes, in the transfer syntax of
 * their context; what they say is left to the caller.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Response } from '@fiducial/core/formats/dimse/command.ts'
import { STATUS, statusClass } from '@fiducial/core/formats/dimse/status.ts'
import type { OpenContext } from './propose.ts'
import type { Association, OwnMessage } from './requestor.ts'
import type { Answer } from './service.ts'

export const VERIFICATION = '1.2.840.10008.1.1'
export const MODALITY_WORKLIST = '1.2.840.10008.5.1.4.31'

/** SOP Classes of Query/Retrieve (PS3.4 section C.6). */
export const QUERY_RETRIEVE = {
  patient: {
    find: '1.2.840.10008.5.1.4.1.2.1.1',
    move: '1.2.840.10008.5.1.4.1.2.1.2',
    get: '1.2.840.10008.5.1.4.1.2.1.3',
  },
  study: {
    find: '1.2.840.10008.5.1.4.1.2.2.1',
    move: '1.2.840.10008.5.1.4.1.2.2.2',
    get: '1.2.840.10008.5.1.4.1.2.2.3',
  },
} as const

/** How far a C-MOVE or C-GET has come, as the peer counts. */
export interface SubOperations {
  readonly remaining: number
  readonly completed: number
  readonly failed: number
  readonly warnings: number
}

export interface RetrieveResult extends SubOperations {
  readonly status: number
  /** Those that failed, as the peer lists them: an identifier in the transfer syntax of the context. */
  readonly failedList: Uint8Array | null
}

/** C-ECHO. @throws {StoreError} `peer_refused`, `association_aborted`, `peer_timeout` */
export async function echo(association: Association): Promise<void> {
  const context = requireContext(association, VERIFICATION)
  const { response } = await association.ask(context, { kind: 'c_echo_rq', affectedSopClassUid: VERIFICATION })
  requireSuccess(response)
}

/**
 * C-FIND: gives each identifier that matches.
 *
 * @param signal  ends it with a C-CANCEL: what was under way still comes, then no more
 * @throws {StoreError} `peer_refused` with the status in its message, `association_aborted`, `peer_timeout`
 */
export async function* find(
  association: Association,
  context: OpenContext,
  identifier: Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const message: OwnMessage = { kind: 'c_find_rq', affectedSopClassUid: context.abstractSyntax, priority: 0 }
  for await (const { response, dataSet } of cancellable(association, context, message, identifier, signal)) {
    if (statusClass(response.status) !== 'pending') requireSuccess(response)
    else if (dataSet !== null) yield dataSet
  }
}

/**
 * C-MOVE: lets the peer send instances to somebody whom it knows.
 *
 * @param destination  AE title
 * @param onProgress  called with each count that the peer gives
 * @throws {StoreError} as {@link find}; failed sub-operations are no error, they are counted
 */
export async function move(
  association: Association,
  context: OpenContext,
  { identifier, destination }: { readonly identifier: Uint8Array; readonly destination: string },
  { signal, onProgress }: RetrieveOptions = {},
): Promise<RetrieveResult> {
  const message: OwnMessage = {
    kind: 'c_move_rq',
    affectedSopClassUid: context.abstractSyntax,
    moveDestination: destination,
    priority: 0,
  }
  return retrieve(cancellable(association, context, message, identifier, signal), onProgress)
}

/**
 * C-GET: lets the peer send instances over the same association, to whatever answers its requests there (`onRequest`).
 * @throws {StoreError} as {@link move}
 */
export async function get(
  association: Association,
  context: OpenContext,
  identifier: Uint8Array,
  { signal, onProgress }: RetrieveOptions = {},
): Promise<RetrieveResult> {
  const message: OwnMessage = { kind: 'c_get_rq', affectedSopClassUid: context.abstractSyntax, priority: 0 }
  return retrieve(cancellable(association, context, message, identifier, signal), onProgress)
}

export interface RetrieveOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (counts: SubOperations) => void
}

/** The answers to a request that can be cancelled. */
export async function* cancellable(
  association: Association,
  context: OpenContext,
  message: OwnMessage,
  identifier: Uint8Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<Answer> {
  let messageId: number | undefined
  const cancel = (): void => {
    // Where it cannot be sent, the association has ended, and the exchange with it.
    if (messageId !== undefined) association.cancel(context, messageId).catch(() => undefined)
  }
  signal?.addEventListener('abort', cancel)
  try {
    yield* association.exchange(context, message, identifier, (id) => {
      messageId = id
      if (signal?.aborted) cancel()
    })
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

/** @throws {StoreError} `peer_refused` where the peer has not accepted the SOP Class */
export function requireContext(association: Association, abstractSyntax: string): OpenContext {
  const context = association.find(abstractSyntax)
  if (context !== undefined) return context
  throw new StoreError('peer_refused', `the peer does not take ${abstractSyntax}`)
}

/** A warning is a success, and so is what was cancelled. @throws {StoreError} `peer_refused` */
export function requireSuccess({ kind, status }: Response): void {
  if (statusClass(status) !== 'failure') return
  throw new StoreError('peer_refused', `${kind} with status ${status.toString(16).padStart(4, '0')}H`)
}

async function retrieve(
  answers: AsyncIterable<Answer>,
  onProgress: ((counts: SubOperations) => void) | undefined,
): Promise<RetrieveResult> {
  let counts: SubOperations = { remaining: 0, completed: 0, failed: 0, warnings: 0 }
  for await (const { response, dataSet } of answers) {
    const { remaining = 0, completed = counts.completed, failed = counts.failed, warnings = counts.warnings } = response
    counts = { remaining, completed, failed, warnings }
    if (statusClass(response.status) === 'pending') onProgress?.(counts)
    else {
      // All sub-operations failed: that is counted, and not a refusal of the request.
      if (response.status !== STATUS.outOfResourcesSubOperations) requireSuccess(response)
      return { ...counts, status: response.status, failedList: dataSet }
    }
  }
  throw new StoreError('association_aborted', 'no last answer came')
}
