/**
 * Check log: whether a whole log is what its checkpoint says: every tile, entry, statement and signature, and what the
 * log says of itself.
 *
 * It trusts nothing but the keys that it is handed. Everything is read once, in order, and memory stays flat: entries are
 * hashed into a tree of their own, whose tiles and root are held against those that are stored. What contradicts is a
 * finding, not an error: the check goes on, and tells all.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { judgeQuorum, keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { type EdgeTile, TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { NO_ANCHORS, type TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { TILE_WIDTH, tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { type BundleOptions, type BundlePorts, type CheckedBundle, checkBundle } from './check-bundle.ts'
import { Findings, type LogCounts, type LogFinding, NO_COUNTS } from './check-findings.ts'
import { OwnEventCheck } from './check-own-events.ts'
import { checkOwnState, type OwnPorts } from './check-own-state.ts'
import type { CheckpointCell, ImmutableStore } from './ports.ts'

export interface LogReport extends LogCounts {
  /** Entries that the checkpoint speaks of. */
  readonly size: bigint
  readonly origin: string | undefined
  /** The first {@link import('./check-findings.ts').FINDINGS_LIMIT}. */
  readonly findings: readonly LogFinding[]
  /** All that were found. */
  readonly flaws: number
}

export interface CheckOptions {
  readonly crypto: Crypto
  readonly hasher: NodeHasher
  /** Keys and quorum to hold the checkpoint against. */
  readonly policy: WitnessPolicy
  /** Whose timestamps can be judged; nobody's unless it is said. */
  readonly anchors?: TrustAnchors
  /**
   * Whether each statement's signature is checked, the costliest part, and that each is found by all of its terms.
   * Default: true, where there is a `reader`.
   */
  readonly checksSignatures?: boolean
  /** Checks bundles elsewhere, such as on threads: results in the order of the numbers. Default: here. */
  readonly checkBundles?: (
    numbers: Iterable<bigint>,
    options: Pick<BundleOptions, 'size' | 'checksSignatures'>,
  ) => AsyncIterable<CheckedBundle>
  /** Called after each bundle with the entries that were looked at. */
  readonly onProgress?: (entries: bigint, size: bigint) => void
  readonly signal?: AbortSignal
}

export interface CheckPorts extends BundlePorts {
  readonly objects: Pick<ImmutableStore, 'get'>
  readonly published: Pick<CheckpointCell, 'read'>
  /** What only who keeps the log has. */
  readonly own?: OwnPorts | undefined
}

const WIDTH = BigInt(TILE_WIDTH)
/** Bundles that are checked ahead, where that is done here. */
const AHEAD = 8

/**
 * Checks a log against the checkpoint that it publishes.
 *
 * Cost: reads everything. For an entry of 1 KiB some 20 microseconds without its statement, 60 with it, and 100 more for
 * its signature and what it is found by.
 * @throws {StoreError} where something cannot be read; an AbortError when the signal says so
 */
export async function checkLog(ports: CheckPorts, options: CheckOptions): Promise<LogReport> {
  const findings = new Findings()
  const verified = await checkCheckpoint(ports, options, findings)
  if (verified === undefined) return reportOf(findings, { size: 0n, origin: undefined })
  const { size, root, origin } = verified.checkpoint
  const { crypto, hasher, policy, anchors = NO_ANCHORS } = options
  const ownEvents = new OwnEventCheck(
    { crypto, hasher, policy, anchors, origin, size, objects: ports.objects },
    findings,
  )
  const tree = TileTree.empty(hasher)
  const counts = { tiles: 0, statements: 0, erased: 0, signatures: 0 }
  for await (const bundle of checkBundles(size, ports, options)) {
    options.signal?.throwIfAborted()
    findings.addAll(bundle.findings, bundle.flaws)
    // Nothing fits after a bundle that cannot be read.
    if (bundle.hashes === undefined) break
    const { tiles } = tree.append(bundle.hashes)
    for (const { level, index, bytes } of tiles) {
      counts.tiles++
      await checkTile(ports.objects, { level, index, width: TILE_WIDTH, bytes }, findings)
    }
    counts.statements += bundle.statements
    counts.erased += bundle.erased
    counts.signatures += bundle.signatures
    await ownEvents.add(bundle)
    options.onProgress?.(tree.size, size)
  }
  // Without all of the entries, the right edge and the root say nothing more.
  if (tree.size === size) {
    for (const tile of tree.edge()) {
      counts.tiles++
      await checkTile(ports.objects, tile, findings)
    }
    if (!equalBytes(tree.root(), root)) findings.add('root_wrong', 'checkpoint')
  }
  const areTilesSound = tree.size === size && !findings.has(['tile_missing', 'tile_wrong', 'root_wrong'])
  ownEvents.finish(areTilesSound)
  if (ports.own !== undefined) {
    const lastMapRoot = tree.size === size ? ownEvents.lastMapRoot : 'unknown'
    const state = { ...options, published: verified.checkpoint, lastMapRoot, areTilesSound } as const
    await checkOwnState({ objects: ports.objects, own: ports.own }, state, findings)
  }
  return reportOf(findings, { size, origin, entries: tree.size, ...counts, ...ownEvents.counts })
}

