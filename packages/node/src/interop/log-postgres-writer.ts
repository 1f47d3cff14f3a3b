/**
 * Log writer: a process that appends to a log in PostgreSQL for as long as it lives, for tests that kill it.
 *
 *   node log-postgres-writer.ts URL ORIGIN NAME
 *
 * Each batch's root is a hash over the root before it and its leaves, so that the batches of a log form a chain, and a
 * fork shows. It prints `ack FIRST IDENTITY…` once a batch is acknowledged, and `lost CODE` whenever another writer has
 * taken the log over; then it takes it back.
 */
import { createHash } from 'node:crypto'
import { StoreError } from '@fiducial/core/errors.ts'
import type { NewEntry, SequencedBatch, Sequencer } from '../services/log/ports.ts'
import { openPostgresLog } from '../storage/log/postgres/open.ts'

/** Appends of one claim, if nobody takes it away. */
const APPENDS = 8

/** The root of a batch behind another. */
export function chainRoot(before: Uint8Array, entries: readonly NewEntry[]): Uint8Array {
  const hash = createHash('sha256').update(before)
  for (const { leaf } of entries) hash.update(leaf)
  return new Uint8Array(hash.digest())
}

/** What stands before the first batch. */
export const CHAIN_START: Uint8Array = new Uint8Array(32)

async function lastRoot(sequencer: Sequencer, size: bigint): Promise<Uint8Array> {
  if (size === 0n) return CHAIN_START
  for await (const { root } of sequencer.read(size - 1n)) return root
  return CHAIN_START
}

function makeEntries(name: string, number: number): NewEntry[] {
  return Array.from({ length: 1 + (number % 20) }, (_, i) => {
    const value = `${name} ${number} ${i}`
    const identity = new Uint8Array(createHash('sha256').update(value).digest())
    return { leaf: Buffer.from(value), identity, payload: Buffer.from(value), terms: [{ kind: 'instance', value }] }
  })
}

async function write(sequencer: Sequencer, name: string): Promise<never> {
  for (let number = 0; ; ) {
    try {
      const { fence, size } = await sequencer.claim()
      let first = size
      let root = await lastRoot(sequencer, size)
      for (let i = 0; i < APPENDS; i++) {
        const entries = makeEntries(name, number++)
        root = chainRoot(root, entries)
        const batch: SequencedBatch = { first, entries, root }
        await sequencer.append(batch, fence)
        const identities = entries.map(({ identity }) => Buffer.from(identity).toString('hex'))
        process.stdout.write(`ack ${first} ${identities.join(' ')}\n`)
        first += BigInt(entries.length)
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      process.stdout.write(`lost ${error.code}\n`)
    }
  }
}

if (import.meta.main) {
  const [url = '', origin = '', name = ''] = process.argv.slice(2)
  const { sequencer } = await openPostgresLog(origin, { url })
  await write(sequencer, name)
}
