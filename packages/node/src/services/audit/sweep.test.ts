import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { finding } from '@fiducial/core/domain/audit/finding.ts'
import { NO_ANCHORS } from '@fiducial/core/domain/trust/anchors.ts'
import { openSweepStore } from '../../storage/audit/sqlite-sweep-store.ts'
import { MemoryArchive, toyDigest } from '../../testing/memory-archive.ts'
import type { LogNews, SweepStore } from './ports.ts'
import { type ExamineAll, runSweep, type SweepOptions, type SweepResult } from './sweep.ts'
import { Throttle } from './throttle.ts'

const DAY_MS = 86_400_000
const NEVER = new AbortController().signal

let archive: MemoryArchive
let store: SweepStore
let now: Date

beforeEach(() => {
  archive = new MemoryArchive()
  store = openSweepStore(':memory:')
  now = new Date('2026-05-01T02:00:00Z')
})

const fill = (count: number): void => {
  for (let i = 0; i < count; i++) archive.images.set(`i${String(i).padStart(3, '0')}`, {})
}

/** Examines one after the other, and calls back before each. */
const examining = (before: (key: string) => void = () => undefined): ExamineAll =>
  async function* (tasks, signal) {
    for await (const task of tasks) {
      if (signal.aborted) return
      before(task.label)
      const image = archive.images.get(task.label)
      if (image?.version === 'broken') yield { task, bytes: 100, failure: { code: 'dicom_not_dicom' } }
      else yield { task, bytes: 100, value: archive.examine(task.label) }
    }
  }

function sweep(more: Partial<SweepOptions> = {}): Promise<SweepResult> {
  return runSweep({
    source: archive,
    store,
    examineAll: examining(),
    throttle: new Throttle({}, { elapsedMs: () => 0, now: () => now, pause: async () => undefined }),
    anchors: NO_ANCHORS,
    trustId: 'trust',
    revoked: [],
    now: () => now,
    signal: NEVER,
    isFull: false,
    rereadDays: 30,
    graceMs: DAY_MS,
    ...more,
  })
}

/** Runs the next night's sweep. */
function nextNight(more: Partial<SweepOptions> = {}): Promise<SweepResult> {
  now = new Date(now.getTime() + DAY_MS)
  archive.fetched.length = 0
  return sweep(more)
}

const news = (index: number, more: Partial<LogNews>): LogNews => ({
  index: BigInt(index),
  sopInstanceUid: '1.i000',
  studyInstanceUid: '1.5',
  at: new Date('2026-04-01T00:00:00Z'),
  change: 'present',
  isRepeatable: false,
  file: null,
  dataset: null,
  ...more,
})

const codes = async (): Promise<readonly string[]> =>
  (await store.sweepFindings()).map(
    ({ finding: { code, reasons }, sopInstanceUid }) => `${sopInstanceUid} ${code} ${reasons[0]}`,
  )

