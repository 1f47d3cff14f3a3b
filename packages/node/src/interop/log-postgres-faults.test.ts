/** The log on PostgreSQL when things fail: rivals, killed writers, cut connections, a server that dies, wrong set-up. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { StoreError } from '@fiducial/core/errors.ts'
import pg from 'pg'
import type { Sequencer } from '../services/log/ports.ts'
import { openPostgresLog, type PostgresLog } from '../storage/log/postgres/open.ts'
import { SCHEMA_VERSION } from '../storage/log/postgres/schema.ts'
import { collect, makeBatch, makeEntry, type Owner, storeError } from '../testing/log-contracts/harness.ts'
import { type Cluster, postgres, startPostgres } from '../testing/postgres.ts'
import { CHAIN_START, chainRoot } from './log-postgres-writer.ts'

const WRITER = fileURLToPath(new URL('./log-postgres-writer.ts', import.meta.url))
const BYTES = Buffer.from('bytes')

describe('PostgreSQL log under faults', { skip: postgres.skip }, () => {
  // Here and not in the hook: what a hook cleans up after is the hook itself.
  const starting = postgres.skip === false ? startPostgres() : undefined
  let cluster: Cluster
  let origins = 0
  before(async () => {
    cluster = (await starting) as Cluster
  })
  const newOrigin = (): string => `hospital.example/faults-${++origins}`
  const open = async (t: Owner, origin = newOrigin(), url = cluster.url()): Promise<PostgresLog> => {
    const log = await openPostgresLog(origin, { url })
    t.after(() => log.close())
    return log
  }
  /** Runs a statement as the operator would. */
  const operate = async (text: string, database?: string): Promise<void> => {
    const client = new pg.Client({ connectionString: cluster.url(database) })
    await client.connect()
    await client.query(text)
    await client.end()
  }

  describe('with several writers', () => {
    it('keeps one history when two processes race and both are killed under load', async (t) => {
      const origin = newOrigin()
      const acknowledged = new Map<bigint, readonly string[]>()
      const lost = new Set<string>()
      const note = (line: string): void => {
        const [what, first = '', ...identities] = line.split(' ')
        if (what === 'lost') lost.add(first)
        if (what !== 'ack') return
        assert.ok(!acknowledged.has(BigInt(first)), `place ${first} is given once`)
        acknowledged.set(BigInt(first), identities)
      }
      const writers = ['a', 'b'].map((name) => startWriter(t, [cluster.url(), origin, name], note))
      const [one, other] = writers as [Writer, Writer]
      await Promise.all([one.acknowledged(30), other.acknowledged(30)])
      await one.kill()
      await other.acknowledged(30)
      await other.kill()

      const { sequencer, records } = await open(t, origin)
      const { size } = await sequencer.claim()
      assert.ok(lost.has('fence_lost'), `what the writers lost: ${[...lost]}`)
      for (const code of lost) assert.ok(['fence_lost', 'checkpoint_moved'].includes(code), code)
      await checkHistory(sequencer, acknowledged, size)
      const [place, [identity = ''] = []] = [...acknowledged].at(-1) ?? []
      assert.deepEqual(await sequencer.find([Buffer.from(identity, 'hex')]), [place])
      assert.ok((await records.payload(place ?? -1n)) instanceof Uint8Array)
    })

    it('makes its tables once, whoever comes first', async (t) => {
      await operate('CREATE DATABASE crowd')
      const logs = await Promise.all(Array.from({ length: 8 }, (_, i) => open(t, `log-${i % 3}`, cluster.url('crowd'))))
      const claims = await Promise.all(logs.map(({ sequencer }) => sequencer.claim()))
      assert.ok(claims.every(({ size }) => size === 0n))
      assert.deepEqual(claims.map(({ fence }) => fence).sort(), [1n, 1n, 1n, 2n, 2n, 2n, 3n, 3n])
    })

    it('keeps logs of other origins apart', async (t) => {
      const [one, other] = [await open(t), await open(t)]
      for (const [i, { sequencer, head, map, objects, jobs }] of [one, other].entries()) {
        const { fence, size } = await sequencer.claim()
        assert.deepEqual([fence, size], [1n, 0n])
        await sequencer.append(makeBatch(0, 3, { payload: Uint8Array.of(i) }), fence)
        await head.compareAndSwap(undefined, `note ${i}\n`)
        await map.write(new Map([['key', Uint8Array.of(i)]]), { size: 1n, root: new Uint8Array(32) }, 0n)
        await objects.putOnce('tile/0/000', Uint8Array.of(i))
        await jobs.enqueue({ kind: 'kind', key: 'key', body: Uint8Array.of(i) })
      }
      assert.equal(await other.records.erase(1n), true)
      await other.sequencer.release(3n)
      assert.deepEqual(await one.records.payload(1n), Uint8Array.of(0))
      assert.equal((await collect(one.sequencer.read(0n))).length, 1)
      assert.equal(await one.head.read(), 'note 0\n')
      assert.equal(await one.published.read(), undefined)
      assert.deepEqual(await one.map.get(['key']), [Uint8Array.of(0)])
      assert.equal(await one.map.count(), 1n)
      assert.deepEqual(await one.objects.get('tile/0/000'), Uint8Array.of(0))
      assert.equal(await one.jobs.pending(), 1)
    })

    it('writes a map only from the head it was made from', async (t) => {
      const { map } = await open(t)
      const head = (size: bigint) => ({ size, root: new Uint8Array(32) })
      const change = new Map([['key', Uint8Array.of(1)]])
      await assert.rejects(map.write(change, head(5n), 4n), storeError('checkpoint_moved'))
      assert.equal(await map.head(), undefined)
      const rivals = [1n, 2n, 3n].map((size) => map.write(change, head(size), 0n))
      const results = await Promise.allSettled(rivals)
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
      const { size = 0n } = (await map.head()) ?? {}
      await assert.rejects(
        map.write(new Map([['key', undefined]]), head(9n), size + 1n),
        storeError('checkpoint_moved'),
      )
      assert.equal(await map.count(), 1n)
      await map.write(new Map([['key', undefined]]), head(9n), size)
      assert.equal(await map.count(), 0n)
    })
  })

  describe('with a connection that is cut', () => {
    const steps: Readonly<Record<string, (log: PostgresLog) => Promise<unknown>>> = {
      'an append': async ({ sequencer }) => sequencer.append(makeBatch(0, 3, { payload: BYTES }), 1n),
      'a first checkpoint': ({ head }) => head.compareAndSwap(undefined, 'note\n'),
      'an object': ({ objects }) => objects.putOnce('tile/0/000', BYTES),
      'a job': ({ jobs }) => jobs.enqueue({ kind: 'kind', key: 'key', body: BYTES }),
      'a map': ({ map }) => map.write(new Map([['key', BYTES]]), { size: 1n, root: new Uint8Array(32) }),
    }
    const traces: typeof steps = {
      'an append': async ({ sequencer }) => (await sequencer.find([makeEntry(2).identity]))[0],
      'a first checkpoint': ({ head }) => head.read(),
      'an object': ({ objects }) => objects.get('tile/0/000'),
      'a job': async ({ jobs }) => ((await jobs.pending()) === 1 ? 1 : undefined),
      'a map': ({ map }) => map.head(),
    }
    for (const [what, step] of Object.entries(steps)) {
      for (const when of ['before', 'after'] as const) {
        it(`rejects ${what} that is cut ${when} it took effect, and goes on over a new connection`, async (t) => {
          const proxy = await startProxy(t, cluster.port)
          const origin = newOrigin()
          const login = `fiducial:${encodeURIComponent(cluster.password)}`
          const log = await openPostgresLog(origin, {
            url: `postgresql://${login}@127.0.0.1:${proxy.port}/postgres`,
            connections: 1,
          })
          t.after(() => log.close())
          await log.sequencer.claim()
          proxy.cut(when)
          await assert.rejects(step(log), storeError('log_unwritable'))
          const direct = await open(t, origin)
          const isThere = (await (traces[what] as typeof step)(direct)) !== undefined
          assert.equal(isThere, when === 'after')
          if (what === 'an append') {
            await assert.rejects(step(log), storeError('log_stopped'))
            const { fence, size } = await log.sequencer.claim()
            assert.equal(size, isThere ? 3n : 0n)
            await log.sequencer.append(makeBatch(Number(size), 1, { flavour: 'next' }), fence)
          } else if (when === 'before') {
            await step(log)
          }
        })
      }
    }

    it('says that there is no connection', async (t) => {
      const proxy = await startProxy(t, cluster.port)
      const login = `fiducial:${encodeURIComponent(cluster.password)}`
      const url = `postgresql://${login}@127.0.0.1:${proxy.port}/postgres`
      const log = await openPostgresLog(newOrigin(), { url, connections: 1 })
      t.after(() => log.close())
      const { fence } = await log.sequencer.claim()
      proxy.refuse()
      const refusals: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['service_unreachable', () => log.head.read()],
        ['service_unreachable', () => log.sequencer.find([makeEntry(0).identity])],
        ['log_unwritable', () => log.sequencer.append(makeBatch(0, 1), fence)],
        ['log_unwritable', () => log.objects.putOnce('tile/0/000', BYTES)],
        ['service_unreachable', () => openPostgresLog(newOrigin(), { url })],
      ]
      for (const [code, attempt] of refusals) {
        await assert.rejects(attempt, (error) => isPlain(error, cluster) && storeError(code)(error))
      }
    })
  })

  describe('with a state that nobody should find', () => {
    const damages = {
      'a batch that is gone': 'DELETE FROM fiducial.log_batch WHERE first = 3',
      'an entry that is gone': 'DELETE FROM fiducial.log_entry WHERE index = 4',
      'leaves that are cut off': `UPDATE fiducial.log_batch SET leaves = substring(leaves FROM 2) WHERE first = 3`,
      'terms that cannot be read': `UPDATE fiducial.log_entry SET terms = '{}' WHERE index = 4`,
      'a size that no batch reaches': 'UPDATE fiducial.log SET size = size + 1',
    }
    for (const [what, damage] of Object.entries(damages)) {
      it(`calls ${what} corrupted`, async (t) => {
        const database = `damaged_${++origins}`
        await operate(`CREATE DATABASE ${database}`)
        const { sequencer } = await open(t, 'log', cluster.url(database))
        const { fence } = await sequencer.claim()
        for (const first of [0, 3, 6]) await sequencer.append(makeBatch(first, 3), fence)
        assert.equal((await collect(sequencer.read(0n))).length, 3)
        await operate(damage, database)
        await assert.rejects(collect(sequencer.read(0n)), storeError('log_corrupted'))
      })
    }

    it('takes nothing back of a release', async (t) => {
      const { sequencer } = await open(t)
      const { fence } = await sequencer.claim()
      for (const first of [0, 10]) await sequencer.append(makeBatch(first, 10), fence)
      for (const size of [15n, 5n, 0n]) await sequencer.release(size)
      await assert.rejects(collect(sequencer.read(14n)), storeError('log_corrupted'))
      assert.equal((await collect(sequencer.read(15n))).length, 1)
    })

    it('stores nothing of a batch that has a known identity, and stops', async (t) => {
      const { sequencer } = await open(t)
      const { fence } = await sequencer.claim()
      await sequencer.append(makeBatch(0, 3), fence)
      const batch = { ...makeBatch(3, 2), entries: [makeEntry(3), makeEntry(1)] }
      await assert.rejects(sequencer.append(batch, fence), storeError('log_unwritable'))
      await assert.rejects(sequencer.append(makeBatch(3, 1), fence), storeError('log_stopped'))
      assert.deepEqual(await sequencer.find([makeEntry(3).identity, makeEntry(1).identity]), [undefined, 1n])
      assert.equal((await sequencer.claim()).size, 3n)
    })

    it('says what a database that may only be read refuses', async (t) => {
      await operate('CREATE DATABASE frozen')
      await (await open(t, 'log', cluster.url('frozen'))).close()
      await operate('ALTER DATABASE frozen SET default_transaction_read_only = on')
      const log = await open(t, 'log', cluster.url('frozen'))
      await assert.rejects(log.sequencer.claim(), storeError('log_unwritable'))
      await assert.rejects(log.objects.putOnce('tile/0/000', BYTES), storeError('log_unwritable'))
      assert.equal(await log.head.read(), undefined)
    })

    it('takes no tables of a newer program', async (t) => {
      await operate('CREATE DATABASE newer')
      await (await open(t, 'log', cluster.url('newer'))).close()
      await operate(`UPDATE fiducial.schema_version SET version = ${SCHEMA_VERSION + 1}`, 'newer')
      await assert.rejects(openPostgresLog('log', { url: cluster.url('newer') }), storeError('service_refused'))
    })
  })

  it('lets nobody in with a wrong password or to a missing database, and tells no password', async () => {
    const { host, port } = new pg.Client({ connectionString: cluster.url() })
    for (const [login, database] of [
      ['fiducial:wrong-password-0', 'postgres'],
      ['nobody:wrong-password-0', 'postgres'],
      [`fiducial:${encodeURIComponent(cluster.password)}`, 'missing'],
    ]) {
      const url = `postgresql://${login}@localhost/${database}?host=${host}&port=${port}`
      await assert.rejects(openPostgresLog('log', { url }), (error) => {
        return isPlain(error, cluster) && storeError('service_refused')(error)
      })
    }
    for (const url of ['', 'mysql://x', 'postgresql://user:wrong-password-0@host:port/db']) {
      await assert.rejects(
        openPostgresLog('log', { url }),
        (error) => error instanceof RangeError && isPlain(error, cluster),
      )
    }
  })

  it('loses nothing that was acknowledged when the server dies under load', async (t) => {
    const origin = newOrigin()
    const { sequencer } = await open(t, origin)
    const acknowledged = new Map<bigint, readonly string[]>()
    for (let round = 0; round < 2; round++) {
      const { fence, size } = await sequencer.claim()
      const appending = appendUntilFailure(sequencer, { fence, size, flavour: `round ${round} ` }, acknowledged)
      while (acknowledged.size < 20 * (round + 1)) await new Promise((resolve) => setImmediate(resolve))
      await cluster.crash()
      storeError('log_unwritable')(await appending)
      await assert.rejects(sequencer.claim(), storeError('log_unwritable'))
      await cluster.start()
    }
    const { size } = await sequencer.claim()
    await checkHistory(sequencer, acknowledged, size)
  })

  it('refuses a server that keeps nothing over a power cut', async (t) => {
    await operate('ALTER SYSTEM SET fsync = off')
    await cluster.crash()
    await cluster.start()
    await assert.rejects(open(t), storeError('log_unwritable'))
    await operate('ALTER SYSTEM RESET fsync')
  })
})

