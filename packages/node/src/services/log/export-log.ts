/**
 * Export log: events of a log as files that others verify without asking anybody: docs/how-to/export-the-log.md.
 *
 * Each event is a Sigstore bundle and a C2SP tlog-proof; keys, policy, checkpoint and trusted root go along, and an
 * index says what is there. Nothing is handed out that does not come to the root of the checkpoint. But for the
 * tokens of timestamp authorities, the same selection under the same checkpoint gives the same bytes.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { encodeUtf8, joinBytes } from '@fiducial/core/bytes/text.ts'
import { exportTrustedRoot } from '@fiducial/core/domain/log/bundle-trust.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { encodeCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import { formatVerifierKey, type VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { formatWitnessPolicy, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { type ExportAuthority, type ExportedEvent, exportEvent } from './export-event.ts'
import { findEntries } from './find-entries.ts'
import type { LogView } from './log-view.ts'
import type { RecordStore, Term } from './ports.ts'

/** A file of an export, or, of the index, the next part of it. */
export interface ExportedFile {
  /** Relative path with forward slashes. */
  readonly name: string
  readonly bytes: Uint8Array
  /** True where the bytes go behind those of the same name. */
  readonly isContinued: boolean
}

/** Which events. */
export interface ExportSelection {
  /** First index, inclusive; default 0. */
  readonly from?: bigint
  /** Last index, exclusive; default: all under the checkpoint. */
  readonly to?: bigint
  /** Only events that have all these terms. Those of erased events are gone, but for their type. */
  readonly terms?: readonly Term[]
}

export interface ExportPorts {
  readonly view: LogView
  /** Absent for a copy of the public part of a log: its events are exported without statements. */
  readonly records: Pick<RecordStore, 'payload' | 'find'> | undefined
  /** Each puts a token into every bundle; at most 4. Sigstore's verifiers ask for one. */
  readonly authorities: readonly ExportAuthority[]
  /** The file of a name that an earlier export left: a bundle that is still right keeps its tokens. */
  readonly earlier?: (name: string) => Promise<Uint8Array | undefined>
}

export interface ExportOptions {
  readonly crypto: Crypto
  /** That of the view. */
  readonly policy: WitnessPolicy
  /** Since when the log has been there, for the trusted root. */
  readonly validFrom: Date
  /** Called after each event. */
  readonly onProgress?: (progress: ExportCounts) => void
  readonly signal?: AbortSignal
}

/** Events that are exported so far. */
export interface ExportCounts {
  readonly events: bigint
  /** Of them, those whose statement was erased. */
  readonly erased: bigint
}

/** The file whose last line says that an export is whole. */
export const INDEX = 'index.jsonl'
/** Events that are prepared at once. */
const AHEAD = 8
/** Lines of the index that are handed out together. */
const PAGE = 1000

/**
 * Exports events, a file at a time, in order; memory stays flat. An export that ends early lacks the last line of its
 * index.
 *
 * Cost: some milliseconds an event and timestamp authority, most of them in the authority.
 * What was appended last may not be found by its terms yet (see `RecordStore.settle`).
 *
 * @throws {RangeError} for a selection that is no range, for terms where there are no statements, or for a policy
 *   without an Ed25519 key of the log
 * @throws {StoreError} `entry_missing` for a selection beyond the checkpoint; `log_corrupted`; what an authority throws;
 *   an AbortError when the signal says so
 */
export async function* exportLog(
  ports: ExportPorts,
  selection: ExportSelection,
  options: ExportOptions,
): AsyncGenerator<ExportedFile, ExportCounts, void> {
  const range = checkSelection(selection, ports)
  const log = logKeyOf(ports.view)
  yield* exportTrust(ports, options)
  const index = new IndexPages(options.crypto)
  let counts: ExportCounts = { events: 0n, erased: 0n }
  const indexes = findEntries({ terms: selection.terms ?? [], ...range }, ports.records)
  const events = mapAhead(indexes, (at) => exportEvent(at, ports, { ...options, log }))
  for await (const event of events) {
    options.signal?.throwIfAborted()
    for (const { name, bytes } of event.files) yield { name, bytes, isContinued: false }
    counts = {
      events: counts.events + 1n,
      erased: counts.erased + (event.state === 'erased' ? 1n : 0n),
    }
    const page = index.add(event)
    if (page !== undefined) yield page
    options.onProgress?.(counts)
  }
  yield index.end(ports.view, range, counts)
  return counts
}

