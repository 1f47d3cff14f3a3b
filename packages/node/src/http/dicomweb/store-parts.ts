/**
 * Store parts: the parts of a STOW-RS request on their way into the gateway, each as its bytes come.
 *
 * Source: PS3.18 section 10.5 and annex I.2 (Store Instances Response Module); reasons of failures by PS3.4 table B.2-1 and
 * PS3.7 annex C. What a part holds is looked at only as far as the answer needs it.
 */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import type { Origin } from '@fiducial/core/domain/gateway/origin.ts'
import { sniffInstance } from '@fiducial/core/domain/gateway/sniff.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { findElement } from '@fiducial/core/formats/dicom/element.ts'
import type { InstanceUids } from '@fiducial/core/formats/dicom/instance-uids.ts'
import { Ledger } from '@fiducial/core/formats/dicom/ledger.ts'
import { DEFAULT_LIMITS } from '@fiducial/core/formats/dicom/limits.ts'
import { ElementReader } from '@fiducial/core/formats/dicom/read-elements.ts'
import { EXPLICIT_LITTLE } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { readText } from '@fiducial/core/formats/dicom/values.ts'
import { Window } from '@fiducial/core/formats/dicom/window.ts'
import type { DicomJson, DicomJsonElement } from '@fiducial/core/formats/dicom-json/model.ts'
import { parseMediaType } from '@fiducial/core/formats/multipart/media-type.ts'
import type { PartHandler } from '@fiducial/core/formats/multipart/parse.ts'
import type { IncomingInstance, Intake } from '../../services/gateway/ports.ts'

export interface StorePartsOptions {
  readonly intake: Intake
  readonly origin: Origin
  /** The study that a request is for; null takes any. */
  readonly study: string | null
  /** Bytes of one instance. */
  readonly instanceBytes: number
}

/** Reasons of failures, PS3.18 table I.2-2 and PS3.4 table B.2-1. */
export const FAILURE = {
  processing: 0x0110,
  outOfResources: 0xa700,
  doesNotMatchStudy: 0xa900,
  cannotUnderstand: 0xc000,
} as const
type Failure = (typeof FAILURE)[keyof typeof FAILURE]

/** What became of a part. */
type PartResult =
  | { readonly outcome: 'stored'; readonly uids: InstanceUids }
  | {
      readonly outcome: 'failed'
      readonly uids: InstanceUids
      readonly reason: Failure
      readonly error: StoreError | null
    }

/** As much of a part as is looked at. */
const BEGINNING_BYTES = 32 * 1024
/** Commits under way, beyond which no further part is read. */
const COMMITS_LIMIT = 32
const PREFIX = 'DICM'

/** Takes the parts of one request. */
export class StoreParts implements PartHandler {
  readonly #options: StorePartsOptions
  readonly #results: Promise<PartResult>[] = []
  readonly #commits = new Set<Promise<PartResult>>()
  readonly #beginning = new Uint8Array(BEGINNING_BYTES)
  #incoming: IncomingInstance | undefined
  #length = 0
  /** Of the part at hand; undefined while nothing is wrong. */
  #failure: { readonly reason: Failure; readonly error: StoreError | null } | undefined
  #isChecked = false
  /** What a beginning says that is all there. */
  #uids: InstanceUids | undefined
  readonly #aborts: Promise<void>[] = []

  constructor(options: StorePartsOptions) {
    this.#options = options
  }

