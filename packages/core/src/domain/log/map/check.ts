/**
 * Check: reads a whole stored map and recomputes everything that it claims.
 *
 * Every page against the digest above it, every study's records against its value, and what was counted against what
 * is stored: a page or study that nothing leads to makes one key too many. Works from the first key to the last with
 * the pages of one path in memory.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { encodeHex } from '../../../bytes/hex.ts'
import { equalBytes } from '../../../bytes/text.ts'
import { StoreError } from '../../../errors.ts'
import { emptyMapRoot } from './map-hash.ts'
import { type LeafSlot, pageName, type ReadNodes, readPage, SLOTS } from './page.ts'
import { decodeRecords, hashStudy, type MapRecord, summarize } from './record.ts'

/** What is wrong with a map. */
export type MapProblem =
  /** A page is missing, malformed or not what the digest above it says; nothing below it was looked at. */
  | 'page_damaged'
  /** A page below the first holds less than two keys, which no update leaves behind. */
  | 'page_idle'
  /** Records of a study are missing, malformed, not what the map commits to, or of entries not worked in yet. */
  | 'study_damaged'
  /** Studies or instances are not as many as the map says. */
  | 'totals_wrong'
  /** There are keys in storage that nothing leads to. */
  | 'orphans'

export interface MapReport {
  readonly pages: bigint
  readonly studies: bigint
  /** Instances that are present. */
  readonly instances: bigint
  /** The first 100, with the name in storage where there is one. */
  readonly findings: readonly { readonly problem: MapProblem; readonly name: string | null }[]
}

export interface MapCheck {
  readonly read: ReadNodes
  /** Root that the map should have, 32 bytes. */
  readonly root: Uint8Array
  /** Entries of the log that are worked in. */
  readonly size: bigint
  /** Counts that the map should come to. */
  readonly totals: { readonly studies: bigint; readonly instances: bigint }
  /** Keys in storage, all but those of pages and studies left out; undefined where nobody can count. */
  readonly stored: bigint | undefined
  /** Salt of the study with this key. */
  readonly saltOf: (studyKey: Uint8Array) => Uint8Array
}

const FINDINGS_LIMIT = 100

/** Name of the records of a study in storage. @param key  of the study, 32 bytes */
export const studyName = (key: Uint8Array): string => `s${encodeHex(key)}`

/** Recomputes a map. Trouble of the storage itself is thrown on; what it holds is reported. */
export async function checkMap(hashes: HashFactory, check: MapCheck): Promise<MapReport> {
  const walk = new Walk(hashes, check)
  if (!equalBytes(check.root, emptyMapRoot(hashes))) {
    const [bytes] = await check.read([pageName('')])
    await walk.page('', check.root, bytes)
  }
  return walk.finish()
}

class Walk {
  readonly #hashes: HashFactory
  readonly #check: MapCheck
  readonly #findings: { problem: MapProblem; name: string | null }[] = []
  #pages = 0n
  #studies = 0n
  #instances = 0n
  #isWhole = true

  constructor(hashes: HashFactory, check: MapCheck) {
    this.#hashes = hashes
    this.#check = check
  }

  /** A page and all below it; the pages of one level below come in one reading. */
  async page(path: string, expected: Uint8Array, bytes: Uint8Array | undefined): Promise<void> {
    this.#pages += 1n
    const page = unlessCorrupted(() => readPage(this.#hashes, bytes, path, expected))
    if (page === undefined) return this.#damage('page_damaged', pageName(path))
    const slots = page.filter((slot) => slot !== undefined)
    // Such a page digests as its one key would: right in the root, wrong in the storage.
    if (path !== '' && slots.length === 1 && slots[0]?.kind === 'leaf') this.#note('page_idle', pageName(path))
    await this.#leaves(slots.filter((slot) => slot.kind === 'leaf'))
    const below = page.flatMap((slot, digit) =>
      slot?.kind === 'page' ? [{ path: path + digit.toString(SLOTS), hash: slot.hash }] : [],
    )
    const stored = below.length === 0 ? [] : await this.#check.read(below.map((further) => pageName(further.path)))
    for (const [i, further] of below.entries()) await this.page(further.path, further.hash, stored[i])
  }

  finish(): MapReport {
    const { totals, stored } = this.#check
    const isCounted = this.#studies === totals.studies && this.#instances === totals.instances
    // What was not looked at was not counted either, so that counts say nothing then.
    if (this.#isWhole && !isCounted) this.#note('totals_wrong', null)
    if (this.#isWhole && stored !== undefined && stored !== this.#pages + this.#studies) this.#note('orphans', null)
    return {
      pages: this.#pages,
      studies: this.#studies,
      instances: this.#instances,
      findings: this.#findings,
    }
  }

  async #leaves(leaves: readonly LeafSlot[]): Promise<void> {
    if (leaves.length === 0) return
    const stored = await this.#check.read(leaves.map(({ key }) => studyName(key)))
    for (const [i, leaf] of leaves.entries()) {
      this.#studies += 1n
      const records = unlessCorrupted(() => decodeRecords(stored[i] ?? new Uint8Array()))
      if (records === undefined || !this.#fits(leaf, records)) this.#damage('study_damaged', studyName(leaf.key))
      else for (const { state } of records) if (state === 'present') this.#instances += 1n
    }
  }

  #fits({ key, value }: LeafSlot, records: readonly MapRecord[]): boolean {
    const summary = summarize(this.#hashes, this.#check.saltOf(key), records)
    return (
      records.length > 0 &&
      records.every(({ newest }) => newest < this.#check.size) &&
      equalBytes(hashStudy(this.#hashes, summary), value)
    )
  }

  #damage(problem: MapProblem, name: string): void {
    this.#isWhole = false
    this.#note(problem, name)
  }

  #note(problem: MapProblem, name: string | null): void {
    if (this.#findings.length < FINDINGS_LIMIT) this.#findings.push({ problem, name })
  }
}

function unlessCorrupted<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof StoreError && error.code === 'log_corrupted') return undefined
    throw error
  }
}
