/**
 * DICOMweb archive: what a DICOMweb service has, as an archive to sweep.
 *
 * Source: PS3.18 sections 8.6, 10.4 and 10.6. A service says of no instance whether it changed: each is read once, and then
 * again from time to time.
 */
import { textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import type { JsonObject } from '@fiducial/core/formats/json/parse.ts'
import type { WebClient } from '../dicomweb/web-client.ts'
import type { ArchiveSource, FetchedInstance, ListedInstance, ListedPage } from '../services/audit/ports.ts'
import { type FetchedFiles, fetchTogether } from './fetched-files.ts'
import { cursorOfDay, parseSince } from './since.ts'

export interface DicomWebArchiveOptions {
  readonly client: WebClient
  /** Address without credentials. */
  readonly name: string
  readonly files: FetchedFiles
  readonly now: () => Date
}

const TOGETHER = 4
const STUDY = 0x0020000d
const SERIES = 0x0020000e
const INSTANCE = 0x00080018

export function openDicomWebArchive({ client, name, files, now }: DicomWebArchiveOptions): ArchiveSource {
  return {
    name,
    kind: 'dicomweb',
    isComplete: (cursor) => parseSince(cursor).kind === 'all',
    list: (cursor, signal) => listStudies(client, cursor, now(), signal),
    fetch: (instances, signal) =>
      fetchTogether(instances, { together: TOGETHER, signal }, (one) => fetchFile(client, one, files, signal)),
    async close() {
      client.close()
      files.close()
    },
  }
}

async function* listStudies(
  client: WebClient,
  cursor: string | undefined,
  now: Date,
  signal: AbortSignal,
): AsyncGenerator<ListedPage> {
  const since = parseSince(cursor)
  const query = since.kind === 'date' ? { StudyDate: `${since.date}-` } : {}
  yield { instances: [], cursor: cursorOfDay(now) }
  for await (const page of client.search({ level: 'studies', query, signal })) {
    for (const study of page) {
      const uid = textAt(study, STUDY)
      if (uid !== undefined) yield* listInstances(client, uid, signal)
    }
  }
}

async function* listInstances(client: WebClient, study: string, signal: AbortSignal): AsyncGenerator<ListedPage> {
  for await (const page of client.search({ level: 'instances', study, signal }))
    yield { instances: page.flatMap((model) => toListed(model, study)) }
}

function toListed(model: JsonObject, study: string): readonly ListedInstance[] {
  const [series, instance] = [textAt(model, SERIES), textAt(model, INSTANCE)]
  if (series === undefined || instance === undefined) return []
  return [
    {
      key: `${study}/${series}/${instance}`,
      version: null,
      sopInstanceUid: instance,
      seriesInstanceUid: series,
      studyInstanceUid: study,
    },
  ]
}

async function fetchFile(
  client: WebClient,
  { key }: ListedInstance,
  files: FetchedFiles,
  signal: AbortSignal,
): Promise<FetchedInstance> {
  const [study = '', series = '', instance = ''] = key.split('/')
  const path = files.newPath()
  await client.retrieveToFile({ study, series, instance }, path, { signal })
  return files.take(key, path)
}
