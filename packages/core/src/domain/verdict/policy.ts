/**
 * Policy: which checks an image has to pass.
 *
 * Of the checks a policy asks for: one that fails makes the image not authentic; else one that is unknown, or none
 * made, leaves it undetermined; else it is authentic.
 */
import { FormatError } from '../../errors.ts'
import type { Check, Subject } from './check.ts'

export type Verdict = 'authentic' | 'not_authentic' | 'undetermined'

export interface Policy {
  readonly name: string
  readonly requires: readonly Subject[]
  /** Whether trusted certificates without a role of ours may sign as device and person: those of other makers. */
  readonly acceptsUncertifiedRoles: boolean
}

const SUBJECTS: readonly Subject[] = [
  'encoding', 'fragments', 'device_signature', 'operator_signature', 'coverage', 'time', 'revocation', 'seal', 'content', 'naming',
]

/** For images sealed at capture: everything but the revocation lists, which other sites may not publish. */
export const ACQUISITION_POLICY: Policy = {
  name: 'acquisition',
  requires: SUBJECTS.filter((subject) => subject !== 'revocation'),
  acceptsUncertifiedRoles: false,
}

/** For images signed by other makers' devices: the signatures in the file, whole and by a trusted signer. */
export const SIGNATURES_POLICY: Policy = {
  name: 'signatures',
  requires: ['encoding', 'fragments', 'device_signature', 'coverage'],
  acceptsUncertifiedRoles: true,
}

export const POLICIES: Readonly<Record<string, Policy>> = {
  acquisition: ACQUISITION_POLICY,
  signatures: SIGNATURES_POLICY,
}

/** The verdict that a policy draws from checks. A check that fails counts even if another of its subject holds. */
export function decide(checks: readonly Check[], { requires }: Policy): Verdict {
  const asked = checks.filter(({ subject }) => requires.includes(subject))
  if (asked.some(({ outcome }) => outcome === 'fails')) return 'not_authentic'
  const isComplete = requires.every((subject) => asked.some((check) => check.subject === subject))
  const isSure = asked.every(({ outcome }) => outcome === 'holds')
  return isComplete && isSure ? 'authentic' : 'undetermined'
}

/**
 * Reads a policy from JSON: `{ "name", "requires": [subject…], "acceptsUncertifiedRoles" }`, nothing else.
 * @throws {FormatError} `policy_malformed`
 */
export function parsePolicy(text: string): Policy {
  const value = parseObject(text)
  const { name, requires, acceptsUncertifiedRoles = false, ...rest } = value
  if (Object.keys(rest).length > 0) throw malformed('it has fields that no policy has')
  if (typeof name !== 'string' || name === '') throw malformed('it has no name')
  if (typeof acceptsUncertifiedRoles !== 'boolean') throw malformed('acceptsUncertifiedRoles is not true or false')
  if (!Array.isArray(requires) || requires.length === 0) throw malformed('it requires nothing')
  if (!requires.every((subject): subject is Subject => SUBJECTS.includes(subject))) {
    throw malformed(`it requires something other than ${SUBJECTS.join(', ')}`)
  }
  return { name, requires, acceptsUncertifiedRoles }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (cause) {
    throw new FormatError('policy_malformed', 'the policy is not JSON', { cause })
  }
  throw malformed('it is not an object')
}

const malformed = (message: string): FormatError => new FormatError('policy_malformed', `the policy cannot be used: ${message}`)
