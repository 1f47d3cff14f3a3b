/**
 * Requestor: an association that we asked for, and the messages that go over it.
 *
 * Source: PS3.8 sections 7 and 9 (upper layer, from the requestor's side), PS3.7 section 6 (messages). Several exchanges
 * may be under way at once where the caller likes; no asynchronous operations are proposed unless it does. What a message
 * means is left to the services beside this file.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { Command, CommandOf, Request, Response } from '@fiducial/core/formats/dimse/command.ts'
import { responseKind } from '@fiducial/core/formats/dimse/command.ts'
import { MessageReader } from '@fiducial/core/formats/dimse/message-reader.ts'
import { packCommand, packMessage } from '@fiducial/core/formats/dimse/pack-message.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import type { AssociateAccept } from '@fiducial/core/formats/dul/associate.ts'
import { ABORT_SOURCES, formatPdu, type Pdu } from '@fiducial/core/formats/dul/pdu.ts'
import { PduReader } from '@fiducial/core/formats/dul/pdu-reader.ts'
import { NO_USER_INFORMATION, type UserInformation } from '@fiducial/core/formats/dul/user-information.ts'
import { connectTo } from './connect.ts'
import { Exchange } from './exchange.ts'
import { CONTEXTS_PER_ASSOCIATION, formatProposal, type OpenContext, type Proposal, readAcceptance } from './propose.ts'
import { DEFAULT_NODE_TIMEOUTS, type NodeTimeouts, type RemoteNode } from './remote-node.ts'
import { sendDataSet } from './send-data-set.ts'
import type { Answer, Reply } from './service.ts'

/** What the peer asks us on our own association; its data set comes piece by piece. */
export interface PeerRequest {
  /** The next bytes of the data set: valid while it runs. @returns false to be given no more until it calls `resume` */
  write(bytes: Uint8Array, resume: () => void): boolean
  /** All has come: the answer. */
  end(): Promise<Reply>
  /** The association ended before. */
  abort(): void
}

export interface AssociationOptions {
  readonly proposals: readonly Proposal[]
  /** Gives up while the association is not open yet; later on, {@link Association.abort} does. */
  readonly signal?: AbortSignal
  /** Answers what the peer asks; without it, that is refused. */
  readonly onRequest?: (context: OpenContext, request: Request) => PeerRequest
  /** Asynchronous operations that we offer; none unless a caller wants to see what the peer makes of them. */
  readonly operations?: { readonly invoked: number; readonly performed: number }
  /** Told of each piece of bytes that comes, before it is read. */
  readonly onBytes?: (length: number) => void
}

type WithoutIds<T> = T extends unknown ? Omit<T, 'messageId' | 'hasDataSet'> : never
/** A message to the peer, but for message id and data set type, which are set here. */
export type OwnMessage = WithoutIds<Request>

/** Bytes, or pieces of them, each valid until the next one is asked for. */
export type DataSetBytes = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** Of an answer that is held in memory: an identifier, or what a report says. */
const ANSWER_BYTES = 4 * 2 ** 20

/**
 * Opens an association.
 *
 * @throws {StoreError} `service_unreachable`, `association_rejected`, `association_aborted`, `peer_timeout`
 * @throws {RangeError} for no proposals, or more than {@link CONTEXTS_PER_ASSOCIATION}
 */
export async function openAssociation(node: RemoteNode, options: AssociationOptions): Promise<Association> {
  if (options.proposals.length === 0 || options.proposals.length > CONTEXTS_PER_ASSOCIATION) {
    throw new RangeError(`${options.proposals.length} presentation contexts`)
  }
  const socket = await connectTo(node, options.signal)
  const association = new Association(socket, node, options)
  await association.opened
  return association
}

