/**
 * Witnessing: gets a checkpoint cosigned by as many witnesses as a policy asks for, or says that it is not.
 *
 * Source: C2SP tlog-witness, tlog-policy. Fails closed: below the quorum, or against the word of one witness that it has
 * seen another history, there is no witnessed checkpoint. A witness that lies can hold a log up, then, until it is taken
 * out of the policy; it cannot make it lie.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { judgeQuorum, keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { addSignatures, selectSignatures } from '@fiducial/core/domain/log/witness-note.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatNote, NOTE_SIGNATURES_LIMIT, parseNote } from '@fiducial/core/formats/note/note.ts'
import { isQuorum, type PolicyWitness, textOfOctets, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import {
  type AskContext,
  askWitness,
  type Question,
  type WitnessAddress,
  type WitnessedLog,
  type WitnessReply,
  type WitnessReport,
} from './ask-witness.ts'
import type { Deadline, Fetch } from './remote.ts'

const TIMEOUT_MS = 10_000

export interface WitnessingOptions {
  readonly policy: WitnessPolicy
  readonly crypto: Crypto
  readonly fetch: Fetch
  readonly deadline: Deadline
  readonly now: () => Date
  /** For each witness, repeated requests included. Default: 10 000. */
  readonly timeoutMs?: number
  /**
   * `quorum`: the others are not waited for once there are enough. `all`: as many cosignatures as can be had.
   * Default: `quorum`.
   */
  readonly waitFor?: 'quorum' | 'all'
}

export interface WitnessingRequest extends WitnessedLog {
  /** A signed note; witnesses that have cosigned it already are not asked again. */
  readonly checkpoint: string
  /** The largest size that the log has ever signed; default: that of the checkpoint. */
  readonly largestSize?: bigint
}

export interface WitnessingResult {
  /** The checkpoint with the signatures of its log and all cosignatures that hold. */
  readonly note: string
  readonly isQuorum: boolean
  /** One for each address that was asked. */
  readonly reports: readonly WitnessReport[]
}

/** There are too few cosignatures, or there is a conflict: `witness_quorum_missing`, `witness_conflict`. */
export class WitnessingError extends StoreError {
  readonly result: WitnessingResult
  constructor(code: 'witness_quorum_missing' | 'witness_conflict', message: string, result: WitnessingResult) {
    super(code, message)
    this.result = result
  }
}

export interface Witnessing {
  /**
   * Asks all witnesses at once.
   * @throws {RangeError} for a checkpoint that no log of the policy has signed; what the callbacks throw
   */
  ask(request: WitnessingRequest): Promise<WitnessingResult>
  /**
   * The cosigned checkpoint.
   * @throws {WitnessingError} as above; and as {@link ask}
   */
  require(request: WitnessingRequest): Promise<string>
}

/** Remembers from one checkpoint to the next how far each witness is. */
export function createWitnessing(options: WitnessingOptions): Witnessing {
  const sizes = new Map<string, bigint>()
  const ask = (request: WitnessingRequest) => askAll(options, sizes, request)
  return {
    ask,
    async require(request) {
      const result = await ask(request)
      const conflicts = result.reports.filter(({ outcome }) => outcome === 'conflict').length
      if (conflicts > 0) {
        throw new WitnessingError('witness_conflict', `witnesses that know another tree: ${conflicts}`, result)
      }
      if (!result.isQuorum) {
        const outcomes = result.reports.map(({ outcome }) => outcome).join(', ')
        throw new WitnessingError('witness_quorum_missing', `too few witnesses: ${outcomes || 'none asked'}`, result)
      }
      return result.note
    },
  }
}

async function askAll(
  options: WitnessingOptions,
  sizes: Map<string, bigint>,
  request: WitnessingRequest,
): Promise<WitnessingResult> {
  const { policy, waitFor = 'quorum' } = options
  const verified = verify(options, request.checkpoint)
  const question = toQuestion(options, request, verified)
  const signed = judgeQuorum(policy, verified).witnesses.map(({ witness }) => witness.name)
  const names = new Set(signed)
  const isEnough = isQuorum(policy, names)
  const enough = new AbortController()
  const replies: WitnessReply[] = []
  const askOne = async (address: WitnessAddress): Promise<void> => {
    const reply = await askWitness(contextOf(options, sizes, enough.signal), address, question)
    replies.push(reply)
    if (reply.report.outcome === 'cosigned') for (const name of reply.report.names) names.add(name)
    if (waitFor === 'quorum' && !isEnough && isQuorum(policy, names)) enough.abort()
  }
  try {
    await Promise.all(groupByAddress(policy.witnesses.filter(({ name }) => !names.has(name))).map(askOne))
  } finally {
    enough.abort()
  }
  return conclude(options, question, replies)
}

function contextOf(
  { fetch, crypto, now, deadline, timeoutMs = TIMEOUT_MS }: WitnessingOptions,
  sizes: Map<string, bigint>,
  enough: AbortSignal,
): AskContext {
  return { fetch, crypto, now, sizes, signal: AbortSignal.any([deadline(timeoutMs), enough]) }
}

function verify({ policy, crypto }: WitnessingOptions, note: string): VerifiedCheckpoint {
  const verified = verifyCheckpoint(note, keysOfPolicy(policy), crypto)
  if (verified.state !== 'valid' || judgeQuorum(policy, verified).state === 'log_unknown') {
    throw new RangeError('a checkpoint that no log of the policy has signed')
  }
  return verified
}

function toQuestion(
  { policy }: WitnessingOptions,
  { checkpoint, prove, rootAt, largestSize }: WitnessingRequest,
  verified: VerifiedCheckpoint,
): Question {
  const { origin, size } = verified.checkpoint
  const { text, signatures } = parseNote(checkpoint)
  // Witnesses may know keys of the log that the policy does not: they get all lines under its name.
  const note = formatNote({ text, signatures: signatures.filter(({ name }) => name === origin) })
  const keys = policy.logs.map(({ key }) => key).filter(({ name }) => name === origin)
  const log = { prove, ...(rootAt && { rootAt }) }
  return { verified, note, log, keys, largestSize: largestSize ?? size }
}

/** A witness with a key of each kind stands in a policy twice, and answers for both at once. */
function groupByAddress(witnesses: readonly PolicyWitness[]): readonly WitnessAddress[] {
  const groups = new Map<string, PolicyWitness[]>()
  for (const witness of witnesses) {
    if (witness.url === undefined) continue
    const url = textOfOctets(witness.url)
    groups.set(url, [...(groups.get(url) ?? []), witness])
  }
  return [...groups].map(([url, group]) => ({ url, witnesses: group }))
}

function conclude(
  { policy, crypto }: WitnessingOptions,
  { verified, note }: Question,
  replies: readonly WitnessReply[],
): WitnessingResult {
  const witnessKeys = policy.witnesses.map(({ key }) => key)
  const earlier = selectSignatures(verified.note, witnessKeys)
  const added = [...(earlier ? parseNote(earlier).signatures : []), ...replies.flatMap((reply) => reply.signatures)]
  const room = NOTE_SIGNATURES_LIMIT - parseNote(note).signatures.length
  const whole = addSignatures(note, added.slice(0, room))
  // Judged once more, as others will judge it.
  const result = verifyCheckpoint(whole, keysOfPolicy(policy), crypto)
  const isWitnessed = result.state === 'valid' && judgeQuorum(policy, result).state === 'witnessed'
  return { note: whole, isQuorum: isWitnessed, reports: replies.map(({ report }) => report) }
}
