/**
 * Association: the state machine of the side that was called.
 *
 * Source: PS3.8 section 9.2 (states and actions; Sta2 to Sta6, Sta8 and Sta13 are ours), PS3.7 annex D. Bytes go to the
 * readers of core as they come; requests go on to operations. One association's trouble is never another one's.
 */
import type { Socket } from 'node:net'
import { concatBytes } from '@fiducial/core/bytes/text.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { MessageReader } from '@fiducial/core/formats/dimse/message-reader.ts'
import { type AssociateRequest, DICOM_APPLICATION_CONTEXT } from '@fiducial/core/formats/dul/associate.ts'
import { ABORT_REASONS, ABORT_SOURCES, formatPdu, type Pdu, REJECTIONS } from '@fiducial/core/formats/dul/pdu.ts'
import { type FragmentPart, type PduHandler, PduReader } from '@fiducial/core/formats/dul/pdu-reader.ts'
import type { Intake } from '../services/gateway/ports.ts'
import type { AcceptorEvent, AssociationEnd, ConnectionFailure, RejectionReason } from './acceptor-events.ts'
import type { AcceptorLimits } from './acceptor-settings.ts'
import type { Admission } from './admission.ts'
import { MessageSender } from './message-sender.ts'
import { type Agreement, type NegotiationRules, negotiate } from './negotiate.ts'
import { Operations } from './operations.ts'
import { OwnRequests } from './own-requests.ts'
import type { AssociationFacts, ServedAssociation } from './service.ts'
import { Transport } from './transport.ts'

/** What all associations of an acceptor share. */
export interface AssociationHost {
  readonly limits: AcceptorLimits
  readonly rules: NegotiationRules
  readonly intake: Intake
  readonly onEvent: (event: AcceptorEvent) => void
  readonly nextId: () => string
  readonly admit: Admission
  /** Work at a disk that goes on though its association may end. */
  readonly track: (work: Promise<void>) => void
  readonly onClosed: (association: Association) => void
}

/** Names follow PS3.8 table 9-10: Sta2, Sta3, Sta6, Sta8, Sta13. */
type State = 'awaiting_request' | 'deciding' | 'established' | 'releasing' | 'closing' | 'closed'

/** Why nothing more is read: a request is being decided on or waits for its turn, or answers are not taken. */
type Block = 'decision' | 'turn' | 'answers'

/** What the timer waits for. */
type Watch = 'message' | 'progress' | 'nothing'

/** First byte of a TLS handshake (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16

const NOTHING = new Uint8Array(0)

/** After an answer that ends the connection, for the peer to close it. */
const CLOSE_MS = 5_000

const REJECTION_OF = {
  application_context: REJECTIONS.applicationContext,
  protocol_version: REJECTIONS.protocolVersion,
  called_title: REJECTIONS.calledTitle,
  calling_title: REJECTIONS.callingTitle,
  address: REJECTIONS.callingTitle,
  certificate: REJECTIONS.callingTitle,
  too_many_associations: REJECTIONS.localLimit,
  stopping: REJECTIONS.congestion,
} as const satisfies Record<RejectionReason, unknown>

export class Association implements PduHandler {
  readonly #transport: Transport
  readonly #host: AssociationHost
  readonly #reader: PduReader
  readonly #ended = new AbortController()
  #state: State = 'awaiting_request'
  #timer: NodeJS.Timeout | undefined
  #watch: Watch = 'nothing'
  readonly #blocks = new Set<Block>()
  #isDraining = false
  /** Bytes that came behind what blocked. */
  #held: Uint8Array | undefined
  #receivedBytes = 0
  #startedAt = 0
  #facts: AssociationFacts | undefined
  #end: AssociationEnd | undefined
  #messages: MessageReader | undefined
  #operations: Operations | undefined