export class Association {
  /** What the peer says of itself. Empty until the association stands. */
  peer: UserInformation = NO_USER_INFORMATION
  /** Those that the peer accepted, in the order in which they were asked for. */
  contexts: readonly OpenContext[] = []
  /** Result of each proposal, in their order: {@link CONTEXT_RESULTS}; undefined where the peer said nothing. */
  results: readonly (number | undefined)[] = []
  /** Resolves when the association stands. */
  readonly opened: Promise<void>
  /** Aborted when the association has ended, however it did. */
  readonly ended: AbortSignal
  readonly #ending = new AbortController()
  readonly #opening = Promise.withResolvers<void>()
  readonly #released = Promise.withResolvers<void>()
  readonly #socket: Socket
  readonly #node: RemoteNode
  readonly #timeouts: NodeTimeouts
  readonly #options: AssociationOptions
  readonly #pdus: PduReader
  readonly #messages: MessageReader
  readonly #exchanges = new Map<number, Exchange>()
  #state: 'opening' | 'open' | 'releasing' | 'ended' = 'opening'
  #failure: StoreError | undefined
  #lastMessageId = 0
  /** Messages are written one after the other, their fragments never mixed. */
  #writing: Promise<void> = Promise.resolve()
  #incoming: { write(bytes: Uint8Array): void; end(): void; abort(): void } | undefined
  #answering = 0

