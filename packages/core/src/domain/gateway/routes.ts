/**
 * Routes: what a site has the gateway do with what it receives: the file, as a value.
 *
 * Routes stand in order, and the first one that fits takes an instance. With destinations alone, one route takes everything to
 * all of them: it seals what came unsigned, and holds back what is not authentic or comes under a used UID. Described in
 * docs/reference/routes.md. How text becomes a value, and where in it a value stands, is left to the caller.
 */
import {
  list,
  mapped,
  nullable,
  oneOrMany,
  optional,
  record,
  required,
  type Shape,
  schemaOf,
  shortOrLong,
  table,
  text,
  words,
} from '../../formats/config/shape.ts'
import { type ConfigContext, ConfigValue, suggestion } from '../../formats/config/value.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'
import { BASIC_PROFILE, type DeidentifyProfile, PROFILE } from '../deidentify/profile.ts'
import { TRANSCODE_TARGETS, type TranscodeTarget } from '../transcode/target.ts'
import { type AttributePath, readAttribute } from './attribute-path.ts'
import { DESTINATIONS, type Destination, NAME } from './destinations.ts'
import type { Trouble } from './facts.ts'
import { type Network, parseNetwork } from './network.ts'
import { PROTOCOLS, type Protocol } from './origin.ts'
import { attributesOf, RULE, type Rule } from './rules.ts'

/** Whom a route takes instances from; all that is asked has to hold, and null asks nothing. */
export interface RouteFrom {
  /** Globs over AE titles. */
  readonly calling: readonly string[] | null
  readonly called: readonly string[] | null
  readonly address: readonly (Network & { readonly text: string })[] | null
  readonly protocol: readonly Protocol[] | null
  /** Globs over the SHA-256 of the sender's certificate in lower-case hexadecimal, or the name of its token. */
  readonly peer: readonly string[] | null
}

export const SEALING = ['always', 'ifUnsigned', 'never'] as const
export type Sealing = (typeof SEALING)[number]

export const ON_TROUBLE = ['failOpen', 'failClosed'] as const
/** `failOpen`: it goes on as if the trouble were none, and that is recorded · `failClosed`: quarantine. */
export type OnTrouble = (typeof ON_TROUBLE)[number]

/** When an instance is held back, and under which code. */
export interface QuarantineRule {
  readonly reason: string
  readonly when: Rule
}

/** A copy for one destination. */
export interface RouteTarget {
  readonly destination: string
  /** Further condition; null for every instance of the route. */
  readonly when: Rule | null
  /** Name of a profile; null for a copy as it is. */
  readonly deidentify: string | null
  readonly transcode: TranscodeTarget | null
}

export interface Route {
  readonly name: string
  readonly from: RouteFrom | null
  /** All of these have to hold. */
  readonly when: readonly Rule[]
  readonly seal: Sealing
  readonly onProblem: Readonly<Record<Trouble, OnTrouble>>
  readonly quarantine: readonly QuarantineRule[]
  /** What becomes of the same bytes that were here before. */
  readonly duplicates: 'drop' | 'forward' | 'quarantine'
  /**
   * Destination that gets the bytes while they come, all but the last, which waits for the verdict; null for none. The seal of
   * the gateway then stands beside the image, for every destination.
   */
  readonly relay: string | null
  readonly to: readonly RouteTarget[]
}

export interface Routes {
  readonly destinations: ReadonlyMap<string, Destination>
  /** De-identification profiles by name; `basic` is always there. */
  readonly profiles: ReadonlyMap<string, DeidentifyProfile>
  readonly routes: readonly Route[]
}

/** Most things go on: a gateway that cannot tell must not come between a patient and a physician. */
export const DEFAULT_ON_PROBLEM: Readonly<Record<Trouble, OnTrouble>> = {
  undetermined: 'failOpen',
  unexamined: 'failOpen',
  unlogged: 'failOpen',
  unreadable: 'failClosed',
  seal_failed: 'failOpen',
  transcode_failed: 'failOpen',
  deidentify_failed: 'failOpen',
}

