/** Orthanc in front of and behind our DICOMweb faces: as the one who sends, and as the archive that we stand for. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { WebClient } from '../dicomweb/web-client.ts'
import { WebPeer } from '../dicomweb/web-peer.ts'
import { proxyFace } from '../http/dicomweb/proxy-face.ts'
import { storeFace } from '../http/dicomweb/store-face.ts'
import { type RunningServer, startServer } from '../http/server.ts'
import { KeepingIntake } from '../testing/keeping-intake.ts'
import { type Orthanc, orthancDicomWeb, startOrthanc } from '../testing/orthanc.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const NAMES = [
  'CT_small.dcm',
  'MR_small.dcm',
  'JPEG2000.dcm',
  'JPEG-lossy.dcm',
  'SC_rgb_rle.dcm',
  'test-SR.dcm',
  'rtplan.dcm',
  'MR_small_bigendian.dcm',
  'image_dfl.dcm',
]

describe('Orthanc around our DICOMweb faces', { skip: sharedSkip || orthancDicomWeb.skip }, () => {
  const { signal } = new AbortController()
  const intake = new KeepingIntake()
  let orthanc: Orthanc
  let server: RunningServer
  let upstream: WebPeer
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
    upstream = new WebPeer({ url: orthanc.dicomWebUrl })
    server = await startServer([storeFace({ intake, prefix: '/in' }), proxyFace({ upstream, prefix: '/out' })], {
      hasStreams: true,
      urlLimit: 8192,
    })
  })
  after(async () => {
    await server.close()
    upstream.close()
    await end?.()
  })

  it('takes what Orthanc sends by STOW-RS, byte for byte', async () => {
    await orthanc.put('dicom-web/servers/fiducial', { Url: `${server.url}/in/` })
    const resources = (await orthanc.get('instances')) as string[]
    await orthanc.post('dicom-web/servers/fiducial/stow', { Resources: resources, Synchronous: true })
    assert.equal(intake.taken.length, resources.length)
    for (const { bytes, sopInstanceUid } of intake.taken) {
      assert.ok(
        Buffer.from(bytes).equals((await orthanc.fileOf(sopInstanceUid ?? '')) ?? assert.fail()),
        sopInstanceUid ?? '',
      )
    }
    process.stdout.write(`${intake.taken.length} instances from Orthanc\n`)
  })

  it('stands for the Orthanc behind it: the same answers, under its own address', async (t) => {
    const [through, direct] = [new WebClient({ url: `${server.url}/out` }), new WebClient({ url: orthanc.dicomWebUrl })]
    t.after(() => [through, direct].map((client) => client.close()))
    const folder = temporaryFolder(t)
    const plain = (value: unknown, root: string) => JSON.stringify(value).replaceAll(root.replace(/\/$/, ''), '')
    for (const level of ['studies', 'series', 'instances'] as const) {
      const find = async (client: WebClient) =>
        (await Array.fromAsync(client.search({ level, pageSize: 100, signal }))).flat()
      const [ours, theirs] = [await find(through), await find(direct)]
      assert.equal(plain(ours, `${server.url}/out`), plain(theirs, orthanc.dicomWebUrl))
      assert.ok(ours.length >= 5)
      assert.ok(!JSON.stringify(ours).includes(orthanc.dicomWebUrl))
      if (level !== 'instances') continue
      for (const model of ours) {
        const [study = '', series = '', instance = ''] = [0x0020000d, 0x0020000e, 0x00080018].map((tag) =>
          textAt(model, tag),
        )
        await through.retrieveToFile({ study, series, instance }, join(folder, instance), { signal })
        const stored = (await orthanc.fileOf(instance)) ?? assert.fail()
        assert.ok(readFileSync(join(folder, instance)).equals(stored), instance)
        const place = { study, series, instance }
        const metadata = [await through.metadata(place, { signal }), await direct.metadata(place, { signal })] as const
        assert.equal(plain(metadata[0], `${server.url}/out`), plain(metadata[1], orthanc.dicomWebUrl))
      }
    }
    assert.equal((await fetch(`${server.url}/out/studies/1.2.3`)).status, 404)
  })

  it('says that the archive is away, and goes on once it is back', async () => {
    await orthanc.stop()
    assert.equal((await fetch(`${server.url}/out/studies`)).status, 503)
    await orthanc.start()
    assert.equal((await fetch(`${server.url}/out/studies`)).status, 200)
  })
})