interface Writer {
  /** Resolves once so many more batches are acknowledged. */
  acknowledged(count: number): Promise<void>
  /** Ends the process at once, and waits for all that it had printed. */
  kill(): Promise<void>
}

function startWriter(t: Owner, args: readonly string[], note: (line: string) => void): Writer {
  const child: ChildProcess = spawn(process.execPath, [WRITER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => {
    child.kill('SIGKILL')
  })
  const waiting: { left: number; resolve: () => void; reject: (error: Error) => void }[] = []
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })
  lines.on('line', (line) => {
    note(line)
    if (!line.startsWith('ack ')) return
    for (const wait of waiting) if (--wait.left === 0) wait.resolve()
  })
  const ended = new Promise<void>((resolve) => lines.once('close', resolve))
  ended.then(() => {
    for (const { reject } of waiting) reject(new Error('a writer has ended by itself'))
  })
  return {
    acknowledged: (left) => new Promise((resolve, reject) => waiting.push({ left, resolve, reject })),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Appends batches in a chain; gives back the error that ends it. */
async function appendUntilFailure(
  sequencer: Sequencer,
  { fence, size, flavour }: { readonly fence: bigint; readonly size: bigint; readonly flavour: string },
  acknowledged: Map<bigint, readonly string[]>,
): Promise<unknown> {
  let root = CHAIN_START
  if (size > 0n) for await (const batch of sequencer.read(size - 1n)) root = batch.root
  for (let first = size; ; first += 5n) {
    const { entries } = makeBatch(Number(first), 5, { flavour, payload: BYTES })
    root = chainRoot(root, entries)
    try {
      await sequencer.append({ first, entries, root }, fence)
    } catch (error) {
      return error
    }
    acknowledged.set(
      first,
      entries.map(({ identity }) => Buffer.from(identity).toString('hex')),
    )
  }
}

/** All batches form one chain up to the size, and every acknowledged entry stands where it was acknowledged. */
async function checkHistory(
  sequencer: Sequencer,
  acknowledged: ReadonlyMap<bigint, readonly string[]>,
  size: bigint,
): Promise<void> {
  const stored: string[] = []
  let root = CHAIN_START
  for await (const batch of sequencer.read(0n)) {
    assert.equal(batch.first, BigInt(stored.length), 'no gap')
    root = chainRoot(root, batch.entries)
    assert.deepEqual(batch.root, root, 'no fork')
    stored.push(...batch.entries.map(({ identity }) => Buffer.from(identity).toString('hex')))
  }
  assert.equal(BigInt(stored.length), size)
  assert.equal(new Set(stored).size, stored.length)
  for (const [first, identities] of acknowledged) {
    assert.deepEqual(stored.slice(Number(first), Number(first) + identities.length), identities)
  }
  const all = [...acknowledged.values()].flat()
  const found = await sequencer.find(all.map((identity) => Buffer.from(identity, 'hex')))
  assert.ok(found.every((index) => index !== undefined))
}

/** A proxy before the server, which loses a request or an answer on demand. */
async function startProxy(t: Owner, port: number) {
  let mode: 'pass' | 'before' | 'after' | 'refuse' = 'pass'
  const sockets = new Set<Socket>()
  const cut = (...pair: Socket[]): void => {
    if (mode !== 'refuse') mode = 'pass'
    for (const socket of pair) socket.destroy()
  }
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket).size && socket.on('error', () => cut(client, upstream))
    client.on('data', (data) => (mode === 'before' || mode === 'refuse' ? cut(client, upstream) : upstream.write(data)))
    upstream.on('data', (data) => (mode === 'after' ? cut(client, upstream) : client.write(data)))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    /** Once: the next request is not handed on, or its answer is not. */
    cut: (when: 'before' | 'after') => {
      mode = when
    },
    refuse: () => {
      mode = 'refuse'
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** An error of ours that tells neither password nor anything of the driver. */
function isPlain(error: unknown, { password }: Cluster): boolean {
  assert.ok(error instanceof Error)
  const text = [error.message, error.stack, String(error.cause ?? '')].join('\n')
  for (const secret of [password, encodeURIComponent(password), 'wrong-password-0']) {
    assert.ok(!text.includes(secret), 'a password in an error')
  }
  assert.ok(!(error instanceof pg.DatabaseError))
  return error instanceof StoreError || error instanceof RangeError
}
