/** The auditor over a real Orthanc, by each way in: its own REST interface, DICOMweb, and C-FIND with C-GET. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePort } from '../testing/free-port.ts'
import { type Orthanc, orthanc, orthancDicomWeb, startOrthanc } from '../testing/orthanc.ts'
import { type AuditRun, AuditSite, troublesOf } from './audit-site.ts'

const skip = orthanc.skip || orthancDicomWeb.skip

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return filesIn(path)
    return name.endsWith('.dcm') ? [path] : []
  })
}

const codesOf = ({ entries }: AuditRun): readonly string[] => entries.flatMap((entry) => troublesOf(entry)).toSorted()

describe('an audit of an Orthanc', { skip }, () => {
  const site = new AuditSite()
  const ends: (() => Promise<void> | void)[] = []
  let pacs: Orthanc
  /** Addresses by the way in. */
  let ways: Readonly<Record<string, string>>
  /** What stands in the log and was never in an archive of this test: the forgery that was dated back. */
  const NEVER_SENT = 1

  const post = async (path: string): Promise<void> => {
    await pacs.post('instances', new Uint8Array(readFileSync(path)))
  }

  before(async () => {
    await site.demonstrate()
    const owner = { after: (end: () => Promise<void> | void) => void ends.push(end) }
    pacs = await startOrthanc({ hasDicomWeb: true, isOverwriting: true }, owner)
    for (const path of filesIn(site.at('demo', 'sealed'))) await post(path)
    ways = {
      'its own REST interface': `orthanc+${pacs.url}`,
      DICOMweb: pacs.dicomWebUrl,
      'C-FIND and C-GET': `dicom://${pacs.aet}@${pacs.host}:${pacs.dicomPort}`,
    }
  })

  after(async () => {
    for (const end of ends) await end()
  })

  for (const way of ['its own REST interface', 'DICOMweb', 'C-FIND and C-GET']) {
    it(`knows every image as it was recorded, by ${way}`, async () => {
      const run = await site.audit(ways[way] ?? '')
      assert.deepEqual([run.report.sweep.read, run.report.sweep.failed], [9, 0])
      assert.deepEqual([run.report.standings.recorded, run.report.standings.not_authentic], [9, 0])
      assert.deepEqual(codesOf(run), Array(NEVER_SENT).fill('missing'), 'false alarms')
    })

    it(`passes over what it has read, by ${way}`, async () => {
      const { record, report } = await site.audit(ways[way] ?? '')
      assert.deepEqual([record.readNow, report.sweep.unchanged], [0, 9])
    })
  }

  describe('in which somebody has put a nodule, and taken a slice out', () => {
    before(async () => {
      await post(site.at('demo', 'forged', 'nodule.dcm'))
      await post(site.at('demo', 'forged', 'unknown.dcm'))
      const [slice] = filesIn(site.at('demo', 'sealed', 'ct'))
      const uid = /1\.2\.840\.10008\.5\.1\.4\.1\.1\.2\0?.{8}(2\.25\.\d+)/s.exec(
        readFileSync(slice ?? '', 'latin1'),
      )?.[1]
      const [found] = (await pacs.post('tools/find', { Level: 'Instance', Query: { SOPInstanceUID: uid } })) as string[]
      await pacs.delete(`instances/${found}`)
    })

    it('sees both from one night to the next, by its own REST interface', async () => {
      const run = await site.audit(ways['its own REST interface'] ?? '')
      assert.equal(run.record.readNow, 2)
      assert.deepEqual(codesOf(run), ['altered', ...Array(NEVER_SENT + 1).fill('missing'), 'replaced', 'unknown'])
      assert.equal(run.code, 1)
    })

    for (const way of ['DICOMweb', 'C-FIND and C-GET']) {
      it(`sees the new and the missing at once and the changed when it is read again, by ${way}`, async () => {
        const quick = await site.audit(ways[way] ?? '')
        assert.deepEqual(codesOf(quick), [...Array(NEVER_SENT + 1).fill('missing'), 'unknown'])
        const full = await site.audit(ways[way] ?? '', '--full')
        assert.ok(codesOf(full).includes('altered'))
        assert.equal(full.report.sweep.read, 9)
      })
    }

    it('sees what is new alone, since the last sweep', async () => {
      await post(site.at('demo', 'forged', 'patient-swap.dcm'))
      const run = await site.audit(ways['its own REST interface'] ?? '', '--since', 'last')
      assert.equal(run.record.readNow, 1)
      assert.ok(codesOf(run).includes('altered'))
    })
  })

  it('is fetched from by C-MOVE, too, and takes nothing that was not asked for', async () => {
    const port = await freePort()
    await pacs.know('auditor', { aet: 'AUDITOR', port })
    const words = ['--receive-port', String(port), '--calling-aet', 'AUDITOR', '--full']
    const run = await site.audit(ways['C-FIND and C-GET'] ?? '', ...words)
    assert.deepEqual([run.report.sweep.read, run.report.sweep.failed], [9, 0])
    assert.ok(codesOf(run).includes('altered'))
  })

  it('says that it cannot be reached, and goes on the next time', async () => {
    await pacs.stop()
    for (const target of Object.values(ways)) {
      await assert.rejects(site.audit(target), /exit code 69/)
    }
    await pacs.start()
    for (const target of Object.values(ways)) {
      const { record, report } = await site.audit(target)
      assert.deepEqual([record.isResumed, report.sweep.isFinished], [true, true])
    }
  })
})
