/**
 * Live streams: tells pages of what happens, as it happens.
 *
 * Source: Server-Sent Events (HTML Living Standard, section 9.2). What changed is told by name and looked up at most some
 * times a second, so that a burst of images costs no more than the page can show. Streams are few, and say so.
 */
import type { LiveMessage } from '@fiducial/core/api/gateway.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GatewayControl } from '../../services/gateway/control.ts'
import { type Identity, toInstanceMessage, toStatusMessage } from './messages.ts'
import { sendProblem } from './problems.ts'

export interface LiveOptions {
  readonly control: GatewayControl
  readonly identity: Identity
}

const STREAMS_LIMIT = 64
/** Between two looks at what has changed. */
const TICK_MS = 500
/** Between two messages about the state where nothing else happens; keeps proxies from closing the connection. */
const STATUS_TICKS = 10
/** Images that are told of at once: of a larger burst, the newest. */
const BURST_LIMIT = 50
/** Bytes that a page that reads too slowly may leave unread before it is cut off. */
const BACKLOG_LIMIT = 4 * 2 ** 20

export class LiveStreams {
  readonly #options: LiveOptions
  readonly #replies = new Set<FastifyReply>()
  readonly #changed = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #unsubscribe: (() => void) | undefined
  #ticks = 0
  #isLooking = false

  constructor(options: LiveOptions) {
    this.#options = options
  }

  open(_request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    if (this.#replies.size >= STREAMS_LIMIT) return sendProblem(reply, 503, 'too_many_requests')
    reply.hijack()
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    reply.raw.write('retry: 2000\n\n')
    this.#replies.add(reply)
    reply.raw.on('close', () => this.#drop(reply))
    // Time limits are for answers that end.
    reply.raw.socket?.setTimeout(0)
    this.#start()
    return undefined
  }

  close(): void {
    for (const reply of [...this.#replies]) {
      this.#drop(reply)
      reply.raw.end()
    }
  }

  #start(): void {
    if (this.#timer !== undefined) return
    this.#ticks = 0
    this.#unsubscribe = this.#options.control.subscribe((id) => void this.#changed.add(id))
    this.#timer = setInterval(() => void this.#tick(), TICK_MS)
    void this.#tick()
  }

  #drop(reply: FastifyReply): void {
    this.#replies.delete(reply)
    if (this.#replies.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#unsubscribe?.()
    this.#changed.clear()
  }

  async #tick(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const ids = [...this.#changed].slice(-BURST_LIMIT)
      this.#changed.clear()
      const { control, identity } = this.#options
      for (const id of ids) {
        const found = await control.get(id)
        if (found !== undefined) this.#send({ kind: 'instance', instance: toInstanceMessage(found) })
      }
      if (ids.length > 0 || this.#ticks++ % STATUS_TICKS === 0)
        this.#send({ kind: 'status', status: toStatusMessage(await control.status(), identity) })
    } catch {
      // A page is told again by the next look; the failure itself is told to those who run the gateway.
    } finally {
      this.#isLooking = false
    }
  }

  #send(message: LiveMessage): void {
    const text = `event: ${message.kind}\ndata: ${JSON.stringify(message)}\n\n`
    for (const reply of [...this.#replies]) {
      if (reply.raw.writableLength > BACKLOG_LIMIT) reply.raw.destroy()
      else reply.raw.write(text)
    }
  }
}
