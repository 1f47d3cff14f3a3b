/**
 * Toy log: a custody log in memory, by plain recursion over RFC 6962, that can also be told to lie.
 *
 * Its proofs and tiles are slow and made without the code under test; its signatures are real, by portable code.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import { portableCrypto } from '../bytes/portable-crypto.ts'
import { concatBytes, encodeUtf8, joinBytes } from '../bytes/text.ts'
import { keysOfSigner, type LogSigner, type NoteSigner, signCheckpoint } from '../domain/log/sign-checkpoint.ts'
import type { ReadTile } from '../domain/log/tile-proofs.ts'
import { makeVerifierKey, type VerifierKey, type VerifierKeyType } from '../formats/note/verifier-key.ts'
import { sha256 } from './toy-pki.ts'

const NODE = Uint8Array.of(1)
const LEAF = Uint8Array.of(0)
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
  readonly #leaves: Uint8Array[]

  constructor(size: number, options: { origin?: string; isHybrid?: boolean; leaves?: readonly Uint8Array[] } = {}) {
    const { origin = 'hospital.example/log', isHybrid = false, leaves = [] } = options
    this.origin = origin
    const mlDsa44 = isHybrid ? { mlDsa44: toySigner(origin, 'cosignature-ml-dsa-44') } : {}
    this.signer = { origin, ed25519: toySigner(origin, 'ed25519'), ...mlDsa44 }
    this.keys = keysOfSigner(this.signer)
    this.#leaves = [...leaves]
    this.append(size - leaves.length)
  }

  get size(): bigint {
    return BigInt(this.#leaves.length)
  }

  append(count: number, mark = ''): this {
    for (let i = 0; i < count; i++) {
      this.#leaves.push(sha256(LEAF, encodeUtf8(`entry ${this.#leaves.length}${mark}`)))
    }
    return this
  }

  /** A log of the same name and keys that has another history from an entry on, and the same size. */
  fork(from: number): ToyLog {
    const leaves = this.#leaves.slice(0, from)
    const isHybrid = this.signer.mlDsa44 !== undefined
    return new ToyLog(from, { origin: this.origin, isHybrid, leaves }).append(this.#leaves.length - from, ' forked')
  }

  root(size = Number(this.size)): Uint8Array {
    return rootOf(this.#leaves.slice(0, size))
  }

  /** The signed note for a size. */
  checkpoint(size = Number(this.size), now = START + BigInt(size)): Promise<string> {
    const checkpoint = { origin: this.origin, size: BigInt(size), root: this.root(size), extensions: [] }
    return signCheckpoint(checkpoint, this.signer, now)
  }

  /** Consistency proof, RFC 6962 section 2.1.2. */
  prove(first: number, second = Number(this.size)): readonly Uint8Array[] {
    return first === 0 || first === second ? [] : subproof(first, this.#leaves.slice(0, second), true)
  }

  readonly readTile: ReadTile = async ({ level, index, width }) => {
    const span = 256 ** level
    const first = Number(index) * 256
    const hashes = Array.from({ length: width }, (_, i) =>
      this.#leaves.slice((first + i) * span, (first + i + 1) * span),
    )
    return joinBytes(hashes.map(rootOf))
  }
}

function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length < 2) return leaves[0] ?? sha256()
  const half = halfOf(leaves.length)
  return sha256(concatBytes(NODE, rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half))))
}

function subproof(first: number, leaves: readonly Uint8Array[], isWhole: boolean): readonly Uint8Array[] {
  if (first === leaves.length) return isWhole ? [] : [rootOf(leaves)]
  const half = halfOf(leaves.length)
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)]
  if (first <= half) return [...subproof(first, left, isWhole), rootOf(right)]
  return [...subproof(first - half, right, false), rootOf(left)]
}

/** The largest power of two below a number. */
const halfOf = (count: number): number => 2 ** (Math.ceil(Math.log2(count)) - 1)
