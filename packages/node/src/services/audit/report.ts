/**
 * Report: what a sweep came to, as values that every face writes in its own form.
 *
 * Instances are named by their UIDs. The name by which an archive lists one may be a path with a patient's name in it: it is
 * told only where there is no UID, or where it is asked for.
 */

import { mergeFindings } from '@fiducial/core/domain/audit/classify.ts'
import { compareFindings, type FindingCode, type Severity } from '@fiducial/core/domain/audit/finding.ts'
import type { ArchiveSource, DatedFinding, KnownInstance, Sweep, SweepFinding, SweepStore } from './ports.ts'

/** An instance, or something general, with all that was found of it. */
export interface ReportEntry {
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
  readonly seriesInstanceUid: string | null
  /** Name in the archive; null where the UID names it. */
  readonly key: string | null
  /** Null for what is not there, or could not be read. */
  readonly standing: string | null
  readonly level: string | null
  readonly sentence: string | null
  /** Worst first, at least one. */
  readonly findings: readonly DatedFinding[]
  readonly readAt: Date | null
}

/** How often something was found. */
export interface FindingCount {
  readonly code: FindingCode
  readonly severity: Severity
  readonly count: number
  /** Of them, found by this sweep first. */
  readonly fresh: number
  /** Found by the sweep before, and no more; null where nobody remembers what that found. */
  readonly resolved: number | null
}

export interface AuditSummary {
  readonly archive: Pick<ArchiveSource, 'name' | 'kind'>
  readonly policy: string
  /** Name and size of the custody log that was asked; null for none. */
  readonly log: { readonly origin: string; readonly size: string } | null
  readonly sweep: Sweep
  readonly isFinished: boolean
  /** The sweep that ended before this one. */
  readonly previous: Sweep | null
  readonly standings: Awaited<ReturnType<SweepStore['standings']>>
  /** Worst first; those of which there are none, and of which none is resolved, are left out. */
  readonly counts: readonly FindingCount[]
  /** Instances with findings, by the severity of the worst. */
  readonly severities: Readonly<Record<Severity, number>>
}

export interface ReportFacts extends Pick<AuditSummary, 'archive' | 'policy' | 'log' | 'sweep' | 'isFinished'> {
  readonly store: SweepStore
  readonly showsKeys: boolean
}

/** Counts what was found. Cost: one pass over the instances with findings. */
export async function summarize(facts: ReportFacts): Promise<AuditSummary> {
  const { store, archive, policy, log, sweep, isFinished } = facts
  const counts = new Map<string, { count: number; fresh: number }>()
  const severities = { alarm: 0, warning: 0, notice: 0 }
  for await (const { findings } of reportEntries(facts)) {
    const [worst] = findings
    if (worst !== undefined) severities[worst.severity]++
    for (const { code, severity, foundIn } of findings) {
      const name = `${code} ${severity}`
      const known = counts.get(name) ?? { count: 0, fresh: 0 }
      counts.set(name, { count: known.count + 1, fresh: known.fresh + (foundIn === sweep.number ? 1 : 0) })
    }
  }
  const previous = (await store.ended(2)).find(({ number }) => number < sweep.number) ?? null
  const before = await rememberedCounts(store, previous)
  if (isFinished)
    await store.setNote(
      noteOf(sweep),
      JSON.stringify(Object.fromEntries([...counts].map(([name, { count }]) => [name, count]))),
    )
  return {
    archive: { name: archive.name, kind: archive.kind },
    policy,
    log,
    sweep,
    isFinished,
    previous,
    standings: await store.standings(),
    counts: [...new Set([...counts.keys(), ...(before?.keys() ?? [])])]
      .map((name) => {
        const [code, severity] = name.split(' ') as [FindingCode, Severity]
        const { count, fresh } = counts.get(name) ?? { count: 0, fresh: 0 }
        const resolved = before === undefined ? null : Math.max(0, (before.get(name) ?? 0) + fresh - count)
        return { code, severity, count, fresh, resolved }
      })
      .filter(({ count, resolved }) => count > 0 || (resolved ?? 0) > 0)
      .sort(compareFindings),
    severities,
  }
}

const noteOf = ({ number }: Pick<Sweep, 'number'>): string => `counts ${number}`

async function rememberedCounts(
  store: SweepStore,
  sweep: Sweep | null,
): Promise<ReadonlyMap<string, number> | undefined> {
  const text = sweep === null ? undefined : await store.note(noteOf(sweep))
  return text === undefined ? undefined : new Map(Object.entries(JSON.parse(text) as Record<string, number>))
}

/** All that was found, in the order of the archive; what is about no instance that is there comes last. */
export async function* reportEntries({
  store,
  showsKeys,
}: Pick<ReportFacts, 'store' | 'showsKeys'>): AsyncGenerator<ReportEntry> {
  const shared = new Map<string, (SweepFinding & { readonly foundIn: number })[]>()
  const rest: (SweepFinding & { readonly foundIn: number })[] = []
  const hide = showsKeys ? (entry: ReportEntry): ReportEntry => entry : withoutKeys
  for (const one of await store.sweepFindings()) {
    if (one.key === null || one.finding.code === 'vanished') rest.push(one)
    else shared.set(one.key, [...(shared.get(one.key) ?? []), one])
  }
  for (let after: string | undefined; ; ) {
    const page = await store.instances('all', { limit: PAGE, ...(after !== undefined && { after }) })
    for (const instance of page) {
      const more = shared.get(instance.key) ?? []
      if (instance.findings.length + more.length > 0) yield hide(toEntry(instance, more))
    }
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) break
    after = last.key
  }
  for (const one of rest) yield hide(toGeneralEntry(one))
}

const PAGE = 500

function toEntry(instance: KnownInstance, more: readonly (SweepFinding & { readonly foundIn: number })[]): ReportEntry {
  const { examined, key, sopInstanceUid, studyInstanceUid, readAt } = instance
  const all = [...instance.findings, ...more.map(({ finding, foundIn }) => ({ ...finding, foundIn }))]
  return {
    sopInstanceUid,
    studyInstanceUid,
    seriesInstanceUid: examined?.instance.seriesInstanceUid ?? null,
    key,
    standing: examined?.standing ?? null,
    level: examined?.level ?? null,
    sentence: examined?.sentence ?? null,
    findings: mergeFindings(all).map((one) => ({
      ...one,
      foundIn: Math.min(...all.filter(({ code }) => code === one.code).map(({ foundIn }) => foundIn)),
    })),
    readAt,
  }
}

function toGeneralEntry({
  finding,
  key,
  sopInstanceUid,
  studyInstanceUid,
  foundIn,
}: SweepFinding & { readonly foundIn: number }): ReportEntry {
  return {
    sopInstanceUid,
    studyInstanceUid,
    seriesInstanceUid: null,
    key,
    standing: null,
    level: null,
    sentence: null,
    findings: [{ ...finding, foundIn }],
    readAt: null,
  }
}

/** Findings that name other instances by their keys. */
const NAMING_KEYS: ReadonlySet<FindingCode> = new Set(['uid_reused', 'copied'])

function withoutKeys(entry: ReportEntry): ReportEntry {
  return {
    ...entry,
    key: entry.sopInstanceUid === null ? entry.key : null,
    findings: entry.findings.map((one) => (NAMING_KEYS.has(one.code) ? { ...one, where: [] } : one)),
  }
}
