/**
 * Learn log: takes down what the site's log says about instances since the last sweep, each entry proven.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { isEntryOf, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { stateAfter } from '@fiducial/core/domain/log/map/facts.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { LogView } from '../log/log-view.ts'
import type { RecordStore } from '../log/ports.ts'
import type { LogNews, SweepStore } from './ports.ts'

/** Entries that are taken down together, and that are read at once. */
const BATCH = 1000n
const READ_TOGETHER = 64

export interface LearnOptions {
  readonly view: LogView
  readonly records: Pick<RecordStore, 'payload'>
  readonly store: Pick<SweepStore, 'logSize' | 'learn'>
  readonly crypto: Crypto
  readonly signal: AbortSignal
  /** Told how many entries of how many are read. */
  readonly onProgress?: (done: bigint, size: bigint) => void
}

/**
 * Cost: a proof for each entry that is new.
 * @returns entries that were new
 * @throws {StoreError} `log_corrupted`, also where the log has become shorter
 */
export async function learnLog({ view, records, store, crypto, signal, onProgress }: LearnOptions): Promise<bigint> {
  const start = await store.logSize()
  if (start > view.size) throw new StoreError('log_corrupted', 'the log is shorter than at the last sweep')
  for (let from = start; from < view.size && !signal.aborted; ) {
    const to = from + BATCH < view.size ? from + BATCH : view.size
    const learned = await readEntries(from, to, view, records, crypto)
    await store.learn(
      learned.flatMap((one) => (one !== undefined && 'change' in one ? [one] : [])),
      learned.flatMap((one) => (one !== undefined && 'erases' in one ? [one.erases] : [])),
      to,
    )
    from = to
    onProgress?.(to, view.size)
  }
  return view.size - start
}

type Learned = LogNews | { readonly erases: bigint } | undefined

async function readEntries(
  from: bigint,
  to: bigint,
  view: LogView,
  records: LearnOptions['records'],
  crypto: Crypto,
): Promise<readonly Learned[]> {
  const learned: Learned[] = []
  for (let start = from; start < to; start += BigInt(READ_TOGETHER)) {
    const indexes = Array.from({ length: Math.min(READ_TOGETHER, Number(to - start)) }, (_, i) => start + BigInt(i))
    learned.push(...(await Promise.all(indexes.map((index) => readOne(index, view, records, crypto)))))
  }
  return learned
}

async function readOne(
  index: bigint,
  view: LogView,
  records: LearnOptions['records'],
  { hash }: Crypto,
): Promise<Learned> {
  const [{ leaf }, payload] = await Promise.all([view.prove(index), records.payload(index)])
  if (!(payload instanceof Uint8Array)) return undefined
  if (!isEntryOf(readEntry(leaf), payload, hash))
    throw new StoreError('log_corrupted', `the statement of entry ${index} is another one`)
  return newsOf(index, payload)
}

const CHANGES: Readonly<Record<string, LogNews['change']>> = {
  forwarded: 'forwarded',
  quarantined: 'quarantined',
  released: 'released',
}

function newsOf(index: bigint, payload: Uint8Array): Learned {
  const event = parseEventStatement(payload)
  if (event.type === 'acquired') {
    const { instance, dataset, file, sealedAt } = parseStatement(payload)
    return news({ index, type: event.type, at: sealedAt, instance, file, dataset })
  }
  if (event.type === 'erased') return { erases: event.details.index }
  const { type, at, instance, digests } = event
  return news({ index, type, at, instance, file: digests?.file ?? null, dataset: digests?.dataset ?? null })
}

interface NewsParts {
  readonly index: bigint
  readonly type: string
  readonly at: Date
  readonly instance: { readonly sopInstanceUid: string | null; readonly studyInstanceUid: string | null } | null
  readonly file: Uint8Array | null
  readonly dataset: Uint8Array | null
}

function news({ index, type, at, instance, file, dataset }: NewsParts): LogNews | undefined {
  const state = stateAfter(type)
  const change = CHANGES[type] ?? (state === 'erased' ? undefined : state)
  if (change === undefined || instance?.sopInstanceUid == null || instance.studyInstanceUid === null) return undefined
  return {
    index,
    sopInstanceUid: instance.sopInstanceUid,
    studyInstanceUid: instance.studyInstanceUid,
    at,
    change,
    isRepeatable: type === 'received' || type === 'transcoded',
    file: file && encodeHex(file),
    dataset: dataset && encodeHex(dataset),
  }
}