  constructor(socket: Socket, host: AssociationHost) {
    this.#host = host
    const { pduBytes, associateBytes, associateMs } = host.limits
    this.#reader = new PduReader(this, { dataBytes: pduBytes, associateBytes })
    this.#arm(associateMs, () => this.#failConnection('associate_timeout'))
    this.#transport = new Transport(socket, {
      onBytes: (bytes) => this.#onBytes(bytes),
      onClosed: () => this.#onClosed(),
    })
  }

  get isEstablished(): boolean {
    return this.#state === 'established' || this.#state === 'releasing'
  }

  /** Of an association that was asked for; undefined before. */
  get facts(): AssociationFacts | undefined {
    return this.#facts
  }

  /** Lets what is under way come to its end, and then ends the association. */
  drain(): void {
    this.#isDraining = true
    if (this.#state === 'awaiting_request') this.#close()
    else this.#operations?.drain()
  }

  /** Aborts at once. */
  abort(end: AssociationEnd): void {
    if (this.isEstablished) this.#fail(end)
    else this.#transport.destroy()
  }

  onPdu(pdu: Pdu): void {
    if (this.#state === 'closing') return
    if (pdu.type === 'abort') this.#onAbort()
    else if (this.#state === 'awaiting_request' && pdu.type === 'associate_rq') {
      this.#state = 'deciding'
      this.#block('decision')
      this.#decide(pdu).catch((error) => this.#onFault(error))
    } else if (this.#state === 'established' && pdu.type === 'release_rq' && this.#messages?.isBetween === true) {
      this.#state = 'releasing'
      if (this.#operations?.isIdle === true) this.#release()
    } else this.#fail('unexpected_pdu', ABORT_REASONS.unexpectedPdu)
  }

  onFragment(part: FragmentPart): void {
    if (this.#state === 'established') this.#messages?.read(part)
    else if (this.#state !== 'closing') this.#fail('unexpected_pdu', ABORT_REASONS.unexpectedPdu)
  }

  #onAbort(): void {
    this.#end = 'aborted_by_peer'
    if (this.isEstablished) this.#close()
    else this.#failConnection('disconnected')
    this.#transport.destroy()
  }

  #onBytes(bytes: Uint8Array): void {
    if (this.#state === 'awaiting_request' && this.#receivedBytes === 0 && bytes[0] === TLS_HANDSHAKE) {
      // An A-ABORT would say nothing to a peer that speaks TLS.
      this.#failConnection('tls_on_plain_port')
      this.#transport.destroy()
      return
    }
    this.#receivedBytes += bytes.length
    if (this.#isBlocked) this.#hold(bytes)
    else this.#read(bytes)
  }

  #read(bytes: Uint8Array): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    try {
      const taken = this.#reader.read(bytes)
      if (taken < bytes.length && this.#isBlocked) this.#hold(bytes.subarray(taken))
    } catch (error) {
      this.#onUnreadable(error)
    }
    this.#waitForRoom()
    this.#keepWatch()
  }

  #hold(bytes: Uint8Array): void {
    this.#held = concatBytes(this.#held ?? NOTHING, bytes)
  }

  #onUnreadable(error: unknown): void {
    if (!(error instanceof FormatError)) this.#onFault(error)
    else if (error.code === 'dimse_malformed') this.#fail('dimse_malformed', ABORT_REASONS.invalidParameter)
    else this.#fail('pdu_malformed', this.#reader.abortReason)
  }

  #onFault(error: unknown): void {
    this.#host.onEvent({ type: 'fault', association: this.#facts ?? null, error })
    this.#fail('internal', ABORT_REASONS.notSpecified)
  }

  async #decide(request: AssociateRequest): Promise<void> {
    const { callingAet, calledAet } = request
    const { address, certificate } = this.#transport
    const id = this.#host.nextId()
    this.#facts = { id, callingAet, calledAet, address, certificate: certificate?.sha256 ?? null }
    const reason = await this.#refusalOf(request)
    if (this.#state !== 'deciding') return
    if (reason === undefined) this.#accept(request)
    else this.#reject(reason)
    this.#unblock('decision')
  }

  async #refusalOf(request: AssociateRequest): Promise<RejectionReason | undefined> {
    const { protocolVersion, applicationContext, callingAet, calledAet } = request
    if (protocolVersion % 2 === 0) return 'protocol_version'
    if (applicationContext !== DICOM_APPLICATION_CONTEXT) return 'application_context'
    const { host, certificate } = this.#transport
    return await this.#host.admit({ callingAet, calledAet, host, certificate })
  }

  #reject(reason: RejectionReason): void {
    this.#host.onEvent({ type: 'association_rejected', association: this.#requireFacts(), reason })
    this.#transport.send(formatPdu({ type: 'associate_rj', ...REJECTION_OF[reason] }))
    this.#close()
  }

  #accept(request: AssociateRequest): void {
    const agreement = negotiate(request, this.#host.rules)
    const { accept, contexts } = agreement
    this.#state = 'established'
    this.#startedAt = performance.now()
    this.#serve(request, agreement)
    this.#host.onEvent({
      type: 'association_accepted',
      association: this.#requireFacts(),
      contexts: contexts.length,
      refusedContexts: accept.contexts.length - contexts.length,
      tls: this.#transport.tls,
      implementationVersion: request.user.implementationVersion,
    })
    this.#transport.send(formatPdu(accept))
  }

  #serve(request: AssociateRequest, { contexts, window }: Agreement): void {
    const { limits, intake, rules, onEvent, track } = this.#host
    const sender = new MessageSender(this.#transport, request.user.maximumLength, limits.answerMs)
    const own = new OwnRequests(sender, limits.answerMs, (end) => this.#fail(end))
    const facts = this.#requireFacts()
    const association: ServedAssociation = {
      ...facts,
      contexts,
      ended: this.#ended.signal,
      ask: (question) => own.ask(question),
    }
    this.#operations = new Operations({
      association,
      facts,
      intake,
      rules,
      limits,
      window,
      sender,
      own,
      onEvent,
      block: () => this.#block('turn'),
      unblock: () => this.#unblock('turn'),
      fail: (end) => this.#fail(end),
      track,
      onIdle: () => this.#onIdle(),
    })
    this.#messages = new MessageReader(this.#operations, limits.commandBytes)
  }

  /** Everything that was asked is answered. */
  #onIdle(): void {
    if (this.#state === 'releasing') this.#release()
    else if (this.#isDraining) this.#fail('stopped')
    else this.#keepWatch()
  }

  #release(): void {
    this.#end = 'released'
    this.#transport.send(formatPdu({ type: 'release_rp' }))
    this.#close()
  }

  /** Aborts; the reason has a meaning only where a rule of the protocol was broken. */
  #fail(end: AssociationEnd, reason?: number): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    if (!this.isEstablished) {
      const reason = end === 'pdu_malformed' || end === 'unexpected_pdu' ? end : 'internal'
      this.#host.onEvent({ type: 'connection_failed', address: this.#transport.address, reason })
    }
    this.#end = end
    const source = reason === undefined ? ABORT_SOURCES.user : ABORT_SOURCES.provider
    this.#transport.send(formatPdu({ type: 'abort', source, reason: reason ?? 0 }))
    this.#close()
  }

  /** Nothing was agreed yet: the connection is closed without a word. */
  #failConnection(reason: ConnectionFailure): void {
    this.#host.onEvent({ type: 'connection_failed', address: this.#transport.address, reason })
    this.#close()
  }

  /** Sends what is to be sent; what still comes is read and dropped, so that the peer gets to see it. */
  #close(): void {
    const wasEstablished = this.isEstablished
    this.#state = 'closing'
    this.#reader.stop()
    if (wasEstablished) this.#endOperations()
    this.#held = undefined
    this.#blocks.clear()
    this.#transport.resume()
    this.#transport.end()
    this.#arm(Math.min(CLOSE_MS, this.#host.limits.associateMs), () => this.#transport.destroy())
  }

  #onClosed(): void {
    clearTimeout(this.#timer)
    if (this.isEstablished) {
      this.#end ??= 'disconnected'
      this.#endOperations()
    } else if (this.#state === 'awaiting_request' || this.#state === 'deciding') {
      const reason = 'disconnected'
      this.#host.onEvent({ type: 'connection_failed', address: this.#transport.address, reason })
    }
    this.#state = 'closed'
    this.#host.onClosed(this)
  }

  #endOperations(): void {
    const end = this.#end ?? 'disconnected'
    this.#operations?.end(end)
    this.#ended.abort(new StoreError('association_aborted', 'the association has ended'))
    this.#host.onEvent({
      type: 'association_ended',
      association: this.#requireFacts(),
      end,
      durationMs: performance.now() - this.#startedAt,
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#transport.sentBytes,
      stored: this.#operations?.stored ?? 0,
      failed: this.#operations?.failed ?? 0,
    })
  }

  #block(why: Block): void {
    this.#blocks.add(why)
    this.#reader.stop()
    this.#transport.pause()
  }

  #unblock(why: Block): void {
    if (!this.#blocks.delete(why) || this.#isBlocked) return
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#read(held)
    if (!this.#isBlocked) this.#transport.resume()
    this.#keepWatch()
  }

  get #isBlocked(): boolean {
    return this.#blocks.size > 0
  }

  /** A peer that asks and asks, and reads no answer, would otherwise fill our memory with them. */
  #waitForRoom(): void {
    if (!this.#transport.isFull || !this.isEstablished || this.#blocks.has('answers')) return
    this.#block('answers')
    this.#transport.drained(this.#host.limits.answerMs).then(
      () => this.#unblock('answers'),
      // It has closed, and has been told so.
      () => undefined,
    )
  }

  /** Sets the timer for what is expected of the peer: another message, progress of one, or nothing while it waits for us. */
  #keepWatch(): void {
    if (!this.isEstablished) return
    const isWithin = !this.#reader.isBetween || this.#messages?.isBetween === false
    const watch = this.#isBlocked ? 'nothing' : isWithin ? 'progress' : this.#isIdle ? 'message' : 'nothing'
    if (watch === this.#watch) {
      if (watch === 'message') this.#timer?.refresh()
      return
    }
    this.#watch = watch
    const { idleMs } = this.#host.limits
    if (watch === 'message') this.#arm(idleMs, () => this.#fail('idle_timeout'))
    else if (watch === 'progress') this.#watchProgress()
    else clearTimeout(this.#timer)
  }

  /** A peer that sends a byte now and then would otherwise hold its place for ever. */
  #watchProgress(): void {
    const { stallMs, stallBytes } = this.#host.limits
    const before = this.#receivedBytes
    this.#arm(stallMs, () => {
      if (this.#receivedBytes - before < stallBytes) this.#fail('stalled')
      else this.#watchProgress()
    })
  }

  get #isIdle(): boolean {
    return this.#operations?.isIdle ?? true
  }

  #arm(ms: number, onTimeout: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(onTimeout, ms)
  }

  #requireFacts(): AssociationFacts {
    if (this.#facts === undefined) throw new TypeError('no association was asked for')
    return this.#facts
  }
}