describe('runSweep', () => {
  it('reads what is new, and then passes over what has not changed', async () => {
    fill(25)
    const first = await sweep()
    assert.deepEqual(first.sweep.counts, { read: 25, unchanged: 0, failed: 0, bytes: 2500 })
    const second = await nextNight()
    assert.deepEqual(second.sweep.counts, { read: 0, unchanged: 25, failed: 0, bytes: 0 })
    assert.deepEqual([second.sweep.number, second.isFinished, second.isResumed], [2, true, false])
    assert.equal(archive.open, 0)
  })

  it('reads what changed, and nothing else', async () => {
    fill(25)
    await sweep()
    archive.images.set('i007', { version: 'v2' })
    await nextNight()
    assert.deepEqual(archive.fetched, ['i007'])
  })

  it('reads everything again where that is asked for', async () => {
    fill(3)
    await sweep()
    assert.equal((await nextNight({ isFull: true })).sweep.counts.read, 3)
  })

  it('reads each instance again within so many days, some each night', async () => {
    fill(200)
    await sweep()
    const reads: number[] = []
    for (let night = 0; night < 12; night++) reads.push((await nextNight({ rereadDays: 12 })).sweep.counts.read)
    assert.ok(reads.reduce((sum, read) => sum + read, 0) >= 200)
    assert.ok(Math.max(...reads) < 150, `read ${reads}`)
    assert.ok(reads.filter((read) => read > 0).length >= 4, `read ${reads}`)
  })

  it('goes on after an interruption, reads nothing twice, and leaves nothing out', async () => {
    fill(60)
    const stop = new AbortController()
    let seen = 0
    const examineAll = examining(() => {
      if (++seen === 23) stop.abort()
    })
    const cut = await sweep({ examineAll, signal: stop.signal })
    assert.equal(cut.isFinished, false)
    assert.equal(archive.open, 0)
    const before = cut.sweep.counts.read
    assert.equal(before, 23)
    const rest = await sweep()
    assert.deepEqual([rest.isResumed, rest.isFinished, rest.sweep.number], [true, true, 1])
    assert.deepEqual(rest.sweep.counts, { read: 60, unchanged: 0, failed: 0, bytes: 6000 })
    // One was fetched and not examined any more when the signal came.
    assert.ok(archive.fetched.length <= 62, `${archive.fetched.length} fetched`)
  })

  it('goes on from a store that was left in the middle, as a killed process leaves it', async () => {
    fill(60)
    const examineAll = examining((key) => {
      if (key === 'i030') throw new RangeError('killed')
    })
    await assert.rejects(sweep({ examineAll }), { message: 'killed' })
    const known = [...(await store.known([...archive.images.keys()])).values()]
    archive.fetched.length = 0
    const rest = await sweep()
    assert.equal(rest.sweep.counts.read, 60)
    assert.equal(archive.fetched.length, 60 - known.length)
  })

  it('counts what it passes over once, however often it goes on', async () => {
    fill(30)
    await sweep()
    archive.images.set('i002', { version: 'v2' })
    archive.images.set('i029', { version: 'v2' })
    await nextNight({ limit: 1 })
    const { sweep: ended, isResumed } = await sweep()
    assert.deepEqual([isResumed, ended.counts.read, ended.counts.unchanged], [true, 2, 28])
  })

  it('stops at its limit, and goes on with the next run', async () => {
    fill(30)
    const counts: number[] = []
    for (let run = 0; run < 4; run++) counts.push((await sweep({ limit: 12 })).sweep.counts.read)
    assert.deepEqual(counts, [12, 24, 30, 0])
    assert.equal((await store.ended(9)).length, 2)
  })

  it('reports what cannot be fetched or read, and goes on', async () => {
    fill(5)
    archive.images.set('i001', { failure: 'instance_missing' })
    archive.images.set('i002', { version: 'broken' })
    archive.images.set('notes.txt', { version: 'broken', mayBeOther: true })
    const { sweep: ended } = await sweep()
    assert.deepEqual([ended.counts.read, ended.counts.failed], [3, 2])
    const found = await store.instances('with_findings', { limit: 10 })
    assert.deepEqual(
      found.map(({ key, findings }) => [key, findings]),
      [
        ['i001', [{ ...finding('unreadable', ['instance_missing']), foundIn: 1 }]],
        ['i002', [{ ...finding('unreadable', ['dicom_not_dicom']), foundIn: 1 }]],
      ],
    )
    assert.equal((await store.standings()).other, 1)
  })

  describe('reads again what has not changed', () => {
    const readNext = async (more: Partial<SweepOptions> = {}): Promise<readonly string[]> => {
      await nextNight(more)
      return archive.fetched
    }

    beforeEach(async () => {
      fill(4)
      archive.images.set('i001', { signers: ['ca:01', 'ca:02'] })
      archive.images.set('i002', { signers: ['ca:01'], nextLookAt: new Date(now.getTime() + 5 * DAY_MS) })
      await sweep()
    })

    it('where a certificate was revoked', async () => {
      assert.deepEqual(await readNext({ revoked: ['ca:02', 'ca:99'] }), ['i001'])
      assert.deepEqual(await readNext({ revoked: ['ca:02', 'ca:99'] }), [])
    })

    it('where others are believed', async () => {
      assert.deepEqual(await readNext({ trustId: 'other' }), ['i001', 'i002'])
      assert.deepEqual(await readNext({ trustId: 'other' }), [])
    })

    it('where a moment has come at which a signature ends', async () => {
      for (let night = 1; night < 5; night++) assert.deepEqual(await readNext(), [])
      assert.deepEqual(await readNext(), ['i002'])
    })

    it('where the log says something new', async () => {
      const learn = async (): Promise<bigint> => {
        await store.learn([news(0, { sopInstanceUid: '1.i003', change: 'quarantined' })], [], 1n)
        return 1n
      }
      assert.deepEqual(await readNext({ learn }), ['i003'])
    })

    it('and not where the log says again what it said', async () => {
      archive.images.set('i003', { version: 'v2', firstEntry: '5' })
      await nextNight()
      const dataset = toyDigest('dataset i003')
      const repeat = news(6, { sopInstanceUid: '1.i003', isRepeatable: true, dataset })
      await store.learn([repeat], [], 7n)
      assert.deepEqual(await readNext(), [])
      await store.learn([{ ...repeat, dataset: toyDigest('other') }], [], 8n)
      assert.deepEqual(await readNext(), ['i003'])
    })
  })

  describe('of what is not there', () => {
    it('misses at once what the archive had, and after a while what it never had', async () => {
      fill(2)
      await store.learn([news(0, {}), news(1, { sopInstanceUid: '9.9' })], [], 2n)
      await sweep()
      assert.deepEqual(await codes(), ['9.9 missing was_recorded'])
      archive.images.delete('i000')
      archive.images.delete('i001')
      await nextNight()
      assert.deepEqual((await codes()).toSorted(), [
        '1.i000 missing was_in_the_archive',
        '1.i001 vanished seen_until',
        '9.9 missing was_recorded',
      ])
    })

    it('does not miss what is withdrawn, erased, in quarantine or on its way', async () => {
      const fresh = { at: now, sopInstanceUid: '9.1' }
      await store.learn(
        [
          news(0, fresh),
          news(1, { sopInstanceUid: '9.2' }),
          news(2, { sopInstanceUid: '9.2', change: 'withdrawn' }),
          news(3, { sopInstanceUid: '9.3' }),
          news(4, { sopInstanceUid: '9.4' }),
          news(5, { sopInstanceUid: '9.4', change: 'quarantined' }),
        ],
        [3n],
        6n,
      )
      await sweep()
      assert.deepEqual(await codes(), [])
      await store.learn([news(6, { ...fresh, change: 'forwarded', at: now })], [], 7n)
      await nextNight()
      assert.deepEqual(await codes(), ['9.1 missing was_sent'])
    })

    it('does not call an instance gone that is there under another name', async () => {
      archive.images.set('old', { sop: '7.7' })
      await sweep()
      archive.images.delete('old')
      archive.images.set('new', { sop: '7.7' })
      await nextNight()
      assert.deepEqual(await codes(), [])
    })

    it('says so no more once it is there again', async () => {
      archive.images.set('a', {})
      await sweep()
      archive.images.delete('a')
      await nextNight()
      assert.equal((await codes()).length, 1)
      archive.images.set('a', {})
      await nextNight()
      assert.deepEqual(await codes(), [])
    })

    it('takes nothing for gone that it was not to list', async () => {
      fill(3)
      await sweep()
      const since = await nextNight({ since: 'last' })
      assert.deepEqual(archive.cursors, [undefined, 'next'])
      archive.images.delete('i001')
      await nextNight({ since: 'last' })
      assert.deepEqual(await codes(), [])
      assert.equal(since.isFinished, true)
    })
  })

  describe('of what is there several times', () => {
    it('finds duplicates and replays, and no plain pictures', async () => {
      archive.images.set('a', { frames: 'same', firstEntry: '1' })
      archive.images.set('b', { frames: 'same', standing: 'undetermined', study: '8.8' })
      archive.images.set('c', { frames: 'black', isPlain: true })
      archive.images.set('d', { frames: 'black', isPlain: true })
      await sweep()
      assert.deepEqual(await codes(), ['1.b replayed same_pixels_in_other_study'])
    })

    it('finds one identifier with several contents', async () => {
      archive.images.set('a', { sop: '7.7' })
      archive.images.set('b', { sop: '7.7' })
      await sweep()
      assert.deepEqual(await codes(), ['7.7 uid_reused other_pixels', '7.7 uid_reused other_pixels'])
    })

    it('remembers which sweep found it first', async () => {
      archive.images.set('a', { sop: '7.7' })
      archive.images.set('b', { sop: '7.7' })
      await sweep()
      await nextNight()
      assert.deepEqual(
        (await store.sweepFindings()).map(({ foundIn }) => foundIn),
        [1, 1],
      )
    })
  })

  it('finds other pixels than at an earlier sweep where nobody else can say what they were', async () => {
    const unknown = { standing: 'undetermined', findings: [finding('unknown')] } as const
    archive.images.set('a', unknown)
    await sweep()
    archive.images.set('a', { ...unknown, version: 'v2', frames: 'others', dataset: 'others' })
    await nextNight()
    const found = async (): Promise<readonly string[]> =>
      (await store.instances('with_findings', { limit: 9 })).flatMap(({ findings }) => findings.map(({ code }) => code))
    assert.deepEqual(await found(), ['changed_since', 'unknown'])
    // Reading it once more does not make it right.
    await nextNight({ isFull: true })
    assert.deepEqual(await found(), ['changed_since', 'unknown'])
  })

  it('tells how far it is', async () => {
    fill(25)
    const told: string[] = []
    await sweep({ onProgress: ({ done, listed, bytes }) => told.push(`${done} of ${listed}, ${bytes}`) })
    assert.equal(told.at(-1), '25 of 25, 2500')
  })
})