/** Conditions of quarantine that have names. */
const QUARANTINE_WORDS = {
  not_authentic: { kind: 'verdict', verdicts: ['not_authentic'] },
  uid_reused: { kind: 'standing', standings: ['uid_reused'] },
  synthetic: { kind: 'synthetic', isSynthetic: true },
  altered: { kind: 'content', contents: ['altered'] },
  contradicted: { kind: 'content', contents: ['contradicted'] },
  flagged: { kind: 'flag', patterns: ['*'] },
} as const satisfies Record<string, Rule>

type QuarantineWord = keyof typeof QUARANTINE_WORDS
const quarantineFor = (word: QuarantineWord): QuarantineRule => ({ reason: word, when: QUARANTINE_WORDS[word] })
export const DEFAULT_QUARANTINE: readonly QuarantineRule[] = [
  quarantineFor('not_authentic'),
  quarantineFor('uid_reused'),
]

const ROUTES_LIMIT = 256
const NAME_TEXT = text(NAME.pattern, NAME.what)
const GLOB = text(/^[\x20-\x7e]{1,128}$/, 'a pattern of 1 to 128 characters, with * and ?')
const REASON = text(/^[a-z][a-z0-9_]{0,63}$/, 'a word of lower-case letters, digits and underscores')

const NETWORK: Shape<Network & { readonly text: string }> = mapped(
  text(/^[0-9A-Fa-f.:/]{2,64}$/, 'an address or a range such as 10.1.0.0/16'),
  (spelled, value) => {
    const network = parseNetwork(spelled)
    if (network === undefined) throw value.refuse('is no address or range such as 10.1.0.0/16, without bits behind it')
    return { ...network, text: spelled }
  },
)

const FROM = record<RouteFrom>({
  calling: optional(nullable(oneOrMany(GLOB, 256)), null, 'patterns for AE titles of senders'),
  called: optional(nullable(oneOrMany(GLOB, 256)), null, 'patterns for AE titles that senders call'),
  address: optional(nullable(oneOrMany(NETWORK, 256)), null, 'addresses and ranges of senders'),
  protocol: optional(nullable(oneOrMany(words(PROTOCOLS), PROTOCOLS.length)), null, 'how it came'),
  peer: optional(
    nullable(oneOrMany(GLOB, 256)),
    null,
    'patterns for the SHA-256 of the certificate of a sender in lower-case hexadecimal, or the name of its token',
  ),
})

const ON_PROBLEM = record<Readonly<Record<Trouble, OnTrouble>>>({
  undetermined: optional(words(ON_TROUBLE), DEFAULT_ON_PROBLEM.undetermined, 'nobody can say whether it is authentic'),
  unexamined: optional(words(ON_TROUBLE), DEFAULT_ON_PROBLEM.unexamined, 'examining it failed or took too long'),
  unlogged: optional(words(ON_TROUBLE), DEFAULT_ON_PROBLEM.unlogged, 'the custody log could not be asked'),
  unreadable: optional(words(ON_TROUBLE), DEFAULT_ON_PROBLEM.unreadable, 'it is no DICOM that could be judged'),
  seal_failed: optional(words(ON_TROUBLE), DEFAULT_ON_PROBLEM.seal_failed, 'it could not be sealed at the gateway'),
  transcode_failed: optional(
    words(ON_TROUBLE),
    DEFAULT_ON_PROBLEM.transcode_failed,
    'it could not be transcoded without a change of its pixels; it goes out as it is',
  ),
  deidentify_failed: optional(
    words(ON_TROUBLE),
    DEFAULT_ON_PROBLEM.deidentify_failed,
    'a copy without names could not be made; other destinations get theirs',
  ),
})

const QUARANTINE: Shape<QuarantineRule> = shortOrLong(
  mapped(words(Object.keys(QUARANTINE_WORDS) as QuarantineWord[]), quarantineFor),
  record<QuarantineRule>({
    reason: required(REASON, 'code under which it is held back'),
    when: required(RULE, 'what holds it back'),
  }),
)

