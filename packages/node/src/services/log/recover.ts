/**
 * Recover: takes a log up where it ended, however it ended, and checks all that it trusts on the way.
 *
 * What is believed: the log's own signature on its head, the tiles that come to the head's root, and batches whose
 * entries come to the roots they were written with. Anything else is told of and nothing is appended.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { keysOfSigner, type LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { type ReadTile, rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import { TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { NodeHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import { decodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { entriesPath, TILE_WIDTH } from '@fiducial/core/formats/tlog/tile.ts'
import { LogClock } from './clock.ts'
import { guardStored, readStoredTile } from './log-view.ts'
import type { ImmutableStore, LogPorts } from './ports.ts'
import { type Mark, Tail } from './tail.ts'

const WIDTH = BigInt(TILE_WIDTH)

export interface RecoverOptions {
  readonly crypto: Crypto
  readonly hasher: NodeHasher
  readonly signer: LogSigner
  readonly now: () => Date
}

export interface Recovered {
  readonly fence: bigint
  readonly tail: Tail
  readonly clock: LogClock
  readonly head: string | undefined
  readonly headSize: bigint
  readonly published: string | undefined
  readonly publishedSize: bigint
  /** What is durable and not integrated; undefined where there is nothing. */
  readonly unintegrated: Mark | undefined
}

/**
 * Claims a log and brings its tree up to the last durable entry.
 * @throws {StoreError} `log_locked`, `log_corrupted`, `log_unwritable`; those of the ports
 */
export async function recover(ports: LogPorts, options: RecoverOptions): Promise<Recovered> {
  const { fence, size } = await ports.sequencer.claim()
  const head = await readHead(ports, options)
  const headSize = head?.checkpoint.size ?? 0n
  if (size < headSize) {
    throw new StoreError('log_corrupted', `the head has ${headSize} entries, and only ${size} are there`)
  }
  const published = await readPublished(ports, options, headSize)
  const tail = await takeUp(ports.objects, head, options.hasher)
  if (published !== undefined) await checkPublished(published, tail, options.hasher)
  await replay(ports, tail, { from: headSize, to: size, hasher: options.hasher })
  return {
    fence,
    tail,
    clock: new LogClock(options.now, newestTime(head)),
    head: head?.note,
    headSize,
    published: published?.note,
    publishedSize: published?.checkpoint.size ?? 0n,
    unintegrated: size > headSize ? tail.mark() : undefined,
  }
}

async function readHead({ head }: LogPorts, options: RecoverOptions): Promise<VerifiedCheckpoint | undefined> {
  const note = await head.read()
  return note === undefined ? undefined : verifyOwn(note, options, 'head')
}

async function readPublished(
  { published }: LogPorts,
  options: RecoverOptions,
  headSize: bigint,
): Promise<VerifiedCheckpoint | undefined> {
  const note = await published.read()
  if (note === undefined) return undefined
  const verified = verifyOwn(note, options, 'published checkpoint')
  if (verified.checkpoint.size <= headSize) return verified
  throw new StoreError(
    'log_corrupted',
    `${verified.checkpoint.size} entries are published, and the head has ${headSize}`,
  )
}

/** What others were shown is a beginning of the tree at the head: not of another history with the same keys. */
async function checkPublished({ checkpoint }: VerifiedCheckpoint, tail: Tail, hasher: NodeHasher): Promise<void> {
  const { size } = checkpoint
  const root = size === tail.size ? tail.root : await guardStored(rootAt(size, tail.readTile, hasher))
  if (equalBytes(root, checkpoint.root)) return
  throw new StoreError('log_corrupted', `the published checkpoint of ${size} entries is of another tree`)
}

/** A checkpoint that this log signed. */
function verifyOwn(note: string, { crypto, signer }: RecoverOptions, what: string): VerifiedCheckpoint {
  const result = verifyCheckpoint(note, keysOfSigner(signer), crypto)
  if (result.state !== 'valid') throw new StoreError('log_corrupted', `the ${what} is ${result.state}`)
  if (result.checkpoint.origin !== signer.origin) throw new StoreError('log_corrupted', `the ${what} is of another log`)
  return result
}

/** The tree at the head, from its stored tiles. */
async function takeUp(
  objects: ImmutableStore,
  head: VerifiedCheckpoint | undefined,
  hasher: NodeHasher,
): Promise<Tail> {
  if (head === undefined) return new Tail(TileTree.empty(hasher), objects, [])
  const { size, root } = head.checkpoint
  const readTile: ReadTile = (tile) => readStoredTile(objects, tile)
  const tree = await guardStored(TileTree.resume({ size, root, hasher, readTile }))
  const last = await guardStored(readLastBundle(objects, size))
  // These entries will be written once more, in a larger bundle.
  const hashes = tree.edge().find(({ level }) => level === 0)?.bytes ?? new Uint8Array(0)
  if (!equalBytes(hasher.hashLeaves(last), hashes)) {
    throw new StoreError('log_corrupted', `${entriesPath(size / WIDTH, last.length)} is not what the tiles say`)
  }
  return new Tail(tree, objects, last)
}

async function readLastBundle(objects: ImmutableStore, size: bigint): Promise<readonly Uint8Array[]> {
  const number = size / WIDTH
  const width = Number(size % WIDTH)
  if (width === 0) return []
  const partial = await objects.get(entriesPath(number, width))
  if (partial !== undefined) return decodeBundle(partial, width)
  // A round that was cut off after its objects were stored may have put the full bundle in its place.
  const full = await objects.get(entriesPath(number, TILE_WIDTH))
  if (full === undefined) throw new StoreError('log_corrupted', `${entriesPath(number, width)} is missing`)
  return decodeBundle(full, TILE_WIDTH).slice(0, width)
}

/** Adds the batches that are durable and not integrated, and compares the root of each. */
async function replay(
  { sequencer }: LogPorts,
  tail: Tail,
  { from, to, hasher }: { readonly from: bigint; readonly to: bigint; readonly hasher: NodeHasher },
): Promise<void> {
  if (from === to) return
  for await (const { first, entries, root } of sequencer.read(from)) {
    if (first !== tail.size) throw new StoreError('log_corrupted', `a batch begins at ${first}, not at ${tail.size}`)
    const leaves = entries.map(({ leaf }) => leaf)
    tail.append(leaves, hasher.hashLeaves(leaves))
    if (!equalBytes(tail.root, root)) throw new StoreError('log_corrupted', `the batch at ${first} has another root`)
  }
  if (tail.size !== to) throw new StoreError('log_corrupted', `${tail.size} entries can be read, and ${to} are durable`)
}

/** Newest time that the checkpoint was signed at, in seconds. */
function newestTime(head: VerifiedCheckpoint | undefined): bigint {
  const times = head?.valid.map(({ timestamp }) => timestamp ?? 0n) ?? []
  return times.reduce((newest, time) => (time > newest ? time : newest), 0n)
}
