/**
 * Problems: what the web API answers where something is wrong: a status, a code, and a sentence without values.
 *
 * Source: RFC 9110 section 15. Codes of errors.ts keep their names; the others are those of HTTP.
 */
import type { ProblemMessage } from '@fiducial/core/api/gateway.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { FastifyReply } from 'fastify'
import { STORE_STATUS } from '../status.ts'

const HTTP_PROBLEMS = {
  invalid: 'the request is not what this address takes',
  unauthorized: 'a token is needed',
  forbidden: 'this token may not do that',
  not_found: 'there is nothing at this address',
  too_many_requests: 'too many wrong tokens; wait a minute',
  too_large: 'the request is too large',
  internal: 'something went wrong on our side',
} as const
type HttpProblem = keyof typeof HTTP_PROBLEMS

export function sendProblem(reply: FastifyReply, status: number, code: HttpProblem): FastifyReply {
  return send(reply, status, { code, message: HTTP_PROBLEMS[code] })
}

/** Answers with an error of the services. Anything that is none of ours is `internal`, and told to nobody. */
export function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof StoreError) return send(reply, STORE_STATUS[error.code], error)
  if (error instanceof FormatError) return send(reply, 422, error)
  const { statusCode = 500 } = error as { statusCode?: number }
  if (statusCode === 413) return sendProblem(reply, 413, 'too_large')
  return statusCode >= 400 && statusCode < 500
    ? sendProblem(reply, 400, 'invalid')
    : sendProblem(reply, 500, 'internal')
}

function send(reply: FastifyReply, status: number, { code, message }: ProblemMessage): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send({ code, message })
}
