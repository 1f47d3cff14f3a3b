/**
 * Proxy service: passes requests of other systems on to a system behind us, and its answers back, unchanged.
 *
 * For C-FIND, C-MOVE, C-GET (PS3.4 annexes C and K) and the N-services of procedure steps (PS3.4 annex F). Identifiers and
 * data sets go through byte for byte, since both sides speak the same transfer syntax; so do statuses, counts of
 * sub-operations and C-CANCEL. Instances of a C-GET pass through as they come. Extended negotiation is not passed on.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import { IMPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import type { CommandOf, Request, Response } from '@fiducial/core/formats/dimse/command.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import { DataPipe } from './data-pipe.ts'
import { CONTEXTS_PER_ASSOCIATION, type OpenContext } from './propose.ts'
import { cancellable } from './query.ts'
import type { RemoteNode } from './remote-node.ts'
import { type Association, type OwnMessage, openAssociation, type PeerRequest } from './requestor.ts'
import type {
  AgreedContext,
  AssociationFacts,
  Operation,
  Reply,
  ServedAssociation,
  ServiceProvider,
} from './service.ts'

/** What went through: for whoever observes it. The bytes are theirs to keep. */
export interface PassedMessage {
  readonly association: AssociationFacts
  readonly abstractSyntax: string
  readonly transferSyntax: string
  readonly request: Request
  readonly requestDataSet: Uint8Array | null
  readonly response: Response
  readonly responseDataSet: Uint8Array | null
}

export interface ProxyOptions {
  /** For events and metrics. */
  readonly name: string
  /** SOP Classes that are passed on. */
  readonly sopClasses: readonly string[]
  /** Who is asked on behalf of a caller; undefined for one who may not. */
  readonly nodeOf: (caller: AssociationFacts) => RemoteNode | undefined
  /** Told of each answer before it is passed on; what it throws is passed to `onError` and changes nothing. */
  readonly observe?: (passed: PassedMessage) => Promise<void> | void
  readonly onError?: (error: unknown) => void
}

/** A C-MOVE may be silent until all has been sent; whoever asked gives up when he likes. */
const PATIENCE_MS = 600_000

export class ProxyService implements ServiceProvider {
  readonly name: string
  readonly #options: ProxyOptions
  readonly #classes: ReadonlySet<string>
  /** To the system behind us, by the association that they serve. */
  readonly #links = new Map<string, Promise<Association>>()

  constructor(options: ProxyOptions) {
    this.name = options.name
    this.#options = options
    this.#classes = new Set(options.sopClasses)
  }

  takes(abstractSyntax: string): boolean {
    return this.#classes.has(abstractSyntax)
  }

  /** Every system takes implicit little endian (PS3.5 section 10.1): in it, nothing has to be spelled anew. */
  chooseSyntax(proposed: readonly string[]): string | undefined {
    return proposed.includes(IMPLICIT_LITTLE_ENDIAN) ? IMPLICIT_LITTLE_ENDIAN : proposed[0]
  }

  async serve(operation: Operation): Promise<void> {
    const node = this.#options.nodeOf(operation.association)
    if (node === undefined) return operation.reply({ status: STATUS.notAuthorized })
    try {
      await this.#serveBy(node, operation)
    } catch (error) {
      this.#options.onError?.(error)
      if (!(error instanceof StoreError) || operation.association.ended.aborted) throw error
      await operation.reply({ status: failureOf(operation.request), errorComment: error.code })
    }
  }

