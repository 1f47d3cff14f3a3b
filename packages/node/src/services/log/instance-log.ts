/**
 * Instance log: what a custody log says about one image, each word of it proven under the published checkpoint.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { isEntryOf, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import type {
  ConsultedLog,
  GatewaySealMark,
  InstanceQuestion,
  InstanceRecord,
  LogEvidence,
  LoggedSeal,
  QuotedStanding,
  SealLeaf,
} from '@fiducial/core/domain/log/logged-instance.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import type { QuotedCheckpoint } from '@fiducial/core/formats/tlog/quoted-checkpoint.ts'
import type { InstanceLog } from '../ports.ts'
import { findSealEntry } from './find-entries.ts'
import type { LogTimes } from './log-times.ts'
import type { LogView } from './log-view.ts'
import type { RecordQuery, RecordStore, Term } from './ports.ts'

export interface InstanceLogOptions {
  readonly crypto: Crypto
  /** The log under its newest checkpoint; undefined while it has none. */
  readonly view: () => Promise<LogView | undefined>
  readonly records: Pick<RecordStore, 'find' | 'payload'>
  /** Times that authorities have put on the log. */
  readonly times: (view: LogView) => LogTimes
  /** Name of the log, for the time before its first checkpoint. */
  readonly origin: string
  /** Whether a seal is one that this log should know: that of another site says nothing by not being here. */
  readonly isOurs: (seal: SealLeaf | GatewaySealMark) => boolean
}

/** Events that only share the pixels of an image: the oldest, and as many of the newest. */
const SHARED_LIMIT = 16
/** Events of one image. Whoever can have events logged must not be able to push others out of sight. */
const RECORDS_LIMIT = 100_000
/** Events that are found at once, and that are read at once. */
const PAGE = 1000
const READ_TOGETHER = 64
/** Events that are kept for the next image: a series that was sent ten times asks for the same ones again and again. */
const RECORDS_KEPT = 10_000

/** Answers from the log itself. */
export class ConsultedInstanceLog implements InstanceLog {
  readonly #options: InstanceLogOptions
  /** Proven under the checkpoint of this view. */
  #known: { readonly view: LogView; readonly records: Map<bigint, Promise<InstanceRecord | undefined>> } | undefined

  constructor(options: InstanceLogOptions) {
    this.#options = options
  }

