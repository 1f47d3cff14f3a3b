/** Every file of the shared data through STOW-RS into the demo archive and out again; and its answers beside Orthanc's. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { findElement } from '@fiducial/core/formats/dicom/element.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { isNativeSyntax } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { type DicomJson, textAt as modelText, textsAt } from '@fiducial/core/formats/dicom-json/model.ts'
import type { JsonObject } from '@fiducial/core/formats/json/parse.ts'
import { MultipartParser, readBoundary } from '@fiducial/core/formats/multipart/parse.ts'
import { stowSender } from '../dicomweb/stow-sender.ts'
import { WebClient } from '../dicomweb/web-client.ts'
import { retrieveFace } from '../http/dicomweb/retrieve-face.ts'
import { searchFace } from '../http/dicomweb/search-face.ts'
import { storeFace } from '../http/dicomweb/store-face.ts'
import { type RunningServer, startServer } from '../http/server.ts'
import type { Outgoing, SendResult } from '../services/gateway/ports.ts'
import { DemoArchive } from '../storage/archive/demo-archive.ts'
import { FrameThread } from '../storage/archive/frame-thread.ts'
import { type Orthanc, orthancDicomWeb, startOrthanc } from '../testing/orthanc.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

interface Subject {
  readonly name: string
  readonly bytes: Uint8Array
  readonly file: DicomFile
  readonly place: { readonly study: string; readonly series: string; readonly instance: string }
  readonly outgoing: Outgoing
}

/** Part 10 files with all their UIDs, the first of each SOP Instance UID. */
function readSubjects(): Subject[] {
  const subjects = new Map<string, Subject>()
  for (const { name, path } of sharedFiles('data/dicom')) {
    const bytes = new Uint8Array(readFileSync(path))
    const subject = subjectOf(name, bytes)
    if (subject !== undefined && !subjects.has(subject.place.instance)) subjects.set(subject.place.instance, subject)
  }
  return [...subjects.values()]
}

