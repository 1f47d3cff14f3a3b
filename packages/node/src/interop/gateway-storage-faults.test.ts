/** The storage of a gateway whose process is killed, whose disk runs full, and whose database goes away. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../testing/log-load.ts'
import { run, temporaryFolder } from '../testing/peers.ts'
import { postgres, startPostgres } from '../testing/postgres.ts'
import { injecting, strace } from '../testing/strace.ts'
import { checkStorage, killWorker, StorageHistory, startWorker } from './gateway-storage-check.ts'
import { openInstances } from './gateway-storage-worker.ts'

/** FIDUCIAL_SOAK: for so many minutes. */
const SOAK_MINUTES = Number(process.env.FIDUCIAL_SOAK ?? 0)
const ROUNDS = 6
/** Kills of one folder, until the next begins. */
const KILLS = 3

describe('the storage of a gateway', () => {
  it('keeps each acknowledged instance whole, and each step once, when it is killed', {
    timeout: Infinity,
  }, async (t) => {
    const root = temporaryFolder(t)
    const seed = SOAK_MINUTES > 0 ? Date.now() % 2 ** 31 : 20_300_101
    const random = seeded(seed)
    const counts = { kills: 0, accepted: 0, sent: 0, withdrawn: 0, removed: 0, swept: 0 }
    const until = performance.now() + SOAK_MINUTES * 60_000
    const isOver = (): boolean => (SOAK_MINUTES > 0 ? performance.now() > until : counts.kills >= ROUNDS)
    while (!isOver()) {
      const folder = mkdtempSync(join(root, 'gateway-'))
      const history = new StorageHistory()
      for (let kill = 0; kill < KILLS && !isOver(); kill++) {
        let lines = Math.floor(random() * 300)
        const delayMs = random() * 20
        const worker = startWorker([folder, 'a'], history, (_, child) => {
          if (lines-- === 0) setTimeout(() => killWorker(child), delayMs)
        })
        const { signal, stderr } = await worker.ended
        assert.deepEqual([signal, stderr], ['SIGKILL', ''], `seed ${seed}, kill ${kill}`)
        // On a busy machine a lease may end before its holder is done.
        for (const code of history.refused.keys()) assert.equal(code, 'instance_moved')
        const { withdrawn, removed, swept } = await checkStorage(folder, history, ['a'])
        counts.kills++
        counts.withdrawn += withdrawn
        counts.removed += removed
        counts.swept += swept
      }
      counts.accepted += history.accepted.size
      counts.sent += history.sent.size
      rmSync(folder, { recursive: true })
    }
    t.diagnostic(
      `${counts.kills} kills: ${counts.accepted} acknowledged instances, none lost; ${counts.sent} copies sent, each once ` +
        `and in its order; taken back ${counts.withdrawn} records, ${counts.removed} files without a record and ` +
        `${counts.swept} begun ones`,
    )
    assert.ok(counts.accepted > 0 && counts.sent > 0)
  })

  it('refuses what a full disk cannot take, keeps the rest, and goes on when there is room', async (t) => {
    const folder = join(temporaryFolder(t), 'disk')
    mkdirSync(folder)
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', folder])
    if (mounted.code !== 0) return t.skip('a file system of its own cannot be mounted here')
    try {
      const history = new StorageHistory()
      let refusals = 0
      const worker = startWorker([folder, 'a'], history, (line, child) => {
        if (line.startsWith('refused') && ++refusals === 50) killWorker(child)
      })
      const { signal, stderr } = await worker.ended
      assert.deepEqual([signal, stderr], ['SIGKILL', ''])
      for (const code of history.refused.keys()) assert.match(code, /^spool_(?:full|unwritable)$/)
      assert.ok(history.accepted.size > 0)
      const room = await run('mount', ['-o', 'remount,size=200m', folder])
      assert.equal(room.code, 0, room.stderr)
      await checkStorage(folder, history, ['a'])
      const before = history.accepted.size
      let lines = 300
      const again = startWorker([folder, 'a'], history, (_, child) => {
        if (lines-- === 0) killWorker(child)
      })
      await again.ended
      await checkStorage(folder, history, ['a'])
      assert.ok(history.accepted.size > before)
      t.diagnostic(`${before} acknowledged until the disk was full, none lost; ${history.accepted.size} in the end`)
    } finally {
      await run('umount', ['-l', folder])
    }
  })

  it('keeps its word when PostgreSQL dies under two gateways, one of which is killed, too', {
    skip: postgres.skip,
  }, async (t) => {
    const cluster = await startPostgres([], t)
    const folder = temporaryFolder(t)
    const history = new StorageHistory()
    const args = [folder, 'site', cluster.url()]
    const reach = (count: number): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (history.sent.size >= count) resolve()
          else setTimeout(look, 10)
        }
        look()
      })
    let workers = [startWorker(args, history), startWorker(args, history)]
    await reach(40)
    for (let round = 0; round < 2; round++) {
      const before = history.sent.size
      await cluster.crash()
      await sleep(50)
      await cluster.start()
      await reach(before + 20)
      if (round !== 0) continue
      const [first, second] = workers
      if (first !== undefined) killWorker(first.process)
      await first?.ended
      const opened = Promise.withResolvers<void>()
      const third = startWorker(args, history, (line) => {
        if (line === 'open') opened.resolve()
      })
      workers = [third, ...(second === undefined ? [] : [second])]
      await opened.promise
    }
    for (const { process } of workers) killWorker(process)
    for (const { ended } of workers) assert.equal((await ended).stderr, '')
    for (const code of history.refused.keys()) {
      assert.match(code, /^(?:spool_unwritable|service_unreachable|service_refused|instance_moved)$/)
    }
    const { instances } = await checkStorage(folder, history, ['site', cluster.url()])
    t.diagnostic(
      `2 crashes of the server: ${history.accepted.size} acknowledged, ${instances} there; ${history.sent.size} copies sent, ` +
        `each once; refused meanwhile: ${[...history.refused].map(([code, count]) => `${count} ${code}`).join(', ')}`,
    )
  })

  it('flushes file, names and record before it acknowledges', { skip: strace.skip }, async (t) => {
    const folder = temporaryFolder(t)
    const output = join(folder, 'trace')
    const history = new StorageHistory()
    const under = [strace.path, '-f', '-qq', '-y', '-s', '64', '-o', output, '-e', 'trace=write,fsync,fdatasync']
    const worker = startWorker(
      [folder, 'a'],
      history,
      (_, child) => {
        if (history.accepted.size === 30) killWorker(child)
      },
      under,
    )
    await worker.ended
    const keys = await keysOf(folder, [...history.accepted])
    const calls = finishedCalls(readFileSync(output, 'utf8'))
    let checked = 0
    for (const [at, { text }] of calls.entries()) {
      const [, id = ''] = /"accepted (\w{26})/.exec(text) ?? []
      const key = keys.get(id)
      if (key === undefined) continue
      const isFlushed = (path: string): boolean =>
        calls.slice(0, at).some((call) => call.name !== 'write' && call.text.includes(`${path}>`))
      const spool = join(folder, 'spool')
      for (const path of [join(spool, key.slice(0, 7), key), join(spool, key.slice(0, 7)), spool]) {
        assert.ok(isFlushed(path), `${path.slice(folder.length)} was flushed before its instance was acknowledged`)
      }
      assert.ok(isFlushed(join(folder, 'gateway.sqlite-wal')))
      checked++
    }
    assert.ok(checked > 10, `${checked} acknowledgements`)
  })

  for (const call of ['fsync', 'fdatasync'] as const) {
    it(`refuses what an ${call} that fails does not keep`, { skip: strace.skip }, async (t) => {
      const folder = temporaryFolder(t)
      const history = new StorageHistory()
      let refusals = 0
      const worker = startWorker(
        [folder, 'a'],
        history,
        (line, child) => {
          if (line.startsWith('refused') && ++refusals === 20) killWorker(child)
        },
        injecting({ kind: call, action: 'EIO', call: 25, isLasting: true }),
      )
      await worker.ended
      for (const code of history.refused.keys()) assert.match(code, /^(?:spool_unwritable|instance_moved)$/)
      await checkStorage(folder, history, ['a'])
    })
  }
})

/** The keys of instances that are recorded. */
async function keysOf(folder: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const store = await openInstances(folder, 'a')
  try {
    const found = await Promise.all(ids.map((id) => store.get(id)))
    return new Map(found.flatMap((instance) => (instance === undefined ? [] : [[instance.id, instance.spoolKey]])))
  } finally {
    await store.close()
  }
}

/** The calls of a trace in the order in which they ended. */
function finishedCalls(trace: string): { readonly name: string; readonly text: string }[] {
  const begun = new Map<string, { readonly name: string; readonly text: string }>()
  return trace.split('\n').flatMap((line) => {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (rest.startsWith('<...')) {
      const call = begun.get(thread)
      return call === undefined ? [] : [call]
    }
    const call = { name: rest.split('(')[0] ?? '', text: rest }
    // What is written is seen by others from its beginning on.
    if (!rest.endsWith('<unfinished ...>') || call.name === 'write') return [call]
    begun.set(thread, call)
    return []
  })
}
