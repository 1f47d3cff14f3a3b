/**
 * Prove: finds a key in a stored map, or what stands in its place, with the path that shows it.
 *
 * Reads one page a level, each checked against the digest that the page above has of it.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { equalBytes } from '../../../bytes/text.ts'
import { emptyMapRoot } from './map-hash.ts'
import {
  bitOf,
  digitAt,
  halves,
  hashRange,
  nodeOf,
  type Page,
  pageName,
  type Range,
  type ReadNodes,
  readPage,
  SLOTS,
  type Slot,
} from './page.ts'
import type { MapEnd, MapProof, MapStep } from './proof.ts'

export interface MapAnswer {
  /** 32 bytes; undefined if the map does not have the key. */
  readonly value: Uint8Array | undefined
  readonly proof: MapProof
}

/**
 * @param root  of the map as it is stored, 32 bytes
 * @param key   32 bytes
 * @throws {StoreError} `log_corrupted` if a page on the way is missing, malformed or not what its digest says
 */
export async function proveKey(
  hashes: HashFactory,
  read: ReadNodes,
  root: Uint8Array,
  key: Uint8Array,
): Promise<MapAnswer> {
  if (equalBytes(root, emptyMapRoot(hashes))) return { value: undefined, proof: { end: { kind: 'empty' }, steps: [] } }
  /** From the root down. */
  const steps: MapStep[] = []
  const answer = (value: Uint8Array | undefined, end: MapEnd): MapAnswer => ({
    value,
    proof: { end, steps: steps.toReversed() },
  })
  let path = ''
  for (let expected = root; ; ) {
    const page = await fetchPage(hashes, read, path, expected)
    const { range, met, isParted } = descend(hashes, page, path, digitAt(key, path.length), steps)
    if (isParted) return answer(undefined, await meet(hashes, read, { page, path, range }))
    const slot = met as Slot
    if (slot.kind === 'leaf') {
      return equalBytes(slot.key, key)
        ? answer(slot.value, { kind: 'key' })
        : answer(undefined, { kind: 'other', key: slot.key, value: slot.value })
    }
    path += range.first.toString(SLOTS)
    expected = slot.hash
  }
}

interface Descent {
  readonly range: Range
  /** What stands in the digit's slot. */
  readonly met: Slot | undefined
  /** All of `range` is filled otherwise: the key parts from everything there. */
  readonly isParted: boolean
}

/** Goes down the slots of a page towards a digit and notes the neighbours. */
function descend(hashes: HashFactory, page: Page, path: string, digit: number, steps: MapStep[]): Descent {
  let range: Range = { first: 0, width: SLOTS }
  while (range.width > 1) {
    const [lower, upper] = halves(range)
    const [ours, theirs] = digit < upper.first ? [lower, upper] : [upper, lower]
    const hash = hashRange(hashes, page, path, theirs)
    if (isVacant(page, ours)) return { range: theirs, met: undefined, isParted: true }
    if (hash !== undefined) steps.push({ bit: bitOf(path, range), hash })
    range = ours
  }
  return { range, met: page[range.first], isParted: false }
}

interface Place {
  readonly page: Page
  readonly path: string
  readonly range: Range
}

/** The one leaf, or else the uppermost node, of what fills a range of slots. */
async function meet(hashes: HashFactory, read: ReadNodes, { page, path, range }: Place): Promise<MapEnd> {
  if (range.width > 1) {
    const [lower, upper] = halves(range)
    const [left, right] = [lower, upper].map((half) => hashRange(hashes, page, path, half))
    if (left !== undefined && right !== undefined) return { kind: 'fork', ...nodeOf(path, range, left, right) }
    return meet(hashes, read, { page, path, range: left === undefined ? upper : lower })
  }
  const slot = page[range.first] as Slot
  if (slot.kind === 'leaf') return { kind: 'other', key: slot.key, value: slot.value }
  const below = path + range.first.toString(SLOTS)
  return meet(hashes, read, {
    page: await fetchPage(hashes, read, below, slot.hash),
    path: below,
    range: { first: 0, width: SLOTS },
  })
}

async function fetchPage(hashes: HashFactory, read: ReadNodes, path: string, expected: Uint8Array): Promise<Page> {
  const [bytes] = await read([pageName(path)])
  return readPage(hashes, bytes, path, expected)
}

function isVacant(page: Page, { first, width }: Range): boolean {
  return page.slice(first, first + width).every((slot) => slot === undefined)
}
