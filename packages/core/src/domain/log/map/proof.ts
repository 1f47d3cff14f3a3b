/**
 * Map proof: shows under one root which value a key has, or that it has none.
 *
 * A proof is a path: where it ends, and from there up the digest of each neighbour with the bit at which the two part.
 * A key that is missing is shown by what stands where it would have to be: another key, or a node all of whose keys
 * begin otherwise. Since digests take in the bits before them, no root has a path of both kinds for one key, whoever
 * made it. A proof has one spelling, canonical JSON; it stands inside the proofs of studies and instances.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { encodeHex } from '../../../bytes/hex.ts'
import { equalBytes } from '../../../bytes/text.ts'
import type { JsonFields } from '../../../formats/json/fields.ts'
import type { JsonObject } from '../../../formats/json/parse.ts'
import {
  bitAt,
  commonBits,
  DIGEST_BYTES,
  emptyMapRoot,
  hashMapLeaf,
  hashMapNode,
  KEY_BITS,
  type MapNode,
  prefixOf,
} from './map-hash.ts'

/** What stands at the end of a path. */
export type MapEnd =
  /** The key itself. */
  | { readonly kind: 'key' }
  /** Nothing: the map is empty. */
  | { readonly kind: 'empty' }
  /** Another key, alone where ours would have to be; both 32 bytes. */
  | { readonly kind: 'other'; readonly key: Uint8Array; readonly value: Uint8Array }
  /** A node whose keys all differ from ours before its bit. */
  | ({ readonly kind: 'fork' } & MapNode)

/** A neighbour on the way up. */
export interface MapStep {
  /** The bit at which the neighbour's keys part from ours, 0 to 255. */
  readonly bit: number
  /** 32 bytes. */
  readonly hash: Uint8Array
}

export interface MapProof {
  readonly end: MapEnd
  /** From the end up: bits strictly descending. */
  readonly steps: readonly MapStep[]
}

/** The claim that a key has a value under a root, or for undefined that it has none. */
export interface MapClaim {
  readonly root: Uint8Array
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
  readonly proof: MapProof
}

/** Whether a proof shows the claim. False, never an exception, for anything malformed. */
export function verifyMapProof(hashes: HashFactory, { root, key, value, proof }: MapClaim): boolean {
  const { end, steps } = proof
  if (![root, key, value ?? key, ...steps.map(({ hash }) => hash)].every(isDigest)) return false
  if ((end.kind === 'key') !== (value !== undefined)) return false
  // What stands at the end may speak for the key only if it stands below the last place where a path parts.
  const lastBit = steps[0]?.bit ?? -1
  let hash = hashEnd(hashes, key, value, end, lastBit)
  let above = end.kind === 'fork' ? end.bit : KEY_BITS
  for (const step of steps) {
    if (hash === undefined || !isBit(step.bit) || step.bit >= above) return false
    above = step.bit
    const [left, right] = bitAt(key, above) === 0 ? [hash, step.hash] : [step.hash, hash]
    hash = hashMapNode(hashes, { bit: above, prefix: prefixOf(key, above), left, right })
  }
  return hash !== undefined && equalBytes(hash, root)
}

/** Digest of what stands at the end; undefined where that does not answer the claim. */
function hashEnd(
  hashes: HashFactory,
  key: Uint8Array,
  value: Uint8Array | undefined,
  end: MapEnd,
  lastBit: number,
): Uint8Array | undefined {
  switch (end.kind) {
    case 'key':
      return value && hashMapLeaf(hashes, key, value)
    case 'empty':
      return lastBit < 0 ? emptyMapRoot(hashes) : undefined
    case 'other': {
      if (!isDigest(end.key) || !isDigest(end.value)) return undefined
      const common = commonBits(key, end.key)
      return common > lastBit && common < KEY_BITS ? hashMapLeaf(hashes, end.key, end.value) : undefined
    }
    case 'fork': {
      const { bit, prefix, left, right } = end
      if (!isBit(bit) || ![prefix, left, right].every(isDigest)) return undefined
      const common = commonBits(key, prefix)
      const isPrefix = equalBytes(prefixOf(prefix, bit), prefix)
      return isPrefix && common > lastBit && common < bit ? hashMapNode(hashes, end) : undefined
    }
  }
}

const isDigest = (bytes: Uint8Array): boolean => bytes.length === DIGEST_BYTES
const isBit = (bit: number): boolean => Number.isInteger(bit) && bit >= 0 && bit < KEY_BITS

/** The proof as a JSON object. */
export function writeMapProof({ end, steps }: MapProof): JsonObject {
  return { end: writeEnd(end), steps: steps.map(({ bit, hash }) => ({ bit, hash: encodeHex(hash) })) }
}

/** The inverse of {@link writeMapProof}. @throws {FormatError} with the code of the fields */
export function readMapProof(fields: JsonFields): MapProof {
  return {
    end: fields.object('end', readEnd),
    steps: fields.objects('steps', KEY_BITS, (step) => ({ bit: readBit(step), hash: step.hex('hash', DIGEST_BYTES) })),
  }
}

function writeEnd(end: MapEnd): JsonObject {
  switch (end.kind) {
    case 'key':
    case 'empty':
      return { kind: end.kind }
    case 'other':
      return { kind: end.kind, key: encodeHex(end.key), value: encodeHex(end.value) }
    case 'fork': {
      const { kind, bit, prefix, left, right } = end
      return { kind, bit, prefix: encodeHex(prefix), left: encodeHex(left), right: encodeHex(right) }
    }
  }
}

function readEnd(fields: JsonFields): MapEnd {
  const kind = fields.string('kind', /^(?:key|empty|other|fork)$/) as MapEnd['kind']
  const digest = (name: string): Uint8Array => fields.hex(name, DIGEST_BYTES)
  switch (kind) {
    case 'key':
    case 'empty':
      return { kind }
    case 'other':
      return { kind, key: digest('key'), value: digest('value') }
    case 'fork':
      return { kind, bit: readBit(fields), prefix: digest('prefix'), left: digest('left'), right: digest('right') }
  }
}

const readBit = (fields: JsonFields): number => fields.integer('bit', 0, KEY_BITS - 1)
