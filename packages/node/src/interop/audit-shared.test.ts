/** The auditor over other people’s files: every one is accounted for, and those that are broken stop nothing. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { findInputs } from '../storage/find-inputs.ts'
import { sharedPath, sharedSkip } from '../testing/peers.ts'
import { type AuditRun, AuditSite } from './audit-site.ts'

describe('an audit of other people’s files', { skip: sharedSkip }, () => {
  const site = new AuditSite()
  let run: AuditRun
  const codesOf = (key: string): readonly string[] =>
    run.entries.filter((entry) => entry.key === key).flatMap(({ findings }) => findings.map(({ code }) => code))

  before(async () => {
    run = await site.audit(sharedPath('data/dicom'), '--paths')
  })

  it('accounts for every file', async () => {
    const files = (await Array.fromAsync(findInputs([sharedPath('data/dicom')]))).length
    const { standings, sweep } = run.report
    assert.ok(sweep.isFinished)
    assert.equal(
      Object.values(standings).reduce((sum, count) => sum + count, 0),
      files,
    )
    assert.equal(sweep.read + sweep.failed + (standings.other ?? 0), files)
  })

  it('calls files damaged that are cut off', () => {
    for (const name of ['MR_truncated.dcm', 'rtplan_truncated.dcm'])
      assert.ok(codesOf(`pydicom/test_files/${name}`).includes('damaged'), name)
  })

  it('knows one picture in several encodings as one', () => {
    const encodings = run.entries.filter(({ key }) => key?.startsWith('cornerstone/CTImage.dcm'))
    const same = encodings.filter(({ findings }) =>
      findings.some(({ code, severity }) => code === 'uid_reused' && severity === 'warning'),
    )
    assert.ok(same.length >= 9, `${same.length}`)
  })

  it('claims no origin for what nobody signed', () => {
    assert.deepEqual([run.report.standings.authentic, run.report.standings.recorded], [0, 0])
    assert.ok(run.entries.length >= 240)
  })
})
