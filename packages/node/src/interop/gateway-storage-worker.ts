/**
 * Gateway storage worker: a process that receives, judges and sends made-up instances for as long as it lives, for tests
 * that kill it, fill its disk or take its database away.
 *
 *   node gateway-storage-worker.ts FOLDER NAME [URL]
 *
 * The spool is FOLDER/spool, the record FOLDER/gateway.sqlite, or the PostgreSQL database of URL. It prints what it was
 * told, each once it was told: `accepted ID`, `judged ID`, `sent ID DESTINATION`, and `refused CODE`.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '@fiducial/core/errors.ts'
import type { InstanceStore, Lease, Spool, StoredInstance } from '../services/gateway/ports.ts'
import { FileSpool } from '../storage/gateway/file-spool.ts'
import { PostgresInstances } from '../storage/gateway/postgres/instances.ts'
import { makeSpoolKey } from '../storage/gateway/spool-key.ts'
import { SqliteInstances } from '../storage/gateway/sqlite-instances.ts'
import { PostgresDatabase } from '../storage/log/postgres/database.ts'
import { copyTo, judged, received } from '../testing/gateway-contracts/made-up.ts'

export const DESTINATIONS = ['PACS', 'VNA']
const LARGEST_BYTES = 200_000
/** Instances of one order. */
const ORDER_LENGTH = 6
/** What somebody who died has claimed is free after this time. */
const LEASE_MS = 400
const REST_MS = 5

export async function openInstances(folder: string, name: string, url?: string): Promise<InstanceStore> {
  if (url === undefined) return await SqliteInstances.open(join(folder, 'gateway.sqlite'))
  return await PostgresInstances.open(await PostgresDatabase.open({ url, connections: 6 }), name)
}

export const openSpool = (folder: string): Promise<FileSpool> =>
  FileSpool.open(join(folder, 'spool'), { reserveBytes: 0 })

/** Whether the file of an instance is what was acknowledged. */
export async function isWhole(spool: Spool, { spoolKey, lengthBytes, sha256 }: StoredInstance): Promise<boolean> {
  try {
    await using file = await spool.open(spoolKey)
    const hash = createHash('sha256')
    for (const piece of file.chunks(0, file.length)) hash.update(piece)
    return file.length === lengthBytes && hash.digest().equals(sha256)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'spool_corrupted') return false
    throw error
  }
}

const say = (...words: readonly string[]): boolean => process.stdout.write(`${words.join(' ')}\n`)

/** Goes on whatever is refused. */
async function forever(step: () => Promise<boolean>): Promise<never> {
  for (;;) {
    try {
      if (!(await step())) await sleep(REST_MS)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      say('refused', error.code)
      await sleep(REST_MS)
    }
  }
}

async function work(spool: Spool, store: InstanceStore, name: string): Promise<void> {
  const noise = Buffer.alloc(LARGEST_BYTES * 2, name)
  const lease = (part: string): Lease => ({ owner: `${name} ${part}`, now: new Date(), leaseMs: LEASE_MS, limit: 8 })

  const receive = (lane: number) => {
    let [count, time] = [0, 0]
    return async (): Promise<boolean> => {
      time = Math.max(Date.now(), time + 1)
      const id = makeSpoolKey(new Date(time))
      const writer = spool.create()
      try {
        const length = 1 + ((count * 7919 + lane * 104_729) % LARGEST_BYTES)
        for (let at = 0; at < length; at += 30_000) {
          writer.write(noise.subarray(lane + at, lane + Math.min(length, at + 30_000)))
        }
        const orderKey = `${name} ${process.pid} ${lane} ${Math.floor(count++ / ORDER_LENGTH)}`
        const changes = { id, spoolKey: writer.key, orderKey, receivedAt: new Date(time), ...writer.finish() }
        const [recorded, committed] = await Promise.allSettled([
          store.accept(received(0, changes), [{ news: `accepted ${id}` }]),
          writer.commit(),
        ])
        for (const result of [recorded, committed]) if (result.status === 'rejected') throw result.reason
        say('accepted', id)
      } catch (error) {
        await writer.abort()
        await store.withdraw(id).catch(() => undefined)
        throw error
      }
      return true
    }
  }
  const judge = (part: string) => async (): Promise<boolean> => {
    const claim = lease(part)
    const claimed = await store.claimReceived(claim)
    for (const instance of claimed) {
      // Its file may be under way: whoever receives it has not been told yet.
      if (!(await isWhole(spool, instance))) continue
      const copies = DESTINATIONS.map((destination) => ({ ...copyTo(destination, 0), spoolKey: instance.spoolKey }))
      const events = [{ news: `judged ${instance.id}` }]
      await store.judge(instance.id, claim.owner, judged({ deliveries: copies, events }), new Date())
      say('judged', instance.id)
    }
    return claimed.length > 0
  }
  const send = (destination: string) => async (): Promise<boolean> => {
    const claim = lease(destination)
    const claimed = await store.claimDeliveries(destination, claim)
    for (const { id, instanceId } of claimed) {
      await store.sent(id, claim.owner, new Date(), [{ news: `sent ${instanceId} ${destination}` }])
      say('sent', instanceId, destination)
    }
    return claimed.length > 0
  }
  const steps = [receive(0), receive(1), receive(2), judge('a'), judge('b'), ...DESTINATIONS.map(send)]
  await Promise.all(steps.map(forever))
}

if (import.meta.main) {
  const [folder = '', name = '', url] = process.argv.slice(2)
  say('opening')
  const [spool, store] = [await openSpool(folder), await openInstances(folder, name, url)]
  say('open')
  await work(spool, store, `${name}-${process.pid}`)
}
