/** Our DICOMweb client and sender against Orthanc's plugin. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt as textIn } from '@fiducial/core/formats/dicom/values.ts'
import { textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { stowSender } from '../dicomweb/stow-sender.ts'
import { WebClient } from '../dicomweb/web-client.ts'
import type { Outgoing, SendResult } from '../services/gateway/ports.ts'
import { type Orthanc, orthancDicomWeb, startOrthanc } from '../testing/orthanc.ts'
import { sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const NAMES = ['CT_small.dcm', 'MR_small.dcm', 'JPEG2000.dcm', 'JPEG-lossy.dcm', 'test-SR.dcm', 'rtplan.dcm']
const skip = sharedSkip || orthancDicomWeb.skip

interface Subject {
  readonly bytes: Uint8Array
  readonly study: string
  readonly series: string
  readonly instance: string
  readonly outgoing: Outgoing
}

function subject(name: string): Subject {
  const bytes = new Uint8Array(readFileSync(sharedPath(`data/dicom/pydicom/test_files/${name}`)))
  const { dataSet, transferSyntaxUid } = parseDicom(memorySource(bytes))
  const uid = (tag: number) => textIn(dataSet, tag) ?? ''
  const [study, series, instance] = [uid(0x0020000d), uid(0x0020000e), uid(0x00080018)]
  const open = async () => ({ ...memorySource(bytes), [Symbol.asyncDispose]: async () => undefined })
  const sopClassUid = uid(0x00080016)
  return {
    bytes,
    study,
    series,
    instance,
    outgoing: { deliveryId: name, orderKey: study, sopClassUid, sopInstanceUid: instance, transferSyntaxUid, open },
  }
}

describe('DICOMweb with Orthanc', { skip }, () => {
  const { signal } = new AbortController()
  let orthanc: Orthanc
  let subjects: Subject[]
  let end: (() => Promise<void> | void) | undefined
  after(() => end?.())
  before(async () => {
    orthanc = await startOrthanc(
      { hasDicomWeb: true },
      {
        after(step) {
          end = step
        },
      },
    )
    subjects = NAMES.map(subject)
  })

  const collect = async (results: AsyncIterable<SendResult>) => {
    const all: SendResult[] = []
    for await (const result of results) all.push(result)
    return all
  }

  it('stores instances by STOW-RS, says what became of each, and finds and fetches them again', async (t) => {
    const sender = stowSender({ url: orthanc.dicomWebUrl, instancesPerRequest: 4 })
    t.after(() => sender.close())
    await sender.ping(signal)
    const results = await collect(
      sender.send(
        subjects.map(({ outgoing }) => outgoing),
        signal,
      ),
    )
    assert.deepEqual(results.map(({ deliveryId }) => deliveryId).sort(), [...NAMES].sort())
    assert.ok(
      results.every(({ outcome }) => outcome === 'stored'),
      JSON.stringify(results),
    )
    assert.deepEqual([...(await orthanc.instanceUids())].sort(), subjects.map(({ instance }) => instance).sort())

    const client = new WebClient({ url: orthanc.dicomWebUrl })
    t.after(() => client.close())
    const found: string[] = []
    for await (const page of client.search({ level: 'instances', pageSize: 2, signal }))
      found.push(...page.map((model) => textAt(model, 0x00080018) ?? ''))
    assert.deepEqual(found.sort(), subjects.map(({ instance }) => instance).sort())

    const folder = temporaryFolder(t)
    for (const { study, series, instance, bytes } of subjects) {
      const path = join(folder, instance)
      const length = await client.retrieveToFile({ study, series, instance }, path, { signal })
      assert.equal(length, bytes.length)
      assert.deepEqual(new Uint8Array(readFileSync(path)), bytes)
    }
    const [model] = await client.metadata({ study: (subjects[0] as Subject).study }, { signal })
    assert.equal(textAt(model, 0x00080018), subjects[0]?.instance)
    const nowhere = client.retrieveToFile({ study: '1.2.3', series: '1.2.3', instance: '1.2.3' }, join(folder, 'x'), {
      signal,
    })
    await assert.rejects(nowhere, { code: 'instance_missing' })
  })

  it('tells what is no image from what is, in one request', async (t) => {
    const sender = stowSender({ url: orthanc.dicomWebUrl })
    t.after(() => sender.close())
    const [good] = subjects as [Subject]
    const junk: Outgoing = {
      ...good.outgoing,
      deliveryId: 'junk',
      sopInstanceUid: '1.2.3',
      open: async () => ({ ...memorySource(new Uint8Array(1000)), [Symbol.asyncDispose]: async () => undefined }),
    }
    const results = await collect(sender.send([junk, good.outgoing], signal))
    const byId = new Map(results.map((result) => [result.deliveryId, result]))
    assert.equal(byId.get('junk')?.outcome, 'failed')
    assert.equal(byId.get(good.outgoing.deliveryId)?.outcome, 'stored')
  })

  it('says of each copy that the service is away', async (t) => {
    const away = await startOrthanc({ hasDicomWeb: true }, t)
    const sender = stowSender({ url: away.dicomWebUrl })
    t.after(() => sender.close())
    await away.stop()
    await assert.rejects(sender.ping(signal), { code: 'service_unreachable' })
    const results = await collect(
      sender.send(
        subjects.map(({ outgoing }) => outgoing),
        signal,
      ),
    )
    assert.equal(results.length, subjects.length)
    for (const result of results)
      assert.ok(result.outcome === 'failed' && !result.isFinal && result.code === 'service_unreachable')
  })
})
