import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { createMemoryState, MemoryJobQueue } from '../../storage/log/memory.ts'
import { SqliteJobQueue } from '../../storage/log/sqlite-job-queue.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import type { JobQueue } from './ports.ts'
import { type BlindTask, type JobOutcome, Schedule, type ScheduledTask } from './schedule.ts'

const START = Date.UTC(2030, 0, 1)
const never = new AbortController().signal
const unreachable = () => new StoreError('service_unreachable', 'nobody there')

/** A clock that a test moves. */
class Clock {
  ms = START
  readonly now = () => new Date(this.ms)
  pass(seconds: number): void {
    this.ms += seconds * 1000
  }
}

/** A task that is due once in each period until it has run there; its state is what workers share. */
class Rounds implements ScheduledTask {
  readonly kind: string
  readonly periodMs: number
  readonly done = new Set<bigint>()
  runs = 0
  /** What the next runs throw. */
  readonly failures: unknown[] = []
  before: () => Promise<void> = async () => undefined
  readonly #clock: Clock

  constructor(clock: Clock, kind = 'timestamp', periodMs = 3_600_000) {
    this.#clock = clock
    this.kind = kind
    this.periodMs = periodMs
  }

  #period(now: Date): bigint {
    return BigInt(Math.floor(now.getTime() / this.periodMs))
  }

  async dueKey(now: Date): Promise<bigint | undefined> {
    const period = this.#period(now)
    return this.done.has(period) ? undefined : period
  }

  async run(): Promise<void> {
    this.runs++
    await this.before()
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    this.done.add(this.#period(this.#clock.now()))
  }
}

const words = (outcomes: readonly (JobOutcome | BlindTask)[]) =>
  outcomes.map(({ kind, outcome }) => `${kind} ${outcome}`)

function setUp(parts: { jobs?: JobQueue; tasks?: (clock: Clock) => readonly ScheduledTask[] } = {}) {
  const clock = new Clock()
  const state = createMemoryState()
  const rounds = new Rounds(clock)
  const tasks = parts.tasks?.(clock) ?? [rounds]
  /** Another process over the same queue. */
  const worker = () => new Schedule({ jobs: parts.jobs ?? new MemoryJobQueue(state), tasks, now: clock.now })
  return { clock, state, rounds, worker, jobs: new MemoryJobQueue(state) }
}

