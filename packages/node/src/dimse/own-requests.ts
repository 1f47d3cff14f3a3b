/**
 * Own requests: what the acceptor of an association asks its requestor: C-STORE while a C-GET is answered, and
 * N-EVENT-REPORT for storage commitment. One at a time, as the operations window says.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Command, CommandOf, Response } from '@fiducial/core/formats/dimse/command.ts'
import type { MessageSender } from './message-sender.ts'
import type { Answer, OwnRequest } from './service.ts'

interface Asked {
  readonly messageId: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: StoreError) => void
  readonly timer: NodeJS.Timeout
}

export class OwnRequests {
  readonly #sender: MessageSender
  readonly #timeoutMs: number
  readonly #fail: (end: 'answer_timeout' | 'internal') => void
  #lastId = 0
  #asked: Asked | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #isEnded = false

  /** @param fail  aborts the association */
  constructor(sender: MessageSender, timeoutMs: number, fail: (end: 'answer_timeout' | 'internal') => void) {
    this.#sender = sender
    this.#timeoutMs = timeoutMs
    this.#fail = fail
  }

  /** @throws {StoreError} `association_aborted` */
  ask(request: OwnRequest): Promise<Answer> {
    const answer = this.#turn.then(() => this.#send(request))
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  /** Whether a response answers what was asked. */
  expects({ messageIdBeingRespondedTo }: Response): boolean {
    return this.#asked?.messageId === messageIdBeingRespondedTo
  }

  /** The answer is there, with its data set. */
  answered(answer: Answer): void {
    const asked = this.#asked
    this.#asked = undefined
    if (asked === undefined) return
    clearTimeout(asked.timer)
    asked.resolve(answer)
  }

  /** The association has ended. */
  end(): void {
    this.#isEnded = true
    const asked = this.#asked
    this.#asked = undefined
    if (asked === undefined) return
    clearTimeout(asked.timer)
    asked.reject(gone())
  }

  async #send({ context, command, dataSet }: OwnRequest): Promise<Answer> {
    if (this.#isEnded) throw gone()
    this.#lastId = (this.#lastId % 0xffff) + 1
    const messageId = this.#lastId
    const whole: Command = { ...command, messageId, hasDataSet: dataSet !== null } as CommandOf<'c_echo_rq'>
    const answer = new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => this.#fail('answer_timeout'), this.#timeoutMs)
      this.#asked = { messageId, resolve, reject, timer }
    })
    // Whoever sends below may fail first; the answer is then nobody's any more.
    answer.catch(() => undefined)
    if (dataSet === null || dataSet instanceof Uint8Array) this.#sender.send(context.id, whole, dataSet)
    else await this.#stream(context.id, whole, dataSet)
    return await answer
  }

  /** A data set that breaks off cannot be taken back: the association is of no use any more. */
  async #stream(contextId: number, command: Command, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#sender.stream(contextId, command, pieces)
    } catch (error) {
      this.#fail('internal')
      throw error
    }
  }
}

const gone = (): StoreError => new StoreError('association_aborted', 'the association has ended')
