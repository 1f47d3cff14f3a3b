/**
 * Monitor: compares what several sources show of one log, and with what they showed before.
 *
 * A log that shows different people different histories has to keep them apart for good; whoever asks more than one source
 * finds it out. The largest checkpoint with tiles behind it is the reference: every other one, of now and of before, has
 * to be the beginning of it (RFC 6962 section 2.1.2). Where one is not, the report holds the evidence. What it does not
 * see: a log that shows all sources the same stale checkpoint.
 */
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import type { SplitView } from '@fiducial/core/domain/log/split-view.ts'
import { proveConsistency, type ReadTile, rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import type { VerifiedCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { verifyConsistency } from '@fiducial/core/formats/merkle/consistency.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import { type LogSource, type MirrorContext, mirrorTiles, readCheckpoint, verifyOwn } from './mirror.ts'
import type { SightingStore } from './ports.ts'

const TIMEOUT_MS = 10_000

export interface MonitorOptions extends Omit<MirrorContext, 'timeoutMs'> {
  readonly sources: readonly LogSource[]
  readonly sightings: SightingStore
  readonly hasher: NodeHasher
  readonly now: () => Date
  /** For each request. Default: 10 000. */
  readonly timeoutMs?: number
}

/** What there is to say of a source, from the most to the least serious. */
export const SOURCE_STATES = [
  /** It shows, or has shown, a tree that does not fit another. */
  'split_view',
  /** It shows a smaller tree than it has shown before. */
  'rollback',
  /** What it shows is not signed by the log, or no checkpoint of this log. */
  'signature_wrong',
  /** Its tiles do not make the tree of its checkpoint. */
  'tiles_wrong',
  /** Nobody serves tiles to compare it with. */
  'unproven',
  /** It shows a larger tree than any source has tiles of; to be compared the next time. */
  'ahead',
  'unreachable',
  /** It shows a smaller tree than others, and it fits. */
  'behind',
  'consistent',
] as const

export type SourceState = (typeof SOURCE_STATES)[number]

export interface SourceReport {
  readonly source: LogSource
  readonly state: SourceState
  /** What it shows now; missing where it shows nothing that the log has signed. */
  readonly size?: bigint
  /** The same as a signed note. */
  readonly note?: string
  /** For `rollback`: what it has shown before. */
  readonly earlierSize?: bigint
}

export interface MonitorReport {
  /** The most serious state of a source. */
  readonly verdict: SourceState
  /** The newest checkpoint that the others were compared with, a signed note; missing where there was none. */
  readonly reference?: string
  /** In the order of the sources. */
  readonly sources: readonly SourceReport[]
  readonly evidence: readonly SplitView[]
}

export interface Monitor {
  /** Looks once. @throws {StoreError} for the sightings; whatever the sources do is in the report */
  look(): Promise<MonitorReport>
}

/** @throws {RangeError} without sources, or with one twice */
export function createMonitor(options: MonitorOptions): Monitor {
  const { sources } = options
  if (sources.length === 0 || new Set(sources.map(({ url }) => url)).size < sources.length) {
    throw new RangeError('a monitor needs sources, each once')
  }
  return { look: () => look({ timeoutMs: TIMEOUT_MS, ...options }) }
}

/** Looks again and again, until the signal; `wait` lets time pass in between. */
export async function watchLog(
  monitor: Monitor,
  options: {
    readonly wait: () => Promise<void>
    readonly signal: AbortSignal
    readonly onReport: (report: MonitorReport) => void | Promise<void>
  },
): Promise<void> {
  while (!options.signal.aborted) {
    await options.onReport(await monitor.look())
    if (!options.signal.aborted) await options.wait()
  }
}

type Context = MonitorOptions & MirrorContext

/** A source, what it shows now and what it has shown before. */
interface Observation {
  readonly source: LogSource
  readonly shown: VerifiedCheckpoint | 'unreachable' | 'signature_wrong'
  readonly earlier: VerifiedCheckpoint | undefined
}

/** What everything is compared with. */
interface Reference {
  readonly source: LogSource
  readonly verified: VerifiedCheckpoint
  /** Missing where nobody serves the tiles: then only trees of its size can be compared with it. */
  readonly readTile?: ReadTile
}

/** How one checkpoint stands to the reference. */
type Comparison =
  | { readonly state: 'fits' | 'ahead' | 'unproven' }
  | { readonly state: 'split_view'; readonly evidence: SplitView }

async function look(context: Context): Promise<MonitorReport> {
  const observations = await Promise.all(context.sources.map((source) => observe(context, source)))
  const { reference, failed } = await chooseReference(context, observations)
  const evidence: SplitView[] = []
  const reports: SourceReport[] = []
  for (const observation of observations) {
    const compared = await compareSource(context, observation, reference, observations)
    evidence.push(...compared.evidence)
    const states = [compared.report.state, failed.get(observation.source) ?? compared.report.state]
    reports.push({ ...compared.report, state: worst(states) })
    if (compared.isLinked) await remember(context, observation)
  }
  return {
    verdict: worst(reports.map(({ state }) => state)),
    ...(reference && { reference: reference.verified.note }),
    sources: reports,
    evidence: dropRepeated(evidence),
  }
}

async function observe(context: Context, source: LogSource): Promise<Observation> {
  const [shown, note] = await Promise.all([readCheckpoint(context, source), context.sightings.read(source.url)])
  const earlier = note === undefined ? undefined : verifyOwn(context, note)
  if (note !== undefined && earlier === undefined) {
    throw new StoreError('log_corrupted', 'a sighting is not of this log')
  }
  return { source, shown, earlier }
}

/** The largest checkpoint of a mirror whose tiles make its tree, else of any; and the mirrors that were no good for it. */
async function chooseReference(
  context: Context,
  observations: readonly Observation[],
): Promise<{ reference?: Reference; failed: Map<LogSource, SourceState> }> {
  const failed = new Map<LogSource, SourceState>()
  const shown = observations
    .flatMap(({ source, shown: verified }) => (typeof verified === 'object' ? [{ source, verified }] : []))
    .sort((a, b) => (a.verified.checkpoint.size < b.verified.checkpoint.size ? 1 : -1))
  for (const { source, verified } of shown.filter((candidate) => candidate.source.kind === 'mirror')) {
    const { size, root } = verified.checkpoint
    const readTile = mirrorTiles(context, source, size)
    const found = await guard(() => rootAt(size, readTile, context.hasher))
    if (found instanceof Uint8Array && equalBytes(found, root))
      return { reference: { source, verified, readTile }, failed }
    failed.set(source, found instanceof Uint8Array ? 'tiles_wrong' : found)
  }
  const [largest] = shown
  return { ...(largest && { reference: largest }), failed }
}

/** Compares what a source shows, and has shown, with the reference and with others of its size. */
async function compareSource(
  context: Context,
  { source, shown, earlier }: Observation,
  reference: Reference | undefined,
  observations: readonly Observation[],
): Promise<{ report: SourceReport; evidence: readonly SplitView[]; isLinked: boolean }> {
  const past = earlier && (await compare(context, source, earlier, reference))
  const pastEvidence = past?.state === 'split_view' ? [past.evidence] : []
  const isPastLinked = past === undefined || past.state === 'fits'
  if (typeof shown === 'string') {
    const state = pastEvidence.length > 0 ? 'split_view' : shown
    return { report: { source, state }, evidence: pastEvidence, isLinked: false }
  }
  const present = await compare(context, source, shown, reference)
  const evidence = [
    ...pastEvidence,
    ...(present.state === 'split_view' ? [present.evidence] : []),
    ...findTwins(context, source, shown, observations),
  ]
  const { size } = shown.checkpoint
  const common = { source, size, note: shown.note }
  if (evidence.length > 0) return { report: { ...common, state: 'split_view' }, evidence, isLinked: false }
  if (earlier !== undefined && size < earlier.checkpoint.size) {
    const report = { ...common, state: 'rollback', earlierSize: earlier.checkpoint.size } as const
    return { report, evidence, isLinked: false }
  }
  const isBehind = reference !== undefined && size < reference.verified.checkpoint.size
  const state = present.state === 'fits' ? (isBehind ? 'behind' : 'consistent') : present.state
  const isSame = earlier !== undefined && isSameTree(earlier, shown)
  return { report: { ...common, state }, evidence, isLinked: isPastLinked && !isSame }
}

async function compare(
  context: Context,
  source: LogSource,
  seen: VerifiedCheckpoint,
  reference: Reference | undefined,
): Promise<Comparison> {
  if (reference === undefined) return { state: 'unproven' }
  const { size, root } = seen.checkpoint
  const { size: largest, root: largestRoot } = reference.verified.checkpoint
  if (size > largest) return { state: 'ahead' }
  const smaller = { source: source.url, note: seen.note }
  const larger = { source: reference.source.url, note: reference.verified.note }
  const common = { origin: context.origin, foundAt: context.now(), smaller, larger }
  if (size === largest) {
    const isSame = equalBytes(root, largestRoot)
    return isSame ? { state: 'fits' } : { state: 'split_view', evidence: { ...common, proof: [] } }
  }
  const { readTile } = reference
  const proof = readTile && (await guard(() => proveConsistency(size, largest, readTile, context.hasher)))
  if (readTile === undefined || !Array.isArray(proof)) return { state: 'unproven' }
  const claim = { firstSize: size, secondSize: largest, secondRoot: largestRoot, proof }
  if (verifyConsistency(context.crypto.hash, { ...claim, firstRoot: root })) return { state: 'fits' }
  // Tiles that lead to the reference from another root prove it; others prove nothing.
  const prefixRoot = await guard(() => rootAt(size, readTile, context.hasher))
  if (typeof prefixRoot === 'string') return { state: 'unproven' }
  const isProven = verifyConsistency(context.crypto.hash, { ...claim, firstRoot: prefixRoot })
  return isProven ? { state: 'split_view', evidence: { ...common, proof, prefixRoot } } : { state: 'unproven' }
}

/** Others that show, or have shown, another tree of the same size: proof without any tile. */
function findTwins(
  { origin, now }: Context,
  source: LogSource,
  seen: VerifiedCheckpoint,
  observations: readonly Observation[],
): SplitView[] {
  return observations.flatMap((other) =>
    [other.shown, other.earlier]
      .filter((verified) => typeof verified === 'object')
      .filter(({ checkpoint }) => checkpoint.size === seen.checkpoint.size)
      .filter((verified) => !isSameTree(verified, seen))
      .map((verified) => ({
        origin,
        foundAt: now(),
        smaller: { source: source.url, note: seen.note },
        larger: { source: other.source.url, note: verified.note },
        proof: [],
      })),
  )
}

/** Keeps what was shown, unless it is linked to nothing: what was there before may be needed as evidence. */
async function remember({ sightings }: Context, { source, shown }: Observation): Promise<void> {
  if (typeof shown === 'object') await sightings.write(source.url, shown.note)
}

/** Each pair of checkpoints once, whichever of the two was looked at first. */
function dropRepeated(evidence: readonly SplitView[]): SplitView[] {
  const seen = new Set<string>()
  return evidence.filter(({ smaller, larger }) => {
    const pair = [smaller.note, larger.note].sort().join('\n')
    const isNew = !seen.has(pair)
    seen.add(pair)
    return isNew
  })
}

/** What tiles do not give: they are missing, or contradict each other. */
async function guard<Result>(work: () => Promise<Result>): Promise<Result | 'tiles_wrong' | 'unreachable'> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof FormatError) return 'tiles_wrong'
    if (error instanceof StoreError) return 'unreachable'
    throw error
  }
}

function isSameTree(a: VerifiedCheckpoint, b: VerifiedCheckpoint): boolean {
  return a.checkpoint.size === b.checkpoint.size && equalBytes(a.checkpoint.root, b.checkpoint.root)
}

const worst = (states: readonly SourceState[]): SourceState =>
  SOURCE_STATES.find((state) => states.includes(state)) ?? 'consistent'