  begin(headers: ReadonlyMap<string, string>): void {
    this.#length = 0
    this.#failure = undefined
    this.#isChecked = false
    this.#uids = undefined
    const transferSyntaxUid = readPartType(headers)
    if (transferSyntaxUid === undefined) return this.#fail(FAILURE.cannotUnderstand)
    const { origin } = this.#options
    this.#attempt(() => {
      this.#incoming = this.#options.intake.begin({
        origin,
        sopClassUid: null,
        sopInstanceUid: null,
        transferSyntaxUid,
      })
    })
  }

  body(bytes: Uint8Array): void {
    if (this.#length < BEGINNING_BYTES) {
      this.#beginning.set(bytes.subarray(0, BEGINNING_BYTES - this.#length), this.#length)
    }
    this.#length += bytes.length
    if (this.#incoming === undefined) return
    if (this.#length > this.#options.instanceBytes) return this.#fail(FAILURE.outOfResources)
    if (!this.#isChecked && this.#length >= BEGINNING_BYTES) this.#check()
    this.#attempt(() => this.#incoming?.write(bytes))
  }

  end(): void {
    if (this.#incoming !== undefined && !this.#isChecked) this.#check()
    const incoming = this.#incoming
    this.#incoming = undefined
    const { reason = FAILURE.processing, error = null } = this.#failure ?? {}
    const uids = this.#sniff()
    if (incoming === undefined) {
      this.#results.push(Promise.resolve({ outcome: 'failed', uids, reason, error }))
      return
    }
    const commit = commitOf(incoming, uids)
    this.#results.push(commit)
    this.#commits.add(commit)
    const done = (): void => void this.#commits.delete(commit)
    commit.then(done, done)
  }

  /** Resolves once there is room for a further part. */
  async room(): Promise<void> {
    while (this.#commits.size >= COMMITS_LIMIT) await Promise.race(this.#commits)
  }

  get isCrowded(): boolean {
    return this.#commits.size >= COMMITS_LIMIT
  }

  /** Drops the part at hand: nothing of it is kept. Those before it stay. */
  async abort(): Promise<void> {
    this.#drop()
    await Promise.all([...this.#aborts, ...this.#results])
  }

  /** What became of each part, in their order. */
  async results(): Promise<readonly PartResult[]> {
    await Promise.all(this.#aborts)
    return Promise.all(this.#results)
  }

  #check(): void {
    this.#isChecked = true
    const { study } = this.#options
    const uids = this.#sniff()
    const isDicom = this.#length >= 132 && PREFIX === String.fromCharCode(...this.#beginning.subarray(128, 132))
    if (!isDicom || uids.sopClassUid === null || uids.sopInstanceUid === null) this.#fail(FAILURE.cannotUnderstand)
    else if (study !== null && uids.studyInstanceUid !== study) this.#fail(FAILURE.doesNotMatchStudy)
  }

  #sniff(): InstanceUids {
    if (this.#length < BEGINNING_BYTES) return this.#sniffNow()
    this.#uids ??= this.#sniffNow()
    return this.#uids
  }

  #sniffNow(): InstanceUids {
    const beginning = this.#beginning.subarray(0, Math.min(this.#length, BEGINNING_BYTES))
    const sniffed = sniffInstance(beginning)
    return sniffed.sopInstanceUid === null ? { ...sniffed, ...metaUids(beginning) } : sniffed
  }

  #attempt(step: () => void): void {
    try {
      step()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#fail(FAILURE.outOfResources, error)
    }
  }

  #fail(reason: Failure, error: StoreError | null = null): void {
    this.#failure ??= { reason, error }
    this.#drop()
  }

  #drop(): void {
    const incoming = this.#incoming
    this.#incoming = undefined
    if (incoming !== undefined) this.#aborts.push(incoming.abort())
  }
}

async function commitOf(incoming: IncomingInstance, uids: InstanceUids): Promise<PartResult> {
  try {
    await incoming.commit()
    return { outcome: 'stored', uids }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return { outcome: 'failed', uids, reason: FAILURE.outOfResources, error }
  }
}

/** The transfer syntax that a part states, null where it states none; undefined for a part that is no DICOM file. */
function readPartType(headers: ReadonlyMap<string, string>): string | null | undefined {
  try {
    // Without a type, it is what the whole says that its parts are.
    const { type, parameters } = parseMediaType(headers.get('content-type') ?? 'application/dicom')
    if (type !== 'application/dicom' || headers.get('content-transfer-encoding')?.toLowerCase() === 'base64')
      return undefined
    return parameters.get('transfer-syntax') ?? null
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** What the meta information says, for data sets that cannot be read from their beginning: those that are deflated. */
function metaUids(beginning: Uint8Array): Partial<InstanceUids> {
  if (beginning.length < 132) return {}
  const source = memorySource(beginning)
  const reader = new ElementReader(new Window(source), new Ledger(DEFAULT_LIMITS))
  const { elements } = reader.dataSet(132, source.length, EXPLICIT_LITTLE, 0x0002)
  const uid = (tag: number): string | null => {
    const element = findElement(elements, tag)
    const text = element === undefined ? '' : readText(source, element)
    return /^[0-9][0-9.]{0,63}$/.test(text) ? text : null
  }
  return { sopClassUid: uid(0x00020002), sopInstanceUid: uid(0x00020003), transferSyntaxUid: uid(0x00020010) }
}

export interface StoreAnswer {
  readonly status: number
  readonly model: DicomJson
}

/**
 * What is answered: 200 where all parts are stored, 202 where some are, 409 where none is, or 503 or 507 where only want of
 * room keeps us from it.
 * @param retrieveUrl  root under which what was stored can be had once it is at the archive; undefined where it cannot
 */
export function answerOf(
  results: readonly PartResult[],
  study: string | null,
  retrieveUrl: string | undefined,
): StoreAnswer {
  const stored = results.filter(({ outcome }) => outcome === 'stored')
  const failures = results.filter((result) => result.outcome === 'failed')
  const named = failures.filter(({ uids }) => uids.sopInstanceUid !== null)
  const others = failures.filter(({ uids }) => uids.sopInstanceUid === null)
  const studies = new Set([study, ...stored.map(({ uids }) => uids.studyInstanceUid)].filter((uid) => uid !== null))
  const [only] = studies.size === 1 ? studies : []
  const model: Record<string, DicomJsonElement> = {
    '00081190': uri(only === undefined || retrieveUrl === undefined ? undefined : `${retrieveUrl}/studies/${only}`),
  }
  if (named.length > 0) {
    model['00081198'] = {
      vr: 'SQ',
      Value: named.map(({ uids, reason }) => ({ ...reference(uids), '00081197': number(reason) })),
    }
  }
  if (stored.length > 0) {
    model['00081199'] = {
      vr: 'SQ',
      Value: stored.map(({ uids }) => ({ ...reference(uids), '00081190': uri(urlOf(uids, retrieveUrl)) })),
    }
  }
  if (others.length > 0)
    model['0008119A'] = { vr: 'SQ', Value: others.map(({ reason }) => ({ '00081197': number(reason) })) }
  return { status: statusOf(stored.length, failures), model }
}

function statusOf(stored: number, failures: readonly { readonly error: StoreError | null }[]): number {
  if (stored > 0) return failures.length > 0 ? 202 : 200
  if (failures.every(({ error }) => error?.code === 'spool_full')) return 507
  return failures.every(({ error }) => error !== null) ? 503 : 409
}

function urlOf({ studyInstanceUid, sopInstanceUid }: InstanceUids, root: string | undefined): string | undefined {
  // Without a series: it is not looked for, and a search below the study finds it.
  return root === undefined || studyInstanceUid === null
    ? undefined
    : `${root}/studies/${studyInstanceUid}/instances?SOPInstanceUID=${sopInstanceUid}`
}

const uri = (value: string | undefined): DicomJsonElement =>
  value === undefined ? { vr: 'UR' } : { vr: 'UR', Value: [value] }
const number = (value: number): DicomJsonElement => ({ vr: 'US', Value: [value] })
const reference = ({ sopClassUid, sopInstanceUid }: InstanceUids): DicomJson => ({
  '00081150': sopClassUid === null ? { vr: 'UI' } : { vr: 'UI', Value: [sopClassUid] },
  '00081155': sopInstanceUid === null ? { vr: 'UI' } : { vr: 'UI', Value: [sopInstanceUid] },
})