  async #serveBy(node: RemoteNode, operation: Operation): Promise<void> {
    const { link, isReused } = await this.#link(operation.association, node)
    const context = link.find(operation.context.abstractSyntax, operation.context.transferSyntax)
    if (context === undefined) return await operation.reply({ status: STATUS.sopClassNotSupported })
    let replies = 0
    const reply: Operation['reply'] = (...given) => {
      replies++
      return operation.reply(...given)
    }
    try {
      await this.#pass({ ...operation, reply }, link, context)
    } catch (error) {
      // A link may be on its way to its end when it is used again. A question may be put twice, all else may not.
      const isStale = isReused && replies === 0 && error instanceof StoreError && error.code === 'association_aborted'
      if (!isStale || operation.request.kind !== 'c_find_rq' || operation.signal.aborted) throw error
      await this.#serveBy(node, operation)
    }
  }

  async #pass(operation: Operation, link: Association, context: OpenContext): Promise<void> {
    const { request, dataSet, signal } = operation
    const message = withoutIds(request)
    const answers =
      dataSet === null ? link.exchange(context, message, null) : cancellable(link, context, message, dataSet, signal)
    for await (const { response, dataSet: answer } of answers) {
      await this.#observe(operation, response, answer)
      await operation.reply(replyOf(response), answer ?? undefined)
    }
  }

  async #observe({ association, context, request, dataSet }: Operation, response: Response, answer: Uint8Array | null) {
    const { abstractSyntax, transferSyntax } = context
    const passed = { association, abstractSyntax, transferSyntax, request, requestDataSet: dataSet, response }
    try {
      await this.#options.observe?.({ ...passed, responseDataSet: answer })
    } catch (error) {
      this.#options.onError?.(error)
    }
  }

  /** One association behind each that is served, with the same contexts; it ends with that one. */
  async #link(served: ServedAssociation, node: RemoteNode): Promise<{ link: Association; isReused: boolean }> {
    const known = await this.#links.get(served.id)?.catch(() => undefined)
    if (known?.isOpen) return { link: known, isReused: true }
    const isFirst = !this.#links.has(served.id)
    const opening = this.#open(served, node)
    this.#links.set(served.id, opening)
    if (served.ended.aborted) this.#forget(served.id)
    else if (isFirst) served.ended.addEventListener('abort', () => this.#forget(served.id), { once: true })
    return { link: await opening, isReused: false }
  }

  /** The association that a link served has ended. */
  #forget(id: string): void {
    const link = this.#links.get(id)
    this.#links.delete(id)
    link?.then(
      (association) => (association.isBusy ? association.abort() : association.release()),
      () => undefined,
    )
  }

  #open(served: ServedAssociation, node: RemoteNode): Promise<Association> {
    const asked = served.contexts.filter(({ abstractSyntax }) => this.takes(abstractSyntax))
    const received = served.contexts.filter(({ isPeerScp, abstractSyntax }) => isPeerScp && !this.takes(abstractSyntax))
    const proposals = [...asked, ...received].slice(0, CONTEXTS_PER_ASSOCIATION).map((context) => ({
      abstractSyntax: context.abstractSyntax,
      transferSyntaxes: [context.transferSyntax],
      isOwnScp: received.includes(context),
    }))
    const idleMs = Math.max(node.timeouts?.idleMs ?? 0, PATIENCE_MS)
    const patient = { ...node, timeouts: { ...node.timeouts, idleMs } }
    return openAssociation(patient, {
      proposals,
      signal: served.ended,
      onRequest: (context, request) => passOn(served, received, context, request),
    })
  }
}

/** An instance that the system behind us sends while it answers a C-GET. */
function passOn(
  served: ServedAssociation,
  contexts: readonly AgreedContext[],
  { abstractSyntax, transferSyntax }: OpenContext,
  request: Request,
): PeerRequest {
  const context = contexts.find((one) => one.abstractSyntax === abstractSyntax && one.transferSyntax === transferSyntax)
  if (context === undefined || request.kind !== 'c_store_rq') return refusing(STATUS.sopClassNotSupported)
  const pipe = new DataPipe()
  const command = withoutIds(request) as Omit<CommandOf<'c_store_rq'>, 'messageId' | 'hasDataSet'>
  const answer = served.ask({ context, command, dataSet: pipe.read() }).finally(() => pipe.close())
  answer.catch(() => undefined)
  return {
    write: (bytes, resume) => pipe.write(bytes, resume),
    async end() {
      pipe.end()
      return replyOf((await answer).response)
    },
    abort: () => pipe.fail(new StoreError('association_aborted', 'the system behind us ended its association')),
  }
}

const refusing = (status: number): PeerRequest => ({
  write: () => true,
  end: async () => ({ status }),
  abort: () => undefined,
})

function withoutIds({ messageId: _, hasDataSet: __, ...rest }: Request): OwnMessage {
  return rest as OwnMessage
}

/** Everything that an answer says, but for what belongs to its association. */
function replyOf({ kind: _, messageIdBeingRespondedTo: __, hasDataSet: ___, ...rest }: Response): Reply {
  return rest
}

const failureOf = ({ kind }: Request): number =>
  kind.startsWith('c_') ? STATUS.outOfResources : STATUS.processingFailure
