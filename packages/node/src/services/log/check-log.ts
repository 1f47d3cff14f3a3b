/**
 * Check log: whether a whole log is what its checkpoint says: every tile, entry, hash and signature.
 *
 * It trusts nothing but the keys that it is handed. Everything is read once, in order, and memory stays flat: entries are
 * hashed into a tree of their own, whose tiles and root are held against those that are stored. What contradicts is a
 * finding, not an error: the check goes on, and tells all.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { readEntry } from '@fiducial/core/domain/log/entry.ts'
import { judgeQuorum, keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { type EdgeTile, TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import { decodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { entriesPath, TILE_WIDTH, tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import type { CheckpointCell, ImmutableStore, RecordStore } from './ports.ts'

/** What can be wrong with a log. */
export type LogFlaw =
  | 'checkpoint_missing'
  | 'checkpoint_malformed'
  | 'checkpoint_unsigned'
  | 'checkpoint_signature_wrong'
  | 'quorum_missing'
  | 'bundle_missing'
  | 'bundle_malformed'
  | 'entry_malformed'
  | 'tile_missing'
  | 'tile_wrong'
  | 'root_wrong'
  | 'statement_wrong'
  | 'statement_missing'

export interface LogFinding {
  readonly flaw: LogFlaw
  /** Path of an object, or `entry N`. */
  readonly where: string
}

export interface LogReport {
  /** Entries that the checkpoint speaks of. */
  readonly size: bigint
  readonly origin: string | undefined
  /** Entries, tiles and statements that were looked at. */
  readonly entries: bigint
  readonly tiles: number
  readonly statements: number
  /** Entries whose statement was erased. */
  readonly erased: number
  /** The first {@link FINDINGS_LIMIT}. */
  readonly findings: readonly LogFinding[]
  /** All that were found. */
  readonly flaws: number
}

export interface CheckOptions {
  readonly crypto: Crypto
  readonly hasher: NodeHasher
  /** Keys and quorum to hold the checkpoint against. */
  readonly policy: WitnessPolicy
  /** Called after each bundle with the entries that were looked at. */
  readonly onProgress?: (entries: bigint, size: bigint) => void
  readonly signal?: AbortSignal
}

export interface CheckPorts {
  readonly objects: Pick<ImmutableStore, 'get'>
  readonly published: Pick<CheckpointCell, 'read'>
  /** Absent for a mirror, which has none. */
  readonly records?: Pick<RecordStore, 'payload'>
}

export const FINDINGS_LIMIT = 1000
const WIDTH = BigInt(TILE_WIDTH)
/** Bundles that are read ahead. */
const AHEAD = 8

/**
 * Checks a log against the checkpoint that it publishes.
 *
 * Cost: reads everything; some 20 microseconds an entry of 1 KiB without statements.
 * @throws {StoreError} where something cannot be read; an AbortError when the signal says so
 */
