/**
 * Log history: all that a log has ever said, and whether it keeps its word.
 *
 * It is told of each receipt and each checkpoint at the moment they are given out, over any number of crashes and
 * restarts, and holds them against each other and against the log as it is in the end.
 */
import assert from 'node:assert/strict'
import { keysOfSigner, type LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { verifyConsistency } from '@fiducial/core/formats/merkle/consistency.ts'
import { hashLeaf, verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { decodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { NO_QUORUM, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { entriesPath, tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { checkLog, type LogReport } from '../services/log/check-log.ts'
import type { CustodyLog } from '../services/log/custody-log.ts'
import type { ImmutableStore, LogPorts, NewEntry } from '../services/log/ports.ts'
import type { Receipt } from '../services/log/receipt.ts'

const { hash } = nativeCrypto
const hasher = createHasher(hash)

/** A place that was acknowledged. */
interface Place {
  readonly index: bigint
  readonly leafHash: string
}

export class LogHistory {
  readonly #keys: readonly VerifierKey[]
  /** By identity, in hexadecimal. */
  readonly #places = new Map<string, Place>()
  readonly #identities = new Map<bigint, string>()
  /** Roots that were signed, by size. */
  readonly #roots = new Map<bigint, Uint8Array>()
  readonly #notes = new Map<string, { readonly size: bigint; readonly root: Uint8Array }>()

  /** @param past  what was said before */
  constructor(signer: LogSigner, past?: LogHistory) {
    this.#keys = keysOfSigner(signer)
    if (past === undefined) return
    for (const [identity, place] of past.#places) this.place(identity, place)
    for (const note of past.#notes.keys()) this.see(note)
  }

  /** Statements that have a place. */
  get acknowledged(): number {
    return this.#places.size
  }

  /** Different sizes under which something was signed. */
  get checkpoints(): number {
    return this.#roots.size
  }

  /** Whether a checkpoint of a size was given out. */
  knows(size: bigint): boolean {
    return this.#roots.has(size)
  }

  /** Whether a statement has a place. */
  has({ identity }: NewEntry): boolean {
    return this.#places.has(hex(identity))
  }

  /** A receipt was given out for an entry. */
  acknowledge(entry: NewEntry, { index, leaf, proof, checkpoint }: Receipt): void {
    const { size, root } = this.see(checkpoint)
    assert.ok(
      verifyInclusion(hash, { entry: leaf, index, size, proof, root }),
      `the proof of entry ${index} of ${size}`,
    )
    assert.deepEqual(Buffer.from(leaf), Buffer.from(entry.leaf), 'it is the entry that was sent')
    this.place(hex(entry.identity), { index, leafHash: hex(hashLeaf(hash, leaf)) })
  }

  /** A place was acknowledged; what proves it has been looked at. */
  place(identity: string, place: Place): void {
    const before = this.#places.get(identity)
    assert.deepEqual(before ?? place, place, 'a statement keeps its place')
    const other = this.#identities.get(place.index) ?? identity
    assert.equal(other, identity, `place ${place.index} is given once`)
    this.#places.set(identity, place)
    this.#identities.set(place.index, identity)
  }

  /** A checkpoint was given out: signed by the log, and the only tree of its size. */
  see(note: string): { readonly size: bigint; readonly root: Uint8Array } {
    const known = this.#notes.get(note)
    if (known !== undefined) return known
    const result = verifyCheckpoint(note, this.#keys, nativeCrypto)
    assert.ok(result.state === 'valid', `a checkpoint that is ${result.state}`)
    const { size, root } = result.checkpoint
    const other = this.#roots.get(size)
    assert.ok(other === undefined || hex(other) === hex(root), `two trees of ${size} entries: a fork`)
    this.#roots.set(size, root)
    this.#notes.set(note, { size, root })
    return { size, root }
  }

  /** Every checkpoint that was ever given out is a beginning of the log as it is. */
  async checkNoFork(log: Pick<CustodyLog, 'state' | 'proveConsistency'>, newest: string): Promise<void> {
    const { size: secondSize, root: secondRoot } = this.see(newest)
    assert.equal(secondSize, log.state.size, 'the newest checkpoint is of the whole log')
    for (const [firstSize, firstRoot] of this.#roots) {
      assert.ok(firstSize <= secondSize, `${firstSize} entries were acknowledged, and ${secondSize} are there`)
      const proof = await log.proveConsistency(firstSize, secondSize)
      const claim = { firstSize, firstRoot, secondSize, secondRoot, proof }
      assert.ok(verifyConsistency(hash, claim), `the log of ${firstSize} entries is a beginning: no fork`)
    }
  }

  /**
   * Everything acknowledged is at its place, found by its identity; the log is clean from end to end; and its entries,
   * hashed anew, come to every root that was ever signed.
   */
  async checkStored(ports: Pick<LogPorts, 'objects' | 'published' | 'records' | 'sequencer'>): Promise<LogReport> {
    const report = await checkStored(ports, this.#keys)
    assert.deepEqual(report.findings, [], 'the check of the log finds nothing')
    await this.#replay(ports.objects, report.size)
    const identities = [...this.#places.keys()].map((identity) => Buffer.from(identity, 'hex'))
    const places = [...this.#places.values()].map(({ index }) => index)
    assert.deepEqual(await ports.sequencer.find(identities), places, 'all are found by their identity')
    return report
  }

  async #replay(objects: Pick<ImmutableStore, 'get'>, size: bigint): Promise<void> {
    const largest = [...this.#identities.keys()].reduce((most, index) => (index > most ? index : most), -1n)
    assert.ok(largest < size, `entry ${largest} was acknowledged, and ${size} are there`)
    const tree = TileTree.empty(hasher)
    let sizes = 0
    for await (const leafHashes of readLeafHashes(objects, size)) {
      let done = 0
      for (let at = 0; at < leafHashes.length; at += 32) {
        const index = tree.size + BigInt((at - done) / 32)
        const leafHash = leafHashes.subarray(at, at + 32)
        const identity = this.#identities.get(index)
        if (identity !== undefined) assert.equal(hex(leafHash), this.#places.get(identity)?.leafHash, `entry ${index}`)
        const root = this.#roots.get(index + 1n)
        if (root === undefined) continue
        tree.append(leafHashes.subarray(done, at + 32))
        done = at + 32
        sizes++
        assert.equal(hex(tree.root()), hex(root), `the checkpoint of ${index + 1n} entries is of this log: no fork`)
      }
      tree.append(leafHashes.subarray(done))
    }
    assert.equal(sizes, this.#roots.size, 'every checkpoint was looked at')
  }
}

/** The check of a log whose statements are stored, against its own keys and no witness. */
export async function checkStored(
  ports: Pick<LogPorts, 'objects' | 'published' | 'records'>,
  keys: readonly VerifierKey[],
): Promise<LogReport> {
  await ports.records.settle()
  const policy: WitnessPolicy = { logs: keys.map((key) => ({ key })), witnesses: [], groups: [], quorum: NO_QUORUM }
  return await checkLog(ports, { crypto: nativeCrypto, hasher, policy })
}

/** Hashes of all entries, in order, from the stored bundles. */
async function* readLeafHashes(objects: Pick<ImmutableStore, 'get'>, size: bigint): AsyncGenerator<Uint8Array> {
  for (let number = 0n; number * 256n < size; number++) {
    const width = tileWidth(0, number, size)
    const bytes = (await objects.get(entriesPath(number, width))) ?? (await objects.get(entriesPath(number, 256)))
    assert.ok(bytes, `the bundle ${number} is there`)
    yield hasher.hashLeaves(decodeBundle(bytes, width))
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
