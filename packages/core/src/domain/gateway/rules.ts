/**
 * Rules: what a route asks of an instance: of its attributes, its verdict, and what is known of it besides.
 *
 * Each rule answers yes or no, and nothing that a file holds can make one slow. Evaluating leaves a trace that says of every
 * rule, also of those behind the one that decided, what it came to.
 */
import {
  decimal,
  type Field,
  type Fields,
  flag,
  list,
  mapped,
  named,
  oneOrMany,
  optional,
  record,
  required,
  type Shape,
  text,
  variants,
  words,
} from '../../formats/config/shape.ts'
import type { ConfigValue } from '../../formats/config/value.ts'
import { LEVELS, VERDICTS } from '../log/event-details.ts'
import { type AttributePath, parseAttributePath } from './attribute-path.ts'
import type { RouteFacts, Standing } from './facts.ts'
import { STANDINGS } from './facts.ts'
import { matchesAny } from './glob.ts'
import type { InstanceVerdict } from './instance.ts'

/** What an attribute is asked; all of it has to hold for one of its values. Null where it is not asked. */
export interface AttributeTest {
  readonly path: AttributePath
  readonly exists: boolean | null
  readonly oneOf: readonly string[] | null
  /** Globs. */
  readonly matches: readonly string[] | null
  /** Compared as numbers. */
  readonly greater: number | null
  readonly less: number | null
  /** Digits of a date, time or date with time, compared as far as both go. */
  readonly before: string | null
  readonly after: string | null
  readonly ignoresCase: boolean
}

export type Rule =
  | { readonly kind: 'all' | 'any'; readonly rules: readonly Rule[] }
  | { readonly kind: 'not'; readonly rule: Rule }
  | { readonly kind: 'attribute'; readonly test: AttributeTest }
  | { readonly kind: 'verdict'; readonly verdicts: readonly InstanceVerdict['verdict'][] }
  | { readonly kind: 'level'; readonly least: InstanceVerdict['level']; readonly most: InstanceVerdict['level'] }
  | { readonly kind: 'content'; readonly contents: readonly string[] }
  | { readonly kind: 'synthetic'; readonly isSynthetic: boolean }
  | { readonly kind: 'sealed'; readonly isSealed: boolean }
  | { readonly kind: 'standing'; readonly standings: readonly Standing[] }
  /** Globs over `subject`, `reason` or `subject:reason` of checks that fail. */
  | { readonly kind: 'failing'; readonly patterns: readonly string[] }
  /** Globs over the codes that header rules and other watchers raised. */
  | { readonly kind: 'flag'; readonly patterns: readonly string[] }

/** What one rule came to. */
export interface RuleTrace {
  /** Where it stands below the rule at the top, such as `all[1].not`; empty for that one. */
  readonly path: string
  /** The rule in words. */
  readonly rule: string
  readonly holds: boolean
  /** Values that it looked at: of patients, too. Absent where it looked at none. */
  readonly saw?: readonly string[]
}

const CONTENTS = ['unchanged', 'derived', 'altered', 'not_shown', 'contradicted'] as const
const RULES_LIMIT = 64
const WORDS_LIMIT = 256
const DEPTH_LIMIT = 16

const VALUE = text(/^[^\p{Cc}]{0,256}$/u, 'a text of at most 256 characters')
const GLOB = text(/^[^\p{Cc}]{1,256}$/u, 'a pattern of 1 to 256 characters, with * and ?')
/** Numbers in a YAML file need no quotes. */
const SPELLED: Shape<string> = {
  read: (value) => (typeof value.json === 'number' ? String(value.json) : VALUE.read(value)),
  schema: (definitions) => ({ oneOf: [VALUE.schema(definitions), { type: 'number' }] }),
}
const MOMENT: Shape<string> = mapped(
  {
    read: SPELLED.read,
    schema: SPELLED.schema,
  },
  (spelled, value) => digitsOf(spelled) ?? refuseMoment(value),
)

function refuseMoment(value: ConfigValue): never {
  throw value.refuse('is no date or time, such as 2026-03-03, 20260303101400 or 10:14')
}

