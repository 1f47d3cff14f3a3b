/**
 * Operations: what the requestor of an association asks, in its order, and the answers to it.
 *
 * Source: PS3.7 sections 9 and 10, annex D.3.3.3 (asynchronous operations). Several C-STOREs may wait for the disk, as many
 * as the window grants; their answers leave in the order of the requests. Any other request is alone. One that comes too
 * early waits, and with it the connection.
 */
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import {
  type Command,
  type CommandKind,
  type Request,
  type Response,
  responseKind,
} from '@fiducial/core/formats/dimse/command.ts'
import type { MessageHandler } from '@fiducial/core/formats/dimse/message-reader.ts'
import { STATUS, statusClass } from '@fiducial/core/formats/dimse/status.ts'
import type { Intake } from '../services/gateway/ports.ts'
import type { AcceptorEvent, AssociationEnd } from './acceptor-events.ts'
import type { AcceptorLimits } from './acceptor-settings.ts'
import { type CollectedDataSet, collectDataSet, type DataSetSink } from './data-set-sink.ts'
import type { MessageSender } from './message-sender.ts'
import type { NegotiationRules } from './negotiate.ts'
import type { OwnRequests } from './own-requests.ts'
import type {
  AgreedContext,
  AssociationFacts,
  Operation,
  Reply,
  ServedAssociation,
  ServiceProvider,
} from './service.ts'
import { StoreOperation, type StoreOutcome, type StoreRequest } from './store-operation.ts'

/** What operations need of their association. */
export interface OperationsLink {
  readonly association: ServedAssociation
  /** The same, for events. */
  readonly facts: AssociationFacts
  readonly intake: Intake
  readonly rules: NegotiationRules
  readonly limits: AcceptorLimits
  /** Operations that may be under way at once. */
  readonly window: number
  readonly sender: MessageSender
  readonly own: OwnRequests
  readonly onEvent: (event: AcceptorEvent) => void
  /** Reads nothing more; from within a handler. */
  readonly block: () => void
  readonly unblock: () => void
  /** Aborts the association. */
  readonly fail: (end: AssociationEnd) => void
  /** Work at a disk that goes on though the association may end. */
  readonly track: (work: Promise<void>) => void
  /** Nothing is under way any more. */
  readonly onIdle: () => void
}

/** A place in the order of answers; sent once it is filled and those before it are. */
interface Turn {
  send: (() => void) | undefined
}

interface Serving {
  readonly messageId: number
  readonly controller: AbortController
}

export class Operations implements MessageHandler {
  readonly #link: OperationsLink
  readonly #turns: Turn[] = []
  /** Takes the data set that is coming. */
  #sink: DataSetSink | undefined
  #store: StoreOperation | undefined
  /** Until its last answer. */
  #serving: Serving | undefined
  /** A request that came before its turn. */
  #waiting: Waiting | undefined
  #isWaitingForRoom = false
  #isDraining = false
  #isEnded = false
  stored = 0
  failed = 0

  constructor(link: OperationsLink) {
    this.#link = link
  }

  /** Nothing is being received, stored or answered. */
  get isIdle(): boolean {
    return this.#turns.length === 0 && this.#sink === undefined && this.#serving === undefined
  }

