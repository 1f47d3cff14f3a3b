/**
 * Schemas: what the web API takes and answers, as zod checks it and OpenAPI describes it.
 *
 * The types are those of `core/src/api`: a schema that says something else does not compile.
 */
import type {
  CallerMessage,
  DestinationMessage,
  InstanceMessage,
  InstancesMessage,
  ProblemMessage,
  ReleaseAnswer,
  ReleaseMessage,
  StatusMessage,
  SweepsMessage,
} from '@fiducial/core/api/gateway.ts'
import { ROLES } from '@fiducial/core/domain/access/roles.ts'
import { INSTANCE_STATES } from '@fiducial/core/domain/gateway/instance.ts'
import { PROTOCOLS } from '@fiducial/core/domain/gateway/origin.ts'
import { LEVELS, VERDICTS } from '@fiducial/core/domain/log/event-details.ts'
import { z } from 'zod'
import { DELIVERY_STATES } from '../../services/gateway/ports.ts'

const moment = z.iso.datetime()
const count = z.number().int().nonnegative()
const uid = z.string().regex(/^[0-9.]{1,64}$/)
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/

const counted = <const Word extends string>(words: readonly Word[]) =>
  z.object(Object.fromEntries(words.map((word) => [word, count])) as Record<Word, typeof count>)

const origin = z.object({
  protocol: z.enum(PROTOCOLS),
  callingAet: z.string().nullable(),
  calledAet: z.string().nullable(),
  address: z.string().nullable(),
  peer: z.string().nullable(),
})

const verdict = z.object({
  verdict: z.enum(VERDICTS),
  level: z.enum(LEVELS),
  content: z.string(),
  policy: z.string(),
  sentence: z.string(),
  isSynthetic: z.boolean(),
  failing: z.array(z.object({ subject: z.string(), reason: z.string() })).readonly(),
})

const delivery = z.object({
  id: z.string(),
  destination: z.string(),
  state: z.enum(DELIVERY_STATES),
  attempts: count,
  dueAt: moment,
  lastError: z.string().nullable(),
  sentAt: moment.nullable(),
  committedAt: moment.nullable(),
})

export const instanceSchema = z.object({
  id: z.string().regex(ULID),
  state: z.enum(INSTANCE_STATES),
  origin,
  receivedAt: moment,
  judgedAt: moment.nullable(),
  doneAt: moment.nullable(),
  lengthBytes: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sopClassUid: z.string().nullable(),
  sopInstanceUid: z.string().nullable(),
  studyInstanceUid: z.string().nullable(),
  transferSyntaxUid: z.string().nullable(),
  route: z.string().nullable(),
  reasons: z.array(z.string()).readonly(),
  verdict: verdict.nullable(),
  isSealedHere: z.boolean(),
  releaseAskedBy: z.object({ id: z.string(), name: z.string() }).nullable(),
  deliveries: z.array(delivery).readonly(),
}) satisfies z.ZodType<InstanceMessage>

export const instancesSchema = z.object({
  instances: z.array(instanceSchema).readonly(),
  next: z.string().nullable(),
}) satisfies z.ZodType<InstancesMessage>

export const destinationSchema = z.object({
  name: z.string(),
  address: z.string(),
  state: z.enum(['ready', 'waiting', 'failing', 'paused']),
  waiting: count,
  dead: count,
  lastError: z.string().nullable(),
  nextAttemptAt: moment.nullable(),
  lastSentAt: moment.nullable(),
  relay: z.object({ underWay: count, lastProblem: z.string().nullable() }).nullable(),
}) satisfies z.ZodType<DestinationMessage>

export const statusSchema = z.object({
  version: z.string(),
  isDemo: z.boolean(),
  startedAt: moment,
  aeTitle: z.string().nullable(),
  isReady: z.boolean(),
  alarms: z.array(z.string()).readonly(),
  notLookedAt: z.array(z.string()).readonly(),
  counts: z.object({
    states: counted(INSTANCE_STATES),
    deliveries: counted(DELIVERY_STATES),
    verdicts: counted([...VERDICTS, 'none']),
    pendingEvents: count,
  }),
  oldestReceivedAt: moment.nullable(),
  oldestDueAt: moment.nullable(),
  spoolFreeBytes: z.number().nullable(),
  log: z
    .object({ origin: z.string(), size: z.string(), isAvailable: z.boolean(), isWitnessed: z.boolean() })
    .nullable(),
  routes: z.object({
    sha256: z.string(),
    loadedAt: moment,
    problem: z.string().nullable(),
    failOpen: z.array(z.string()).readonly(),
  }),
  destinations: z.array(destinationSchema).readonly(),
}) satisfies z.ZodType<StatusMessage>

export const sweepsSchema = z.object({
  target: z.string(),
  isRunning: z.boolean(),
  nextAt: moment.nullable(),
  last: z
    .object({
      startedAt: moment,
      endedAt: moment,
      error: z.string().nullable(),
      standings: z.record(z.string(), count).nullable(),
      findings: z
        .array(z.object({ code: z.string(), severity: z.enum(['alarm', 'warning', 'notice']), count, fresh: count }))
        .readonly(),
    })
    .nullable(),
}) satisfies z.ZodType<SweepsMessage>

export const begunSchema = z.object({ state: z.enum(['started', 'running']) })

export const callerSchema = z.object({
  person: z.string(),
  name: z.string(),
  role: z.enum(Object.keys(ROLES) as [keyof typeof ROLES, ...(keyof typeof ROLES)[]]),
  permissions: z.array(z.string()).readonly(),
}) satisfies z.ZodType<CallerMessage>

export const problemSchema = z.object({ code: z.string(), message: z.string() }) satisfies z.ZodType<ProblemMessage>

/** One line that fits the log. */
export const releaseSchema = z.strictObject({
  reason: z.string().regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{1,256}$/u),
}) satisfies z.ZodType<ReleaseMessage>

export const releaseAnswerSchema = z.object({ state: z.enum(['asked', 'released']) }) satisfies z.ZodType<ReleaseAnswer>

export const doneSchema = z.object({ state: z.enum(['rejected', 'received', 'paused', 'resumed']) })

/** What every route may answer besides. */
export const problems = { '4xx': problemSchema, '5xx': problemSchema } as const

export const invitationSchema = z.object({ url: z.string() })

export const keptSealSchema = z.object({ sopInstanceUid: z.string(), isNew: z.boolean() })

export const sentAgainSchema = z.object({ sentAgain: count })

export const instanceParameters = z.object({ id: z.string().regex(ULID) })
export const destinationParameters = z.object({ name: z.string().min(1).max(64) })

const LIMIT_MOST = 1000
const LIMIT_USUAL = 100

/** A word, or several with commas between them. */
const listOf = <const Word extends string>(words: readonly Word[]) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(words as readonly [Word, ...Word[]])))

export const instancesQuery = z.strictObject({
  state: listOf(INSTANCE_STATES).optional(),
  verdict: listOf(VERDICTS).optional(),
  study: uid.optional(),
  instance: uid.optional(),
  from: z.string().min(1).max(16).optional(),
  destination: z.string().min(1).max(64).optional(),
  dead: z.enum(['true', 'false']).optional(),
  since: moment.optional(),
  until: moment.optional(),
  after: z.string().regex(ULID).optional(),
  order: z.enum(['oldest_first', 'newest_first']).optional(),
  limit: z.coerce.number().int().min(1).max(LIMIT_MOST).default(LIMIT_USUAL),
})
