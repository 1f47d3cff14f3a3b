/**
 * Witness policy: which logs and witnesses to believe, and how many of them it takes.
 *
 * Source: C2SP tlog-policy. Names, URLs and comments are octets to it: here a name or URL has one character an octet
 * (Latin-1), and {@link textOfOctets} makes text of it. The names of keys are text, as in notes. Whether a checkpoint
 * has what a policy asks for is left to domain/log/quorum.ts.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { decodeLatin1, decodeUtf8, encodeLatin1, encodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { formatVerifierKey, parseVerifierKey, type VerifierKey, type VerifierKeyType } from '../note/verifier-key.ts'

export interface PolicyLog {
  /** Of type ed25519 or cosignature-ml-dsa-44; its name is the origin of the log. */
  readonly key: VerifierKey
  /** Octets. */
  readonly url?: string
}

export interface PolicyWitness {
  /** Octets; what groups and quorum call it. Has no meaning outside of the policy. */
  readonly name: string
  /** Of one of the two types for cosignatures. */
  readonly key: VerifierKey
  /** Octets; the submission prefix of C2SP tlog-witness. */
  readonly url?: string
}

export interface PolicyGroup {
  /** Octets. */
  readonly name: string
  /** So many of its members make it count, 1 to all of them. */
  readonly threshold: number
  /** Witnesses and earlier groups, at least one; none is a member twice, in whatever group. */
  readonly members: readonly string[]
}

/** What {@link parseWitnessPolicy} lets through. */
export interface WitnessPolicy {
  /** Each checkpoint needs the signature of one. */
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly PolicyGroup[]
  /** Name of the witness or group that makes a quorum, or {@link NO_QUORUM}. */
  readonly quorum: string
}

/** The quorum that is always there. */
export const NO_QUORUM = 'none'
/** Bytes; a longer policy is refused. */
export const POLICY_LIMIT = 1024 * 1024
/** Of logs, of witnesses and of groups. C2SP asks for 32 at least. */
export const POLICY_ITEMS_LIMIT = 128

const LOG_TYPES: readonly VerifierKeyType[] = ['ed25519', 'cosignature-ml-dsa-44']
const WITNESS_TYPES: readonly VerifierKeyType[] = ['cosignature-ed25519', 'cosignature-ml-dsa-44']

/** A policy that is being read. */
interface Draft {
  readonly logs: PolicyLog[]
  readonly witnesses: PolicyWitness[]
  readonly groups: PolicyGroup[]
  /** Names that are defined, each with whether it is a member already. */
  readonly names: Map<string, boolean>
  quorum?: string
}

/**
 * Reads a policy.
 *
 * @param policy  the octets of the file; a text stands for its UTF-8
 * @throws {FormatError} `witness_policy_malformed`; its message names the line
 */
export function parseWitnessPolicy(policy: string | Uint8Array, hashes: HashFactory): WitnessPolicy {
  const octets = typeof policy === 'string' ? encodeUtf8(policy) : policy
  if (octets.length > POLICY_LIMIT) throw malformed('it is too long')
  const lines = decodeLatin1(octets).split('\n')
  if (lines.pop() !== '') throw malformed('its last line has no newline', lines.length + 1)

  const draft: Draft = { logs: [], witnesses: [], groups: [], names: new Map() }
  for (const [i, line] of lines.entries()) readLine(line, draft, hashes, i + 1)
  const { logs, witnesses, groups, quorum } = draft
  if (quorum === undefined) throw malformed('it has no quorum line')
  return { logs, witnesses, groups, quorum }
}

/**
 * Writes a policy, as {@link parseWitnessPolicy} reads it; comments and the words any and all do not come back.
 * @throws {RangeError} for a policy that breaks the rules of the format
 */
export function formatWitnessPolicy(policy: WitnessPolicy, hashes: HashFactory): Uint8Array {
  const { logs, witnesses, groups, quorum } = policy
  const lines = [
    ...logs.map(({ key, url }) => ['log', octetsOfKey(key), url]),
    ...witnesses.map(({ name, key, url }) => ['witness', name, octetsOfKey(key), url]),
    ...groups.map(({ name, threshold, members }) => ['group', name, threshold, ...members]),
    ['quorum', quorum],
  ]
  const octets = encodeLatin1(
    lines.map((items) => `${items.filter((item) => item !== undefined).join(' ')}\n`).join(''),
  )
  // Whatever a name or number may hold: it is right if it reads back as the same.
  if (!isSamePolicy(readBack(octets, hashes), policy)) throw new RangeError('not a policy that can be written')
  return octets
}

/**
 * Whether these witnesses make the quorum of a policy.
 * @param names  of witnesses of the policy; all others are passed over
 */
export function isQuorum({ witnesses, groups, quorum }: WitnessPolicy, names: ReadonlySet<string>): boolean {
  const present = new Set(witnesses.map(({ name }) => name).filter((name) => names.has(name)))
  for (const { name, threshold, members } of groups) {
    if (members.filter((member) => present.has(member)).length >= threshold) present.add(name)
  }
  return quorum === NO_QUORUM || present.has(quorum)
}