  onCommand(contextId: number, command: Command): void {
    const context = this.#link.association.contexts.find(({ id }) => id === contextId)
    if (context === undefined) throw malformed(`a message in context ${contextId}, which was not agreed`)
    if (isResponse(command)) this.#onResponse(command)
    else if (command.kind === 'c_cancel_rq') this.#onCancel(command.messageIdBeingRespondedTo)
    else this.#onRequest(context, command)
    if (command.hasDataSet && this.#sink === undefined && this.#waiting === undefined) this.#sink = dropped
  }

  onData(bytes: Uint8Array, isEnd: boolean): void {
    const sink = this.#sink
    if (isEnd) this.#sink = undefined
    sink?.write(bytes)
    // Bytes that are too many have ended everything.
    if (isEnd && !this.#isEnded) sink?.end()
  }

  /** Finishes what is under way and takes nothing new; tells the link when it is idle. */
  drain(): void {
    this.#isDraining = true
    if (this.isIdle) this.#link.onIdle()
  }

  /** The association has ended, and why. What is not stored yet is dropped; what is being committed goes on by itself. */
  end(end: AssociationEnd): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const store = this.#store
    this.#store = undefined
    if (store !== undefined) {
      this.#link.track(store.abandon())
      this.#failedToStore(store, null, end)
    }
    this.#serving?.controller.abort(new StoreError('association_aborted', 'the association has ended'))
    this.#link.own.end()
    this.#waiting = undefined
    this.#sink = undefined
  }

  #onRequest(context: AgreedContext, request: Request): void {
    if (this.#isDraining && this.isIdle) return this.#link.fail('stopped')
    const provider = this.#link.rules.services.find((service) => service.takes(context.abstractSyntax))
    const start = (): void => {
      if (provider === undefined && request.kind === 'c_store_rq') this.#beginStore(context, request)
      else if (provider === undefined) this.#answerAtOnce(context, request)
      else this.#beginService(provider, context, request)
    }
    const waiting = { start, most: provider === undefined ? this.#link.window : 1 }
    // One that comes after the order to stop waits for the end.
    if (!this.#isDraining && this.#hasTurn(waiting)) return start()
    this.#waiting = waiting
    this.#link.block()
  }

  #beginStore(context: AgreedContext, request: StoreRequest): void {
    const { intake, facts: association, rules, limits } = this.#link
    const store = new StoreOperation({ intake, association, context, request, rules })
    this.#store = store
    const turn = this.#takeTurn()
    const end = (): void => {
      this.#store = undefined
      this.#link.track(store.finish().then((outcome) => this.#finishStore(turn, context, store, outcome)))
    }
    if (!request.hasDataSet) return end()
    this.#sink = {
      write: (bytes) => {
        store.write(bytes)
        if (store.lengthBytes > limits.objectBytes) return this.#link.fail('object_too_large')
        this.#waitFor(store.room())
      },
      end,
    }
  }

  /** Reads nothing more until somebody slower can take it. */
  #waitFor(room: Promise<void> | undefined): void {
    if (room === undefined || this.#isWaitingForRoom) return
    this.#isWaitingForRoom = true
    this.#link.block()
    void room.then(() => {
      this.#isWaitingForRoom = false
      this.#link.unblock()
    })
  }

  #finishStore(turn: Turn, context: AgreedContext, store: StoreOperation, outcome: StoreOutcome): void {
    const { request, lengthBytes, transferSyntaxUid } = store
    const { facts: association, onEvent } = this.#link
    this.#fill(turn, () => {
      const code = 'code' in outcome ? outcome.code : undefined
      this.#sendReply(context, request, { status: outcome.status, ...(code && { errorComment: code }) })
    })
    if ('code' in outcome) return this.#failedToStore(store, outcome.status, outcome.code)
    this.stored++
    onEvent({
      type: 'object_stored',
      association,
      instanceId: outcome.instanceId,
      sopClassUid: request.affectedSopClassUid,
      transferSyntaxUid,
      lengthBytes,
      durationMs: performance.now() - store.startedAt,
      commitMs: outcome.commitMs,
    })
  }

  #failedToStore({ request, lengthBytes }: StoreOperation, status: number | null, code: string): void {
    this.failed++
    const { facts: association, onEvent } = this.#link
    const { affectedSopClassUid: sopClassUid } = request
    onEvent({ type: 'object_failed', association, status, code, sopClassUid, lengthBytes })
  }

  /** C-ECHO, and what nobody here serves. */
  #answerAtOnce(context: AgreedContext, request: Request): void {
    const turn = this.#takeTurn()
    const status = request.kind === 'c_echo_rq' ? STATUS.success : STATUS.unrecognizedOperation
    const answer = (): void => this.#fill(turn, () => this.#sendReply(context, request, { status }))
    if (request.hasDataSet) this.#sink = { write: () => undefined, end: answer }
    else answer()
  }

  #beginService(provider: ServiceProvider, context: AgreedContext, request: Request): void {
    const serving = { messageId: request.messageId, controller: new AbortController() }
    this.#serving = serving
    const run = (dataSet: CollectedDataSet): void => void this.#serve({ provider, context, request, serving, dataSet })
    if (request.hasDataSet) this.#sink = collectDataSet(this.#link.limits.requestBytes, run)
    else run({ bytes: null, isTooLong: false })
  }

  async #serve(call: ServiceCall): Promise<void> {
    const { provider, context, request, serving, dataSet } = call
    const { association, facts, onEvent, sender } = this.#link
    const startedAt = performance.now()
    let replies = 0
    let last: number | null = null
    const reply = async (answer: Reply, answerData?: Uint8Array): Promise<void> => {
      if (this.#isEnded) throw new StoreError('association_aborted', 'the association has ended')
      if (last !== null) throw new TypeError('the last answer was sent')
      replies++
      if (statusClass(answer.status) !== 'pending') last = answer.status
      this.#sendReply(context, request, answer, answerData ?? null)
      if (last === null) return await sender.drained()
      if (this.#serving === serving) this.#serving = undefined
      this.#goOn()
    }
    const { signal } = serving.controller
    const operation: Operation = { association, context, request, dataSet: dataSet.bytes, signal, reply }
    try {
      if (dataSet.isTooLong) await reply({ status: STATUS.resourceLimitation })
      else await provider.serve(operation)
    } catch (error) {
      if (!this.#isEnded) onEvent({ type: 'fault', association: facts, error })
    }
    if (last === null && !this.#isEnded) await reply({ status: STATUS.processingFailure })
    const { name: service } = provider
    const durationMs = performance.now() - startedAt
    onEvent({
      type: 'operation_served',
      association: facts,
      service,
      kind: request.kind,
      status: last,
      replies,
      durationMs,
    })
  }

  #onCancel(messageId: number): void {
    // One that comes too late is no mistake: the answers crossed it.
    if (this.#serving?.messageId === messageId) {
      this.#serving.controller.abort(new StoreError('service_refused', 'the peer cancelled its request'))
    }
  }

  #onResponse(response: Response): void {
    const { own, limits } = this.#link
    if (!own.expects(response)) throw malformed('an answer to nothing that was asked')
    if (!response.hasDataSet) return own.answered({ response, dataSet: null })
    this.#sink = collectDataSet(limits.requestBytes, ({ bytes }) => own.answered({ response, dataSet: bytes }))
  }

  #takeTurn(): Turn {
    const turn: Turn = { send: undefined }
    this.#turns.push(turn)
    return turn
  }

  #fill(turn: Turn, send: () => void): void {
    turn.send = send
    while (this.#turns[0]?.send !== undefined) this.#turns.shift()?.send?.()
    this.#goOn()
  }

  #sendReply(context: AgreedContext, request: Request, reply: Reply, dataSet: Uint8Array | null = null): void {
    if (this.#isEnded) return
    const { affectedSopClassUid, requestedSopClassUid, affectedSopInstanceUid, requestedSopInstanceUid } = request
    const sopClassUid = affectedSopClassUid ?? requestedSopClassUid
    const sopInstanceUid = affectedSopInstanceUid ?? requestedSopInstanceUid
    const response = {
      kind: responseKind(request.kind),
      messageIdBeingRespondedTo: request.messageId,
      ...(sopClassUid !== undefined && { affectedSopClassUid: sopClassUid }),
      ...(sopInstanceUid !== undefined && { affectedSopInstanceUid: sopInstanceUid }),
      ...reply,
      hasDataSet: dataSet !== null,
    } as Response
    this.#link.sender.send(context.id, response, dataSet)
  }

  /** Something came to its end: what waited for that has its turn. */
  #goOn(): void {
    if (this.#isEnded) return
    const waiting = this.#waiting
    if (waiting !== undefined && !this.#isDraining && this.#hasTurn(waiting)) {
      this.#waiting = undefined
      waiting.start()
      this.#link.unblock()
    } else if (this.isIdle) this.#link.onIdle()
  }

  #hasTurn({ most }: Waiting): boolean {
    return this.#serving === undefined && this.#turns.length < most
  }
}

/** A request that is held back: how it starts, and how many may be under way then, itself among them. */
interface Waiting {
  readonly start: () => void
  readonly most: number
}

interface ServiceCall {
  readonly provider: ServiceProvider
  readonly context: AgreedContext
  readonly request: Request
  readonly serving: Serving
  readonly dataSet: CollectedDataSet
}

/** For the data set of a message that needs none. */
const dropped: DataSetSink = { write: () => undefined, end: () => undefined }

const isResponse = (command: Command): command is Response => (command.kind satisfies CommandKind).endsWith('_rsp')

const malformed = (what: string): FormatError => new FormatError('dimse_malformed', what)
