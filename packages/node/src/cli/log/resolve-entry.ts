/** Resolve entry: which entry of a log is meant by an index, an image or a seal. */
import { existsSync } from 'node:fs'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { isGatewaySeal, parseImageSeal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { findGatewaySealEntry, findSealEntry } from '../../services/log/find-entries.ts'
import type { ProvenEntry } from '../../services/log/log-view.ts'
import type { Term } from '../../services/log/ports.ts'
import { leafOfSeal } from '../../services/log/seal-entry.ts'
import { type LogAdapters, SEAL_SUFFIX } from '../adapters.ts'
import type { Context } from '../context.ts'
import { withHint } from '../failure.ts'
import { visible } from '../visible.ts'
import type { ReadSession } from './session.ts'

export interface ResolvedEntry {
  readonly entry: ProvenEntry
  /** Whether its leaf follows from a seal at hand. */
  readonly isSealed: boolean
  /** Further entries about the same file, oldest first. */
  readonly others: readonly bigint[]
}

/** Entries about one file that are named. */
const LIMIT = 100

/**
 * Finds the entry that a word means.
 * @throws {StoreError} `entry_missing` with a hint where there is none; `input_missing`
 * @throws {FormatError} for a seal or an image that cannot be read
 */
export async function resolveEntry(word: string, session: ReadSession, context: Context): Promise<ResolvedEntry> {
  if (/^\d{1,18}$/.test(word)) return { entry: await session.view.prove(BigInt(word)), isSealed: false, others: [] }
  const beside = word.endsWith(SEAL_SUFFIX) ? word : `${word}${SEAL_SUFFIX}`
  return existsSync(beside) ? resolveSeal(beside, session, context) : resolveImage(word, session, context)
}

async function resolveSeal(path: string, session: ReadSession, context: Context): Promise<ResolvedEntry> {
  const { view, reader, crypto } = session
  const bytes = await context.adapters.readFile(path)
  if (bytes === undefined) throw new StoreError('input_missing', `there is no file ${path}`)
  const records = recordsOf(session)
  const seal = parseImageSeal(bytes)
  const isGateway = isGatewaySeal(seal)
  const entry = isGateway
    ? await findGatewaySealEntry(digestOf(crypto.hash, 'sha256', bytes), { view, records })
    : await findSealEntry(leafOfSeal(seal, crypto), { view, records, crypto })
  // The leaf of a gateway's seal is not its statement, but an event that the log made of it.
  if (entry !== undefined) return { entry, isSealed: !isGateway, others: [] }
  const hint =
    reader.records === undefined ? undefined : `fiducial log append ${visible(path)} records it, if it is yours`
  const error = new StoreError('entry_missing', `${visible(path)}: this seal is not in the log ${visible(view.origin)}`)
  throw hint === undefined ? error : withHint(error, hint)
}

async function resolveImage(word: string, session: ReadSession, context: Context): Promise<ResolvedEntry> {
  const { instance, digests } = await describeNamed(word, context)
  const find = (kind: Term['kind'], value: string | null | undefined): Promise<readonly bigint[]> =>
    value === null || value === undefined
      ? Promise.resolve([])
      : recordsOf(session).find({ term: { kind, value }, to: session.view.size, limit: LIMIT })
  const [index, ...others] = await find('digest', digests.file && encodeHex(digests.file))
  if (index !== undefined) return { entry: await session.view.prove(index), isSealed: false, others }
  const error = new StoreError(
    'entry_missing',
    `${visible(word)}: the log ${visible(session.view.origin)} has no entry about this file`,
  )
  const hint = explain({
    content: await find('digest', digests.dataset && encodeHex(digests.dataset)),
    pixels: await find('digest', digests.frames && encodeHex(digests.frames.root)),
    uid: await find('instance', instance.sopInstanceUid),
  })
  throw hint === undefined ? error : withHint(error, hint)
}

/** An image as events name it. @throws {FormatError} with the name of the file */
async function describeNamed(word: string, { adapters }: Context): ReturnType<LogAdapters['describeImage']> {
  try {
    return await adapters.log.describeImage(word)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError(error.code, `${visible(word)} is neither index, seal nor image: ${error.message}`, {
      cause: error,
    })
  }
}

/** What the log knows instead. */
function explain({
  content,
  pixels,
  uid,
}: Readonly<Record<'content' | 'pixels' | 'uid', readonly bigint[]>>): string | undefined {
  if (content.length > 0) return `another file with the same content: ${list(content)}`
  if (pixels.length > 0) return `an image with the same pixels and other attributes: ${list(pixels)}`
  return uid.length > 0 ? `its UID, with other content: ${list(uid)}` : undefined
}

const SHOWN = 5
const list = (indexes: readonly bigint[]): string =>
  `${indexes.length === 1 ? 'entry' : 'entries'} ${indexes.slice(0, SHOWN).join(', ')}${indexes.length > SHOWN ? ', …' : ''}`

function recordsOf({ reader }: ReadSession): NonNullable<ReadSession['reader']['records']> {
  if (reader.records === undefined)
    throw withHint(
      new StoreError('entry_missing', 'a copy of the public part of a log cannot be searched'),
      'give the index of the entry',
    )
  return reader.records
}