function reportOf(
  { list: findings, count: flaws }: Findings,
  counts: Partial<LogReport> & Pick<LogReport, 'size' | 'origin'>,
): LogReport {
  return { ...NO_COUNTS, ...counts, findings, flaws }
}

/** Whether nothing was ever appended. */
async function isUnused(own: OwnPorts | undefined): Promise<boolean> {
  if (own?.indexedSize === undefined) return false
  return (await own.indexedSize()) === 0n && (await own.head?.read()) === undefined
}

async function checkCheckpoint(
  { published, own }: CheckPorts,
  { policy, crypto }: CheckOptions,
  findings: Findings,
): Promise<VerifiedCheckpoint | undefined> {
  const note = await published.read()
  if (note === undefined) {
    if (!(await isUnused(own))) findings.add('checkpoint_missing', 'checkpoint')
    return undefined
  }
  const result = verifyCheckpoint(note, keysOfPolicy(policy), crypto)
  if (result.state !== 'valid') {
    findings.add(`checkpoint_${result.state}`, 'checkpoint')
    return undefined
  }
  const quorum = judgeQuorum(policy, result)
  if (quorum.logs.length === 0) findings.add('checkpoint_unsigned', 'checkpoint')
  else if (quorum.state !== 'witnessed') findings.add('quorum_missing', 'checkpoint')
  return result
}

/** Bundles in order, some of them ahead of time. */
function checkBundles(size: bigint, ports: CheckPorts, options: CheckOptions): AsyncIterable<CheckedBundle> {
  const { crypto, hasher, checksSignatures = true } = options
  const numbers = count((size + WIDTH - 1n) / WIDTH)
  if (options.checkBundles !== undefined) return options.checkBundles(numbers, { size, checksSignatures })
  return checkAhead(numbers, (number) => checkBundle(number, ports, { crypto, hasher, size, checksSignatures }))
}

function* count(end: bigint): Generator<bigint> {
  for (let number = 0n; number < end; number++) yield number
}

async function* checkAhead<Result>(
  numbers: Iterable<bigint>,
  check: (number: bigint) => Promise<Result>,
): AsyncGenerator<Result> {
  const ahead: Promise<Result>[] = []
  try {
    for (const number of numbers) {
      const result = check(number)
      // One that fails before its turn is answered for in its turn.
      result.catch(() => undefined)
      ahead.push(result)
      if (ahead.length >= AHEAD) yield await (ahead.shift() as Promise<Result>)
    }
    while (ahead.length > 0) yield await (ahead.shift() as Promise<Result>)
  } finally {
    await Promise.allSettled(ahead)
  }
}

async function checkTile(objects: CheckPorts['objects'], tile: EdgeTile, findings: Findings): Promise<void> {
  const path = tilePath(tile)
  const whole = await objects.get(path)
  const stored = whole ?? (await objects.get(tilePath({ ...tile, width: TILE_WIDTH })))?.subarray(0, tile.bytes.length)
  if (stored === undefined) findings.add('tile_missing', path)
  else if (!equalBytes(stored, tile.bytes)) findings.add('tile_wrong', path)
}
