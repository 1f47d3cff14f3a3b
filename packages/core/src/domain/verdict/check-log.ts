/**
 * Checks of what the custody log says: whether the seal is recorded, what else is known of the image, and what follows
 * for its time.
 *
 * A log speaks also of images that come without any evidence of their own: one that it knows as sealed was stripped,
 * one whose identifier it knows with other pixels was put in its place. Records count only as far as they name this
 * instance; equal pixels alone prove nothing, since two images may be black.
 */
import { equalBytes } from '../../bytes/text.ts'
import type { ConsultedLog, InstanceDigests, InstanceRecord, LogEvidence } from '../log/logged-instance.ts'
import { CLOCK_TOLERANCE_MS, STAMP_DELAY_MS } from '../seal/verify.ts'
import type { Belief } from './belief.ts'
import { type Check, fails, type GapReason, holds, unknown } from './check.ts'
import type { Evidence } from './evidence.ts'
import type { FileMarks } from './file-marks.ts'
import { nameImage } from './log-question.ts'
import { seenByLog } from './seen-by-log.ts'

/** Events with which a seal enters the log. */
const SEALING: ReadonlySet<string> = new Set(['acquired', 'sealed-at-gateway'])
/** Events that say what an instance is: those after which the completeness map holds it. */
const DESCRIBING: ReadonlySet<string> = new Set([...SEALING, 'received', 'transcoded', 'derived', 'drill-injected'])
const WITHDRAWN = 'drill-withdrawn'
const ERASED = 'erased'

export function checkLog(evidence: Evidence, belief: Belief | undefined, isRequired: boolean): readonly Check[] {
  const { log } = evidence
  if (log.state === 'not_consulted') return isRequired ? [unknown('log', 'log_not_consulted')] : []
  if (log.state === 'unavailable') return [unknown('log', 'log_unavailable', [log.code])]
  const image = log.state === 'consulted' ? new LoggedImage(evidence, log, belief) : undefined
  const checks: Check[] = []
  // Whoever is not believed cannot accuse the log.
  if (belief !== undefined && log.quoted?.consistency === 'fails') checks.push(fails('log', 'log_forked'))
  if (log.entry?.inclusion === 'fails') checks.push(fails('log', 'proof_wrong', [placeOf(log.entry)]))
  else checks.push(...(image?.failures() ?? []))
  if (checks.length > 0) return checks
  checks.push(...(image?.gaps() ?? []))
  if (!log.isWitnessed) checks.push(unknown('log', 'unwitnessed'))
  return checks.length > 0 ? checks : [holds('log', log.entry && [placeOf(log.entry)])]
}

/** Whether the log holds a record of exactly the bytes of a file for which no seal speaks. */
export function isRecordedAsIs({ log, marks }: Evidence): boolean {
  if (log.state !== 'consulted' || marks === undefined) return false
  return log.records.some(({ type, digests }) => DESCRIBING.has(type) && isSame(digests.file, marks.digests.file))
}

/**
 * What the log adds about time: nothing where it contradicts nothing. That an authority saw the signature says less
 * than the log does, since whoever seals may run that authority.
 */
export function checkLogTime(log: LogEvidence, belief: Belief | undefined): readonly Check[] {
  if (belief === undefined || (log.state !== 'consulted' && log.state !== 'proof')) return []
  const { quoted, entry } = log
  const sealedMs = belief.statement.sealedAt.getTime()
  const claimedMs = Math.min(sealedMs, belief.provenAt?.getTime() ?? sealedMs)
  if (quoted?.notBefore !== undefined && quoted.consistency === 'holds') {
    if (claimedMs < quoted.notBefore.getTime() - CLOCK_TOLERANCE_MS) return [fails('time', 'back_dated')]
  }
  if (entry === undefined || entry.inclusion === 'fails') return []
  const { notAfter, notBefore } = entry
  if (notAfter !== undefined && notAfter.getTime() < sealedMs - CLOCK_TOLERANCE_MS)
    return [fails('time', 'time_contradicted', ['recorded before it was sealed'])]
  const isLate = notBefore !== undefined && notBefore.getTime() > sealedMs + STAMP_DELAY_MS
  return isLate ? [unknown('time', 'recorded_late', [placeOf(entry)])] : []
}

/** The time of a seal that has no timestamp, as the log proves it. */
export function proveByLog(evidence: Evidence): Check | undefined {
  const { log } = evidence
  const isProven = seenByLog(evidence) !== undefined && 'entry' in log && log.entry !== undefined
  return isProven ? holds('time', [placeOf(log.entry)]) : undefined
}

/** How the content of a record stands to that of the image. */
type Standing =
  | 'same_file'
  /** Every attribute and sample, in another file. */
  | 'same_content'
  /** Other samples. */
  | 'other_frames'
  /** Other attributes; the samples are the same, or cannot be compared. */
  | 'other_attributes'
  | 'incomparable'

/** An image as the log knows it. */
class LoggedImage {
  readonly #log: ConsultedLog
  readonly #belief: Belief | undefined
  readonly #marks: FileMarks | undefined
  readonly #sopInstanceUid: string | undefined
  readonly #digests: InstanceDigests
  /** Records of this instance; others have no more than its pixels in common. */
  readonly #own: readonly InstanceRecord[]
  readonly #isEntered: boolean