export async function checkLog(ports: CheckPorts, options: CheckOptions): Promise<LogReport> {
  const findings = new Findings()
  const checkpoint = await checkCheckpoint(ports, options, findings)
  if (checkpoint === undefined) return findings.report({ size: 0n, origin: undefined })
  const { size, root, origin } = checkpoint.checkpoint
  const tree = TileTree.empty(options.hasher)
  const counts = { tiles: 0, statements: 0, erased: 0 }
  for await (const leaves of readBundles(ports.objects, size, findings)) {
    options.signal?.throwIfAborted()
    const first = tree.size
    const { tiles } = tree.append(options.hasher.hashLeaves(leaves))
    for (const { level, index, bytes } of tiles) {
      counts.tiles++
      await checkTile(ports.objects, { level, index, width: TILE_WIDTH, bytes }, findings)
    }
    await checkEntries(ports, options, { first, leaves, counts }, findings)
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
  return findings.report({ size, origin, entries: tree.size, ...counts })
}

class Findings {
  readonly #findings: LogFinding[] = []
  #flaws = 0

  add(flaw: LogFlaw, where: string): void {
    this.#flaws++
    if (this.#findings.length < FINDINGS_LIMIT) this.#findings.push({ flaw, where })
  }

  report(counts: Partial<LogReport> & Pick<LogReport, 'size' | 'origin'>): LogReport {
    return { entries: 0n, tiles: 0, statements: 0, erased: 0, ...counts, findings: this.#findings, flaws: this.#flaws }
  }
}

async function checkCheckpoint(
  { published }: CheckPorts,
  { policy, crypto }: CheckOptions,
  findings: Findings,
): Promise<VerifiedCheckpoint | undefined> {
  const note = await published.read()
  if (note === undefined) {
    findings.add('checkpoint_missing', 'checkpoint')
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

/** Entries in order, a bundle at a time; ends before the first that cannot be read, since nothing fits after it. */
async function* readBundles(
  objects: CheckPorts['objects'],
  size: bigint,
  findings: Findings,
): AsyncGenerator<readonly Uint8Array[]> {
  const count = (size + WIDTH - 1n) / WIDTH
  const ahead: Promise<Uint8Array | undefined>[] = []
  let asked = 0n
  for (let number = 0n; number < count; number++) {
    for (; asked < count && ahead.length < AHEAD; asked++) ahead.push(readBundle(objects, asked, size))
    const path = entriesPath(number, widthOf(number, size))
    const bytes = await (ahead.shift() as Promise<Uint8Array | undefined>)
    const leaves = bytes === undefined ? undefined : decode(bytes, widthOf(number, size))
    if (leaves === undefined) {
      await Promise.allSettled(ahead)
      findings.add(bytes === undefined ? 'bundle_missing' : 'bundle_malformed', path)
      return
    }
    yield leaves
  }
}

const widthOf = (number: bigint, size: bigint): number => {
  const rest = size - number * WIDTH
  return rest < WIDTH ? Number(rest) : TILE_WIDTH
}

/** The bundle of a width; where only the full one is left, that one. */
async function readBundle(
  objects: CheckPorts['objects'],
  number: bigint,
  size: bigint,
): Promise<Uint8Array | undefined> {
  const bytes = await objects.get(entriesPath(number, widthOf(number, size)))
  return bytes ?? objects.get(entriesPath(number, TILE_WIDTH))
}

function decode(bytes: Uint8Array, width: number): readonly Uint8Array[] | undefined {
  for (const whole of new Set([width, TILE_WIDTH])) {
    try {
      return decodeBundle(bytes, whole).slice(0, width)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
  }
  return undefined
}

async function checkTile(objects: CheckPorts['objects'], tile: EdgeTile, findings: Findings): Promise<void> {
  const path = tilePath(tile)
  const stored = (await objects.get(path)) ?? (await objects.get(tilePath({ ...tile, width: TILE_WIDTH })))
  if (stored === undefined) findings.add('tile_missing', path)
  else if (!equalBytes(stored.subarray(0, tile.bytes.length), tile.bytes)) findings.add('tile_wrong', path)
}

interface CheckedBundle {
  readonly first: bigint
  readonly leaves: readonly Uint8Array[]
  readonly counts: { statements: number; erased: number }
}

/** Every entry can be read, and the statement beside it is the one that it stands for. */
async function checkEntries(
  { records }: CheckPorts,
  { crypto }: CheckOptions,
  { first, leaves, counts }: CheckedBundle,
  findings: Findings,
): Promise<void> {
  for (const [i, leaf] of leaves.entries()) {
    const index = first + BigInt(i)
    const payloadSha256 = readDigest(leaf)
    if (payloadSha256 === undefined) {
      findings.add('entry_malformed', `entry ${index}`)
      continue
    }
    const payload = await records?.payload(index)
    if (records === undefined) continue
    if (payload === undefined) findings.add('statement_missing', `entry ${index}`)
    else if (payload === 'erased') counts.erased++
    else if (equalBytes(digestOf(crypto.hash, 'sha256', payload), payloadSha256)) counts.statements++
    else findings.add('statement_wrong', `entry ${index}`)
  }
}

function readDigest(leaf: Uint8Array): Uint8Array | undefined {
  try {
    return readEntry(leaf).payloadSha256
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