const TARGET: Shape<RouteTarget> = shortOrLong(
  mapped(NAME_TEXT, (destination) => ({ destination, when: null, deidentify: null, transcode: null })),
  record<RouteTarget>({
    destination: required(NAME_TEXT, 'name of a destination'),
    when: optional(nullable(RULE), null, 'further condition for this destination'),
    deidentify: optional(nullable(NAME_TEXT), null, 'profile by which its copy is de-identified'),
    transcode: optional(nullable(words(TRANSCODE_TARGETS)), null, 'transfer syntax of its copy'),
  }),
)

interface RouteMembers extends Omit<Route, 'when'> {
  readonly when: readonly Rule[]
}

const ROUTE = record<RouteMembers>({
  name: required(NAME_TEXT, 'how reports call it'),
  from: optional(nullable(FROM), null, 'whom it takes instances from (default: everybody)'),
  when: optional(oneOrMany(RULE, 64), [], 'which instances it takes; of a list, all have to hold (default: every one)'),
  seal: optional(words(SEALING), 'ifUnsigned', 'whether the gateway seals'),
  onProblem: optional(ON_PROBLEM, DEFAULT_ON_PROBLEM, 'what becomes of an instance with a trouble', {
    ...DEFAULT_ON_PROBLEM,
  }),
  quarantine: optional(list(QUARANTINE, 64), DEFAULT_QUARANTINE, 'what is held back until two persons release it', [
    'not_authentic',
    'uid_reused',
  ]),
  duplicates: optional(
    words(['drop', 'forward', 'quarantine']),
    'drop',
    'what becomes of the same bytes that were here before',
  ),
  relay: optional(
    nullable(NAME_TEXT),
    null,
    'destination that gets the bytes while they come, and the last of them with the verdict (default: none)',
  ),
  to: required(list(TARGET, 64), 'where it goes; an empty list keeps it from going anywhere'),
})

interface Members {
  readonly version: number
  readonly destinations: ReadonlyMap<string, Destination>
  readonly profiles: ReadonlyMap<string, DeidentifyProfile>
  readonly routes: readonly Route[] | null
}

const VERSION: Shape<number> = {
  read(value) {
    if (value.json !== 1) throw value.refuse('is not 1')
    return 1
  },
  schema: () => ({ const: 1 }),
}

const FILE = record<Members>({
  version: optional(VERSION, 1, 'of this format'),
  destinations: required(DESTINATIONS, 'systems that images go to, by name: AET@host:port, a URL, or in full'),
  profiles: optional(table(NAME, PROFILE, 64), new Map(), 'profiles of de-identification, by name', {}),
  routes: optional(
    nullable(list(ROUTE, ROUTES_LIMIT, 1)),
    null,
    'in order; the first that fits takes an instance (default: one that takes everything to all destinations)',
  ),
})

/**
 * Reads a routes file.
 *
 * @param value    what the text says
 * @param locate   where a value stands in that text, for messages
 * @throws {FormatError} `routes_malformed`, with path and line of the first thing that is wrong
 */
export function parseRoutes(value: JsonValue, locate?: ConfigContext['locate']): Routes {
  const whole = new ConfigValue(value, { code: 'routes_malformed', ...(locate && { locate }) })
  const { destinations, profiles: own, routes } = FILE.read(whole)
  if (own.has('basic')) throw childOf(whole, 'profiles', 'basic').refuse('is the name of the Basic Profile')
  const profiles = new Map([['basic', BASIC_PROFILE], ...own])
  if (destinations.size === 0 && routes === null) throw childOf(whole, 'destinations').refuse('names none')
  const all = routes ?? [defaultRoute([...destinations.keys()])]
  for (const [i, route] of all.entries()) {
    if (all.findIndex(({ name }) => name === route.name) < i)
      throw childOf(whole, 'routes', i).refuse('has a name twice')
    for (const [k, { destination, deidentify }] of route.to.entries()) {
      const place = childOf(whole, 'routes', i, 'to', k)
      if (!destinations.has(destination)) {
        throw place.refuse(`names an unknown destination${suggestion(destination, [...destinations.keys()])}`)
      }
      if (deidentify !== null && !profiles.has(deidentify)) {
        throw place.refuse(`names an unknown profile${suggestion(deidentify, [...profiles.keys()])}`)
      }
    }
    const targets = route.to.map(({ destination }) => destination)
    if (new Set(targets).size < targets.length && route.to.every(({ when }) => when === null)) {
      throw childOf(whole, 'routes', i, 'to').refuse('names a destination twice')
    }
    const problem = relayProblem(route, destinations, all.slice(0, i))
    if (problem !== undefined) throw childOf(whole, 'routes', i, 'relay').refuse(problem)
  }
  return { destinations, profiles, routes: all }
}

