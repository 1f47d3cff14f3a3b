/**
 * Find entries: which entries of a log have all of some terms, and which one stands for a seal.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { makeEntry, type SignedPayload } from '@fiducial/core/domain/log/entry.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { hashLeaf } from '@fiducial/core/formats/merkle/tree.ts'
import type { LogView, ProvenEntry } from './log-view.ts'
import type { RecordQuery, RecordStore, Term } from './ports.ts'

export interface EntryQuery extends Pick<RecordQuery, 'order'> {
  /** All of them; none finds every entry. */
  readonly terms: readonly Term[]
  /** First index, inclusive. */
  readonly from: bigint
  /** Last index, exclusive. */
  readonly to: bigint
}

const PAGE = 1000

/** Indexes of entries that have all terms, in the order asked for, found while they are asked for. */
export async function* findEntries(
  { terms, from, to, order = 'oldest_first' }: EntryQuery,
  records: Pick<RecordStore, 'find'> | undefined,
): AsyncGenerator<bigint> {
  const [first, ...others] = terms
  if (first === undefined) return yield* everyIndex(from, to, order)
  if (records === undefined) return
  let [low, high] = [from, to]
  while (low < high) {
    const found = await records.find({ term: first, from: low, to: high, limit: PAGE, order })
    const [start, end] = [found[0], found.at(-1)]
    if (start === undefined || end === undefined) return
    yield* await intersect(found, others, records)
    if (found.length < PAGE) return
    if (order === 'oldest_first') low = end + 1n
    else high = end
  }
}

function* everyIndex(from: bigint, to: bigint, order: EntryQuery['order']): Generator<bigint> {
  if (order === 'newest_first') for (let index = to - 1n; index >= from; index--) yield index
  else for (let index = from; index < to; index++) yield index
}

/** Those of a page that have the other terms, too. */
async function intersect(
  page: readonly bigint[],
  terms: readonly Term[],
  records: Pick<RecordStore, 'find'>,
): Promise<readonly bigint[]> {
  let kept = page
  const [low, high] = [page[0] as bigint, page.at(-1) as bigint].sort((a, b) => (a < b ? -1 : 1)) as [bigint, bigint]
  for (const term of terms) {
    const met = new Set<bigint>()
    for await (const index of findEntries({ terms: [term], from: low, to: high + 1n }, records)) met.add(index)
    kept = kept.filter((index) => met.has(index))
  }
  return kept
}

/** Most entries that one statement, or one tombstone, is looked for among. */
const CANDIDATES = 1000

export interface SealSearch {
  readonly view: LogView
  readonly records: Pick<RecordStore, 'find' | 'payload'>
  readonly crypto: Crypto
  /** Where else to look, as somebody says who need not be believed. */
  readonly hint?: bigint
}

/**
 * Where a seal stands in a log; undefined where it does not, as one of which no entry can be made.
 * @throws {StoreError} `log_corrupted` if an entry does not come to the root
 */
export async function findSealEntry(
  seal: SignedPayload,
  { view, records, crypto, hint }: SealSearch,
): Promise<ProvenEntry | undefined> {
  const leaf = leafOrNothing(seal, crypto)
  if (leaf === undefined) return undefined
  const find = (digest: Uint8Array): Promise<readonly bigint[]> =>
    records.find({ term: { kind: 'digest', value: encodeHex(digest) }, to: view.size, limit: CANDIDATES })
  const places = [...(await find(digestOf(crypto.hash, 'sha256', seal.payload)))]
  // Where its statement was erased, the tombstone tells.
  for (const index of await find(hashLeaf(crypto.hash, leaf))) {
    const tombstone = await records.payload(index)
    const event = tombstone instanceof Uint8Array ? parseEventStatement(tombstone) : undefined
    if (event?.type === 'erased' && event.details.index < view.size) places.push(event.details.index)
  }
  // The index may be younger than the checkpoint.
  if (hint !== undefined && hint < view.size) places.push(hint)
  for (const index of places) {
    const entry = await view.prove(index)
    if (equalBytes(entry.leaf, leaf)) return entry
  }
  return undefined
}

/**
 * Where a log says that a gateway made a seal; the first place, where it says so twice.
 * @param sha256  of the seal file
 */
export async function findGatewaySealEntry(
  sha256: Uint8Array,
  { view, records }: Pick<SealSearch, 'view' | 'records'>,
): Promise<ProvenEntry | undefined> {
  const term = { kind: 'digest', value: encodeHex(sha256) } as const
  for (const index of await records.find({ term, to: view.size, limit: CANDIDATES })) {
    const payload = await records.payload(index)
    const event = payload instanceof Uint8Array ? parseEventStatement(payload) : undefined
    if (event?.type === 'sealed-at-gateway' && equalBytes(event.details.seal, sha256)) return view.prove(index)
  }
  return undefined
}

/** Whatever lies beside an image may call itself a seal: it must not keep the log from speaking of the image. */
function leafOrNothing(seal: SignedPayload, { hash }: Crypto): Uint8Array | undefined {
  try {
    return makeEntry(seal, hash)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
