/**
 * Check bundle: whether the entries of one bundle are what they should be, each with the statement beside it.
 *
 * Needs nothing of the other bundles, so that several can be checked at the same time. What only the whole log can tell
 * is handed on: the hashes of the leaves, the checkpoints that statements quote, map roots and timestamps.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { isSignatureRight, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { type EventStatement, parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { identityOfEvent } from '@fiducial/core/domain/log/identity.ts'
import { termsOfEvent } from '@fiducial/core/domain/log/terms.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import type { RekorEntry } from '@fiducial/core/formats/sigstore/rekor-entry.ts'
import { decodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import type { QuotedCheckpoint } from '@fiducial/core/formats/tlog/quoted-checkpoint.ts'
import { entriesPath, TILE_WIDTH, tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import { Findings, type LogFinding } from './check-findings.ts'
import type { ImmutableStore, RecordStore, StoredEntry, Term } from './ports.ts'
import { termsOfAcquisition } from './seal-entry.ts'

/** An entry with as much of what stands beside it as can be looked at. */
export type ReadEntry = Pick<StoredEntry, 'payload'> & Partial<StoredEntry>

/** Reads what stands beside a log, many entries at once. */
export interface EntryReader {
  /** As many as there are, up to `count`, from an index on. */
  entries(from: bigint, count: number): Promise<readonly ReadEntry[]>
  /** Whether each of some entries in a row is the one that its identity leads to; absent where that cannot be asked. */
  areFound?(from: bigint, identities: readonly Uint8Array[]): Promise<readonly boolean[]>
  /** Whether each of some entries in a row is found by all of its terms; absent where that cannot be asked. */
  areFoundByTerms?(from: bigint, terms: readonly (readonly Term[])[]): Promise<readonly boolean[]>
}

export interface BundlePorts {
  readonly objects: Pick<ImmutableStore, 'get'>
  /** Statements are held against their entries, and no more. Absent for a mirror, which has none. */
  readonly records?: Pick<RecordStore, 'payload'> | undefined
  /** In its place: statements are held against all that is said of them. */
  readonly reader?: EntryReader | undefined
}

export interface BundleOptions {
  readonly crypto: Crypto
  readonly hasher: NodeHasher
  /** Entries under the checkpoint. */
  readonly size: bigint
  /** Whether each signature is checked, and that each entry is found by its terms; only where there is a `reader`. */
  readonly checksSignatures: boolean
}

/** A quoted checkpoint, and the first entry that quotes it. */
export interface FoundQuote extends QuotedCheckpoint {
  readonly index: bigint
}

/** The statement of an entry about the log itself. */
export interface OwnEvent {
  readonly index: bigint
  readonly payload: Uint8Array
}

/** What a bundle came to; plain values, fit to be posted between threads. */
export interface CheckedBundle {
  /** Hashes of the leaves, 32 bytes each; undefined where the bundle cannot be read. */
  readonly hashes: Uint8Array | undefined
  readonly statements: number
  readonly erased: number
  readonly signatures: number
  readonly findings: readonly LogFinding[]
  /** All that were found. */
  readonly flaws: number
  /** Each once. */
  readonly quotes: readonly FoundQuote[]
  /** `map-root` and `timestamped` events. */
  readonly own: readonly OwnEvent[]
}

const WIDTH = BigInt(TILE_WIDTH)
const NO_IDENTITY = new Uint8Array(32)

/** Checks a bundle. @throws {StoreError} where something cannot be read */
export async function checkBundle(number: bigint, ports: BundlePorts, options: BundleOptions): Promise<CheckedBundle> {
  const check = new BundleCheck(ports, options)
  const leaves = await check.read(number)
  if (leaves === undefined) return check.result(undefined)
  await check.entries(number * WIDTH, leaves)
  return check.result(options.hasher.hashLeaves(leaves))
}

interface ReadEntries {
  readonly stored: readonly ReadEntry[]
  readonly found: readonly boolean[] | undefined
  readonly foundByTerms: readonly boolean[] | undefined
}

class BundleCheck {
  readonly #ports: BundlePorts
  readonly #options: BundleOptions
  readonly #findings = new Findings()
  readonly #quotes = new Map<string, FoundQuote>()
  readonly #own: OwnEvent[] = []
  readonly #counts = { statements: 0, erased: 0, signatures: 0 }

  constructor(ports: BundlePorts, options: BundleOptions) {
    this.#ports = ports
    this.#options = options
  }