export const ATTRIBUTE_PATH: Shape<AttributePath> = mapped(
  text(/^[\x20-\x7e]{1,512}$/, 'the keyword or tag of an attribute, behind those of its sequences'),
  (spelled, value) => {
    const path = parseAttributePath(spelled)
    if (path === undefined) throw value.refuse('names no attribute: keyword, (gggg,eeee) or (gggg,CREATOR,ee)')
    return path
  },
)

interface AttributeMembers {
  readonly attribute: AttributePath
  readonly equals: string | null
  readonly oneOf: readonly string[] | null
  readonly matches: readonly string[] | null
  readonly exists: boolean | null
  readonly before: string | null
  readonly after: string | null
  readonly greater: number | null
  readonly less: number | null
  readonly ignoreCase: boolean
}

/** A member that need not be there. */
const maybe = <T>(shape: Shape<T>, doc: string): Field<T | null> => ({ shape, doc, fallback: { value: null } })

const ATTRIBUTE_MEMBERS: Fields<AttributeMembers> = {
  attribute: required(ATTRIBUTE_PATH, 'keyword or tag; inside of sequences, behind theirs and slashes'),
  equals: maybe(SPELLED, 'one of the values is this one'),
  oneOf: maybe(list(SPELLED, WORDS_LIMIT, 1), 'one of the values is one of these'),
  matches: maybe(oneOrMany(GLOB, WORDS_LIMIT), 'one of the values fits a pattern: * for any characters, ? for one'),
  exists: maybe(flag, 'whether there is such an attribute, with or without a value'),
  before: maybe(MOMENT, 'a value is a date or time before this one'),
  after: maybe(MOMENT, 'a value is a date or time after this one'),
  greater: maybe(decimal(-1e300, 1e300), 'a value is a number over this one'),
  less: maybe(decimal(-1e300, 1e300), 'a value is a number under this one'),
  ignoreCase: optional(flag, false, 'whether upper and lower case are the same to equals, oneOf and matches'),
}

const single = <T>(name: string, shape: Shape<T>, doc: string, make: (read: T) => Rule): Shape<Rule> =>
  mapped(record<Record<string, T>>({ [name]: required(shape, doc) }), (members) => make(members[name] as T))

const RULE_LIST: Shape<readonly Rule[]> = list(
  named('rule', () => RULE),
  RULES_LIMIT,
  1,
)

const LEVEL_RANGE = record<{
  readonly atLeast: InstanceVerdict['level']
  readonly atMost: InstanceVerdict['level']
}>({
  atLeast: optional(words(LEVELS), 'P0', 'this level or one above'),
  atMost: optional(words(LEVELS), 'P4', 'this level or one below'),
})

const RULE_BODY: Shape<Rule> = variants<Rule>({
  all: single('all', RULE_LIST, 'all of these hold', (rules) => ({ kind: 'all', rules })),
  any: single('any', RULE_LIST, 'at least one of these holds', (rules) => ({ kind: 'any', rules })),
  not: single(
    'not',
    named('rule', () => RULE),
    'this one does not hold',
    (rule) => ({ kind: 'not', rule }),
  ),
  attribute: mapped(record<AttributeMembers>(ATTRIBUTE_MEMBERS), readTest),
  verdict: single('verdict', oneOrMany(words(VERDICTS), VERDICTS.length), 'what verification came to', (verdicts) => ({
    kind: 'verdict',
    verdicts,
  })),
  level: single('level', LEVEL_RANGE, 'level of provenance', ({ atLeast, atMost }) => ({
    kind: 'level',
    least: atLeast,
    most: atMost,
  })),
  content: single('content', oneOrMany(words(CONTENTS), CONTENTS.length), 'what became of the content', (contents) => ({
    kind: 'content',
    contents,
  })),
  isSynthetic: single('isSynthetic', flag, 'whether the image says that it is synthetic', (isSynthetic) => ({
    kind: 'synthetic',
    isSynthetic,
  })),
  isSealed: single('isSealed', flag, 'whether it came with a seal or a device signature', (isSealed) => ({
    kind: 'sealed',
    isSealed,
  })),
  standing: single(
    'standing',
    oneOrMany(words(STANDINGS), STANDINGS.length),
    'new; duplicate: the same bytes again; uid_reused: other bytes under the same UID',
    (standings) => ({ kind: 'standing', standings }),
  ),
  failing: single(
    'failing',
    oneOrMany(GLOB, WORDS_LIMIT),
    'patterns for checks that fail: subject, reason, or subject:reason',
    (patterns) => ({ kind: 'failing', patterns }),
  ),
  flag: single('flag', oneOrMany(GLOB, WORDS_LIMIT), 'patterns for codes of header rules and watchers', (patterns) => ({
    kind: 'flag',
    patterns,
  })),
})

