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
}

const SUBJECTS: readonly Subject[] = [
  'encoding',
  'fragments',
  'device_signature',
  'operator_signature',
  'other_signatures',
  'coverage',
  'time',
  'revocation',
  'seal',
  'content',
  'naming',
]

/** For images sealed at capture: everything but the revocation lists, which other sites may not publish. */
export const ACQUISITION_POLICY: Policy = {
  name: 'acquisition',
  requires: SUBJECTS.filter((subject) => subject !== 'revocation'),
  acceptsUncertifiedRoles: false,
}

/**
 * For images signed by other makers' devices: the signatures in the file, whole and by a trusted signer. Whoever holds
 * a trusted certificate without a role of ours counts as the device.
 */
export const SIGNATURES_POLICY: Policy = {
  name: 'signatures',
  requires: ['encoding', 'fragments', 'device_signature', 'other_signatures', 'coverage'],
  acceptsUncertifiedRoles: true,
}

/** By name; without a prototype, since names come from a command line. */
export const POLICIES: Readonly<Record<string, Policy>> = Object.assign(Object.create(null), {
  acquisition: ACQUISITION_POLICY,
  signatures: SIGNATURES_POLICY,
})

/** The verdict that a policy draws from checks. A check that fails counts even if another of its subject holds. */
export function decide(checks: readonly Check[], { requires }: Policy): Verdict {
  const asked = checks.filter(({ subject }) => requires.includes(subject))
  if (asked.some(({ outcome }) => outcome === 'fails')) return 'not_authentic'
  const isComplete =
    requires.length > 0 && requires.every((subject) => asked.some((check) => check.subject === subject))
  const isSure = asked.every(({ outcome }) => outcome === 'holds')
  return isComplete && isSure ? 'authentic' : 'undetermined'
}

/**
 * Reads a policy from JSON: `{ "name", "requires": [subject…], "acceptsUncertifiedRoles" }`, nothing else; the last
 * field may be left out for false.
 * @throws {FormatError} `policy_malformed`
 */
export function parsePolicy(text: string): Policy {
  const fields = new JsonFields(parseOrRefuse(text), 'policy_malformed')
  const name = fields.string('name', NAME)
  const requires = fields.strings('requires', SUBJECTS.length, ANY).map(readSubject)
  const acceptsUncertifiedRoles = fields.has('acceptsUncertifiedRoles') && fields.boolean('acceptsUncertifiedRoles')
  fields.finish()
  if (requires.length === 0) throw fields.refuse('requires', 'asks for nothing')
  if (new Set(requires).size < requires.length) throw fields.refuse('requires', 'names a subject twice')
  return { name, requires, acceptsUncertifiedRoles }
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
