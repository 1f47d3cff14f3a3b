/**
 * Sweep findings: what only several images together show: duplicates, replays, identifiers used twice, and missing ones.
 *
 * Equal pixels alone prove nothing: pictures that differ too little within themselves are left out before they come here,
 * and so are copies whose derivation is recorded.
 */
import { type Finding, finding } from './finding.ts'

/** An image among those that share its pixels or its identifier. */
export interface SharingMember {
  readonly key: string
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
  /** By which contents are compared, hexadecimal; `frames` is null where the samples cannot be had exactly. */
  readonly dataset: string
  readonly frames: string | null
  readonly isAuthentic: boolean
  /** Entry of the log that knew its content first; null for none. */
  readonly firstEntry: bigint | null
  readonly isDerived: boolean
}

/** A finding about one of several images. */
export interface MemberFinding {
  readonly key: string
  readonly finding: Finding
}

/** Other instances that are named with a finding. */
const NAMED = 20

/**
 * What images with the same pixels are to each other. Those under one identifier are another question.
 * @param members  with the same frames
 */
export function judgeSamePixels(members: readonly SharingMember[]): readonly MemberFinding[] {
  const counted = members.filter(({ isDerived }) => !isDerived)
  const uids = new Set(counted.map(({ sopInstanceUid }) => sopInstanceUid))
  if (uids.size < 2) return []
  const original = findOriginal(counted)
  return counted.flatMap((member): MemberFinding[] => {
    const others = namesOf(counted.filter(({ sopInstanceUid }) => sopInstanceUid !== member.sopInstanceUid))
    if (original === undefined) return [{ key: member.key, finding: finding('duplicate', ['same_pixels'], others) }]
    if (member.sopInstanceUid === original.sopInstanceUid) return []
    const isElsewhere = member.studyInstanceUid !== original.studyInstanceUid
    const isVouchedFor = member.isAuthentic || member.firstEntry !== null
    const isReplay = isElsewhere && !isVouchedFor
    const where = [original.sopInstanceUid ?? original.key]
    return [
      {
        key: member.key,
        finding: isReplay
          ? finding('replayed', ['same_pixels_in_other_study'], where)
          : finding('duplicate', ['same_pixels'], where),
      },
    ]
  })
}

/** The one of which the others are copies: an authentic one, else the one that the log knew first. */
function findOriginal(members: readonly SharingMember[]): SharingMember | undefined {
  const authentic = members.filter(({ isAuthentic }) => isAuthentic)
  const candidates = authentic.length > 0 ? authentic : members.filter(({ firstEntry }) => firstEntry !== null)
  return candidates.toSorted((a, b) => (before(a, b) ? -1 : 1))[0]
}

const before = ({ firstEntry: a }: SharingMember, { firstEntry: b }: SharingMember): boolean =>
  a !== null && (b === null || a < b)

/** What images under the same SOP Instance UID are to each other. @param members  of one identifier */
export function judgeSameUid(members: readonly SharingMember[]): readonly MemberFinding[] {
  if (members.length < 2) return []
  const frames = new Set(members.map(({ frames: root }) => root).filter((root) => root !== null))
  const datasets = new Set(members.map(({ dataset }) => dataset))
  return members.map(({ key }) => {
    const where = members.filter((other) => other.key !== key).map((other) => other.key)
    const named = where.slice(0, NAMED)
    if (frames.size > 1) return { key, finding: finding('uid_reused', ['other_pixels'], named) }
    if (datasets.size > 1) return { key, finding: finding('uid_reused', ['other_attributes'], named, 'warning') }
    return { key, finding: finding('copied', ['same_content'], named) }
  })
}

const namesOf = (members: readonly SharingMember[]): readonly string[] =>
  [...new Set(members.map(({ sopInstanceUid, key }) => sopInstanceUid ?? key))].slice(0, NAMED)

/** An instance of the log that the archive does not hold. */
export interface AbsentInstance {
  readonly index: bigint
  readonly state: 'present' | 'erased' | 'withdrawn'
  readonly recordedAt: Date
  /** When it went on to somewhere, by the log; null for never. */
  readonly forwardedAt: Date | null
  readonly isQuarantined: boolean
  /** When an earlier sweep saw it; null for never. */
  readonly seenAt: Date | null
}

export interface MissingRule {
  /** When the sweep began: what was sent since may have come too late for it. */
  readonly startedAt: Date
  /** For so long an image may be on its way to the archive. */
  readonly graceMs: number
}

/** Whether an instance of the log should be in the archive and is not. */
export function judgeAbsent(absent: AbsentInstance, { startedAt, graceMs }: MissingRule): Finding | undefined {
  if (absent.state !== 'present' || absent.isQuarantined) return undefined
  const where = [`entry ${absent.index}`]
  if (absent.seenAt !== null) return finding('missing', ['was_in_the_archive'], where)
  if (absent.forwardedAt !== null && absent.forwardedAt < startedAt) return finding('missing', ['was_sent'], where)
  const isOld = absent.recordedAt.getTime() + graceMs < startedAt.getTime()
  return isOld ? finding('missing', ['was_recorded'], where) : undefined
}
