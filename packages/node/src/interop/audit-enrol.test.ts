/** The auditor over an old archive that nobody signed: cut off and gone on with, enrolled, and watched from then on. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { openSweepStore } from '../storage/audit/sqlite-sweep-store.ts'
import { openLogReader } from '../wiring/log-reader.ts'
import { AuditSite, troublesOf } from './audit-site.ts'
import { smallImage, smallPath, writeSmallImages } from './small-images.ts'

const COUNT = 1500

describe('an audit of an old archive', () => {
  const site = new AuditSite()
  const archive = site.at('archive')

  const logSize = async (): Promise<bigint> => {
    await using reader = await openLogReader(join(site.home, 'log'))
    return (await reader.view())?.size ?? 0n
  }

  before(async () => {
    await site.found()
    writeSmallImages(archive, COUNT)
    writeFileSync(join(archive, 'readme.txt'), 'images of 2026')
  })

  it('goes on after kill -9: nothing is read twice that was taken down, and nothing is left out', async () => {
    let known = 0
    for (let kill = 0; kill < 2; kill++) {
      // So slow that it cannot be done before it is killed, on any machine.
      await site.killed(archive, 100_000, '--throttle', '500/s')
      const [name = ''] = readdirSync(join(site.home, 'audit')).filter((one) => one.endsWith('.sqlite'))
      const store = openSweepStore(join(site.home, 'audit', name))
      const counts = Object.values(await store.standings()).reduce((sum, count) => sum + count, 0)
      assert.ok(counts > known && counts < COUNT, `${counts} of ${COUNT} after a kill`)
      known = counts
      await store.close()
    }
    const { record, report, code } = await site.audit(archive)
    assert.deepEqual([record.isResumed, report.sweep.number, report.sweep.read], [true, 1, COUNT])
    // The file that is no image was taken down before or after.
    assert.ok(
      record.readNow <= COUNT - known + 1 && record.readNow >= COUNT - known,
      `${record.readNow} of ${COUNT - known}`,
    )
    assert.equal(report.standings.undetermined, COUNT)
    assert.equal(code, 2)
  })

  it('enrols each unknown image once, also where that is killed on its way', async () => {
    const before = await logSize()
    // Whether it is killed before, in the middle or not at all, the outcome is the same.
    await site.killed(archive, 50_000, '--enrol').catch(() => undefined)
    const { record, report } = await site.audit(archive, '--enrol')
    const again = await site.audit(archive, '--enrol')
    assert.equal(again.record.enrolled, 0)
    assert.equal(report.standings.recorded, COUNT)
    assert.ok(record.enrolled !== undefined)
    await using reader = await openLogReader(join(site.home, 'log'))
    const received = []
    for (let from = 0n; ; ) {
      const page = await reader.records?.find({ term: { kind: 'type', value: 'received' }, from, limit: 1000 })
      if (page === undefined || page.length === 0) break
      received.push(...page)
      from = (page.at(-1) ?? 0n) + 1n
    }
    assert.equal(received.length, COUNT)
    assert.ok((await logSize()) > before)
  })

  it('reads none of them again because they are in the log now', async () => {
    const { record, report, code } = await site.audit(archive)
    assert.deepEqual([record.readNow, report.sweep.unchanged, code], [0, COUNT + 1, 0])
  })

  it('sees every change from then on', async () => {
    const write = (number: number, bytes: Uint8Array): void => writeFileSync(join(archive, smallPath(number)), bytes)
    write(3, smallImage(3, { isRetouched: true }))
    write(4, smallImage(4, { patient: 'DEMO^OTHERS^' }))
    write(5, smallImage(5).subarray(0, 1500))
    write(6, new Uint8Array(0))
    rmSync(join(archive, smallPath(7)))
    mkdirSync(join(archive, 'new'))
    writeFileSync(join(archive, 'new', 'copy.dcm'), smallImage(8))
    writeFileSync(join(archive, 'new', 'unknown.dcm'), smallImage(COUNT + 1))
    const { entries, record, code } = await site.audit(archive, '--paths')
    assert.equal(record.readNow, 5)
    const told = Object.fromEntries(
      entries.map((entry) => [entry.key ?? entry.sopInstanceUid, troublesOf(entry)]),
    ) as Record<string, readonly string[]>
    assert.deepEqual(told, {
      [smallPath(3)]: ['replaced'],
      [smallPath(4)]: ['changed'],
      [smallPath(5)]: ['damaged'],
      [smallPath(6)]: ['unreadable'],
      [smallPath(8)]: [],
      'new/copy.dcm': [],
      'new/unknown.dcm': ['unknown'],
      '2.25.7.0.6': ['missing'],
      '2.25.7.0.7': ['missing'],
    })
    assert.equal(code, 1)
  })

  it('records what it found, once', async () => {
    await site.audit(archive, '--record')
    const size = await logSize()
    await site.audit(archive, '--record')
    assert.equal(await logSize(), size)
    await using reader = await openLogReader(join(site.home, 'log'))
    const flagged = await reader.records?.find({ term: { kind: 'type', value: 'flagged' }, limit: 100 })
    assert.equal(flagged?.length, 2)
  })
})