describe('A schedule', () => {
  it('does what is due once in each period, however often it looks', async () => {
    const { clock, rounds, worker } = setUp()
    const schedule = worker()
    assert.deepEqual(words(await schedule.tick(never)), ['timestamp done'])
    for (let minute = 1; minute < 60; minute++) {
      clock.pass(60)
      assert.deepEqual(await schedule.tick(never), [])
    }
    clock.pass(60)
    assert.deepEqual(words(await schedule.tick(never)), ['timestamp done'])
    assert.equal(rounds.runs, 2)
  })

  it('does it once among several workers that look at the same time', async () => {
    const { rounds, worker } = setUp()
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => worker().tick(never)))
    assert.deepEqual(words(outcomes.flat()), ['timestamp done'])
    assert.equal(rounds.runs, 1)
  })

  it('leaves a job to the worker that has it, and takes it over when that one has died', async () => {
    const { clock, rounds, worker, jobs } = setUp()
    await jobs.enqueue({ kind: 'timestamp', key: String(START / rounds.periodMs), body: new Uint8Array() })
    assert.ok(await jobs.claim(['timestamp'], clock.now(), 120_000), 'a worker that never comes back')
    clock.pass(119)
    assert.deepEqual(await worker().tick(never), [])
    clock.pass(1)
    const [outcome] = await worker().tick(never)
    assert.equal(outcome?.outcome, 'done')
    assert.ok(outcome && 'attempt' in outcome && outcome.attempt === 2)
    assert.equal(await jobs.pending(), 0)
  })

  it('says so where its lease ran out while it worked, and ends nobody else’s job', async () => {
    const { clock, rounds, worker, jobs } = setUp()
    let other: unknown
    rounds.before = async () => {
      rounds.before = async () => undefined
      clock.pass(121)
      other = await jobs.claim(['timestamp'], clock.now(), 120_000)
    }
    assert.deepEqual(words(await worker().tick(never)), ['timestamp lease_lost'])
    assert.ok(other)
    assert.equal(await jobs.pending(), 1)
  })

  it('says so too where it failed after its lease had run out', async () => {
    const { clock, rounds, worker, jobs } = setUp()
    rounds.failures.push(unreachable())
    rounds.before = async () => {
      clock.pass(121)
      await jobs.claim(['timestamp'], clock.now(), 120_000)
    }
    assert.deepEqual(words(await worker().tick(never)), ['timestamp lease_lost'])
  })

  it('tries again after a while, then after twice that, up to a longest wait', async () => {
    const { clock, rounds, worker } = setUp()
    rounds.failures.push(...Array.from({ length: 8 }, unreachable))
    const schedule = worker()
    const waits: number[] = []
    for (let tries = 0; tries < 8; tries++) {
      const [outcome] = await schedule.tick(never)
      assert.ok(outcome?.outcome === 'failed')
      assert.equal(outcome.attempt, tries + 1)
      const waitMs = outcome.retryAt.getTime() - clock.ms
      waits.push(waitMs / 1000)
      clock.ms += waitMs - 1
      assert.deepEqual(await schedule.tick(never), [], 'not a moment earlier')
      clock.ms++
    }
    assert.deepEqual(waits, [10, 20, 40, 80, 160, 300, 300, 300])
    assert.deepEqual(words(await schedule.tick(never)), ['timestamp done'])
    assert.equal(rounds.runs, 9)
  })

  it('counts a worker that died as a try', async () => {
    const { clock, rounds, worker, jobs } = setUp()
    await jobs.enqueue({ kind: 'timestamp', key: String(START / rounds.periodMs), body: new Uint8Array() })
    await jobs.claim(['timestamp'], clock.now(), 1_000)
    rounds.failures.push(unreachable())
    clock.pass(1)
    const [outcome] = await worker().tick(never)
    assert.ok(outcome?.outcome === 'failed')
    assert.equal(outcome.retryAt.getTime() - clock.ms, 20_000)
  })

  it('drops an old job for which a newer one has come, and does the newer one', async () => {
    const { clock, rounds, worker, jobs } = setUp()
    const schedule = worker()
    rounds.failures.push(unreachable())
    await schedule.tick(never)
    clock.pass(3_600)
    assert.deepEqual(words(await schedule.tick(never)).sort(), ['timestamp done', 'timestamp dropped'])
    assert.equal(rounds.runs, 2)
    assert.equal(await jobs.pending(), 0)
  })

  it('drops a job that is not due any more, since somebody else has done it', async () => {
    const { clock, rounds, worker } = setUp()
    const schedule = worker()
    rounds.failures.push(unreachable())
    await schedule.tick(never)
    rounds.done.add(BigInt(START / rounds.periodMs))
    clock.pass(10)
    assert.deepEqual(words(await schedule.tick(never)), ['timestamp dropped'])
    assert.equal(rounds.runs, 1)
  })

  it('does a job that is ahead of its own clock', async () => {
    const { rounds, worker, jobs } = setUp()
    await jobs.enqueue({ kind: 'timestamp', key: String(START / rounds.periodMs + 1), body: new Uint8Array() })
    assert.deepEqual(words(await worker().tick(never)), ['timestamp done', 'timestamp dropped'])
  })

  it('goes on with other tasks where one fails, whatever kind of error of ours it is', async () => {
    for (const error of [
      unreachable(),
      new KeyError('key_passphrase_wrong', 'no'),
      new FormatError('note_malformed', 'no'),
    ]) {
      const { worker } = setUp({
        tasks: (clock) => {
          const first = new Rounds(clock, 'publish')
          first.failures.push(error)
          return [first, new Rounds(clock)]
        },
      })
      assert.deepEqual(words(await worker().tick(never)), ['publish failed', 'timestamp done'])
    }
  })

  it('goes on where it cannot see whether one is due, and queues nothing for that one', async () => {
    const blind: ScheduledTask = {
      kind: 'publish',
      dueKey: () => Promise.reject(new StoreError('log_corrupted', 'damaged')),
      run: () => assert.fail('run without being due'),
    }
    const { worker, jobs } = setUp({ tasks: (clock) => [blind, new Rounds(clock)] })
    const outcomes = await worker().tick(never)
    assert.deepEqual(words(outcomes), ['publish unseen', 'timestamp done'])
    assert.equal(await jobs.pending(), 0)
  })

  it('tries again where it can no longer see whether a job is due', async () => {
    let looks = 0
    const task: ScheduledTask = {
      kind: 'publish',
      dueKey: async () => {
        if (++looks === 2) throw new StoreError('log_corrupted', 'damaged')
        return 5n
      },
      run: async () => undefined,
    }
    const { clock, worker } = setUp({ tasks: () => [task] })
    assert.deepEqual(words(await worker().tick(never)), ['publish failed'])
    clock.pass(10)
    assert.deepEqual(words(await worker().tick(never)), ['publish done'])
  })

  it('lets a mistake of ours out, and the job is there for the next worker', async () => {
    const { clock, rounds, worker, jobs } = setUp()
    rounds.failures.push(new TypeError('a mistake'))
    await assert.rejects(worker().tick(never), TypeError)
    assert.equal(await jobs.pending(), 1)
    clock.pass(120)
    assert.deepEqual(words(await worker().tick(never)), ['timestamp done'])
  })

  it('begins no job after the signal', async () => {
    const { rounds, worker, jobs } = setUp()
    assert.deepEqual(await worker().tick(AbortSignal.abort()), [])
    assert.equal(rounds.runs, 0)
    assert.equal(await jobs.pending(), 1)
  })

  it('hands the signal on to a task', async () => {
    const stop = new AbortController()
    let given: AbortSignal | undefined
    const task: ScheduledTask = {
      kind: 'publish',
      dueKey: async () => 1n,
      run: async (signal) => {
        given = signal
      },
    }
    await setUp({ tasks: () => [task] })
      .worker()
      .tick(stop.signal)
    assert.equal(given, stop.signal)
  })

  it('refuses two tasks of one kind', () => {
    assert.throws(() => setUp({ tasks: (clock) => [new Rounds(clock), new Rounds(clock)] }).worker(), RangeError)
  })

  it('lets failures of the queue out', async () => {
    const jobs = new MemoryJobQueue(createMemoryState())
    jobs.enqueue = () => Promise.reject(new StoreError('log_unwritable', 'full'))
    await assert.rejects(setUp({ jobs }).worker().tick(never), { code: 'log_unwritable' })
  })

  it('does it once among workers on one queue on the disk, and after a restart', async (t: TestContext) => {
    const path = join(temporaryFolder(t), 'jobs.sqlite')
    const clock = new Clock()
    const rounds = new Rounds(clock)
    const open = () => {
      const jobs = new SqliteJobQueue(path)
      t.after(() => jobs.close())
      return new Schedule({ jobs, tasks: [rounds], now: clock.now })
    }
    rounds.failures.push(unreachable())
    const first = await Promise.all([open(), open(), open()].map((schedule) => schedule.tick(never)))
    assert.deepEqual(words(first.flat()), ['timestamp failed'])
    clock.pass(10)
    const second = await Promise.all([open(), open(), open()].map((schedule) => schedule.tick(never)))
    assert.deepEqual(words(second.flat()), ['timestamp done'])
    assert.equal(rounds.runs, 2)
  })
})