  async lookUp(question: InstanceQuestion): Promise<LogEvidence> {
    const { view: open, times: timesOf, origin } = this.#options
    const view = await open()
    if (view === undefined) {
      if (this.#isForeign(question)) return { state: 'not_consulted' }
      return { state: 'consulted', origin, size: 0n, isWitnessed: false, records: [] }
    }
    const times = timesOf(view)
    const [records, entry, quoted] = await Promise.all([
      this.#findRecords(question, view),
      this.#findSeal(question, view, times),
      judgeQuoted((question.seal ?? question.gatewaySeal)?.checkpoint ?? null, view, times),
    ])
    if (entry === undefined && records.length === 0 && this.#isForeign(question)) return { state: 'not_consulted' }
    return {
      state: 'consulted',
      origin: view.origin,
      size: view.size,
      isWitnessed: view.quorum.state === 'witnessed',
      records,
      ...(entry !== undefined && { entry }),
      ...(quoted !== undefined && { quoted }),
    } satisfies ConsultedLog
  }

  #isForeign({ seal: leaf, gatewaySeal }: InstanceQuestion): boolean {
    const seal = leaf ?? gatewaySeal
    return seal !== undefined && !this.#options.isOurs(seal)
  }

  async #findRecords({ sopInstanceUid, digests }: InstanceQuestion, view: LogView): Promise<readonly InstanceRecord[]> {
    const { file, dataset, frames } = digests
    const own: Term[] = [file, dataset].flatMap((digest) => (digest === undefined ? [] : [digestTerm(digest)]))
    if (sopInstanceUid !== undefined) own.push({ kind: 'instance', value: sopInstanceUid })
    // Images that share their pixels, as black ones do, may be very many, and say no more than that there are some.
    const shared = frames === undefined ? [] : [this.#findSome(digestTerm(frames), view.size)]
    const found = await Promise.all([...own.map((term) => this.#findAll(term, view.size)), ...shared])
    const indexes = [...new Set(found.flat())].sort((a, b) => (a < b ? -1 : 1))
    const records: InstanceRecord[] = []
    for (let from = 0; from < indexes.length; from += READ_TOGETHER) {
      const page = indexes.slice(from, from + READ_TOGETHER)
      for (const record of await Promise.all(page.map((index) => this.#recordAt(index, view))))
        if (record !== undefined) records.push(record)
    }
    return records
  }

  /** @throws {StoreError} `log_overloaded` for more than {@link RECORDS_LIMIT}: some may be the ones that count */
  async #findAll(term: Term, to: bigint): Promise<readonly bigint[]> {
    const all: bigint[] = []
    for (let from = 0n; all.length <= RECORDS_LIMIT; ) {
      const page = await this.#options.records.find({ term, from, to, limit: PAGE })
      all.push(...page)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return all
      from = last + 1n
    }
    throw new StoreError('log_overloaded', `the image has more than ${RECORDS_LIMIT} events`)
  }

  async #findSome(term: Term, to: bigint): Promise<readonly bigint[]> {
    const find = (order: RecordQuery['order']): Promise<readonly bigint[]> =>
      this.#options.records.find({ term, to, limit: SHARED_LIMIT, ...(order && { order }) })
    return (await Promise.all([find('oldest_first'), find('newest_first')])).flat()
  }

  #recordAt(index: bigint, view: LogView): Promise<InstanceRecord | undefined> {
    if (this.#known?.view !== view || this.#known.records.size > RECORDS_KEPT)
      this.#known = { view, records: new Map() }
    const { records } = this.#known
    const record = records.get(index) ?? this.#readRecord(index, view)
    records.set(index, record)
    // What failed once may be read the next time.
    record.catch(() => records.delete(index))
    return record
  }

  /** An event with its statement; undefined for one that is about no image, or was erased since it was found. */
  async #readRecord(index: bigint, view: LogView): Promise<InstanceRecord | undefined> {
    const { crypto, records } = this.#options
    const [{ leaf }, payload] = await Promise.all([view.prove(index), records.payload(index)])
    if (payload === undefined || payload === 'erased') return undefined
    if (!isEntryOf(readEntry(leaf), payload, crypto.hash)) {
      throw new StoreError('log_corrupted', `the statement of entry ${index} is another one`)
    }
    return describe(index, payload, crypto)
  }

  async #findSeal(question: InstanceQuestion, view: LogView, times: LogTimes): Promise<LoggedSeal | undefined> {
    const { seal, gatewaySeal, proof } = question
    if (seal === undefined) return gatewaySeal && this.#timed(await this.#findGatewaySeal(gatewaySeal, view), times)
    const { crypto, records } = this.#options
    const hint = proof && hintOf(proof)
    const entry = await findSealEntry(seal, { view, records, crypto, ...(hint !== undefined && { hint }) })
    return this.#timed(entry?.index, times)
  }

  /** The event that states the digest of a gateway's seal; the first, where it was stated twice. */
  async #findGatewaySeal({ sha256 }: GatewaySealMark, view: LogView): Promise<bigint | undefined> {
    for (const index of await this.#findAll(digestTerm(sha256), view.size)) {
      const record = await this.#recordAt(index, view)
      if (record?.gatewaySeal !== undefined && equalBytes(record.gatewaySeal, sha256)) return index
    }
    return undefined
  }

  async #timed(index: bigint | undefined, times: LogTimes): Promise<LoggedSeal | undefined> {
    if (index === undefined) return undefined
    const [notAfter, notBefore] = await Promise.all([times.notAfter(index), times.notBefore(index)])
    return { index, inclusion: 'holds', ...(notAfter && { notAfter }), ...(notBefore && { notBefore }) }
  }
}

const digestTerm = (digest: Uint8Array): Term => ({ kind: 'digest', value: encodeHex(digest) })

/** Where a proof beside the image says that the seal stands: what is found there is compared, and the proof not believed. */
function hintOf(proof: Uint8Array): bigint | undefined {
  try {
    return parseTlogProof(proof).index
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

async function judgeQuoted(
  quoted: QuotedCheckpoint | null,
  view: LogView,
  times: LogTimes,
): Promise<QuotedStanding | undefined> {
  if (quoted === null) return undefined
  // A copy of the log may be older than the quote.
  if (quoted.origin !== view.origin || quoted.size > view.size) return { consistency: 'unknown' }
  if (!(await view.hadRoot(quoted.size, quoted.root))) return { consistency: 'fails' }
  const notBefore = await times.notBefore(quoted.size)
  return { consistency: 'holds', ...(notBefore !== undefined && { notBefore }) }
}

function describe(index: bigint, payload: Uint8Array, crypto: Crypto): InstanceRecord | undefined {
  const statementSha256 = digestOf(crypto.hash, 'sha256', payload)
  const event = parseEventStatement(payload)
  if (event.type !== 'acquired') return describeCustody(event, index, statementSha256)
  const { instance, file, dataset, pixels, device, mark, sealedAt } = parseStatement(payload)
  const [deviceCertificate] = device.certificates.dicom
  return {
    index,
    type: 'acquired',
    at: sealedAt,
    digests: { file, dataset, ...(pixels !== null && { frames: pixels.root }) },
    statementSha256,
    ...uidsOf(instance),
    ...(deviceCertificate !== undefined && { deviceCertificate }),
    ...(mark !== null && { mark: { recordId: mark.recordId, publicKey: mark.publicKey } }),
  }
}

function describeCustody(
  statement: CustodyStatement,
  index: bigint,
  statementSha256: Uint8Array,
): InstanceRecord | undefined {
  const { type, at, instance, digests } = statement
  if (digests === null && instance === null) return undefined
  const { file = null, dataset = null, frames = null } = digests ?? {}
  return {
    index,
    type,
    at,
    digests: {
      ...(file !== null && { file }),
      ...(dataset !== null && { dataset }),
      ...(frames !== null && { frames: frames.root }),
    },
    statementSha256,
    ...(instance !== null && uidsOf(instance)),
    ...sourceOf(statement),
    ...(statement.type === 'sealed-at-gateway' && {
      gatewaySeal: statement.details.seal,
      deviceCertificate: statement.details.certificate,
    }),
  }
}

/** Of what an image was made. */
function sourceOf(statement: CustodyStatement): Pick<InstanceRecord, 'sourceInstanceUid'> {
  if (statement.type !== 'derived' && statement.type !== 'transcoded') return {}
  const { sopInstanceUid } = statement.details.source
  return sopInstanceUid === null ? {} : { sourceInstanceUid: sopInstanceUid }
}

type Uids = Pick<InstanceRecord, 'sopInstanceUid' | 'studyInstanceUid'>

const uidsOf = ({
  sopInstanceUid,
  studyInstanceUid,
}: {
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
}): Uids => ({
  ...(sopInstanceUid !== null && { sopInstanceUid }),
  ...(studyInstanceUid !== null && { studyInstanceUid }),
})
