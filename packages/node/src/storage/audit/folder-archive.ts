/**
 * Folder archive: a folder of image files, with their seals and proofs beside them, as an archive to sweep.
 *
 * Which files count, find-inputs.ts says. What changes with a file is its size, its times and its place on the disk; those of
 * its seal and proof count with it. Whoever can write there can put times back: that is why each file is read again from
 * time to time.
 */
import { existsSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { StoreError } from '@fiducial/core/errors.ts'
import type {
  ArchiveSource,
  FailedFetch,
  FetchedInstance,
  ListedInstance,
  ListedPage,
} from '../../services/audit/ports.ts'
import { findInputs, PROOF_SUFFIX, SEAL_SUFFIX } from '../find-inputs.ts'

const PAGE = 500
const DAY_MS = 86_400_000

/** @throws {StoreError} `input_missing` where there is no such folder */
export function openFolderArchive(folder: string): ArchiveSource {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new StoreError('input_missing', `${folder} is no folder`)
  return {
    name: folder,
    kind: 'folder',
    isComplete: (cursor) => dayOf(cursor) === undefined,
    list: (cursor, signal) => listFolder(folder, dayOf(cursor), signal),
    fetch: (instances) => openFiles(folder, instances),
    close: async () => undefined,
  }
}

/** First moment of the day of a cursor `date:YYYYMMDD`, in milliseconds; undefined lists all. */
function dayOf(cursor: string | undefined): number | undefined {
  const [, year, month, day] = /^date:(\d{4})(\d{2})(\d{2})$/.exec(cursor ?? '') ?? []
  return year === undefined ? undefined : Date.parse(`${year}-${month}-${day}T00:00:00Z`)
}

async function* listFolder(
  folder: string,
  sinceMs: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<ListedPage> {
  using inputs = findInputs([folder])
  const cursor = `date:${new Date(Date.now() - DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`
  let page: ListedInstance[] = []
  for await (const { path } of inputs) {
    if (signal.aborted) return
    if (path.endsWith(SERIES_SUFFIX)) continue
    if (sinceMs !== undefined && (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? sinceMs) < sinceMs) continue
    page.push(describe(folder, path))
    if (page.length < PAGE) continue
    yield { instances: page }
    page = []
    await nextTurn()
  }
  yield { instances: page, cursor }
}

/** The list of a series belongs to images and is none. */
const SERIES_SUFFIX = `.series${SEAL_SUFFIX}`

function describe(folder: string, path: string): ListedInstance {
  const parts = [path, `${path}${SEAL_SUFFIX}`, `${path}${PROOF_SUFFIX}`].map(versionOf)
  return {
    key: relative(folder, path).split(sep).join('/'),
    version: parts.join(' '),
    sopInstanceUid: null,
    seriesInstanceUid: null,
    studyInstanceUid: null,
  }
}

function versionOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? '-' : `${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.ino}`
}

async function* openFiles(
  folder: string,
  instances: readonly ListedInstance[],
): AsyncGenerator<FetchedInstance | FailedFetch> {
  for (const { key } of instances) {
    const path = join(folder, ...key.split('/'))
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) yield { key, code: 'input_missing' }
    else {
      const mayBeOther = !isNamedLikeImage(key) && !existsSync(`${path}${SEAL_SUFFIX}`)
      yield { key, path, lengthBytes: stats.size, mayBeOther, [Symbol.asyncDispose]: async () => undefined }
    }
  }
}

/** Names of DICOM files have no ending, one of their own, or the last number of a UID. */
const isNamedLikeImage = (key: string): boolean =>
  !/\.[^./]+$/.test(key) || /\.(?:dcm|dicom|dic|ima|img|acr|\d+)$/i.test(key)
