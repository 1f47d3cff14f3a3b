/**
 * Check own state: whether what only the keeper of a log has fits what everybody can see: the newest checkpoint of all,
 * the index, the write-ahead segments and the completeness map.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import type { MapRootDetails } from '@fiducial/core/domain/log/event-details.ts'
import type { MapReport } from '@fiducial/core/domain/log/map/check.ts'
import { keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import type { Checkpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import type { Findings } from './check-findings.ts'
import type { CheckpointCell, ImmutableStore } from './ports.ts'
import { tilesOf } from './tiles-of.ts'

/** A batch in the write-ahead segments. */
export interface SegmentBatch {
  /** Index after its last entry. */
  readonly next: bigint
  /** RFC 6962 root over all entries up to there, 32 bytes. */
  readonly root: Uint8Array
}

/** What only the keeper of a log has; each may be missing where it cannot be looked at. */
export interface OwnPorts {
  /** The newest checkpoint whose tiles are stored. */
  readonly head?: Pick<CheckpointCell, 'read'>
  /** Entries that are found by their identity and terms. */
  readonly indexedSize?: () => Promise<bigint>
  /** Batches that are not released; where segments are damaged, throws `log_corrupted` there. */
  readonly segments?: () => AsyncIterable<SegmentBatch>
  readonly map?: {
    check(): Promise<MapReport>
    root(): Promise<MapRootDetails>
  }
}

export interface OwnStateOptions {
  readonly crypto: Crypto
  readonly hasher: NodeHasher
  readonly policy: WitnessPolicy
  readonly published: Checkpoint
  /** By the newest entry about it; undefined where there is none; `unknown` where not all entries were read. */
  readonly lastMapRoot: MapRootDetails | undefined | 'unknown'
  /** Whether roots can be had from the tiles. */
  readonly areTilesSound: boolean
}

interface OwnStatePorts {
  readonly objects: Pick<ImmutableStore, 'get'>
  readonly own: OwnPorts
}

/** Checks all of it that there is. @throws {StoreError} where something cannot be read at all */
export async function checkOwnState(ports: OwnStatePorts, options: OwnStateOptions, findings: Findings): Promise<void> {
  const head = await checkHead(ports, options, findings)
  const indexed = await ports.own.indexedSize?.()
  if (indexed !== undefined && indexed < options.published.size)
    findings.add('index_behind', `index of ${indexed} entries`)
  await checkSegments(ports, options, head ?? options.published.size, findings)
  await checkMap(ports.own, options, findings)
}

/** The newest checkpoint of all is signed, not older than the published one, and its tiles come to its root. */
async function checkHead(
  ports: OwnStatePorts,
  { policy, crypto, hasher, published, areTilesSound }: OwnStateOptions,
  findings: Findings,
): Promise<bigint | undefined> {
  if (ports.own.head === undefined) return undefined
  const note = await ports.own.head.read()
  const verified = note === undefined ? undefined : verifyCheckpoint(note, keysOfPolicy(policy), crypto)
  const head = verified?.state === 'valid' ? verified.checkpoint : undefined
  const isSound =
    head !== undefined &&
    head.origin === published.origin &&
    head.size >= published.size &&
    (!areTilesSound || isSame(await readRoot(ports, { size: head.size, of: head.size }, hasher), head.root))
  if (!isSound) findings.add('head_wrong', 'head')
  return isSound ? head.size : undefined
}

/** Batches that are in tiles already come to the roots that the tiles have. */
async function checkSegments(
  ports: OwnStatePorts,
  { hasher, areTilesSound }: OwnStateOptions,
  tiled: bigint,
  findings: Findings,
): Promise<void> {
  try {
    for await (const { next, root } of ports.own.segments?.() ?? []) {
      if (areTilesSound && next <= tiled && !isSame(await readRoot(ports, { size: next, of: tiled }, hasher), root))
        findings.add('segment_damaged', `batch before entry ${next}`)
    }
  } catch (error) {
    if (!isDamage(error)) throw error
    findings.add('segment_damaged', error.message)
  }
}

/** The map is whole, and what the log last said of it. */
async function checkMap(
  { map }: OwnPorts,
  { lastMapRoot, published }: OwnStateOptions,
  findings: Findings,
): Promise<void> {
  if (map === undefined) return
  try {
    const { findings: problems } = await map.check()
    for (const { problem, name } of problems)
      findings.add('map_damaged', name === null ? problem : `${problem} ${name}`)
    const root = await map.root()
    if (lastMapRoot === 'unknown') return
    if (root.size > published.size && lastMapRoot === undefined) return
    if (lastMapRoot === undefined) {
      if (root.studies > 0n) findings.add('map_behind', 'no entry says what the map holds')
    } else if (root.size < lastMapRoot.size)
      findings.add('map_damaged', `it knows ${root.size} entries, and was said to know ${lastMapRoot.size}`)
    else if (root.size === lastMapRoot.size && !equalBytes(root.root, lastMapRoot.root))
      findings.add('map_damaged', 'its root is not the one that the log has')
  } catch (error) {
    if (!isDamage(error)) throw error
    findings.add('map_damaged', error.message)
  }
}

/** Root of the tree of a size, from the tiles of a tree that begins with it; undefined where those are damaged. */
async function readRoot(
  { objects }: OwnStatePorts,
  { size, of }: { readonly size: bigint; readonly of: bigint },
  hasher: NodeHasher,
): Promise<Uint8Array | undefined> {
  try {
    return await rootAt(size, tilesOf(objects, of), hasher)
  } catch (error) {
    if (error instanceof FormatError || isDamage(error)) return undefined
    throw error
  }
}

const isSame = (one: Uint8Array | undefined, other: Uint8Array): boolean => one !== undefined && equalBytes(one, other)

const isDamage = (error: unknown): error is StoreError => error instanceof StoreError && error.code === 'log_corrupted'
