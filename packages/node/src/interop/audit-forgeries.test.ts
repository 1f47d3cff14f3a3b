/** The auditor over what the demonstration seals and forges: each forgery is told by its name, and nothing genuine is. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { before, describe, it } from 'node:test'
import { FORGERIES } from '@fiducial/core/domain/forge/forgeries.ts'
import { type AuditRun, AuditSite, troublesOf } from './audit-site.ts'

/** The finding that has to be among those of each forgery. */
const EXPECTED: Readonly<Record<string, string>> = {
  'pixel-flip': 'altered',
  nodule: 'altered',
  'patient-swap': 'altered',
  'side-swap': 'altered',
  'second-pixels': 'ambiguous',
  'second-patient': 'ambiguous',
  overlay: 'altered',
  shutter: 'altered',
  window: 'altered',
  replay: 'replayed',
  'device-removed': 'stripped',
  stripped: 'stripped',
  'stripped-bare': 'stripped',
  program: 'ambiguous',
  'fragments-merged': 'ambiguous',
  'other-seal': 'wrong_seal',
  'patch-copied': 'altered',
  screenshot: 'unknown',
  'rogue-key': 'wrong_signer',
  'expired-key': 'wrong_signer',
  'person-as-device': 'wrong_signer',
  'back-dated': 'back_dated',
  unknown: 'unknown',
}

describe('an audit of the demonstration', () => {
  const site = new AuditSite()

  before(() => site.demonstrate())

  it('finds nothing wrong with what is genuine', async () => {
    const { entries, report } = await site.audit(site.at('demo', 'sealed'))
    const there = entries.filter(({ standing }) => standing !== null)
    assert.equal(report.standings.authentic, 9)
    assert.deepEqual(
      there.flatMap((entry) => troublesOf(entry)),
      [],
      'false alarms',
    )
    assert.deepEqual(
      there.map(({ findings }) => findings.map(({ code }) => code)),
      there.map(() => ['synthetic']),
    )
  })

  describe('of forgeries', () => {
    let run: AuditRun
    const found = (id: string): readonly string[] =>
      run.entries.filter(({ key }) => key === `${id}.dcm`).flatMap((entry) => troublesOf(entry))

    before(async () => {
      run = await site.audit(site.at('demo', 'forged'), '--paths')
    })

    it('ends with 1', () => assert.equal(run.code, 1))

    it('knows all kinds', () => {
      assert.deepEqual(
        FORGERIES.map(({ id }) => id).filter((id) => EXPECTED[id] === undefined),
        [],
      )
      assert.equal(run.report.sweep.read, Object.keys(EXPECTED).length)
    })

    for (const [id, code] of Object.entries(EXPECTED)) {
      it(`tells ${id} as ${code}`, () => assert.ok(found(id).includes(code), `${found(id)}`))
    }

    it('tells that one identifier has many contents', () => {
      assert.ok(found('nodule').includes('uid_reused'))
      assert.ok(!found('fragments-merged').includes('uid_reused'))
    })
  })

  it('knows a screenshot again by the mark in its pixels, where it reads marks', async () => {
    const { entries } = await site.audit(site.at('demo', 'forged'), '--paths', '--marks', '--full')
    const [shot] = entries.filter(({ key }) => key === 'screenshot.dcm')
    assert.ok(shot)
    assert.ok(troublesOf(shot).includes('replayed'), `${troublesOf(shot)}`)
  })

  it('misses the image that was taken out of the archive, by its identifier', async () => {
    const { entries, code } = await site.audit(site.at('demo', 'archive'))
    const sealed = await site.audit(site.at('demo', 'sealed'), '--paths')
    const uid = sealed.entries.find(({ key }) => key === 'ct/2.dcm')?.sopInstanceUid
    const missing = entries.filter(({ findings }) => findings.some(({ code: one }) => one === 'missing'))
    assert.ok(missing.some(({ sopInstanceUid }) => sopInstanceUid === uid))
    assert.equal(code, 1)
  })

  it('names no path and no patient unless it is asked to', async () => {
    const { entries } = await site.audit(site.at('demo', 'forged'))
    assert.ok(entries.every(({ key }) => key === null))
    const report = readFileSync(site.at('report-2', 'audit.html'), 'utf8')
    assert.ok(!/DEMO\^|DEMO-9999/.test(report))
  })

  describe('over several nights', () => {
    const archive = site.at('nights')
    let first: AuditRun

    before(async () => {
      mkdirSync(archive)
      cpSync(site.at('demo', 'sealed'), archive, { recursive: true })
      first = await site.audit(archive)
    })

    it('reads nothing again while nothing changes', async () => {
      const second = await site.audit(archive)
      assert.deepEqual([second.report.sweep.read, second.report.sweep.unchanged], [0, first.report.sweep.read])
    })

    it('finds what was forged since, as new', async () => {
      writeFileSync(`${archive}/chest.dcm`, readFileSync(site.at('demo', 'forged', 'nodule.dcm')))
      const third = await site.audit(archive, '--paths')
      assert.equal(third.record.readNow, 1)
      const chest = third.entries.find(({ key }) => key === 'chest.dcm')
      const altered = chest?.findings.find(({ code }) => code === 'altered')
      assert.equal(altered?.foundIn, third.report.sweep.number)
    })

    it('finds a copy that was filed under another study, and signed by nobody', async () => {
      const file = readFileSync(site.at('demo', 'forged', 'stripped-bare.dcm'))
      const bytes = file.toString('latin1')
      const uid = /2\.25\.\d{30,}/g
      const [sop = ''] = bytes.match(/2\.25\.\d{30,}/) ?? []
      // The same pixels under identifiers of the same length.
      const other = bytes.replace(uid, (one) => `${one.slice(0, -4)}9999`)
      assert.ok(sop !== '' && other !== bytes)
      writeFileSync(`${archive}/copy.dcm`, Buffer.from(other, 'latin1'))
      const { entries } = await site.audit(archive, '--paths')
      const copy = entries.find(({ key }) => key === 'copy.dcm')
      assert.ok(
        copy?.findings.some(({ code }) => code === 'replayed'),
        JSON.stringify(copy),
      )
    })
  })
})
