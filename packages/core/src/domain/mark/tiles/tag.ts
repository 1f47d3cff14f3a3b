/**
 * Tag: sums of a tile with secret keys, modulo the prime 2^31 − 1.
 *
 * Source: docs/reference/mark.md, "Tag" and "Syndromes".
 */
import { type KeyTable, PRIME } from './tile-keys.ts'

/** Terms below 2^47 that add up exactly before they are reduced. */
const EXACT_TERMS = 32

/** Σ keys[offset + i]·values[i] modulo p. @param values  below 2^16 */
export function weigh(keys: Uint32Array, values: Uint16Array, offset = 0): number {
  let sum = 0
  for (let first = 0; first < values.length; first += EXACT_TERMS) {
    const end = Math.min(values.length, first + EXACT_TERMS)
    for (let i = first; i < end; i++) sum += (keys[offset + i] as number) * (values[i] as number)
    sum %= PRIME
  }
  return sum
}

/**
 * t(k1) of a tile with what it carries.
 * @param words  threshold, stream bits and flag bits, as {@link wordsOf} packs them
 */
export const tagOf = (table: KeyTable, samples: Uint16Array, words: Uint16Array): number =>
  (weigh(table.first, samples) + weigh(table.first, words, samples.length)) % PRIME

/** The words that join the samples in the tag. @param flags  0 or 1 each */
export function wordsOf(threshold: number, stream: Uint8Array, flags: readonly number[]): Uint16Array {
  const streamWords = Math.ceil(stream.length / 2)
  const words = new Uint16Array(1 + streamWords + Math.ceil(flags.length / 16))
  words[0] = threshold
  for (let i = 0; i < stream.length; i++) {
    words[1 + (i >> 1)] = (words[1 + (i >> 1)] as number) | ((stream[i] as number) << (i & 1 ? 0 : 8))
  }
  flags.forEach((flag, i) => {
    const at = 1 + streamWords + (i >> 4)
    words[at] = (words[at] as number) | (flag << (15 - (i & 15)))
  })
  return words
}
