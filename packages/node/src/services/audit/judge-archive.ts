/**
 * Judge archive: once a sweep has seen everything, what only the whole archive shows.
 */
import { type Finding, finding } from '@fiducial/core/domain/audit/finding.ts'
import { findStaleLists } from '@fiducial/core/domain/audit/stale.ts'
import {
  judgeAbsent,
  judgeSamePixels,
  judgeSameUid,
  type MemberFinding,
  type SharingMember,
} from '@fiducial/core/domain/audit/sweep-findings.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { KnownInstance, Slice, SweepFinding, SweepStore } from './ports.ts'

export interface ArchiveRule {
  readonly startedAt: Date
  readonly graceMs: number
  readonly now: Date
  readonly anchors: TrustAnchors
  /** Whether all of the archive was listed, now or by earlier sweeps: else nothing can be missed. */
  readonly isComplete: boolean
}

const PAGE = 500
/** More of one kind are counted by the report, and not kept one by one. */
const KEPT = 100_000

export async function judgeArchive(store: SweepStore, rule: ArchiveRule): Promise<readonly SweepFinding[]> {
  const findings: SweepFinding[] = []
  for await (const group of slices(
    (slice) => store.sharing('frames', slice),
    ({ value }) => value,
  )) {
    findings.push(...judgeGroup(group.members, judgeSamePixels))
    if (findings.length > KEPT) break
  }
  for await (const group of slices(
    (slice) => store.sharing('uid', slice),
    ({ value }) => value,
  )) {
    findings.push(...judgeGroup(group.members, judgeSameUid))
    if (findings.length > 2 * KEPT) break
  }
  if (rule.isComplete) findings.push(...(await judgeAbsence(store, rule)))
  for (const { issuer, nextUpdate } of findStaleLists(rule.anchors, rule.now)) {
    findings.push(about(finding('stale', ['revocation_list_ended', nextUpdate.toISOString()], [issuer])))
  }
  return findings
}

const about = (one: Finding): SweepFinding => ({
  finding: one,
  key: null,
  sopInstanceUid: null,
  studyInstanceUid: null,
})

function judgeGroup(
  members: readonly KnownInstance[],
  judgeMembers: (members: readonly SharingMember[]) => readonly MemberFinding[],
): readonly SweepFinding[] {
  const byKey = new Map(members.map((member) => [member.key, member]))
  return judgeMembers(members.flatMap(toMember)).map(({ key, finding: one }) => ({
    finding: one,
    key,
    sopInstanceUid: byKey.get(key)?.sopInstanceUid ?? null,
    studyInstanceUid: byKey.get(key)?.studyInstanceUid ?? null,
  }))
}

function toMember({ key, sopInstanceUid, studyInstanceUid, examined }: KnownInstance): readonly SharingMember[] {
  if (examined === null) return []
  const { digests, standing, firstEntry, isDerived } = examined
  return [
    {
      key,
      sopInstanceUid,
      studyInstanceUid,
      dataset: digests.dataset,
      frames: digests.frames,
      isAuthentic: standing === 'authentic',
      firstEntry: firstEntry === null ? null : BigInt(firstEntry),
      isDerived,
    },
  ]
}

async function judgeAbsence(store: SweepStore, rule: ArchiveRule): Promise<readonly SweepFinding[]> {
  const findings: SweepFinding[] = []
  const missed = new Set<string>()
  for await (const logged of slices(
    (slice) => store.notArchived(slice),
    ({ sopInstanceUid }) => sopInstanceUid,
  )) {
    const { sopInstanceUid, studyInstanceUid } = logged
    const seenAt = (await store.wasSeen(sopInstanceUid)) ?? null
    const one = judgeAbsent({ ...logged, seenAt }, rule)
    missed.add(sopInstanceUid)
    if (one !== undefined) findings.push({ finding: one, key: null, sopInstanceUid, studyInstanceUid })
    if (findings.length > KEPT) break
  }
  for await (const gone of slices(
    (slice) => store.gone(slice),
    ({ key }) => key,
  )) {
    const { key, sopInstanceUid, studyInstanceUid, seenAt } = gone
    if (sopInstanceUid !== null && missed.has(sopInstanceUid)) continue
    findings.push({
      finding: finding('vanished', ['seen_until', seenAt.toISOString()]),
      key,
      sopInstanceUid,
      studyInstanceUid,
    })
    if (findings.length > 2 * KEPT) break
  }
  return findings
}

/** All of a list that is given in slices. */
async function* slices<T>(
  read: (slice: Slice) => Promise<readonly T[]>,
  nameOf: (item: T) => string,
): AsyncGenerator<T> {
  for (let after: string | undefined; ; ) {
    const page = await read({ limit: PAGE, ...(after !== undefined && { after }) })
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = nameOf(last)
  }
}