  constructor(evidence: Evidence, log: ConsultedLog, belief: Belief | undefined) {
    const { sopInstanceUid, digests } = nameImage(evidence, belief)
    this.#log = log
    this.#belief = belief
    this.#marks = evidence.marks
    this.#sopInstanceUid = sopInstanceUid
    this.#digests = digests
    this.#own = log.records.filter((record) => this.#isOwn(record))
    this.#isEntered = log.entry?.inclusion === 'holds'
  }

  failures(): readonly Check[] {
    const withdrawn = this.#own.filter(({ type }) => type === WITHDRAWN)
    const replaced = this.#replaced()
    const stripped = this.#stripped()
    return [
      ...(replaced.length > 0 ? [fails('log', 'replaced', replaced.map(placeOf))] : []),
      ...(stripped.length > 0 ? [fails('log', 'stripped', stripped.map(placeOf))] : []),
      ...(withdrawn.length > 0 ? [fails('log', 'withdrawn', withdrawn.map(placeOf))] : []),
    ]
  }

  gaps(): readonly Check[] {
    const reason = this.#isEntered ? this.#gapOfEntered() : this.#gapOfUnentered()
    if (reason === undefined) return []
    const records = reason === 'other_identifier' ? this.#log.records : this.#described()
    return [unknown('log', reason, records.map(placeOf))]
  }

  /** Records with other samples that were there first; whoever seals another image later takes nothing from this one. */
  #replaced(): readonly InstanceRecord[] {
    const others = this.#described().filter((record) => this.#standing(record) === 'other_frames')
    if (this.#isEntered) return others
    const isKnown = this.#described().some(
      (record) => !['other_frames', 'incomparable'].includes(this.#standing(record)),
    )
    return isKnown ? [] : others
  }

  /**
   * Seals of which nothing is left: neither a seal that is believed or recorded, nor a signature in the file by the
   * device that made one. Somebody else's signature in its place makes nothing better. What a gateway received came
   * without a seal: the very file that it has a record of, before its own, was not stripped.
   */
  #stripped(): readonly InstanceRecord[] {
    if (this.#belief !== undefined || this.#isEntered) return []
    const isAsReceived = this.#own.some(
      (record) => record.type === 'received' && this.#standing(record) === 'same_file',
    )
    const sealed = this.#own.filter((record) => SEALING.has(record.type) && !this.#isBeside(record))
    const signers = this.#marks?.signers ?? []
    const isKept = sealed.some(
      (record) =>
        this.#standing(record) === 'same_file' ||
        (record.deviceCertificate === undefined
          ? signers.length > 0
          : signers.some((signer) => isSame(signer, record.deviceCertificate))),
    )
    if (isKept) return []
    return isAsReceived ? sealed.filter(({ type }) => type !== 'sealed-at-gateway') : sealed
  }

  /** Whether a gateway sealed the very file that it had received: what it passed on has no signature to lose. */
  #isBeside({ type, digests: { file } }: InstanceRecord): boolean {
    if (type !== 'sealed-at-gateway') return false
    return this.#own.some((record) => record.type === 'received' && isSame(record.digests.file, file))
  }

  /** A gateway may correct attributes before it seals; a device that sealed the same instance twice has no reason to. */
  #gapOfEntered(): GapReason | undefined {
    const type = this.#log.records.find(({ index }) => index === this.#log.entry?.index)?.type
    if (type === 'sealed-at-gateway') return undefined
    return this.#described().some((record) => this.#standing(record) === 'other_attributes')
      ? 'record_differs'
      : undefined
  }

  #gapOfUnentered(): GapReason | undefined {
    const standings = new Set(this.#described().map((record) => this.#standing(record)))
    if (standings.size === 0) return this.#gapOfUnknown()
    const isSameContent = standings.has('same_file') || standings.has('same_content')
    if (this.#belief !== undefined && isSameContent) return 'seal_unrecorded'
    if (standings.has('same_file')) return undefined
    return standings.has('other_attributes') && !isSameContent ? 'record_differs' : 'recorded_otherwise'
  }

  #gapOfUnknown(): GapReason {
    if (this.#own.some(({ type }) => type === ERASED)) return 'record_erased'
    return this.#log.records.some((record) => DESCRIBING.has(record.type)) ? 'other_identifier' : 'unrecorded'
  }

  /** What the log knows the instance to be; for a seal that is recorded, what it knew before. */
  #described(): readonly InstanceRecord[] {
    const { entry } = this.#log
    const isBefore = ({ index }: InstanceRecord): boolean =>
      !this.#isEntered || entry === undefined || index < entry.index
    return this.#own.filter((record) => DESCRIBING.has(record.type) && isBefore(record))
  }

  #isOwn({ sopInstanceUid, digests }: InstanceRecord): boolean {
    if (sopInstanceUid !== undefined && sopInstanceUid === this.#sopInstanceUid) return true
    return isSame(digests.file, this.#digests.file) || isSame(digests.dataset, this.#digests.dataset)
  }

  #standing({ digests: { file, dataset, frames } }: InstanceRecord): Standing {
    const mine = this.#digests
    if (isSame(file, mine.file)) return 'same_file'
    if (isSame(dataset, mine.dataset)) return 'same_content'
    const isSameFrames = isSame(frames, mine.frames) || isSame(frames, this.#marks?.zeroExtended)
    if (frames !== undefined && mine.frames !== undefined && !isSameFrames) return 'other_frames'
    return dataset === undefined || mine.dataset === undefined ? 'incomparable' : 'other_attributes'
  }
}

const placeOf = ({ index }: { readonly index: bigint }): string => `entry ${index}`

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && equalBytes(a, b)
