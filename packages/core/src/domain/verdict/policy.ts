/**
 * Policy: which checks an image has to pass.
 *
 * Of the checks a policy asks for: one that fails makes the image not authentic; else one that is unknown, or none
 * made, leaves it undetermined; else it is authentic.
 */
import { FormatError } from '../../errors.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import { type JsonValue, parseJson } from '../../formats/json/parse.ts'
import type { Check, Subject } from './check.ts'

export type Verdict = 'authentic' | 'not_authentic' | 'undetermined'

export interface Policy {
  readonly name: string
  readonly requires: readonly Subject[]
  /** Whether trusted certificates without a role of ours may sign as device and person: those of other makers. */
  readonly acceptsUncertifiedRoles: boolean
  /** Whether what a custody log says counts wherever one was asked, though `requires` does not name it. */
  readonly countsConsultedLog: boolean
}

const SUBJECTS: readonly Subject[] = [
  'encoding',
  'fragments',
  'device_signature',
  'operator_signature',
  'gateway_signature',
  'other_signatures',
  'coverage',
  'time',
  'revocation',
  'seal',
  'content',
  'naming',
  'binding',
  'log',
  'mark',
]

const NOT_OF_CAPTURE: readonly Subject[] = ['gateway_signature', 'revocation', 'binding', 'log', 'mark']

/**
 * For images sealed at capture: everything but the revocation lists, which other sites may not publish, the custody
 * log, which counts where there is one to ask, and the mark, which counts where there is one to read.
 */
export const ACQUISITION_POLICY: Policy = {
  name: 'acquisition',
  requires: SUBJECTS.filter((subject) => !NOT_OF_CAPTURE.includes(subject)),
  acceptsUncertifiedRoles: false,
  countsConsultedLog: true,
}

/** For images sealed at capture by a site that keeps a custody log: as for all others, and with a record in it. */
export const RECORDED_POLICY: Policy = {
  ...ACQUISITION_POLICY,
  name: 'recorded',
  requires: [...ACQUISITION_POLICY.requires, 'log'],
}

/**
 * For images signed by other makers' devices: the signatures in the file, whole and by a trusted signer. Whoever holds
 * a trusted certificate without a role of ours counts as the device.
 */
export const SIGNATURES_POLICY: Policy = {
  name: 'signatures',
  requires: ['encoding', 'fragments', 'device_signature', 'other_signatures', 'coverage'],
  acceptsUncertifiedRoles: true,
  countsConsultedLog: false,
}

/**
 * For images that came without a seal to a gateway, which sealed them: unchanged since then. What was sealed at capture
 * passes as well.
 */
export const GATEWAY_POLICY: Policy = {
  name: 'gateway',
  requires: ['encoding', 'fragments', 'gateway_signature', 'other_signatures', 'coverage', 'seal', 'content'],
  acceptsUncertifiedRoles: false,
  countsConsultedLog: true,
}

/** By name; without a prototype, since names come from a command line. */
export const POLICIES: Readonly<Record<string, Policy>> = Object.assign(Object.create(null), {
  acquisition: ACQUISITION_POLICY,
  recorded: RECORDED_POLICY,
  signatures: SIGNATURES_POLICY,
  gateway: GATEWAY_POLICY,
})

/**
 * Whether a verdict under the policy rests on a check. A log or a mark that contradicts the image counts under every
 * policy.
 * @param checks  all that were made
 */
export function isAsked(check: Check, policy: Policy, checks: readonly Check[]): boolean {
  const { subject, outcome } = check
  if (askedSubjects(policy, checks).includes(subject)) return true
  if (subject === 'mark') return outcome === 'fails'
  if (subject === 'time') return policy.countsConsultedLog && outcome === 'fails'
  return subject === 'log' && (policy.countsConsultedLog || outcome === 'fails')
}

/** Device and person stand nearer to the image than a gateway: where none sealed, they are asked for in its place. */
function askedSubjects({ requires }: Policy, checks: readonly Check[]): readonly Subject[] {
  const isReplaced =
    requires.includes('gateway_signature') && !checks.some(({ subject }) => subject === 'gateway_signature')
  if (!isReplaced) return requires
  return [...requires.filter((subject) => subject !== 'gateway_signature'), 'device_signature', 'operator_signature']
}

/** The verdict that a policy draws from checks. A check that fails counts even if another of its subject holds. */
export function decide(checks: readonly Check[], policy: Policy): Verdict {
  const requires = askedSubjects(policy, checks)
  const asked = checks.filter((check) => isAsked(check, policy, checks))
  if (asked.some(({ outcome }) => outcome === 'fails')) return 'not_authentic'
  const isComplete =
    requires.length > 0 && requires.every((subject) => asked.some((check) => check.subject === subject))
  const isSure = asked.every(({ outcome }) => outcome === 'holds')
  return isComplete && isSure ? 'authentic' : 'undetermined'
}

/**
 * Reads a policy from JSON: `{ "name", "requires": [subject…], "acceptsUncertifiedRoles", "countsConsultedLog" }`,
 * nothing else; the last two fields may be left out for false.
 * @throws {FormatError} `policy_malformed`
 */
export function parsePolicy(text: string): Policy {
  const fields = new JsonFields(parseOrRefuse(text), 'policy_malformed')
  const name = fields.string('name', NAME)
  const requires = fields.strings('requires', SUBJECTS.length, ANY).map(readSubject)
  const flag = (field: string): boolean => fields.has(field) && fields.boolean(field)
  const acceptsUncertifiedRoles = flag('acceptsUncertifiedRoles')
  const countsConsultedLog = flag('countsConsultedLog')
  fields.finish()
  if (requires.length === 0) throw fields.refuse('requires', 'asks for nothing')
  if (new Set(requires).size < requires.length) throw fields.refuse('requires', 'names a subject twice')
  return { name, requires, acceptsUncertifiedRoles, countsConsultedLog }
}

/** What fits a line of a report. */
const NAME = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,64}$/u
const ANY = /^/

function readSubject(word: string): Subject {
  const subject = SUBJECTS.find((known) => known === word)
  if (subject === undefined) {
    throw new FormatError('policy_malformed', `requires names something other than ${SUBJECTS.join(', ')}`)
  }
  return subject
}

function parseOrRefuse(text: string): JsonValue {
  try {
    return parseJson(text)
  } catch (cause) {
    throw new FormatError('policy_malformed', 'the policy is not JSON, or holds a name twice', { cause })
  }
}
