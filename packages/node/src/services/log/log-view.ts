/**
 * Log view: a log as somebody reads it who may not append: what its published checkpoint covers, each part proven.
 *
 * Reads need no lock and disturb no writer. Nothing is given out that does not come to the root of a checkpoint whose
 * signatures were checked.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { judgeQuorum, keysOfPolicy, type QuorumResult } from '@fiducial/core/domain/log/quorum.ts'
import { proveConsistency, proveInclusion, rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { verifyConsistency } from '@fiducial/core/formats/merkle/consistency.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import { verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { decodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import type { WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { entriesPath, TILE_WIDTH, type TileCoordinate, tilePath, tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import type { CheckpointCell, ImmutableStore } from './ports.ts'

export interface ViewPorts {
  readonly objects: Pick<ImmutableStore, 'get'>
  readonly published: Pick<CheckpointCell, 'read'>
}

export interface ViewOptions {
  readonly crypto: Crypto
  readonly hasher: NodeHasher
  /** Keys to believe, and how many witnesses it takes. */
  readonly policy: WitnessPolicy
}

/** An entry with the path that proves it under the checkpoint of the view. */
export interface ProvenEntry {
  readonly index: bigint
  readonly leaf: Uint8Array
  readonly proof: readonly Uint8Array[]
}

const WIDTH = BigInt(TILE_WIDTH)
/** Tiles and bundles kept, of some 8 KiB and some 256 KiB. */
const TILES_KEPT = 512
const BUNDLES_KEPT = 16

/** A log under one checkpoint. */
export class LogView {
  readonly checkpoint: VerifiedCheckpoint
  readonly quorum: QuorumResult
  readonly #objects: ViewPorts['objects']
  readonly #options: ViewOptions
  readonly #tiles = new Map<string, Promise<Uint8Array>>()
  readonly #bundles = new Map<bigint, Promise<readonly Uint8Array[]>>()

  constructor(checkpoint: VerifiedCheckpoint, quorum: QuorumResult, ports: ViewPorts, options: ViewOptions) {
    this.checkpoint = checkpoint
    this.quorum = quorum
    this.#objects = ports.objects
    this.#options = options
  }

  get origin(): string {
    return this.checkpoint.checkpoint.origin
  }

  get size(): bigint {
    return this.checkpoint.checkpoint.size
  }

