/** Log show: one entry of a log in full, or a list of those that were asked for. */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { hashLeaf } from '@fiducial/core/formats/merkle/tree.ts'
import { findEntries } from '../../services/log/find-entries.ts'
import { TimestampedLog } from '../../services/log/log-times.ts'
import { readLogEntry } from '../../services/log/read-entry.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { readTrust } from '../trust.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { type EntryRecord, recordOfEntry } from './entry-record.ts'
import { type FilterOptions, rangeOf, termsOf } from './filters.ts'
import { type ReadOptions, type ReadSession, withReader } from './session.ts'
import { type EntryTimes, showEntry } from './show-entry.ts'
import { showList } from './show-list.ts'

export interface ShowOptions extends FilterOptions, ReadOptions {
  readonly limit: number
  readonly newest?: boolean
  readonly values?: boolean
}

export async function showLog(word: string | undefined, options: ShowOptions, context: Context): Promise<ExitCode> {
  const terms = termsOf(options)
  if (word !== undefined && (terms.length > 0 || options.from !== undefined || options.to !== undefined))
    throw new UsageError('an index goes without filters')
  return withReader(options, context, async (session) => {
    if (terms.length > 0 && session.reader.records === undefined)
      throw new UsageError(
        'a copy of the public part of a log has no statements to search',
        '--from and --to show its entries',
      )
    return word === undefined ? showFound(options, session, context) : showOne(indexOf(word), options, session, context)
  })
}

/** @throws {UsageError} */
export function indexOf(word: string): bigint {
  if (!/^\d{1,18}$/.test(word)) throw new UsageError(`${visible(word)} is no index of an entry`)
  return BigInt(word)
}

async function showOne(
  index: bigint,
  { values = false }: ShowOptions,
  session: ReadSession,
  context: Context,
): Promise<ExitCode> {
  const record = await readRecord(index, values, session)
  const times = await timesOf(index, session, context)
  context.output.record({ ...record, ...times })
  if (!context.output.isJson) showEntry({ record, times, view: session.view }, context.output)
  return record.signature === 'fails' ? EXIT.notAuthentic : EXIT.ok
}

async function showFound(options: ShowOptions, session: ReadSession, context: Context): Promise<ExitCode> {
  const { output, terminal } = context
  const { view, reader } = session
  const terms = termsOf(options)
  // Who asks for nothing wants to see what happened last.
  const isNewest = options.newest ?? (terms.length === 0 && options.from === undefined)
  const query = { terms, ...rangeOf(options, view.size), order: isNewest ? 'newest_first' : 'oldest_first' } as const
  const records: EntryRecord[] = []
  let hasMore = false
  for await (const index of findEntries(query, reader.records)) {
    terminal.interruption.throwIfAborted()
    if (records.length === options.limit) {
      hasMore = true
      break
    }
    const record = await readRecord(index, options.values === true, session)
    output.record(record)
    records.push(record)
  }
  if (!output.isJson) showList({ records, hasMore, limit: options.limit, view }, output)
  return records.some(({ signature }) => signature === 'fails') ? EXIT.notAuthentic : EXIT.ok
}

async function readRecord(
  index: bigint,
  isWhole: boolean,
  { view, reader, crypto }: ReadSession,
): Promise<EntryRecord> {
  const entry = await readLogEntry(index, { view, records: reader.records, crypto })
  const record = recordOfEntry(entry, { view, crypto, isWhole })
  if (record.state !== 'erased') return record
  const tombstone = await findTombstone(index, encodeHex(hashLeaf(crypto.hash, entry.leaf)), { view, reader })
  return tombstone === undefined ? record : { ...record, erasedBy: String(tombstone) }
}

/** The entry that says that another one was erased. */
async function findTombstone(
  index: bigint,
  leafHash: string,
  { view, reader }: Pick<ReadSession, 'view' | 'reader'>,
): Promise<bigint | undefined> {
  const { records } = reader
  const terms = [
    { kind: 'digest', value: leafHash },
    { kind: 'type', value: 'erased' },
  ] as const
  for await (const at of findEntries({ terms, from: index + 1n, to: view.size }, records)) {
    const payload = await records?.payload(at)
    const event = payload instanceof Uint8Array ? parseEventStatement(payload) : undefined
    if (event?.type === 'erased' && event.details.index === index) return at
  }
  return undefined
}

/** Between which moments an entry came into the log, by whom the site trusts. */
async function timesOf(index: bigint, { view, reader, crypto }: ReadSession, context: Context): Promise<EntryTimes> {
  const { records } = reader
  if (records === undefined) return {}
  const times = new TimestampedLog(view, { crypto, anchors: await readTrust({}, context), records })
  const [notBefore, notAfter] = await Promise.all([times.notBefore(index), times.notAfter(index)])
  return {
    ...(notBefore && { notBefore: notBefore.toISOString() }),
    ...(notAfter && { notAfter: notAfter.toISOString() }),
  }
}
