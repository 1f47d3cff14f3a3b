/** Contract of a queue of work that may wait: each job once, for one worker at a time, until somebody completes it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Job, JobQueue } from '../../services/log/ports.ts'
import { type Harness, hex } from './harness.ts'

const KINDS = ['witness', 'timestamp']
const LEASE_MS = 60_000
/** Minutes after an arbitrary start: the suite never looks at a clock. */
const minute = (count: number): Date => new Date(Date.UTC(2030, 0, 1) + count * 60_000)
const job = (key: string, kind = 'witness') => ({ kind, key, body: new TextEncoder().encode(`body of ${key}`) })

/** Registers the tests. @param name  of the adapter */
export function jobQueueContract(name: string, { fresh, reopen }: Harness<JobQueue>): void {
  describe(`job queue contract: ${name}`, () => {
    it('has nothing to do at first', async (t) => {
      const queue = await fresh(t)
      assert.equal(await queue.claim(KINDS, minute(0), LEASE_MS), undefined)
      assert.equal(await queue.pending(), 0)
    })

    it('hands out jobs as they were queued, in their order', async (t) => {
      const queue = await fresh(t)
      const keys = ['b', 'a', 'quote \' " \\', '☢']
      for (const key of keys) await queue.enqueue(job(key))
      assert.equal(await queue.pending(), 4)
      const ids = new Set<string>()
      for (const key of keys) {
        const claimed = await claim(queue, 0)
        assert.deepEqual(
          { ...claimed, id: '', body: hex(claimed.body) },
          { ...job(key), id: '', attempt: 1, body: hex(job(key).body) },
        )
        ids.add(claimed.id)
      }
      assert.equal(ids.size, 4)
      assert.equal(await queue.claim(KINDS, minute(0), LEASE_MS), undefined)
      assert.equal(await queue.pending(), 4, 'what is claimed is not done')
    })

    it('keeps bodies of any bytes', async (t) => {
      const queue = await fresh(t)
      const bodies = [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, i) => i), new Uint8Array(100_000).fill(3)]
      for (const [i, body] of bodies.entries()) await queue.enqueue({ kind: 'witness', key: `${i}`, body })
      for (const body of bodies) assert.equal(hex((await claim(queue, 0)).body), hex(body))
    })

    it('queues one kind and key once, whether it waits, is claimed or is done', async (t) => {
      const queue = await fresh(t)
      for (let i = 0; i < 3; i++) await queue.enqueue({ ...job('same'), body: Uint8Array.of(i) })
      await queue.enqueue(job('same', 'timestamp'))
      assert.equal(await queue.pending(), 2)
      const first = await claim(queue, 0, ['witness'])
      assert.equal(hex(first.body), '00')
      await queue.enqueue(job('same'))
      assert.equal(await queue.pending(), 2)
      assert.ok(await queue.complete(first))
      await queue.enqueue(job('same'))
      assert.equal(await queue.pending(), 1)
      assert.equal(await queue.claim(['witness'], minute(9_999), LEASE_MS), undefined)
    })

    it('queues one kind and key once when two do so at the same time', async (t) => {
      const one = await fresh(t)
      const other = await reopen(one, t)
      await Promise.all([one, other, one, other].map((queue) => queue.enqueue(job('same'))))
      assert.equal(await one.pending(), 1)
    })

    it('hands out only the kinds asked for', async (t) => {
      const queue = await fresh(t)
      await queue.enqueue(job('w'))
      await queue.enqueue(job('t', 'timestamp'))
      assert.equal(await queue.claim([], minute(0), LEASE_MS), undefined)
      assert.equal(await queue.claim(['other'], minute(0), LEASE_MS), undefined)
      assert.equal((await claim(queue, 0, ['timestamp'])).key, 't')
      assert.equal(await queue.claim(['timestamp'], minute(0), LEASE_MS), undefined)
    })

    it('hands out no job before it is due', async (t) => {
      const queue = await fresh(t)
      await queue.enqueue(job('late'), minute(20))
      await queue.enqueue(job('early'), minute(10))
      assert.equal(await queue.claim(KINDS, new Date(minute(10).getTime() - 1), LEASE_MS), undefined)
      const early = await claim(queue, 10)
      assert.equal(early.key, 'early')
      assert.equal(await queue.claim(KINDS, minute(10), LEASE_MS), undefined)
      assert.ok(await queue.complete(early))
      assert.equal((await claim(queue, 20, ['witness'])).key, 'late')
    })

    it('hands out the job that has been due the longest', async (t) => {
      const queue = await fresh(t)
      await queue.enqueue(job('second'), minute(2))
      await queue.enqueue(job('first'), minute(1))
      await queue.enqueue(job('third'), minute(3))
      for (const key of ['first', 'second', 'third']) assert.equal((await claim(queue, 100)).key, key)
    })

    it('hands a job out again once its lease has run out, and knows the late worker', async (t) => {
      const queue = await fresh(t)
      await queue.enqueue(job('a'))
      const lost = await claim(queue, 0)
      assert.equal(await queue.claim(KINDS, new Date(minute(1).getTime() - 1), LEASE_MS), undefined)
      const won = await claim(queue, 1)
      assert.equal(won.id, lost.id)
      assert.equal(won.attempt, 2)
      assert.equal(await queue.complete(lost), false)
      assert.equal(await queue.retry(lost, minute(5)), false)
      assert.equal(await queue.pending(), 1)
      assert.equal(await queue.complete(won), true)
      assert.equal(await queue.complete(won), false)
      assert.equal(await queue.retry(won, minute(5)), false)
      assert.equal(await queue.pending(), 0)
    })

    it('lets a late worker finish while nobody else has the job', async (t) => {
      const queue = await fresh(t)
      await queue.enqueue(job('a'))
      const late = await claim(queue, 0)
      assert.equal(await queue.complete(late), true)
      assert.equal(await queue.claim(KINDS, minute(100), LEASE_MS), undefined)
    })

    it('takes a job back, due later', async (t) => {
      const queue = await fresh(t)
      await queue.enqueue(job('a'))
      const first = await claim(queue, 0)
      assert.equal(await queue.retry(first, minute(30)), true)
      assert.equal(await queue.retry(first, minute(0)), false)
      assert.equal(await queue.complete(first), false)
      assert.equal(await queue.pending(), 1)
      assert.equal(await queue.claim(KINDS, new Date(minute(30).getTime() - 1), LEASE_MS), undefined)
      const second = await claim(queue, 30)
      assert.equal(second.attempt, 2)
      assert.equal(hex(second.body), hex(first.body))
      assert.equal(await queue.complete(second), true)
    })

    it('gives each job to one of several workers', async (t) => {
      const one = await fresh(t)
      const other = await reopen(one, t)
      for (let i = 0; i < 20; i++) await one.enqueue(job(`${i}`))
      const workers = [one, other, one, other]
      const claims = Array.from({ length: 24 }, (_, i) => workers[i % 4]?.claim(KINDS, minute(0), LEASE_MS))
      const keys = (await Promise.all(claims)).flatMap((claimed) => (claimed === undefined ? [] : [claimed.key]))
      assert.equal(new Set(keys).size, keys.length)
      assert.equal(keys.length, 20)
    })

    it('remembers jobs, leases and what is done over a reopening', async (t) => {
      const queue = await fresh(t)
      for (const key of ['done', 'leased', 'waiting']) await queue.enqueue(job(key))
      assert.ok(await queue.complete(await claim(queue, 0)))
      const leased = await claim(queue, 0)
      await queue.close()
      await queue.close()
      const other = await reopen(queue, t)
      assert.equal(await other.pending(), 2)
      await other.enqueue(job('done'))
      assert.equal(await other.pending(), 2)
      assert.equal((await claim(other, 0)).key, 'waiting')
      assert.equal(await other.claim(KINDS, minute(0), LEASE_MS), undefined)
      assert.equal(await other.complete(leased), true)
    })
  })
}

async function claim(queue: JobQueue, atMinute: number, kinds: readonly string[] = KINDS): Promise<Job> {
  const claimed = await queue.claim(kinds, minute(atMinute), LEASE_MS)
  assert.ok(claimed !== undefined, 'a job is due')
  return claimed
}
