/**
 * Entrance: lets a person at this machine see the gateway's page in a browser, without typing a token.
 *
 * The command that starts the gateway prints an address with a code. Whoever opens it first gets a cookie (RFC 6265: HttpOnly,
 * SameSite=Strict, for this host only), and the code is used up. The cookie opens the page, which changes nothing; the API takes
 * tokens only, so that no other site can act through a browser.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Face } from '../server.ts'

export const ENTRANCE_PATH = '/enter'
const COOKIE = 'fiducial_page'
const SESSION_MS = 12 * 3_600_000
const CODE_MS = 15 * 60_000
const SESSIONS_LIMIT = 100
const SECRET_BYTES = 32

export interface EntranceOptions {
  readonly random: (length: number) => Uint8Array
  readonly now: () => number
  /** The page is reached by HTTPS, through a proxy. */
  readonly isSecure?: boolean
}

export class Entrance {
  readonly #options: EntranceOptions
  /** SHA-256 of what is shown, and until when it is good. */
  readonly #codes = new Map<string, number>()
  readonly #sessions = new Map<string, number>()

  constructor(options: EntranceOptions) {
    this.#options = options
  }

  /** A path with a code that is good once, for a quarter of an hour. */
  invite(): string {
    const code = this.#secret()
    this.#codes.set(digestOf(code), this.#options.now() + CODE_MS)
    return `${ENTRANCE_PATH}?code=${code}`
  }

  /** Whether a request comes from a browser that was let in. */
  isKnown({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
    const { cookie = '' } = headers
    const value = cookie
      .slice(0, 4096)
      .split('; ')
      .find((pair) => pair.startsWith(`${COOKIE}=`))
      ?.slice(COOKIE.length + 1)
    return value !== undefined && this.#isGood(this.#sessions, digestOf(value))
  }

  get face(): Face {
    return (server) => {
      server.get(ENTRANCE_PATH, (request, reply) => this.#enter(request, reply))
    }
  }

  #enter(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { code } = request.query as { code?: unknown }
    const digest = typeof code === 'string' && code.length < 100 ? digestOf(code) : undefined
    const isGood = digest !== undefined && this.#isGood(this.#codes, digest)
    reply.header('cache-control', 'no-store')
    // A browser that is in already may come back with the code of its history.
    if (!isGood) return this.isKnown(request) ? reply.redirect('/', 303) : reply.code(403).send(USED_UP)
    this.#codes.delete(digest)
    const session = this.#secret()
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size >= SESSIONS_LIMIT && oldest !== undefined) this.#sessions.delete(oldest)
    this.#sessions.set(digestOf(session), this.#options.now() + SESSION_MS)
    const secure = this.#options.isSecure === true ? '; Secure' : ''
    const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1000}${secure}`
    return reply.header('set-cookie', `${COOKIE}=${session}; ${attributes}`).redirect('/', 303)
  }

  #isGood(known: Map<string, number>, digest: string): boolean {
    for (const [candidate, until] of known) {
      if (until <= this.#options.now()) known.delete(candidate)
      else if (timingSafeEqual(Buffer.from(candidate), Buffer.from(digest))) return true
    }
    return false
  }

  #secret(): string {
    return Buffer.from(this.#options.random(SECRET_BYTES)).toString('base64url')
  }
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

const USED_UP = 'This address has been used, or is too old. Ask whoever runs the gateway for another one.\n'
