/**
 * Page: how the map lies in storage, four bits of all keys at a time.
 *
 * A page has a path, the hexadecimal digits that its keys begin with, and up to 16 slots, one for each next digit. A slot
 * holds a key with its value where only one key begins so, else the digest of the page one digit further. Nodes are not
 * stored: they follow from the slots. A page of one change is read, written and digested whole, which is cheap for
 * 16 slots, and a map of a million studies takes six pages to reach a key.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { encodeHex } from '../../../bytes/hex.ts'
import { equalBytes, joinBytes } from '../../../bytes/text.ts'
import { StoreError } from '../../../errors.ts'
import { DIGEST_BYTES, hashMapLeaf, hashMapNode, type MapNode } from './map-hash.ts'

/** Slots of a page, one a hexadecimal digit. */
export const SLOTS = 16
const DIGIT_BITS = 4
const LEAF = 0x00
const PAGE = 0x10

export interface LeafSlot {
  readonly kind: 'leaf'
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface PageSlot {
  readonly kind: 'page'
  /** Digest of what stands below, 32 bytes. */
  readonly hash: Uint8Array
}

export type Slot = LeafSlot | PageSlot

/** 16 slots, at least one of them filled; by digit. */
export type Page = readonly (Slot | undefined)[]

/** Reads nodes of the map by their keys in storage; undefined for what is not there. */
export type ReadNodes = (keys: readonly string[]) => Promise<readonly (Uint8Array | undefined)[]>

/** Name of a page in storage. @param path  hexadecimal digits, none for the first page */
export const pageName = (path: string): string => `p${path}`

/** Writes a page: for each filled slot, ascending, a byte of kind and digit and then key and value, or a digest. */
export function encodePage(page: Page): Uint8Array {
  return joinBytes(
    page.flatMap((slot, digit) => {
      if (slot === undefined) return []
      return slot.kind === 'leaf'
        ? [Uint8Array.of(LEAF | digit), slot.key, slot.value]
        : [Uint8Array.of(PAGE | digit), slot.hash]
    }),
  )
}

/**
 * Reads a page, the inverse of {@link encodePage}. What comes out are views of the bytes.
 * @throws {StoreError} `log_corrupted` for any other bytes, and for a key that does not belong there
 */
export function decodePage(bytes: Uint8Array, path: string): Page {
  const slots = new Array<Slot | undefined>(SLOTS).fill(undefined)
  let offset = 0
  let last = -1
  while (offset < bytes.length) {
    const byte = bytes[offset] as number
    const digit = byte & (SLOTS - 1)
    const size = (byte & ~(SLOTS - 1)) === LEAF ? 2 * DIGEST_BYTES : DIGEST_BYTES
    const body = bytes.subarray(offset + 1, offset + 1 + size)
    if (byte >= PAGE + SLOTS || digit <= last || body.length !== size) throw corrupted(path)
    slots[digit] = slotOf(body)
    if (slots[digit]?.kind === 'leaf' && !isBelow(body, path + digit.toString(SLOTS))) throw corrupted(path)
    last = digit
    offset += 1 + size
  }
  if (last < 0) throw corrupted(path)
  return slots
}

/**
 * Reads a page that is known by its digest.
 * @throws {StoreError} `log_corrupted` if it is missing, malformed or another one
 */
export function readPage(hashes: HashFactory, bytes: Uint8Array | undefined, path: string, expected: Uint8Array): Page {
  const page = decodePage(bytes ?? new Uint8Array(), path)
  if (!equalBytes(hashPage(hashes, page, path), expected)) throw corrupted(path)
  return page
}

/** Digest of what stands in a slot. */
export const hashSlot = (hashes: HashFactory, slot: Slot): Uint8Array =>
  slot.kind === 'leaf' ? hashMapLeaf(hashes, slot.key, slot.value) : slot.hash

/** Digest of all that stands in a page and below it. @throws {RangeError} for a page without a slot */
export function hashPage(hashes: HashFactory, page: Page, path: string): Uint8Array {
  const hash = hashRange(hashes, page, path, { first: 0, width: SLOTS })
  if (hash === undefined) throw new RangeError('a page without a slot')
  return hash
}

/** A half, quarter … of the slots of a page; `first` is a multiple of `width`. */
export interface Range {
  readonly first: number
  readonly width: number
}

/** Digest of what stands in some slots; undefined if nothing does. */
export function hashRange(hashes: HashFactory, page: Page, path: string, range: Range): Uint8Array | undefined {
  if (range.width === 1) {
    const slot = page[range.first]
    return slot && hashSlot(hashes, slot)
  }
  const [lower, upper] = halves(range)
  const left = hashRange(hashes, page, path, lower)
  const right = hashRange(hashes, page, path, upper)
  if (left === undefined || right === undefined) return left ?? right
  return hashMapNode(hashes, nodeOf(path, range, left, right))
}

/** The lower and the upper half of a range of at least two slots. */
export function halves({ first, width }: Range): readonly [Range, Range] {
  const half = width / 2
  return [
    { first, width: half },
    { first: first + half, width: half },
  ]
}

/** The node that joins the two halves of a range of slots. */
export function nodeOf(path: string, range: Range, left: Uint8Array, right: Uint8Array): MapNode {
  return { bit: bitOf(path, range), prefix: prefixBytes(path, range.first), left, right }
}

/** The bit that tells the halves of a range apart. */
export const bitOf = (path: string, { width }: Range): number =>
  DIGIT_BITS * path.length + DIGIT_BITS - Math.log2(width)

/** The digit of a key after a path of this length. */
export function digitAt(key: Uint8Array, depth: number): number {
  const byte = key[depth >> 1] as number
  return (depth & 1) === 0 ? byte >> DIGIT_BITS : byte & (SLOTS - 1)
}

/** A path and one digit more, then zeros: 32 bytes. */
function prefixBytes(path: string, digit: number): Uint8Array {
  const bytes = new Uint8Array(DIGEST_BYTES)
  for (let i = 0; i <= path.length; i++) {
    const value = i === path.length ? digit : Number.parseInt(path[i] as string, SLOTS)
    bytes[i >> 1] = (bytes[i >> 1] as number) | ((i & 1) === 0 ? value << DIGIT_BITS : value)
  }
  return bytes
}

const slotOf = (body: Uint8Array): Slot =>
  body.length === DIGEST_BYTES
    ? { kind: 'page', hash: body }
    : { kind: 'leaf', key: body.subarray(0, DIGEST_BYTES), value: body.subarray(DIGEST_BYTES) }

const isBelow = (key: Uint8Array, path: string): boolean =>
  encodeHex(key.subarray(0, (path.length + 1) >> 1)).startsWith(path)

/** Known to the storage only by its path, which is of digests and names nobody. */
const corrupted = (path: string): StoreError =>
  new StoreError('log_corrupted', `page ${pageName(path)} of the completeness map is damaged`)
