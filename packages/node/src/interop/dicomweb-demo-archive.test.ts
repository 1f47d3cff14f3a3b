/** The demo archive as a PACS: DCMTK sends to it and searches it by DIMSE, DICOMweb gives the same back. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { startAcceptor } from '../dimse/acceptor.ts'
import { archiveQuery } from '../dimse/archive-query.ts'
import { DemoArchive } from '../storage/archive/demo-archive.ts'
import { peer, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const storescu = peer('storescu')
const findscu = peer('findscu')
const NAMES = ['CT_small.dcm', 'MR_small.dcm', 'rtplan.dcm', 'test-SR.dcm']
const paths = () => NAMES.map((name) => sharedPath(`data/dicom/pydicom/test_files/${name}`))

describe('the demo archive as a PACS', { skip: sharedSkip || storescu.skip || findscu.skip }, () => {
  it('takes C-STORE, answers C-FIND at each level, and keeps files over a restart', async (t) => {
    const folder = temporaryFolder(t)
    const archive = new DemoArchive(folder)
    const acceptor = await startAcceptor({
      settings: { calledTitles: 'any', callers: 'any' },
      intake: archive,
      services: [archiveQuery(archive, 'DEMO')],
    })
    t.after(() => acceptor.stop(0))
    const to = ['127.0.0.1', String(acceptor.port)]
    const sent = await run(storescu.path, ['-aec', 'DEMO', '-R', ...to, ...paths()])
    assert.equal(sent.code, 0, sent.stderr)
    assert.deepEqual(archive.counts(), { studies: 4, instances: 4 })
    // Once more: passed over.
    assert.equal((await run(storescu.path, ['-aec', 'DEMO', '-R', ...to, ...paths()])).code, 0)
    assert.equal(archive.counts().instances, 4)

    const { dataSet } = parseDicom(memorySource(readFileSync(paths()[0] as string)))
    const study = textAt(dataSet, 0x0020000d) ?? ''
    const find = async (...keys: readonly string[]) => {
      const { stdout, stderr, code } = await run(findscu.path, [
        '-S',
        '-aec',
        'DEMO',
        ...to,
        ...keys.flatMap((key) => ['-k', key]),
      ])
      assert.equal(code, 0, stderr)
      return stdout + stderr
    }
    const studies = await find('0008,0052=STUDY', '0020,000d', '0010,0010', '0020,1208', '0008,0061')
    assert.equal(studies.match(/Find Response/g)?.length, 4, studies)
    const one = await find('0008,0052=STUDY', '0020,000d', '0010,0010=compressedsamples^ct1')
    assert.equal(one.match(/Find Response/g)?.length, 1)
    assert.ok(one.includes(study) && one.includes('CompressedSamples^CT1') && one.includes('DEMO'))
    const series = await find('0008,0052=SERIES', `0020,000d=${study}`, '0020,000e', '0008,0060=C*')
    assert.equal(series.match(/Find Response/g)?.length, 1)
    const images = await find('0008,0052=IMAGE', `0020,000d=${study}`, '0008,0018', '0008,0060=MR')
    assert.ok(!images.includes('Find Response'))
    const none = await run(findscu.path, ['-v', '-S', '-aec', 'DEMO', ...to, '-k', '0008,0052=NOTHING'])
    assert.match(none.stdout + none.stderr, /a900|DataSetDoesNotMatch|Identifier|Error/i)

    archive.close()
    const again = new DemoArchive(folder)
    assert.equal(again.counts().instances, 4)
    const [instance] = await again.instances({ study })
    assert.ok(instance !== undefined)
    await using file = await again.open(instance)
    assert.equal(file.length, instance.lengthBytes)
    again.close()
  })
})