export const RULE: Shape<Rule> = mapped(
  { read: (value: ConfigValue) => RULE_BODY.read(checkDepth(value)), schema: RULE_BODY.schema },
  (rule) => rule,
)

/** Each rule inside of another one adds two or three steps to its path. */
function checkDepth(value: ConfigValue): ConfigValue {
  if (value.path.length > 3 * DEPTH_LIMIT) throw value.refuse('is nested too deep')
  return value
}

function readTest({ attribute: path, ignoreCase, equals, ...members }: AttributeMembers, value: ConfigValue): Rule {
  if (equals !== null && members.oneOf !== null) throw value.refuse('has both equals and oneOf')
  const { exists, ...tests } = { ...members, oneOf: equals === null ? members.oneOf : [equals] }
  const asksValue = Object.values(tests).some((one) => one !== null)
  if (!asksValue && exists === null) {
    const known = Object.keys(ATTRIBUTE_MEMBERS).filter((name) => name !== 'attribute' && name !== 'ignoreCase')
    throw value.refuse(`asks nothing of the attribute: ${known.join(', ')}`)
  }
  if (asksValue && exists === false) throw value.refuse('asks for values of an attribute that must not exist')
  return { kind: 'attribute', test: { path, exists, ...tests, ignoresCase: ignoreCase } }
}

/** Paths of all attributes that a rule asks about. */
export function attributesOf(rule: Rule): readonly AttributePath[] {
  if (rule.kind === 'attribute') return [rule.test.path]
  if (rule.kind === 'not') return attributesOf(rule.rule)
  return rule.kind === 'all' || rule.kind === 'any' ? rule.rules.flatMap(attributesOf) : []
}

/** Whether a rule holds; what each part of it came to is added to the trace, the whole before its parts. */
export function evaluate(rule: Rule, facts: RouteFacts, trace: RuleTrace[], path = ''): boolean {
  const place = trace.length
  const { holds, saw } = answerOf(rule, facts, trace, path)
  trace.splice(place, 0, { path, rule: formatRule(rule), holds, ...(saw && { saw }) })
  return holds
}

interface Answer {
  readonly holds: boolean
  readonly saw?: readonly string[]
}

function answerOf(rule: Rule, facts: RouteFacts, trace: RuleTrace[], path: string): Answer {
  const below = (name: string): string => (path === '' ? name : `${path}.${name}`)
  const { verdict } = facts
  switch (rule.kind) {
    case 'all':
    case 'any': {
      const answers = rule.rules.map((inner, i) => evaluate(inner, facts, trace, below(`${rule.kind}[${i}]`)))
      return { holds: rule.kind === 'all' ? answers.every(Boolean) : answers.some(Boolean) }
    }
    case 'not':
      return { holds: !evaluate(rule.rule, facts, trace, below('not')) }
    case 'attribute':
      return testAttribute(rule.test, facts.attributes[rule.test.path.name])
    case 'verdict':
      return among(rule.verdicts, verdict?.verdict)
    case 'level':
      return {
        holds: verdict !== null && verdict.level >= rule.least && verdict.level <= rule.most,
        ...(verdict && { saw: [verdict.level] }),
      }
    case 'content':
      return among(rule.contents, verdict?.content)
    case 'synthetic':
      return { holds: verdict !== null && verdict.isSynthetic === rule.isSynthetic }
    case 'sealed':
      return { holds: facts.isSealed === rule.isSealed }
    case 'standing':
      return among(rule.standings, facts.standing)
    case 'failing': {
      const failing = verdict?.failing ?? []
      const spelled = failing.flatMap(({ subject, reason }) => [subject, reason, `${subject}:${reason}`])
      return {
        holds: spelled.some((one) => matchesAny(rule.patterns, one)),
        saw: failing.map(({ subject, reason }) => `${subject}:${reason}`),
      }
    }
    case 'flag':
      return { holds: facts.flags.some((one) => matchesAny(rule.patterns, one)), saw: facts.flags }
  }
}

