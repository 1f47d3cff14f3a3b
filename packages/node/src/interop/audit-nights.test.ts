/** The auditor from night to night, while the files stay as they are: what the log, keys and time say anew is seen. */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { before, describe, it } from 'node:test'
import { type AuditRun, AuditSite, troublesOf } from './audit-site.ts'

describe('an archive whose files stay as they are', () => {
  const site = new AuditSite()
  const archive = site.at('archive')
  const sweep = (): Promise<AuditRun> => site.audit(archive, '--paths')
  const found = ({ entries }: AuditRun, key: string): readonly string[] =>
    entries.filter((entry) => entry.key === key).flatMap((entry) => troublesOf(entry))

  before(async () => {
    await site.demonstrate()
    cpSync(site.at('demo', 'sealed'), archive, { recursive: true })
    await sweep()
  })

  it('is alarming for an image that the log quarantines, until it is released', async () => {
    const image = site.at('archive', 'hand.dcm')
    const append = (event: string, details: object) =>
      site.must('log', 'append', '--event', event, '--details', JSON.stringify(details), image)
    await append('quarantined', { reasons: ['uid_reused'] })
    const held = await sweep()
    assert.deepEqual([held.record.readNow, found(held, 'hand.dcm')], [1, ['quarantined']])
    const person = (id: string) => ({ id, name: id })
    await append('released', { releasedBy: person('a'), confirmedBy: person('b'), reason: 'checked' })
    const released = await sweep()
    assert.deepEqual([released.record.readNow, found(released, 'hand.dcm')], [1, []])
  })

  it('is alarming for a training image that was withdrawn and is still there', async () => {
    const image = site.at('archive', 'mr', '1.dcm')
    const details = { drillId: 'd1', injectionId: 'i1', reason: 'drill_over', residue: '0' }
    await site.must('log', 'append', '--event', 'drill-withdrawn', '--details', JSON.stringify(details), image)
    const run = await sweep()
    assert.deepEqual([run.record.readNow, found(run, 'mr/1.dcm')], [1, ['withdrawn']])
  })

  it('is alarming for what a device signed whose key was lost, and for nothing else', async () => {
    const list = await site.must('keys', 'list', '--json')
    const ids = list
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { readonly id: string })
    const ct = ids.find(({ id }) => /ct/.test(id))?.id ?? ''
    await site.must('keys', 'revoke', ct, '--reason', 'key-compromise')
    const run = await sweep()
    const revoked = run.entries.filter(({ findings }) => findings.some(({ code }) => code === 'revoked'))
    assert.deepEqual(
      revoked.map(({ key }) => key),
      ['ct/1.dcm', 'ct/2.dcm', 'ct/3.dcm'],
    )
    assert.equal(run.record.readNow, 3)
    const next = await sweep()
    assert.deepEqual([next.record.readNow, next.report.severities.alarm], [0, run.report.severities.alarm])
  })

  it('is judged anew where others are trusted', async () => {
    const run = await site.audit(archive, '--policy', 'signatures')
    assert.equal(run.record.readNow, 9)
  })
})
