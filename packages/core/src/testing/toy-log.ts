/**
 * Toy log: a log in memory, over the plain tree, that can also be told to lie.
 *
 * Its proofs and tiles are made without the code under test; its signatures are real, by portable code.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import { portableCrypto } from '../bytes/portable-crypto.ts'
import { encodeUtf8, joinBytes } from '../bytes/text.ts'
import { keysOfSigner, type LogSigner, type NoteSigner, signCheckpoint } from '../domain/log/sign-checkpoint.ts'
import type { ReadTile } from '../domain/log/tile-proofs.ts'
import { hashLeaf } from '../formats/merkle/tree.ts'
import { makeVerifierKey, type VerifierKey, type VerifierKeyType } from '../formats/note/verifier-key.ts'
import { TILE_HEIGHT, TILE_WIDTH } from '../formats/tlog/tile.ts'
import { PlainTree } from './plain-tree.ts'
import { sha256 } from './toy-pki.ts'

const START = 1_800_000_000n

/** A key that is made of its name and type. */
export function toySigner(name: string, type: VerifierKeyType): NoteSigner {
  const seed = sha256(encodeUtf8(`${name} ${type}`))
  if (type === 'cosignature-ml-dsa-44') {
    const { publicKey, secretKey } = ml_dsa44.keygen(seed)
    const key = makeVerifierKey(name, type, publicKey, portableCrypto.hash)
    return { key, sign: async (message) => ml_dsa44.sign(message, secretKey) }
  }
  const key = makeVerifierKey(name, type, ed25519.getPublicKey(seed), portableCrypto.hash)
  return { key, sign: async (message) => ed25519.sign(message, seed) }
}

export class ToyLog {
  readonly origin: string
  readonly signer: LogSigner
  readonly keys: readonly VerifierKey[]
  #tree: PlainTree

  constructor(size: number, options: { origin?: string; isHybrid?: boolean; leaves?: readonly Uint8Array[] } = {}) {
    const { origin = 'hospital.example/log', isHybrid = false, leaves = [] } = options
    this.origin = origin
    const mlDsa44 = isHybrid ? { mlDsa44: toySigner(origin, 'cosignature-ml-dsa-44') } : {}
    this.signer = { origin, ed25519: toySigner(origin, 'ed25519'), ...mlDsa44 }
    this.keys = keysOfSigner(this.signer)
    this.#tree = new PlainTree(portableCrypto.hash, leaves)
    this.append(size - leaves.length)
  }

  get size(): bigint {
    return BigInt(this.#tree.leafHashes.length)
  }

  append(count: number, mark = ''): this {
    const { leafHashes } = this.#tree
    const added = Array.from({ length: count }, (_, i) =>
      hashLeaf(portableCrypto.hash, encodeUtf8(`entry ${leafHashes.length + i}${mark}`)),
    )
    this.#tree = new PlainTree(portableCrypto.hash, [...leafHashes, ...added])
    return this
  }

  /** A log of the same name and keys that has another history from an entry on, and the same size. */
  fork(from: number): ToyLog {
    const leaves = this.#tree.leafHashes.slice(0, from)
    const isHybrid = this.signer.mlDsa44 !== undefined
    return new ToyLog(from, { origin: this.origin, isHybrid, leaves }).append(Number(this.size) - from, ' forked')
  }

  root(size = Number(this.size)): Uint8Array {
    return this.#tree.root(size)
  }

  /** The signed note for a size. */
  checkpoint(size = Number(this.size), now = START + BigInt(size)): Promise<string> {
    const checkpoint = { origin: this.origin, size: BigInt(size), root: this.root(size), extensions: [] }
    return signCheckpoint(checkpoint, this.signer, now)
  }

  /** Consistency proof, RFC 6962 section 2.1.2. */
  prove(first: number, second = Number(this.size)): readonly Uint8Array[] {
    return first === 0 ? [] : this.#tree.proof(first, second)
  }

  readonly readTile: ReadTile = async ({ level, index, width }) => {
    const first = Number(index) * TILE_WIDTH
    return joinBytes(Array.from({ length: width }, (_, i) => this.#tree.node(TILE_HEIGHT * level, first + i)))
  }
}
