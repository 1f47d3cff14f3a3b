/**
 * Witness face: a witness by HTTP.
 *
 * Source: C2SP tlog-witness, section "add-checkpoint". That page leaves open how monitors see what a witness has cosigned;
 * here it is `/checkpoints/` with the SHA-256 of the origin in hexadecimal. `/` tells keys and logs, for people to read.
 */
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { formatTreeSize } from '@fiducial/core/formats/tlog/witness-request.ts'
import type { FastifyReply } from 'fastify'
import type { Witness, WitnessAnswer } from '../services/log/witness-service.ts'
import { sendText } from './log-face.ts'
import { type Face, sendStatus } from './server.ts'

/** A proof has 2.8 KB at most, a checkpoint with signatures of both kinds 3.6 KB; the rest is for notes with more. */
const BODY_LIMIT = 128 * 1024

/** Which status an answer has. */
const STATUS = {
  cosigned: 200,
  malformed: 400,
  signature_missing: 403,
  log_unknown: 404,
  size_moved: 409,
  root_differs: 409,
  proof_wrong: 422,
  too_many: 429,
} as const satisfies Record<WitnessAnswer['outcome'], number>

export interface WitnessFaceOptions {
  /** What stands before the paths of the witness: empty, or begins with a slash and ends without one. Default: empty. */
  readonly prefix?: string
}

/** Serves a witness: `/add-checkpoint`, `/checkpoints/…`, `/` and `/healthz`. */
export function witnessFace(witness: Witness, { prefix = '' }: WitnessFaceOptions = {}): Face {
  return (server) => {
    // Whatever the type of a body: the standard names none.
    server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    server.post(`${prefix}/add-checkpoint`, { bodyLimit: BODY_LIMIT }, async ({ body }, reply) => {
      const bytes = body instanceof Uint8Array ? body : new Uint8Array()
      return sendAnswer(reply, await witness.addCheckpoint(bytes))
    })
    server.get<{ Params: { id: string } }>(`${prefix}/checkpoints/:id`, async (request, reply) => {
      const note = await witness.latest(request.params.id)
      return note === undefined ? sendStatus(reply, 404) : sendText(request, reply, note)
    })
    server.get(`${prefix}/`, (request, reply) => sendText(request, reply, describe(witness)))
    server.get(`${prefix}/healthz`, async (_request, reply) => {
      await witness.check()
      return reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8').send('ok\n')
    })
  }
}

function sendAnswer(reply: FastifyReply, answer: WitnessAnswer): FastifyReply {
  const status = STATUS[answer.outcome]
  reply.code(status).header('cache-control', 'no-store')
  switch (answer.outcome) {
    case 'cosigned':
      return reply.type('text/plain; charset=utf-8').send(answer.lines)
    case 'size_moved':
    case 'root_differs':
      return reply.header('content-type', 'text/x.tlog.size').send(formatTreeSize(answer.size))
    case 'too_many':
      reply.header('retry-after', String(Math.ceil(answer.retryMs / 1000)))
  }
  return sendStatus(reply, status)
}

function describe({ keys, origins }: Witness): string {
  return [...keys.map(formatVerifierKey), '', ...origins, ''].join('\n')
}