  result(hashes: Uint8Array | undefined): CheckedBundle {
    const { list: findings, count: flaws } = this.#findings
    return { hashes, ...this.#counts, findings, flaws, quotes: [...this.#quotes.values()], own: this.#own }
  }

  /** The entries of a bundle; where only the full one is left, as many of that. */
  async read(number: bigint): Promise<readonly Uint8Array[] | undefined> {
    const { objects } = this.#ports
    const width = tileWidth(0, number, this.#options.size)
    const path = entriesPath(number, width)
    let isThere = false
    for (const whole of new Set([width, TILE_WIDTH])) {
      const bytes = await objects.get(entriesPath(number, whole))
      if (bytes === undefined) continue
      isThere = true
      const leaves = orUndefined(() => decodeBundle(bytes, whole))
      if (leaves !== undefined) return leaves.slice(0, width)
    }
    this.#findings.add(isThere ? 'bundle_malformed' : 'bundle_missing', path)
    return undefined
  }

  async entries(first: bigint, leaves: readonly Uint8Array[]): Promise<void> {
    const entries = leaves.map((leaf) => orUndefined(() => readEntry(leaf)))
    for (const [i, entry] of entries.entries())
      if (entry === undefined) this.#findings.add('entry_malformed', nameOf(first + BigInt(i)))
    const { records, reader } = this.#ports
    if (reader !== undefined) return this.#stored(first, entries, reader)
    if (records === undefined) return
    const indexes = entries.map((_, i) => first + BigInt(i))
    const payloads = await Promise.all(indexes.map((index) => records.payload(index)))
    for (const [i, payload] of payloads.entries()) this.#statement(indexes[i] as bigint, entries[i], payload)
  }

  /** Everything that stands beside the entries. */
  async #stored(first: bigint, entries: readonly (RekorEntry | undefined)[], reader: EntryReader): Promise<void> {
    const read = await this.#read(first, entries.length, reader)
    if (read === undefined) return
    const { stored, found, foundByTerms } = read
    for (const [i, entry] of entries.entries()) {
      const index = first + BigInt(i)
      const beside = stored[i]
      const payload = this.#statement(index, entry, beside?.payload)
      if (payload === undefined || beside === undefined || entry === undefined) continue
      if (found?.[i] === false) this.#findings.add('identity_wrong', nameOf(index))
      else if (foundByTerms?.[i] === false) this.#findings.add('terms_wrong', nameOf(index))
      else this.#content(index, entry, { ...beside, payload })
    }
  }

  /** Undefined where the index is damaged. */
  async #read(first: bigint, count: number, reader: EntryReader): Promise<ReadEntries | undefined> {
    try {
      const stored = await reader.entries(first, count)
      const identities = stored.map(({ identity }) => identity ?? NO_IDENTITY)
      const found = await reader.areFound?.(first, identities)
      // Half as costly as signatures: left out with them.
      const isDeep = this.#options.checksSignatures
      const terms = isDeep ? stored.map((entry) => entry.terms ?? []) : []
      return { stored, found, foundByTerms: isDeep ? await reader.areFoundByTerms?.(first, terms) : undefined }
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'log_corrupted') throw error
      this.#findings.add('index_damaged', `entries ${first} to ${first + BigInt(count) - 1n}`)
      return undefined
    }
  }

  /** @returns the statement, where it is the one that the entry stands for */
  #statement(index: bigint, entry: RekorEntry | undefined, payload: StoredEntry['payload']): Uint8Array | undefined {
    if (entry === undefined) return undefined
    if (payload === 'erased') this.#counts.erased++
    else if (payload === undefined) this.#findings.add('statement_missing', nameOf(index))
    else if (!equalBytes(digestOf(this.#options.crypto.hash, 'sha256', payload), entry.payloadSha256))
      this.#findings.add('statement_wrong', nameOf(index))
    else {
      this.#counts.statements++
      return payload
    }
    return undefined
  }

  /** What a statement says, and what is said of it. */
  #content(index: bigint, entry: RekorEntry, { payload, identity, terms }: ReadEntry & { payload: Uint8Array }): void {
    const { crypto, checksSignatures } = this.#options
    if (checksSignatures) {
      this.#counts.signatures++
      if (!isSignatureRight(entry, payload, crypto)) this.#findings.add('signature_wrong', nameOf(index))
    }
    const event = orUndefined(() => parseEventStatement(payload))
    const said = event && orUndefined(() => readEvent(event, payload, crypto))
    if (event === undefined || said === undefined) {
      this.#findings.add('event_malformed', nameOf(index))
      return
    }
    if (identity !== undefined && !equalBytes(identityOfEvent(event, payload, crypto.hash), identity))
      this.#findings.add('identity_wrong', nameOf(index))
    if (terms !== undefined && !isSameSet(terms, said.terms)) this.#findings.add('terms_wrong', nameOf(index))
    if (said.quote !== null) this.#quote(said.quote, index)
    if (event.type === 'map-root' || event.type === 'timestamped') this.#own.push({ index, payload })
  }

  #quote(quote: QuotedCheckpoint, index: bigint): void {
    const key = `${quote.origin} ${quote.size} ${encodeHex(quote.root)}`
    if (!this.#quotes.has(key)) this.#quotes.set(key, { ...quote, index })
  }
}

/** By what an event is found, and the checkpoint that it quotes. @throws {FormatError} for an acquisition that is none */
function readEvent(
  event: EventStatement,
  payload: Uint8Array,
  { hash }: Crypto,
): { readonly terms: readonly Term[]; readonly quote: QuotedCheckpoint | null } {
  if (event.type !== 'acquired') return { terms: termsOfEvent(event), quote: event.checkpoint }
  const statement = parseStatement(payload)
  return { terms: termsOfAcquisition(statement, payload, hash), quote: statement.checkpoint }
}

function isSameSet(some: readonly Term[], others: readonly Term[]): boolean {
  if (some.length !== others.length) return false
  // Mostly in the same order.
  if (some.every(({ kind, value }, i) => kind === others[i]?.kind && value === others[i]?.value)) return true
  const names = new Set(some.map(({ kind, value }) => `${kind} ${value}`))
  return others.every(({ kind, value }) => names.has(`${kind} ${value}`))
}

const nameOf = (index: bigint): string => `entry ${index}`

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