  constructor(socket: Socket, node: RemoteNode, options: AssociationOptions) {
    this.#socket = socket
    this.#node = node
    this.#options = options
    this.#timeouts = { ...DEFAULT_NODE_TIMEOUTS, ...node.timeouts }
    this.ended = this.#ending.signal
    this.opened = this.#opening.promise
    this.opened.catch(() => undefined)
    this.#pdus = new PduReader({
      onPdu: (pdu) => this.#onPdu(pdu),
      onFragment: (part) => this.#messages.read(part),
    })
    this.#messages = new MessageReader({
      onCommand: (contextId, command) => this.#onCommand(contextId, command),
      onData: (bytes, isEnd) => this.#onData(bytes, isEnd),
    })
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', (cause) => this.#end(aborted('the connection broke', cause)))
    socket.on('close', () => this.#end(aborted('the peer closed the connection')))
    socket.on('timeout', () => this.#end(new StoreError('peer_timeout', `${this.#label} does not go on`)))
    socket.setTimeout(this.#timeouts.associateMs)
    options.signal?.addEventListener('abort', this.#stop)
    socket.write(formatPdu(formatProposal(node, options)))
  }

  /** Version of TLS; null for a plain connection. */
  get tls(): string | null {
    return this.#socket instanceof TLSSocket ? this.#socket.getProtocol() : null
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Exchanges and answers under way. */
  get isBusy(): boolean {
    return this.#exchanges.size > 0 || this.#answering > 0 || this.#incoming !== undefined
  }

  /** The agreed context of an abstract syntax, in a transfer syntax if one is given. */
  find(abstractSyntax: string, transferSyntax?: string): OpenContext | undefined {
    return this.contexts.find(
      (context) =>
        context.abstractSyntax === abstractSyntax &&
        (transferSyntax === undefined || context.transferSyntax === transferSyntax),
    )
  }

  /**
   * Asks the peer something and gives its answers as they come, the last one included.
   *
   * @throws {StoreError} `association_aborted`, `peer_timeout`
   */
  async *exchange(
    context: OpenContext,
    message: OwnMessage,
    dataSet: DataSetBytes | null,
    onSent?: (messageId: number) => void,
  ): AsyncGenerator<Answer> {
    this.#requireOpen()
    const messageId = this.#nextMessageId()
    const exchange = new Exchange({ pause: () => this.#socket.pause(), resume: () => this.#socket.resume() })
    this.#exchanges.set(messageId, exchange)
    this.#watch()
    try {
      // An answer may come before all is sent, such as a refusal; a failure of the sending ends the exchange as well.
      const command = { ...message, messageId, hasDataSet: dataSet !== null } as Request
      const sent = this.#send(context, command, dataSet)
      sent.then(
        () => onSent?.(messageId),
        (cause) => exchange.fail(cause),
      )
      yield* exchange.answers()
      await sent
    } finally {
      this.#exchanges.delete(messageId)
      exchange.close()
      this.#watch()
    }
  }

  /** Asks something that has one answer. @throws {StoreError} as {@link exchange} */
  async ask(context: OpenContext, message: OwnMessage, dataSet: DataSetBytes | null = null): Promise<Answer> {
    let last: Answer | undefined
    for await (const answer of this.exchange(context, message, dataSet)) last = answer
    if (last === undefined) throw aborted('no answer came')
    return last
  }

  /** C-CANCEL: asks the peer to end an exchange, whose last answer still comes. */
  async cancel(context: OpenContext, messageId: number): Promise<void> {
    if (!this.#exchanges.has(messageId)) return
    const command: CommandOf<'c_cancel_rq'> = {
      kind: 'c_cancel_rq',
      messageIdBeingRespondedTo: messageId,
      hasDataSet: false,
    }
    await this.#send(context, command, null)
  }

  /** Ends in order; where the peer does not answer, the connection is closed all the same. Never fails. */
  async release(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'releasing'
    this.#socket.setTimeout(this.#timeouts.associateMs)
    this.#socket.write(formatPdu({ type: 'release_rq' }))
    await this.#released.promise
  }

  /** Ends at once: A-ABORT. */
  abort(): void {
    this.#end(aborted('we ended it'))
  }

  readonly #stop = (): void => this.#end(aborted('the caller ended it'))

  get #label(): string {
    return `${this.#node.host}:${this.#node.port}`
  }

  #read(chunk: Uint8Array): void {
    if (this.#state === 'ended') return
    this.#options.onBytes?.(chunk.length)
    try {
      this.#pdus.read(chunk)
    } catch (cause) {
      // What the peer sends is no DICOM, or a handler of ours cannot take it: either way nothing more is read.
      const what = cause instanceof FormatError ? `the peer broke the protocol: ${cause.code}` : 'it cannot be taken'
      this.#end(aborted(what, cause))
    }
  }

  #onPdu(pdu: Pdu): void {
    if (pdu.type === 'abort') this.#end(aborted(`the peer aborted (source ${pdu.source}, reason ${pdu.reason})`))
    else if (pdu.type === 'associate_ac' && this.#state === 'opening') this.#onAccept(pdu)
    else if (pdu.type === 'associate_rj' && this.#state === 'opening') {
      const { result, source, reason } = pdu
      const text = `${this.#label} rejects the association (result ${result}, source ${source}, reason ${reason})`
      this.#end(new StoreError('association_rejected', text))
    } else if (pdu.type === 'release_rp' && this.#state === 'releasing') this.#end(undefined)
    else if (pdu.type === 'release_rq') {
      this.#socket.write(formatPdu({ type: 'release_rp' }))
      this.#end(this.isBusy ? aborted('the peer released it') : undefined)
    } else throw new FormatError('pdu_malformed', `${pdu.type} out of turn`)
  }

  #onAccept(accept: AssociateAccept): void {
    this.peer = accept.user
    const { contexts, results } = readAcceptance(this.#options.proposals, accept)
    this.contexts = contexts
    this.results = results
    this.#state = 'open'
    this.#options.signal?.removeEventListener('abort', this.#stop)
    this.#watch()
    this.#opening.resolve()
  }

  #onCommand(contextId: number, command: Command): void {
    const context = this.contexts.find(({ id }) => id === contextId)
    if (context === undefined) throw new FormatError('dimse_malformed', `context ${contextId} was not agreed`)
    if (isResponse(command)) this.#onResponse(command)
    else if (command.kind !== 'c_cancel_rq') this.#onRequest(context, command)
  }

  #onResponse(response: Response): void {
    const exchange = this.#exchanges.get(response.messageIdBeingRespondedTo)
    if (exchange === undefined) throw new FormatError('dimse_malformed', 'an answer to nothing that was asked')
    if (!response.hasDataSet) return exchange.push({ response, dataSet: null })
    const pieces: Uint8Array[] = []
    let length = 0
    this.#incoming = {
      write(bytes) {
        length += bytes.length
        if (length > ANSWER_BYTES)
          throw new FormatError('dimse_malformed', `an answer of more than ${ANSWER_BYTES} bytes`)
        pieces.push(new Uint8Array(bytes))
      },
      end: () => exchange.push({ response, dataSet: joinBytes(pieces) }),
      abort: () => undefined,
    }
  }

  #onRequest(context: OpenContext, request: Request): void {
    const handler = this.#options.onRequest?.(context, request) ?? REFUSING
    const finish = (): void => void this.#reply(context, request, handler)
    const resume = (): void => void this.#socket.resume()
    if (!request.hasDataSet) return finish()
    this.#incoming = {
      write: (bytes) => {
        if (!handler.write(bytes, resume)) this.#socket.pause()
      },
      end: finish,
      abort: () => handler.abort(),
    }
  }

  async #reply(context: OpenContext, request: Request, handler: PeerRequest): Promise<void> {
    this.#answering++
    this.#watch()
    try {
      const reply = await handler.end().catch(() => ({ status: STATUS.processingFailure }))
      const { affectedSopClassUid, affectedSopInstanceUid } = request
      const response = {
        ...(affectedSopClassUid === undefined ? {} : { affectedSopClassUid }),
        ...(affectedSopInstanceUid === undefined ? {} : { affectedSopInstanceUid }),
        ...reply,
        kind: responseKind(request.kind),
        messageIdBeingRespondedTo: request.messageId,
        hasDataSet: false,
      } as Response
      if (this.#state === 'open') await this.#send(context, response, null)
    } catch (cause) {
      this.#end(aborted('an answer could not be sent', cause))
    } finally {
      this.#answering--
      this.#watch()
    }
  }

  #onData(bytes: Uint8Array, isEnd: boolean): void {
    this.#incoming?.write(bytes)
    if (!isEnd) return
    const incoming = this.#incoming
    this.#incoming = undefined
    incoming?.end()
  }

  #send(context: OpenContext, command: Command, dataSet: DataSetBytes | null): Promise<void> {
    const packing = { contextId: context.id, maximumLength: this.peer.maximumLength }
    const sent = this.#writing.then(async () => {
      if (this.#failure !== undefined) throw this.#failure
      // What fits goes out in one write: two of them would wait for each other with a peer that delays its acknowledgements.
      if (dataSet === null || dataSet instanceof Uint8Array) {
        await this.#write([packMessage(command, dataSet, packing)])
      } else {
        await sendDataSet(packCommand(command, packing), dataSet, packing, (pieces) => this.#write(pieces))
      }
    })
    this.#writing = sent.catch(() => undefined)
    // A data set that was begun and cannot be ended leaves a message that nobody can finish.
    sent.catch((cause) => this.#end(cause instanceof StoreError ? cause : aborted('it cannot be sent', cause)))
    return sent
  }

  /** Resolves when the system has taken all of it: the bytes may then be used again. */
  #write(pieces: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#socket.cork()
      for (const piece of pieces.slice(0, -1)) this.#socket.write(piece)
      this.#socket.write(pieces.at(-1) ?? new Uint8Array(0), (cause) => {
        if (cause == null) resolve()
        else reject(this.#failure ?? aborted('the connection broke', cause))
      })
      this.#socket.uncork()
    })
  }

  /** Only while something is under way does silence mean anything. */
  #watch(): void {
    if (this.#state === 'open') this.#socket.setTimeout(this.isBusy ? this.#timeouts.idleMs : 0)
  }

  #nextMessageId(): number {
    do this.#lastMessageId = (this.#lastMessageId % 0xffff) + 1
    while (this.#exchanges.has(this.#lastMessageId))
    return this.#lastMessageId
  }

  #requireOpen(): void {
    if (this.#state !== 'open') throw this.#failure ?? aborted('it has ended')
  }

  #end(failure: StoreError | undefined): void {
    if (this.#state === 'ended') return
    const wasOpening = this.#state === 'opening'
    const isReleased = failure === undefined || this.#state === 'releasing'
    this.#state = 'ended'
    this.#failure = failure ?? aborted('it was released')
    this.#options.signal?.removeEventListener('abort', this.#stop)
    if (wasOpening) this.#opening.reject(this.#failure)
    for (const exchange of this.#exchanges.values()) exchange.fail(this.#failure)
    this.#incoming?.abort()
    this.#incoming = undefined
    this.#socket.setTimeout(0)
    this.#socket.on('error', () => undefined)
    if (isReleased || this.#socket.destroyed) this.#socket.destroySoon()
    else
      this.#socket.write(formatPdu({ type: 'abort', source: ABORT_SOURCES.user, reason: 0 }), () =>
        this.#socket.destroy(),
      )
    // A peer that reads nothing would keep the abort, and the connection with it.
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref()
    this.#released.resolve()
    this.#ending.abort(this.#failure)
  }
}

const LINGER_MS = 1000

const REFUSING: PeerRequest = {
  write: () => true,
  end: async () => ({ status: STATUS.unrecognizedOperation }),
  abort: () => undefined,
}

const isResponse = (command: Command): command is Response => command.kind.endsWith('_rsp')

const aborted = (what: string, cause?: unknown): StoreError =>
  new StoreError('association_aborted', `the association ended: ${what}`, { cause })
