/** A map as its definition says it, built anew from all its keys: for tests to compare with; and a store in memory. */
import { digestOf } from '../../../../bytes/hash.ts'
import { decodeHex, encodeHex } from '../../../../bytes/hex.ts'
import { portableCrypto } from '../../../../bytes/portable-crypto.ts'
import { concatBytes, encodeUtf8 } from '../../../../bytes/text.ts'
import { applyChanges } from '../apply.ts'
import type { ReadNodes } from '../page.ts'

export const hashes = portableCrypto.hash

export const sha256 = (...pieces: readonly Uint8Array[]): Uint8Array => digestOf(hashes, 'sha256', ...pieces)

export interface Pair {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Root by the definition: halves by the first bit in which any two keys differ. */
export function plainRoot(pairs: readonly Pair[]): Uint8Array {
  const sorted = pairs.map((pair) => ({ ...pair, bits: bitsOf(pair.key) }))
  return sorted.length === 0 ? sha256(encodeUtf8('fiducial map empty v1\n')) : rootOf(sorted, 0)
}

function rootOf(pairs: readonly (Pair & { readonly bits: string })[], from: number): Uint8Array {
  const [first] = pairs as [Pair & { readonly bits: string }]
  if (pairs.length === 1) return sha256(encodeUtf8('fiducial map leaf v1\n'), first.key, first.value)
  const left = pairs.filter(({ bits }) => bits[from] === '0')
  const right = pairs.filter(({ bits }) => bits[from] === '1')
  if (left.length === 0 || right.length === 0) return rootOf(pairs, from + 1)
  const prefix = keyOfBits(first.bits.slice(0, from).padEnd(256, '0'))
  const children = concatBytes(rootOf(left, from + 1), rootOf(right, from + 1))
  return sha256(encodeUtf8('fiducial map node v1\n'), Uint8Array.of(from), prefix, children)
}

const bitsOf = (key: Uint8Array): string => [...key].map((byte) => byte.toString(2).padStart(8, '0')).join('')

/** A key from 256 characters 0 or 1; what is missing is 0. */
export const keyOfBits = (bits: string): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(bits.padEnd(256, '0').slice(8 * i, 8 * i + 8), 2))

/** Different keys and values that look random. @param mask  bits of each byte of a key that are not 0 in all keys */
export const pairsFor = (seed: number, count: number, mask = 0xff): readonly Pair[] =>
  Array.from({ length: count }, (_, i) => {
    const key = sha256(encodeUtf8(`key ${seed} ${i}`)).map((byte) => byte & mask)
    return { key, value: sha256(encodeUtf8(`value ${seed} ${i}`)) }
  })

/** A stored map in memory. */
export class MemoryMap {
  readonly nodes = new Map<string, Uint8Array>()
  readonly values = new Map<string, Uint8Array>()
  root = plainRoot([])
  reads = 0

  readonly read: ReadNodes = async (keys) => {
    this.reads += 1
    return keys.map((key) => this.nodes.get(key))
  }

  async apply(pairs: readonly Pair[]): Promise<void> {
    const changes = pairs.map(({ key, value }) => ({ key, value, before: this.values.get(encodeHex(key)) }))
    const { root, nodes } = await applyChanges(hashes, this.read, this.root, changes)
    for (const [name, bytes] of nodes) this.nodes.set(name, bytes)
    for (const { key, value } of pairs) this.values.set(encodeHex(key), value)
    this.root = root
  }

  pairs(): readonly Pair[] {
    return [...this.values].map(([key, value]) => ({ key: decodeHex(key), value }))
  }
}
