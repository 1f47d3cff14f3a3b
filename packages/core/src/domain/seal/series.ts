/**
 * Series: gives each image of a signed series its own proof, so that the image can travel alone.
 */

import type { HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { MerkleTree } from '../../formats/merkle/tree.ts'
import type { Seal, SeriesSeal } from './seal.ts'
import { encodeSeriesEntry, seriesEntry } from './series-statement.ts'

/** Proofs of one series; the tree is built once. */
export class SeriesProver {
  readonly #series: SeriesSeal
  readonly #tree: MerkleTree
  readonly #hashes: HashFactory
  /** Places by entry. */
  readonly #places: ReadonlyMap<string, number>

  constructor(series: SeriesSeal, hashes: HashFactory) {
    const entries = series.entries.map(encodeSeriesEntry)
    this.#series = series
    this.#hashes = hashes
    this.#tree = new MerkleTree(hashes, entries)
    this.#places = new Map(entries.map((entry, i) => [encodeHex(entry), i]))
  }

  /**
   * The seal of an image with the technologist's signature of its series.
   * @returns undefined if the series has no such image
   */
  attach(seal: Seal): Seal | undefined {
    const place = this.#places.get(encodeHex(encodeSeriesEntry(seriesEntry(seal.statement, this.#hashes))))
    if (place === undefined) return undefined
    const { envelope, statement, timestamps } = this.#series
    const index = BigInt(place)
    return { ...seal, series: { envelope, statement, timestamps, index, proof: this.#tree.prove(index) } }
  }
}
