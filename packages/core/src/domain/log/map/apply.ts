/**
 * Apply: works changes into a map that is too large for memory, and says which pages are new.
 *
 * Pages are read level by level, all that a batch touches at once, and each is checked against the digest that the page
 * above has of it: a root is never built on damage. Nothing is written here. The result does not depend on the order
 * or on the cut into batches, only on what the map then holds. Keys are never removed: what is gone is a value too.
 * Cost: for c changes in a map of n keys about c × log16(n) pages, fewer where changes are neighbours.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { encodeHex } from '../../../bytes/hex.ts'
import { equalBytes } from '../../../bytes/text.ts'
import { StoreError } from '../../../errors.ts'
import { DIGEST_BYTES, emptyMapRoot } from './map-hash.ts'
import {
  digitAt,
  encodePage,
  hashPage,
  type LeafSlot,
  pageName,
  type ReadNodes,
  readPage,
  SLOTS,
  type Slot,
} from './page.ts'

export interface MapChange {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** 32 bytes. */
  readonly value: Uint8Array
  /** What the key has so far; undefined for a key that the map does not have. */
  readonly before: Uint8Array | undefined
}

export interface MapUpdate {
  /** Root of the map with the changes, 32 bytes. */
  readonly root: Uint8Array
  /** Pages that are new or other than before, by name. */
  readonly nodes: ReadonlyMap<string, Uint8Array>
}

/** A page on the way, with the changes below it. */
interface Visit {
  readonly path: string
  readonly changes: readonly MapChange[]
  /** Digest by which the page is known; undefined for one that does not exist yet. */
  readonly expected: Uint8Array | undefined
  readonly parent: Visit | undefined
  slots: (Slot | undefined)[]
}

/**
 * @param root     of the map as it is stored, 32 bytes
 * @param changes  in any order, each key once
 * @throws {StoreError} `log_corrupted` if a page is missing, malformed or not what its digest says, and if a key had
 *   another value than the caller was told
 * @throws {RangeError} for a key that comes twice, or a key or value of another length
 */
export async function applyChanges(
  hashes: HashFactory,
  read: ReadNodes,
  root: Uint8Array,
  changes: readonly MapChange[],
): Promise<MapUpdate> {
  checkChanges(changes)
  if (changes.length === 0) return { root, nodes: new Map() }
  const isEmpty = equalBytes(root, emptyMapRoot(hashes))
  const top: Visit = { path: '', changes, expected: isEmpty ? undefined : root, parent: undefined, slots: [] }
  const levels: Visit[][] = []
  for (let level = [top]; level.length > 0; ) {
    await fill(hashes, read, level)
    levels.push(level)
    const below: Visit[] = []
    for (const visit of level) place(visit, below)
    level = below
  }
  return close(hashes, levels)
}

function checkChanges(changes: readonly MapChange[]): void {
  const seen = new Set<string>()
  for (const { key, value } of changes) {
    if (key.length !== DIGEST_BYTES || value.length !== DIGEST_BYTES) throw new RangeError('not 32 bytes')
    const name = encodeHex(key)
    if (seen.has(name)) throw new RangeError('one key twice')
    seen.add(name)
  }
}

/** Reads the pages of a level and checks them. */
async function fill(hashes: HashFactory, read: ReadNodes, level: readonly Visit[]): Promise<void> {
  const stored = level.filter(({ expected }) => expected !== undefined)
  const pages = stored.length === 0 ? [] : await read(stored.map(({ path }) => pageName(path)))
  for (const [i, visit] of stored.entries()) {
    visit.slots = [...readPage(hashes, pages[i], visit.path, visit.expected as Uint8Array)]
  }
  for (const visit of level) if (visit.expected === undefined) visit.slots = new Array(SLOTS).fill(undefined)
}

/** Puts changes into the slots of a page, or into visits of pages below. */
function place(visit: Visit, below: Visit[]): void {
  const { path, slots } = visit
  for (const [digit, changes] of Map.groupBy(visit.changes, ({ key }) => digitAt(key, path.length))) {
    const slot = slots[digit]
    const further = { path: path + digit.toString(SLOTS), parent: visit, slots: [] }
    if (slot?.kind === 'page') below.push({ ...further, changes, expected: slot.hash })
    else {
      const all = joinLeaf(slot, changes, further.path)
      const [{ key, value }] = all as [MapChange]
      if (all.length === 1) slots[digit] = { kind: 'leaf', key, value }
      else below.push({ ...further, changes: all, expected: undefined })
    }
  }
}

/** All keys that now begin with a path that one key had to itself, or none. */
function joinLeaf(leaf: LeafSlot | undefined, changes: readonly MapChange[], path: string): readonly MapChange[] {
  const fresh = changes.map(({ key, value, before }) => {
    const stored = leaf !== undefined && equalBytes(leaf.key, key) ? leaf.value : undefined
    const isSame = stored === undefined || before === undefined ? stored === before : equalBytes(stored, before)
    if (!isSame) throw new StoreError('log_corrupted', `below ${pageName(path)} a key has another value than it should`)
    return { key, value, before: undefined }
  })
  if (leaf === undefined || changes.some(({ key }) => equalBytes(key, leaf.key))) return fresh
  return [{ key: leaf.key, value: leaf.value, before: undefined }, ...fresh]
}

/** Digests the visited pages from the deepest up, each into its slot of the page above. */
function close(hashes: HashFactory, levels: readonly (readonly Visit[])[]): MapUpdate {
  const nodes = new Map<string, Uint8Array>()
  let root: Uint8Array | undefined
  for (const { path, slots, parent } of levels.toReversed().flat()) {
    const hash = hashPage(hashes, slots, path)
    nodes.set(pageName(path), encodePage(slots))
    if (parent === undefined) root = hash
    else parent.slots[Number.parseInt(path.at(-1) as string, SLOTS)] = { kind: 'page', hash }
  }
  return { root: root as Uint8Array, nodes }
}
