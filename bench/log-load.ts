/**
 * Log load: writers that append to a log, each waiting for its answer before it sends the next entry.
 *
 * Entries have a leaf of 1 KiB, an identity that no other has, and two terms. They are made as they are sent, from random
 * bytes made before.
 */
import { randomFillSync } from 'node:crypto'
import type { NewEntry } from '../packages/node/src/services/log/ports.ts'

export const LEAF_BYTES = 1024
const POOL = 4096

export interface Load {
  readonly writers: number
  /** Of all writers together. */
  readonly entries: number
  /** Resolves once the entry is acknowledged. */
  readonly append: (entry: NewEntry) => Promise<unknown>
}

/** How a load went: entries acknowledged by second, and how long one waited. */
export interface Outcome {
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Sends all entries of a load. */
export async function runWriters({ writers, entries, append }: Load): Promise<Outcome> {
  const waits = new Float64Array(entries)
  let sent = 0
  const write = async (): Promise<void> => {
    while (sent < entries) {
      const number = sent++
      const start = performance.now()
      await append(makeEntry(number))
      waits[number] = performance.now() - start
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: writers }, write))
  return outcomeOf(waits, performance.now() - start)
}

/** @param waits  milliseconds of each entry; gets sorted */
export function outcomeOf(waits: Float64Array, tookMs: number): Outcome {
  waits.sort()
  const at = (share: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0
  return { rate: (waits.length / tookMs) * 1000, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

const pool = Array.from({ length: POOL }, () => randomFillSync(new Uint8Array(LEAF_BYTES)))
/** Random bytes that identities are cut from, and how far they are used. */
const identities = { bytes: new Uint8Array(0), at: 0 }

/** An entry that was never sent before. */
export function makeEntry(number: number): NewEntry {
  return {
    leaf: pool[number % POOL] as Uint8Array,
    identity: makeIdentity(),
    terms: [
      { kind: 'type', value: 'received' },
      { kind: 'instance', value: `2.25.${number}` },
    ],
  }
}

function makeIdentity(): Uint8Array {
  if (identities.at === identities.bytes.length) {
    identities.bytes = randomFillSync(new Uint8Array(32 * POOL))
    identities.at = 0
  }
  identities.at += 32
  return identities.bytes.slice(identities.at - 32, identities.at)
}