/** What keeps a route from relaying as it says; undefined where nothing does. */
function relayProblem(
  { relay, from, when, to }: Route,
  destinations: Members['destinations'],
  before: readonly Route[],
): string | undefined {
  if (relay === null) return undefined
  const destination = destinations.get(relay)
  if (destination === undefined) return `names an unknown destination${suggestion(relay, [...destinations.keys()])}`
  if (destination.protocol !== 'dimse') return 'names a DICOMweb destination: only one of DIMSE is relayed to'
  if (destination.delivery.bandwidth.length > 0) return 'names a destination with limits of bandwidth'
  if (from?.protocol?.includes('dimse') === false) return 'is of a route that takes nothing by DIMSE'
  if (when.length > 0) return 'needs a route without when: attributes are not known while the bytes come'
  const target = to.find((one) => one.destination === relay)
  if (target === undefined) return 'names a destination that the route does not send to'
  if (target.when !== null) return 'names a destination with a condition, which is not known while the bytes come'
  if (target.deidentify !== null || target.transcode !== null) return 'names a destination that gets other bytes'
  const asking = before.find((route) => route.from === null && route.when.length > 0)
  return asking && `stands behind route ${asking.name}, which asks for attributes of every instance`
}

function childOf(value: ConfigValue, ...names: readonly (string | number)[]): ConfigValue {
  return names.reduce<ConfigValue>((inner, name) => {
    const json = (inner.json as Record<string | number, JsonValue> | null)?.[name] ?? null
    return inner.at(name, json)
  }, value)
}

/** The route of a site that says nothing but where its PACS is. */
export function defaultRoute(destinations: readonly string[]): Route {
  return {
    name: 'default',
    from: null,
    when: [],
    seal: 'ifUnsigned',
    onProblem: DEFAULT_ON_PROBLEM,
    quarantine: DEFAULT_QUARANTINE,
    duplicates: 'drop',
    relay: null,
    to: destinations.map((destination) => ({ destination, when: null, deidentify: null, transcode: null })),
  }
}

/** Routes of a site without a file: everything to these. */
export function defaultRoutes(destinations: readonly Destination[]): Routes {
  return {
    destinations: new Map(destinations.map((one) => [one.name, one])),
    profiles: new Map([['basic', BASIC_PROFILE]]),
    routes: [defaultRoute(destinations.map(({ name }) => name))],
  }
}

/** Paths of the attributes that any rule asks about, each once. */
export function attributesAsked({ routes }: Routes): readonly AttributePath[] {
  const rules = routes.flatMap(({ when, quarantine, to }) => [
    ...when,
    ...quarantine.map((one) => one.when),
    ...to.flatMap((target) => target.when ?? []),
  ])
  return [...new Map(rules.flatMap(attributesOf).map((path) => [path.name, path])).values()]
}

/** The values of those attributes, by the names of their paths: plain, to be handed to other threads. */
export const readAttributesAsked = (routes: Routes, dataSet: DataSet): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    attributesAsked(routes).flatMap((path) => {
      const values = readAttribute(dataSet, path)
      return values === undefined ? [] : [[path.name, values]]
    }),
  )

/** The JSON Schema of the file: docs/reference/routes.schema.json. */
export const routesSchema = (): JsonObject =>
  schemaOf(FILE, { $id: 'https://fiducial.dev/schemas/routes.json', title: 'Routes of a Fiducial gateway' })
