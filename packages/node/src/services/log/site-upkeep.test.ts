import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { createMemoryState, openMemoryLog } from '../../storage/log/memory.ts'
import { makeLogEntry, makeLogOptions, makeLogSigner } from '../../testing/log-site.ts'
import type { TimestampAuthority } from '../ports.ts'
import type { Witnessing } from './integrator.ts'
import { Schedule } from './schedule.ts'
import { SiteLog } from './site-log.ts'
import { upkeepTasks } from './site-upkeep.ts'

const signer = makeLogSigner()
const never = new AbortController().signal
const MINUTE_MS = 60_000
const START = Date.UTC(2030, 0, 1, 10, 30)

/** A site over memory whose witnesses and authorities a test switches on and off. */
function setUp({ intervalMs = 60 * MINUTE_MS } = {}) {
  const state = createMemoryState()
  const site = {
    ms: START,
    hasWitnesses: true,
    isLocked: false,
    opened: 0,
    /** Whether each authority answers. */
    authorities: [true],
    failures: [] as unknown[],
  }
  const now = () => new Date(site.ms)
  const witnessing: Witnessing = {
    async cosign({ note }) {
      if (!site.hasWitnesses) throw new StoreError('witness_quorum_missing', 'nobody there')
      return note
    },
  }
  const authority = (index: number): TimestampAuthority => ({
    async timestamp() {
      if (site.authorities[index] !== true) throw new StoreError('service_unreachable', 'no authority')
      return Uint8Array.of(0x30, index)
    },
  })
  const withSite = async (steps: (open: SiteLog) => Promise<void>): Promise<void> => {
    site.opened++
    if (site.isLocked) throw new StoreError('log_locked', 'somebody appends')
    const open = await SiteLog.open(openMemoryLog(state), {
      ...makeLogOptions(signer, { now, witnessing }),
      random: (length) => new Uint8Array(length),
      recorder: { id: 'gateway', name: 'Gateway' },
      isDemo: false,
      archive: { id: 'main', secret: new Uint8Array(32) },
      authorities: site.authorities.map((_, index) => authority(index)),
      timestampIntervalMs: intervalMs,
      crypto: nativeCrypto,
    })
    try {
      await steps(open)
    } finally {
      await open.close()
    }
  }
  const { head, published, records, jobs } = openMemoryLog(state)
  const onFailure = (error: unknown) => site.failures.push(error)
  const tasks = upkeepTasks({ head, published, records, timestampIntervalMs: intervalMs, withSite, onFailure })
  const schedule = new Schedule({ jobs, tasks, now })
  let appended = 0
  return {
    site,
    append: () => withSite(async ({ log }) => void (await log.append(makeLogEntry(`entry ${appended++}`)))),
    async tick() {
      site.opened = 0
      return (await schedule.tick(never)).map(({ kind, outcome }) => `${kind} ${outcome}`)
    },
    pass: (minutes: number) => {
      site.ms += minutes * MINUTE_MS
    },
    async publishedSize() {
      const note = await published.read()
      return note === undefined ? 0n : parseCheckpoint(parseNote(note).text).size
    },
    stamps: async () => (await records.find({ term: { kind: 'type', value: 'timestamped' }, limit: 100 })).length,
  }
}

describe('The upkeep of a log', () => {
  it('does not take an empty log', async () => {
    const { tick, site } = setUp()
    assert.deepEqual(await tick(), [])
    assert.equal(site.opened, 0)
  })

  it('takes timestamps of a log that has grown, one round an interval', async () => {
    const { append, tick, pass, stamps, site } = setUp()
    await append()
    assert.deepEqual(await tick(), ['timestamp done'])
    assert.equal(await stamps(), 1)
    for (let minute = 1; minute < 60; minute++) {
      await append()
      pass(1)
      assert.deepEqual(await tick(), [])
    }
    assert.equal(site.opened, 0)
    pass(1)
    assert.deepEqual(await tick(), ['timestamp done'])
    assert.equal(await stamps(), 2)
  })

  it('takes none of a log that has not grown', async () => {
    const { append, tick, pass, stamps } = setUp()
    await append()
    await tick()
    for (let hour = 0; hour < 5; hour++) {
      pass(60)
      assert.deepEqual(await tick(), [])
    }
    assert.equal(await stamps(), 1)
  })

  it('takes a round in each minute at most, whatever the interval', async () => {
    const { append, tick, pass, stamps } = setUp({ intervalMs: 0 })
    await append()
    await tick()
    await append()
    assert.deepEqual(await tick(), [])
    pass(1)
    assert.deepEqual(await tick(), ['timestamp done'])
    assert.equal(await stamps(), 2)
  })

  it('publishes what witnesses were missing for, once they are back', async () => {
    const { append, tick, pass, site, publishedSize } = setUp()
    await append()
    await tick()
    site.hasWitnesses = false
    await append()
    const before = await publishedSize()
    assert.deepEqual(await tick(), ['publish failed'])
    assert.equal(await publishedSize(), before)
    site.hasWitnesses = true
    assert.deepEqual(await tick(), [], 'not before it is time')
    pass(1)
    assert.deepEqual(await tick(), ['publish done'])
    assert.equal(await publishedSize(), before + 1n)
    pass(1)
    assert.deepEqual(await tick(), [])
  })

  it('takes the log no more for what somebody else has published meanwhile', async () => {
    const { append, tick, pass, site, publishedSize } = setUp()
    await append()
    await tick()
    site.hasWitnesses = false
    await append()
    assert.deepEqual(await tick(), ['publish failed'])
    site.hasWitnesses = true
    await append()
    assert.equal(await publishedSize(), 4n)
    pass(1)
    assert.deepEqual(await tick(), ['publish dropped'])
    assert.equal(site.opened, 0)
  })

  it('takes no timestamp of what no witness has seen', async () => {
    const { append, tick, site, stamps } = setUp()
    site.hasWitnesses = false
    await append()
    assert.deepEqual(await tick(), ['publish failed', 'timestamp failed'])
    assert.equal(await stamps(), 0)
  })

  it('comes back where another process has the log', async () => {
    const { append, tick, pass, site } = setUp()
    await append()
    site.isLocked = true
    assert.deepEqual(await tick(), ['timestamp failed'])
    site.isLocked = false
    pass(1)
    assert.deepEqual(await tick(), ['timestamp done'])
  })

  it('asks again where no authority answers', async () => {
    const { append, tick, pass, site, stamps } = setUp()
    site.authorities = [false, false]
    await append()
    assert.deepEqual(await tick(), ['timestamp failed'])
    assert.equal(await stamps(), 0)
    site.authorities = [false, true]
    pass(1)
    assert.deepEqual(await tick(), ['timestamp done'])
    assert.equal(await stamps(), 1)
    assert.equal(site.failures.length, 1, 'the one that failed is told of')
  })
})