const among = (words: readonly string[], word: string | undefined): Answer =>
  word === undefined ? { holds: false } : { holds: words.includes(word), saw: [word] }

function testAttribute(test: AttributeTest, values: readonly string[] | undefined): Answer {
  if (values === undefined) return { holds: test.exists === false }
  if (test.exists === false) return { holds: false, saw: values }
  const asksValue = [test.oneOf, test.matches, test.greater, test.less, test.before, test.after].some(
    (one) => one !== null,
  )
  // An attribute without a value has the empty one, so that `equals: ""` finds it.
  const candidates = values.length === 0 ? [''] : values
  return { holds: !asksValue || candidates.some((value) => isPassing(value, test)), saw: values }
}

function isPassing(value: string, test: AttributeTest): boolean {
  const { oneOf, matches, greater, less, before, after, ignoresCase } = test
  const fold = (one: string): string => (ignoresCase ? one.toLowerCase() : one)
  if (oneOf !== null && !oneOf.some((one) => fold(one) === fold(value))) return false
  if (matches !== null && !matchesAny(matches.map(fold), fold(value))) return false
  if (greater !== null && !(numberOf(value) > greater)) return false
  if (less !== null && !(numberOf(value) < less)) return false
  if (before !== null && compareMoments(value, before) !== -1) return false
  return after === null || compareMoments(value, after) === 1
}

/** NaN, which compares with nothing, for what is no number. */
const numberOf = (value: string): number =>
  /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?$/.test(value) && value.length <= 32 ? Number(value) : Number.NaN

/** The digits of a date or time in any spelling of ISO 8601 or DICOM, without fractions; undefined for all else. */
function digitsOf(value: string): string | undefined {
  const spelled =
    /^(?:(\d{4})-?(\d{2})-?(\d{2}))?[T ]?(?:(\d{2}):?(\d{2})(?::?(\d{2}))?)?(?:\.\d{1,6})?(?:Z|[+-]\d{4})?$/.exec(value)
  const digits = spelled?.slice(1).join('') ?? ''
  return digits === '' ? undefined : digits
}

/** -1, 0, 1 for before, equal as far as both go, after; undefined where they are no two of a kind. */
function compareMoments(value: string, other: string): number | undefined {
  const digits = digitsOf(value)
  // Times have 4 or 6 digits, dates 8 or more.
  if (digits === undefined || digits.length < 8 !== other.length < 8) return undefined
  const length = Math.min(digits.length, other.length)
  const [a, b] = [digits.slice(0, length), other.slice(0, length)]
  return a < b ? -1 : a > b ? 1 : 0
}

/** A rule in words, for traces. */
export function formatRule(rule: Rule): string {
  switch (rule.kind) {
    case 'all':
    case 'any':
      return `${rule.kind} of ${rule.rules.length}`
    case 'not':
      return 'not'
    case 'attribute':
      return formatTest(rule.test)
    case 'verdict':
      return `verdict is ${rule.verdicts.join(' or ')}`
    case 'level':
      return `level is ${rule.least} to ${rule.most}`
    case 'content':
      return `content is ${rule.contents.join(' or ')}`
    case 'synthetic':
      return rule.isSynthetic ? 'says that it is synthetic' : 'does not say that it is synthetic'
    case 'sealed':
      return rule.isSealed ? 'came sealed or signed' : 'came neither sealed nor signed'
    case 'standing':
      return `is ${rule.standings.join(' or ')}`
    case 'failing':
      return `a failing check fits ${rule.patterns.join(' or ')}`
    case 'flag':
      return `a flag fits ${rule.patterns.join(' or ')}`
  }
}

function formatTest({ path, exists, oneOf, matches, greater, less, before, after }: AttributeTest): string {
  const parts = [
    exists === null ? undefined : exists ? 'exists' : 'does not exist',
    oneOf && `is ${oneOf.map((one) => JSON.stringify(one)).join(' or ')}`,
    matches && `fits ${matches.join(' or ')}`,
    greater === null ? undefined : `is over ${greater}`,
    less === null ? undefined : `is under ${less}`,
    after && `is after ${after}`,
    before && `is before ${before}`,
  ]
  return `${path.name} ${parts.filter(Boolean).join(' and ')}`
}