interface Range {
  readonly from: bigint
  readonly to: bigint
}

function checkSelection({ from = 0n, to, terms = [] }: ExportSelection, { view, records }: ExportPorts): Range {
  const { size } = view
  const end = to ?? size
  if (terms.length > 0 && records === undefined) throw new RangeError('a log without statements has no terms')
  if (from < 0n || end < from) throw new RangeError(`${from} to ${end} is no range of entries`)
  if (end > size) throw new StoreError('entry_missing', `the checkpoint has ${size} entries`)
  return { from, to: end }
}

/** What a verifier has to believe, and the checkpoint that everything is proven under. */
function* exportTrust(
  { view, authorities }: ExportPorts,
  { crypto, policy, validFrom }: ExportOptions,
): Generator<ExportedFile> {
  const keys = policy.logs.map(({ key }) => key)
  const root = { keys, authorities: authorities.map(({ chain }) => chain), validFrom }
  const whole = (name: string, bytes: Uint8Array): ExportedFile => ({ name, bytes, isContinued: false })
  yield whole('checkpoint', encodeUtf8(view.checkpoint.note))
  yield whole('log-keys.txt', encodeUtf8(keys.map((key) => `${formatVerifierKey(key)}\n`).join('')))
  yield whole('policy', formatWitnessPolicy(policy, crypto.hash))
  yield whole('trusted_root.json', exportTrustedRoot(root, crypto.hash))
}

/** The key by which sigstore knows the log: one that has signed the checkpoint. */
function logKeyOf({ quorum }: LogView): VerifierKey {
  const key = quorum.logs.map((log) => log.key).find(({ type }) => type === 'ed25519')
  if (key === undefined) throw new RangeError('the policy has no Ed25519 key of the log')
  return key
}

/** Works on a few items at once, and gives the results in the order of the items. */
async function* mapAhead<Item, Result>(
  items: AsyncIterable<Item>,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const ahead: Promise<Result>[] = []
  try {
    for await (const item of items) {
      const result = work(item)
      // One that fails before its turn is answered for in its turn.
      result.catch(() => undefined)
      ahead.push(result)
      if (ahead.length >= AHEAD) yield await (ahead.shift() as Promise<Result>)
    }
    while (ahead.length > 0) yield await (ahead.shift() as Promise<Result>)
  } finally {
    // Whoever stops early does not leave work behind that fails unseen.
    await Promise.allSettled(ahead)
  }
}

/** The index: a line an event, handed out as pages. */
class IndexPages {
  readonly #crypto: Crypto
  #lines: Uint8Array[] = []
  #isBegun = false

  constructor(crypto: Crypto) {
    this.#crypto = crypto
  }

  add({ index, type, at, signer, state, files }: ExportedEvent): ExportedFile | undefined {
    this.#addLine({
      index: String(index),
      type,
      at: at === null ? null : at.toISOString(),
      signer,
      state,
      files: files.map(({ name, bytes }) => ({
        name,
        sha256: encodeHex(digestOf(this.#crypto.hash, 'sha256', bytes)),
      })),
    })
    return this.#lines.length < PAGE ? undefined : this.#page()
  }

  /** The last page: its last line says what the export holds. */
  end(view: LogView, { from, to }: Range, { events, erased }: ExportCounts): ExportedFile {
    const { origin, size, root } = view.checkpoint.checkpoint
    this.#addLine({
      origin,
      size: String(size),
      root: encodeHex(root),
      from: String(from),
      to: String(to),
      events: String(events),
      erased: String(erased),
    })
    return this.#page()
  }

  #addLine(line: Parameters<typeof encodeCanonicalJson>[0]): void {
    this.#lines.push(encodeCanonicalJson(line), NEWLINE)
  }

  #page(): ExportedFile {
    const page = { name: INDEX, bytes: joinBytes(this.#lines), isContinued: this.#isBegun }
    this.#isBegun = true
    this.#lines = []
    return page
  }
}

const NEWLINE = Uint8Array.of(0x0a)
