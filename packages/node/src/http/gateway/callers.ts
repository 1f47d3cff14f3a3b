/**
 * Callers: who makes a request, by the token that it shows, and whether they may do what it asks.
 *
 * Source: RFC 6750 (bearer tokens) sections 2.1 and 3. Tokens are taken from the header only: an address ends up in logs.
 */
import { mayRole, type Permission } from '@fiducial/core/domain/access/roles.ts'
import type { Caller } from '@fiducial/core/domain/access/token.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendProblem } from './problems.ts'

/** Who shows a token; undefined for one that gives no access. @throws {StoreError} {FormatError} where tokens cannot be read */
export type FindCaller = (token: string) => Promise<Caller | undefined>

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the caller is known and may do what the route is for. */
    caller?: Caller
  }
}

/** Wrong tokens from one address within the window, after which it has to wait. */
const FAILURES_LIMIT = 20
const WINDOW_MS = 60_000
/** Addresses that are remembered. */
const ADDRESSES_LIMIT = 10_000
const BEARER = /^Bearer ([\x21-\x7e]{1,256})$/i

/** Decides who may come in, and slows down whoever guesses. */
export class Doorkeeper {
  readonly #find: FindCaller
  readonly #now: () => number
  readonly #failures = new Map<string, { count: number; since: number }>()

  constructor(find: FindCaller, now: () => number = Date.now) {
    this.#find = find
    this.#now = now
  }

  /** A hook for routes that ask for a permission: `onRequest`, before a byte of a body is read. */
  require(permission: Permission): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined> {
    return async (request, reply) => {
      if (this.#isSlowed(request.ip)) {
        return sendProblem(reply.header('retry-after', WINDOW_MS / 1000), 429, 'too_many_requests')
      }
      const [, token] = BEARER.exec(request.headers.authorization ?? '') ?? []
      const caller = token === undefined ? undefined : await this.#find(token)
      if (caller === undefined) {
        if (token !== undefined) this.#note(request.ip)
        return sendProblem(reply.header('www-authenticate', 'Bearer realm="fiducial"'), 401, 'unauthorized')
      }
      if (!mayRole(caller.role, permission)) return sendProblem(reply, 403, 'forbidden')
      request.caller = caller
      return undefined
    }
  }

  #isSlowed(address: string): boolean {
    const failures = this.#failures.get(address)
    if (failures === undefined) return false
    if (this.#now() - failures.since < WINDOW_MS) return failures.count >= FAILURES_LIMIT
    this.#failures.delete(address)
    return false
  }

  #note(address: string): void {
    const failures = this.#failures.get(address)
    if (failures !== undefined) {
      failures.count++
      return
    }
    const [oldest] = this.#failures.keys()
    if (this.#failures.size >= ADDRESSES_LIMIT && oldest !== undefined) this.#failures.delete(oldest)
    this.#failures.set(address, { count: 1, since: this.#now() })
  }
}

/** The caller of a request behind {@link Doorkeeper.require}. @throws {TypeError} elsewhere: a mistake of ours */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === undefined) throw new TypeError('the route asks for no permission')
  return caller
}