  /** @throws {StoreError} `entry_missing`; `log_corrupted` if the entry does not come to the root */
  async prove(index: bigint): Promise<ProvenEntry> {
    const { size, root } = this.checkpoint.checkpoint
    if (index < 0n || index >= size) throw new StoreError('entry_missing', `the checkpoint has ${size} entries`)
    const [leaf, proof] = await Promise.all([
      this.#readEntry(index),
      guardStored(proveInclusion(index, size, this.#readTile, this.#options.hasher)),
    ])
    if (!verifyInclusion(this.#options.crypto.hash, { entry: leaf, index, size, proof, root })) {
      throw new StoreError('log_corrupted', `entry ${index} does not come to the root`)
    }
    return { index, leaf, proof }
  }

  /**
   * Proof that this tree begins with that of a smaller size.
   * @throws {StoreError} `entry_missing` for a larger size; `log_corrupted`
   */
  async proveConsistency(first: bigint): Promise<readonly Uint8Array[]> {
    if (first > this.size) throw new StoreError('entry_missing', `the checkpoint has ${this.size} entries`)
    return guardStored(proveConsistency(first, this.size, this.#readTile, this.#options.hasher))
  }

  /**
   * Whether the tree of a size has a root. False also for sizes that the log never had.
   * @throws {StoreError} `log_corrupted` if tiles do not come to the root of the checkpoint
   */
  async hadRoot(size: bigint, root: Uint8Array): Promise<boolean> {
    if (size > this.size) return false
    const proof = await this.proveConsistency(size)
    if (this.#beginsWith(size, root, proof)) return true
    // Either it had another root, or what was read is not the tree that was signed.
    const own = await guardStored(rootAt(size, this.#readTile, this.#options.hasher))
    if (this.#beginsWith(size, own, proof)) return false
    throw new StoreError('log_corrupted', 'the tiles do not come to the root')
  }

  #beginsWith(firstSize: bigint, firstRoot: Uint8Array, proof: readonly Uint8Array[]): boolean {
    const { size: secondSize, root: secondRoot } = this.checkpoint.checkpoint
    return verifyConsistency(this.#options.crypto.hash, { firstSize, firstRoot, secondSize, secondRoot, proof })
  }

  async #readEntry(index: bigint): Promise<Uint8Array> {
    const number = index / WIDTH
    const bundle = await remember(this.#bundles, number, BUNDLES_KEPT, () => this.#readBundle(number))
    return bundle[Number(index % WIDTH)] as Uint8Array
  }

  async #readBundle(number: bigint): Promise<readonly Uint8Array[]> {
    const width = tileWidth(0, number, this.size)
    for (const whole of width === TILE_WIDTH ? [TILE_WIDTH] : [width, TILE_WIDTH]) {
      const bytes = await this.#objects.get(entriesPath(number, whole))
      if (bytes !== undefined) return guardStored(Promise.resolve().then(() => decodeBundle(bytes, whole)))
    }
    throw new StoreError('log_corrupted', `${entriesPath(number, width)} is missing`)
  }

  readonly #readTile = ({ level, index }: TileCoordinate): Promise<Uint8Array> => {
    // As wide as it is by now: of a smaller tree, narrower ones need not be there any more.
    const tile = { level, index, width: tileWidth(level, index, this.size) }
    return remember(this.#tiles, tilePath(tile), TILES_KEPT, () => readStoredTile(this.#objects, tile))
  }
}

/**
 * The log under its newest published checkpoint; undefined where it has none yet.
 * @throws {StoreError} `log_corrupted` for a checkpoint that no log of the policy signed
 */
export async function openLogView(ports: ViewPorts, options: ViewOptions): Promise<LogView | undefined> {
  const note = await ports.published.read()
  if (note === undefined) return undefined
  const result = verifyCheckpoint(note, keysOfPolicy(options.policy), options.crypto)
  if (result.state !== 'valid') throw new StoreError('log_corrupted', `the checkpoint is ${result.state}`)
  const quorum = judgeQuorum(options.policy, result)
  if (quorum.logs.length === 0) throw new StoreError('log_corrupted', 'no log of the policy signed the checkpoint')
  return new LogView(result, quorum, ports, options)
}

/** Stored tiles and bundles that contradict each other are a fault of the store. @throws {StoreError} `log_corrupted` */
export async function guardStored<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof FormatError) throw new StoreError('log_corrupted', cause.message, { cause })
    throw cause
  }
}

/** A tile; where its partial one is gone, the full one. @throws {StoreError} `log_corrupted` */
export async function readStoredTile(objects: Pick<ImmutableStore, 'get'>, tile: TileCoordinate): Promise<Uint8Array> {
  const bytes = (await objects.get(tilePath(tile))) ?? (await objects.get(tilePath({ ...tile, width: TILE_WIDTH })))
  if (bytes === undefined) throw new StoreError('log_corrupted', `${tilePath(tile)} is missing`)
  return bytes
}

/** Keeps the newest results; a failure is not kept. */
function remember<Key, Value>(
  kept: Map<Key, Promise<Value>>,
  key: Key,
  limit: number,
  make: () => Promise<Value>,
): Promise<Value> {
  const known = kept.get(key)
  if (known !== undefined) return known
  const value = make()
  kept.set(key, value)
  value.catch(() => kept.delete(key))
  const [oldest] = kept.keys()
  if (kept.size > limit && oldest !== undefined) kept.delete(oldest)
  return value
}
