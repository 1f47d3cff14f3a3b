/** DICOMweb over a PACS that speaks DIMSE only: Orthanc, asked by C-FIND and C-GET, beside its own DICOMweb plugin. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { openDimseView } from '../archives/dimse-view.ts'
import { FetchedFiles } from '../archives/fetched-files.ts'
import { WebClient } from '../dicomweb/web-client.ts'
import { retrieveFace } from '../http/dicomweb/retrieve-face.ts'
import { searchFace } from '../http/dicomweb/search-face.ts'
import { type RunningServer, startServer } from '../http/server.ts'
import { FrameThread } from '../storage/archive/frame-thread.ts'
import { openFileSource } from '../storage/file-source.ts'
import { type Orthanc, orthancDicomWeb, startOrthanc } from '../testing/orthanc.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const NAMES = ['CT_small.dcm', 'MR_small.dcm', 'JPEG2000.dcm', 'SC_rgb_rle.dcm', 'test-SR.dcm', 'rtplan.dcm']

describe('DICOMweb over DIMSE', { skip: sharedSkip || orthancDicomWeb.skip }, () => {
  const { signal } = new AbortController()
  const folder = temporaryFolder()
  let orthanc: Orthanc
  const maker = new FrameThread()
  let server: RunningServer
  let client: WebClient
  let end: (() => Promise<void> | void) | undefined
  before(async () => {
    orthanc = await startOrthanc(
      { hasDicomWeb: true },
      {
        after(step) {
          end = step
        },
      },
    )
    for (const name of NAMES) {
      await orthanc.post('instances', new Uint8Array(readFileSync(sharedPath(`data/dicom/pydicom/test_files/${name}`))))
    }
    const { host, dicomPort: port, aet: calledAet } = orthanc
    const archive = openDimseView({
      node: { host, port, calledAet, callingAet: 'FIDUCIAL' },
      files: new FetchedFiles(join(folder, 'fetched')),
      openFile: openFileSource,
    })
    const faces = [searchFace({ archive }), retrieveFace({ archive, maker })]
    server = await startServer(faces, { hasStreams: true, urlLimit: 8192 })
    client = new WebClient({ url: `${server.url}/dicom-web` })
  })
  after(async () => {
    client.close()
    await server.close()
    await maker.close()
    await end?.()
  })

  const find = async (from: WebClient, level: 'studies' | 'series' | 'instances', query: Record<string, string> = {}) =>
    (await Array.fromAsync(from.search({ level, query, pageSize: 100, signal }))).flat()

  it('finds what the PACS has', async (t) => {
    const direct = new WebClient({ url: orthanc.dicomWebUrl })
    t.after(() => direct.close())
    for (const query of [
      {},
      { PatientID: '1CT1' },
      { StudyDate: '20040101-20041231' },
      { PatientName: 'CompressedSamples*' },
    ]) {
      const uids = async (from: WebClient) =>
        (await find(from, 'studies', query)).map((model) => textAt(model, 0x0020000d)).sort()
      assert.deepEqual(await uids(client), await uids(direct), JSON.stringify(query))
    }
    const paged = await Array.fromAsync(client.search({ level: 'studies', pageSize: 2, signal }))
    assert.ok(paged.length >= 2 && paged.every((page) => page.length <= 2))
    const [study] = await find(client, 'studies', { PatientID: '1CT1' })
    assert.equal(textAt(study, 0x00081190), `${server.url}/dicom-web/studies/${textAt(study, 0x0020000d)}`)
    const nested = await fetch(`${server.url}/dicom-web/series?00400275.00400007=x`)
    assert.equal(nested.status, 400)
  })

  it('fetches instances with the data sets that the PACS has, metadata and pictures', async () => {
    let count = 0
    for (const model of await find(client, 'studies')) {
      const study = textAt(model, 0x0020000d) ?? assert.fail()
      const metadata = await client.metadata({ study }, { signal })
      for (const instance of metadata) {
        const uid = textAt(instance, 0x00080018) ?? assert.fail()
        const series = textAt(instance, 0x0020000e) ?? assert.fail()
        const path = join(folder, uid)
        await client.retrieveToFile({ study, series, instance: uid }, path, { signal })
        const [got, stored] = [readFileSync(path), (await orthanc.fileOf(uid)) ?? assert.fail()].map((bytes) => {
          const { dataSet, transferSyntaxUid } = parseDicom(memorySource(bytes))
          // Trailing padding and group lengths do not survive a C-GET from Orthanc.
          const elements = dataSet.elements.filter(({ tag }) => tag !== 0xfffcfffc && (tag & 0xffff) !== 0)
          return { transferSyntaxUid, elements: elements.map(({ tag, vr }) => [tag, vr]) }
        })
        assert.deepEqual(got, stored, uid)
        count++
      }
    }
    assert.equal(count, (await orthanc.instanceUids()).length)
    const [ct] = await find(client, 'studies', { PatientID: '1CT1' })
    const picture = await fetch(`${server.url}/dicom-web/studies/${textAt(ct, 0x0020000d)}/thumbnail`)
    assert.equal(picture.status, 200)
    assert.equal(picture.headers.get('content-type'), 'image/png')
    // The last one goes once its answer has gone; a file that stays keeps this test from ending.
    while (readdirSync(join(folder, 'fetched')).length > 0) await new Promise(setImmediate)
  })

  it('says what is not there, and that the PACS is away', async () => {
    assert.equal((await fetch(`${server.url}/dicom-web/studies/1.2.3.4`)).status, 404)
    await orthanc.stop()
    assert.equal((await fetch(`${server.url}/dicom-web/studies`)).status, 503)
    await orthanc.start()
    assert.equal((await fetch(`${server.url}/dicom-web/studies`)).status, 200)
  })
})