function subjectOf(name: string, bytes: Uint8Array): Subject | undefined {
  try {
    const file = parseDicom(memorySource(bytes))
    const uid = (tag: number) => textAt(file.dataSet, tag) ?? ''
    const place = { study: uid(0x0020000d), series: uid(0x0020000e), instance: uid(0x00080018) }
    const sopClassUid = uid(0x00080016)
    const isNamed = [...Object.values(place), sopClassUid].every((text) => /^[0-9.]{1,64}$/.test(text))
    if (!isNamed || file.preamble === 'absent') return undefined
    const open = async () => ({ ...memorySource(bytes), [Symbol.asyncDispose]: async () => undefined })
    const { transferSyntaxUid } = file
    const outgoing = {
      deliveryId: name,
      orderKey: place.study,
      sopClassUid,
      sopInstanceUid: place.instance,
      transferSyntaxUid,
      open,
    }
    return { name, bytes, file, place, outgoing: { ...outgoing, sha256: new Uint8Array(32) } as Outgoing }
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

async function collect<T>(items: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = []
  for await (const page of items) all.push(...page)
  return all
}

describe('DICOMweb over the demo archive', { skip: sharedSkip }, () => {
  const { signal } = new AbortController()
  const folder = temporaryFolder()
  let subjects: Subject[]
  const maker = new FrameThread()
  let server: RunningServer
  let client: WebClient
  let archive: DemoArchive
  let root: string
  before(async () => {
    subjects = readSubjects()
    archive = new DemoArchive(folder)
    const faces = [storeFace({ intake: archive }), searchFace({ archive }), retrieveFace({ archive, maker })]
    server = await startServer(faces, { hasStreams: true, urlLimit: 8192 })
    root = `${server.url}/dicom-web`
    client = new WebClient({ url: root })
    const sender = stowSender({ url: root })
    const results: SendResult[] = []
    for await (const result of sender.send(
      subjects.map(({ outgoing }) => outgoing),
      signal,
    ))
      results.push(result)
    await sender.close()
    assert.deepEqual(
      results.filter(({ outcome }) => outcome !== 'stored'),
      [],
    )
    assert.equal(archive.counts().instances, subjects.length)
    process.stdout.write(`${subjects.length} instances through STOW-RS\n`)
  })
  after(async () => {
    client.close()
    await server.close()
    await maker.close()
    archive.close()
  })

  const get = (path: string, accept: string) => fetch(root + path, { headers: { accept } })
  const pathOf = ({ study, series, instance }: Subject['place']) =>
    `/studies/${study}/series/${series}/instances/${instance}`

  it('gives every file back as it came', async () => {
    for (const { place, bytes, name } of subjects) {
      const response = await get(pathOf(place), 'application/dicom; transfer-syntax=*')
      assert.equal(response.status, 200, name)
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes), name)
    }
  })

  it('gives whole studies in one answer', async () => {
    const byStudy = Map.groupBy(subjects, ({ place }) => place.study)
    for (const [study, members] of byStudy) {
      const parts: Uint8Array[] = []
      let pieces: Uint8Array[] = []
      const handler = {
        begin() {
          pieces = []
        },
        body: (bytes: Uint8Array) => void pieces.push(bytes.slice()),
        end: () => void parts.push(joinBytes(pieces)),
      }
      await client.retrieve({ study }, handler, { signal })
      const lengths = (list: readonly { readonly length: number }[]) => list.map(({ length }) => length).sort()
      assert.deepEqual(lengths(parts), lengths(members.map(({ bytes }) => bytes)))
    }
  })

  it('gives metadata of every instance, with addresses that lead to the values', async () => {
    for (const { place, file, name } of subjects) {
      const [model] = (await client.metadata(place, { signal })) as unknown as readonly DicomJson[]
      // One file says of none of its elements what it is.
      if (model?.['00080018']?.vr !== 'UN') assert.equal(modelText(model, 0x00080018), place.instance, name)
      const pixels = model?.['7FE00010']
      if (pixels?.BulkDataURI === undefined) continue
      const response = await fetch(pixels.BulkDataURI, {
        headers: { accept: 'multipart/related; type="application/octet-stream"' },
      })
      assert.equal(response.status, 200, name)
      const parser = new MultipartParser(readBoundary(response.headers.get('content-type') ?? ''), {
        begin() {},
        body() {},
        end() {},
      })
      parser.write(new Uint8Array(await response.arrayBuffer()))
      parser.end()
      assert.ok(findElement(file.dataSet.elements, 0x7fe00010) !== undefined)
    }
  })

  it('gives frames as they are stored and decoded, and pictures of what can be shown', async () => {
    const counts = { stored: 0, decoded: 0, pictures: 0, refused: 0 }
    for (const { place, file, name } of subjects) {
      if (
        findElement(file.dataSet.elements, 0x7fe00010) === undefined ||
        Number(textAt(file.dataSet, 0x00280010) ?? 0) < 0
      )
        continue
      const stored = await get(`${pathOf(place)}/frames/1`, 'multipart/related; type="*/*"; transfer-syntax=*')
      assert.ok([200, 422].includes(stored.status), `${name} ${stored.status}`)
      await stored.arrayBuffer()
      if (stored.status === 200) counts.stored++
      if (!isNativeSyntax(file.transferSyntaxUid)) {
        const decoded = await get(`${pathOf(place)}/frames/1`, 'application/octet-stream')
        assert.ok([200, 406, 422].includes(decoded.status), `${name} ${decoded.status}`)
        await decoded.arrayBuffer()
        if (decoded.status === 200) counts.decoded++
      }
      const picture = await get(`${pathOf(place)}/rendered?viewport=64,64`, 'image/png')
      assert.ok([200, 406, 422].includes(picture.status), `${name} ${picture.status}`)
      const bytes = new Uint8Array(await picture.arrayBuffer())
      if (picture.status !== 200) counts.refused++
      else {
        counts.pictures++
        assert.deepEqual([...bytes.subarray(1, 4)], [0x50, 0x4e, 0x47], name)
      }
    }
    process.stdout.write(`${JSON.stringify(counts)}\n`)
    assert.ok(counts.stored > 60 && counts.decoded > 30 && counts.pictures > 50)
  })

  it('gives the native frames of a file as explicit little endian', async () => {
    const [native] = subjects.filter(
      ({ file, name }) => isNativeSyntax(file.transferSyntaxUid) && name.endsWith('CT_small.dcm'),
    ) as [Subject]
    const element = findElement(native.file.dataSet.elements, 0x7fe00010) ?? assert.fail()
    const response = await get(`${pathOf(native.place)}/frames/1`, 'application/octet-stream')
    const expected = native.file.dataSet.source.view(element.valueStart, element.valueEnd)
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(expected))
  })

  it('refuses what is not there, not taken, or no UID', async () => {
    const [{ place }] = subjects as [Subject]
    const cases: readonly (readonly [path: string, accept: string, status: number])[] = [
      ['/studies/1.2.3.4.5', '*/*', 404],
      ['/studies/x', '*/*', 400],
      ['/studies/..%2f..%2fetc', '*/*', 400],
      ['/studies/1..2/series', '*/*', 400],
      [pathOf(place), 'image/png', 406],
      [pathOf(place), 'application/dicom; transfer-syntax=1.2.3', 406],
      [pathOf(place), 'nonsense', 400],
      [`${pathOf(place)}/frames/0`, '*/*', 400],
      [`${pathOf(place)}/frames/x`, '*/*', 400],
      [`${pathOf(place)}/frames/99999`, '*/*', 404],
      [`${pathOf(place)}/bulkdata/..%2f`, '*/*', 404],
      [`${pathOf(place)}/bulkdata/00091001`, '*/*', 404],
      [`${pathOf(place)}/rendered?window=x`, '*/*', 400],
      [`${pathOf(place)}/rendered`, 'image/jpeg', 406],
      ['/studies?NoSuch=1', '*/*', 400],
      ['/studies?limit=x', '*/*', 400],
      ['/studies?PatientID=%zz', '*/*', 400],
      ['/studies', 'application/dicom+xml', 406],
    ]
    for (const [path, accept, status] of cases)
      assert.equal((await get(path, accept)).status, status, `${path} ${accept}`)
  })

  it('says that there is more, and that it knows no fuzzy matching', async () => {
    const response = await get('/instances?limit=3&fuzzymatching=true', 'application/json')
    assert.equal(((await response.json()) as unknown[]).length, 3)
    assert.match(response.headers.get('warning') ?? '', /additional results.*fuzzymatching/)
    const page = async (offset: number) =>
      (await (await get(`/instances?limit=3&offset=${offset}`, 'application/json')).json()) as JsonObject[]
    const uids = [...(await page(0)), ...(await page(3))].map((model) => modelText(model, 0x00080018))
    assert.equal(new Set(uids).size, 6)
  })

  it('finds the same as Orthanc', { skip: orthancDicomWeb.skip }, async (t) => {
    const orthanc: Orthanc = await startOrthanc({ hasDicomWeb: true }, t)
    const sender = stowSender({ url: orthanc.dicomWebUrl })
    for await (const _ of sender.send(
      subjects.map(({ outgoing }) => outgoing),
      signal,
    ));
    await sender.close()
    const theirs = new WebClient({ url: orthanc.dicomWebUrl })
    t.after(() => theirs.close())
    // What they did not take, such as files without pixels' siblings, is not looked for.
    const taken = new Set(await orthanc.instanceUids())
    assert.ok(taken.size > 0.9 * subjects.length, `${taken.size}`)
    // Dates as ACR-NEMA spelled them mean something to us only.
    const isComparable = ({ place, file }: Subject) =>
      taken.has(place.instance) && textAt(file.dataSet, 0x00080020)?.includes('.') !== true
    const studies = new Set(subjects.filter(isComparable).map(({ place }) => place.study))
    const queries: readonly Readonly<Record<string, string>>[] = [
      {},
      { PatientID: '*1*' },
      { StudyDate: '19970101-20051231' },
      { StudyDate: '20040826-' },
      { ModalitiesInStudy: 'CT' },
      { PatientName: 'C*' },
    ]
    for (const query of queries) {
      const find = async (from: WebClient) => {
        const found = await collect(from.search({ level: 'studies', query, pageSize: 1000, signal }))
        return found
          .map((model) => textsAt(model, 0x0020000d)[0] ?? '')
          .filter((uid) => studies.has(uid))
          .sort()
      }
      assert.deepEqual(await find(client), await find(theirs), JSON.stringify(query))
    }
  })
})