/** Text of a name or URL of a policy: UTF-8 where it is that, else one character an octet. */
export function textOfOctets(octets: string): string {
  try {
    return decodeUtf8(encodeLatin1(octets))
  } catch {
    return octets
  }
}

/** The octets of a text: the inverse of {@link textOfOctets} for text. */
export const octetsOfText = (text: string): string => decodeLatin1(encodeUtf8(text))

function readLine(line: string, draft: Draft, hashes: HashFactory, number: number): void {
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) throw malformed('a control character', number)
  const [keyword, ...items] = line.split(/[ \t]+/).filter((item) => item !== '')
  if (keyword === undefined || keyword.startsWith('#')) return
  switch (keyword) {
    case 'log':
      return readLog(items, draft, hashes, number)
    case 'witness':
      return readWitness(items, draft, hashes, number)
    case 'group':
      return readGroup(items, draft, number)
    case 'quorum':
      return readQuorum(items, draft, number)
    default:
      throw malformed('an unknown keyword', number)
  }
}

function readLog(items: readonly string[], { logs }: Draft, hashes: HashFactory, number: number): void {
  const [keyText = '', url] = items
  if (items.length < 1 || items.length > 2) throw malformed('a log needs a key, and may have a URL', number)
  const key = readKey(keyText, LOG_TYPES, hashes, number)
  addUnique(logs, { key, ...(url !== undefined && { url }) }, number)
}

function readWitness(items: readonly string[], draft: Draft, hashes: HashFactory, number: number): void {
  const [name = '', keyText = '', url] = items
  if (items.length < 2 || items.length > 3) throw malformed('a witness needs name and key, and may have a URL', number)
  define(name, draft, number)
  const key = readKey(keyText, WITNESS_TYPES, hashes, number)
  addUnique(draft.witnesses, { name, key, ...(url !== undefined && { url }) }, number)
}

function readGroup([name = '', count = '', ...members]: readonly string[], draft: Draft, number: number): void {
  if (members.length === 0) throw malformed('a group needs name, threshold and members', number)
  if (draft.groups.length >= POLICY_ITEMS_LIMIT) throw malformed('too many groups', number)
  for (const member of members) {
    if (draft.names.get(member) !== false) throw malformed('a member is not defined yet, or a member already', number)
    draft.names.set(member, true)
  }
  define(name, draft, number)
  draft.groups.push({ name, threshold: readThreshold(count, members.length, number), members })
}

function readThreshold(text: string, members: number, number: number): number {
  if (text === 'any') return 1
  if (text === 'all') return members
  const threshold = /^[1-9][0-9]{0,6}$/.test(text) ? Number(text) : 0
  if (threshold < 1 || threshold > members) throw malformed('a threshold that is no number of members', number)
  return threshold
}

function readQuorum([name = '', ...rest]: readonly string[], draft: Draft, number: number): void {
  if (draft.quorum !== undefined) throw malformed('a second quorum line', number)
  if (rest.length > 0 || (name !== NO_QUORUM && !draft.names.has(name))) {
    throw malformed('the quorum is not one name that is defined above', number)
  }
  draft.quorum = name
}

function define(name: string, { names }: Draft, number: number): void {
  if (name === NO_QUORUM || names.has(name)) throw malformed('a name that is taken', number)
  names.set(name, false)
}

function readKey(octets: string, types: readonly VerifierKeyType[], hashes: HashFactory, number: number): VerifierKey {
  const key = parseKey(octets, hashes, number)
  if (!types.includes(key.type)) throw malformed('a key of a type that is not for this', number)
  return key
}

function parseKey(octets: string, hashes: HashFactory, number: number): VerifierKey {
  try {
    return parseVerifierKey(decodeUtf8(encodeLatin1(octets)), hashes)
  } catch (cause) {
    throw malformed('what stands for a key is none', number, cause)
  }
}

/** Two keys are duplicates if they wrap the same public key, whatever they are called (section "Public key representation"). */
function addUnique<T extends PolicyLog>(list: T[], item: T, number: number): void {
  if (list.length >= POLICY_ITEMS_LIMIT) throw malformed('too many logs or witnesses', number)
  if (list.some(({ key }) => equalBytes(key.publicKey, item.key.publicKey))) throw malformed('a second time', number)
  list.push(item)
}

const octetsOfKey = (key: VerifierKey): string => octetsOfText(formatVerifierKey(key))

function readBack(octets: Uint8Array, hashes: HashFactory): WitnessPolicy | undefined {
  try {
    return parseWitnessPolicy(octets, hashes)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function isSamePolicy(a: WitnessPolicy | undefined, b: WitnessPolicy): boolean {
  return a !== undefined && spell(a) === spell(b)
}

const spell = ({ logs, witnesses, groups, quorum }: WitnessPolicy): string =>
  JSON.stringify([
    logs.map(({ key, url }) => [formatVerifierKey(key), url]),
    witnesses.map(({ name, key, url }) => [name, formatVerifierKey(key), url]),
    groups.map(({ name, threshold, members }) => [name, threshold, members]),
    quorum,
  ])

const malformed = (what: string, line?: number, cause?: unknown): FormatError =>
  new FormatError('witness_policy_malformed', `not a witness policy: ${line ? `line ${line}: ` : ''}${what}`, { cause })
