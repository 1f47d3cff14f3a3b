/**
 * Folder archive: a folder of image files, with their seals and proofs beside them, as an archive to sweep.
 *
 * The same files count as find-inputs.ts finds; here they may be millions, and none is remembered.
 * What changes with a file is its size, its times and its place on the disk; those of its seal and proof count with it.
 * Whoever can write there can put times back: that is why each file is read again from time to time.
 */
import { type BigIntStats, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { StoreError } from '@fiducial/core/errors.ts'
import type {
  ArchiveSource,
  FailedFetch,
  FetchedInstance,
  ListedInstance,
  ListedPage,
} from '../../services/audit/ports.ts'
import { PROOF_SUFFIX, SEAL_SUFFIX } from '../find-inputs.ts'

const PAGE = 500
const DAY_MS = 86_400_000

/** @throws {StoreError} `input_missing` where there is no such folder */
export function openFolderArchive(folder: string): ArchiveSource {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new StoreError('input_missing', `${folder} is no folder`)
  const walk = new Walk()
  return {
    name: folder,
    kind: 'folder',
    isComplete: (cursor) => dayOf(cursor) === undefined && walk.isWhole,
    list: (cursor, signal) => listFolder(folder, walk, dayOf(cursor), signal),
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
  walk: Walk,
  sinceMs: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<ListedPage> {
  const cursor = `date:${new Date(Date.now() - DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`
  let page: ListedInstance[] = []
  for (const listed of walk.files(folder, sinceMs)) {
    if (signal.aborted) return
    page.push(listed)
    if (page.length < PAGE) continue
    yield { instances: page }
    page = []
    await nextTurn()
  }
  yield { instances: page, cursor }
}

/** Goes through folders; holds no more than the names of one folder on each level. */
class Walk {
  /** False once a folder could not be entered: what lies there is not gone. */
  isWhole = true
  /** Identities of folders: a link can lead back to one. */
  #entered = new Set<string>();

  /** Files below a folder, in the order of their names. */
  *files(folder: string, sinceMs: number | undefined): Generator<ListedInstance> {
    this.#entered = new Set()
    yield* this.#files(folder, '', sinceMs)
  }

  /** @param prefix  what keys begin with: empty, or a path with a slash at its end */
  *#files(folder: string, prefix: string, sinceMs: number | undefined): Generator<ListedInstance> {
    const stats = statOf(folder)
    if (stats !== undefined && this.#entered.has(`${stats.dev}:${stats.ino}`)) return
    if (stats !== undefined) this.#entered.add(`${stats.dev}:${stats.ino}`)
    const listed = this.#namesIn(folder)
    // Opening it as a file tells why.
    if (listed === undefined) return yield listedAs(prefix.slice(0, -1), null)
    const names = new Set(listed)
    for (const name of names) {
      if (name.startsWith('.') || isBeside(name, names)) continue
      const path = join(folder, name)
      const own = statOf(path)
      if (own?.isDirectory()) yield* this.#files(path, `${prefix}${name}/`, sinceMs)
      // Devices, pipes and sockets have no place in an archive; a link that leads nowhere is told when it is opened.
      if (own !== undefined && !own.isFile()) continue
      if (sinceMs !== undefined && own !== undefined && Number(own.mtimeMs) < sinceMs) continue
      const beside = [SEAL_SUFFIX, PROOF_SUFFIX].map((suffix) =>
        names.has(name + suffix) ? versionOf(statOf(path + suffix)) : '-',
      )
      yield listedAs(prefix + name, [versionOf(own), ...beside].join(' '))
    }
  }

  #namesIn(folder: string): readonly string[] | undefined {
    try {
      return readdirSync(folder).sort()
    } catch {
      this.isWhole = false
      return undefined
    }
  }
}

const listedAs = (key: string, version: string | null): ListedInstance => ({
  key,
  version,
  sopInstanceUid: null,
  seriesInstanceUid: null,
  studyInstanceUid: null,
})

/** Whether a file belongs to an image beside it, or to a whole series. */
const isBeside = (name: string, names: ReadonlySet<string>): boolean =>
  name.endsWith(SERIES_SUFFIX) ||
  [SEAL_SUFFIX, PROOF_SUFFIX].some((suffix) => name.endsWith(suffix) && names.has(name.slice(0, -suffix.length)))

/** The list of a series belongs to images and is none. */
const SERIES_SUFFIX = `.series${SEAL_SUFFIX}`

/** Undefined for what is not there, or nobody may look at: opening it tells why. */
function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true })
  } catch {
    return undefined
  }
}

const versionOf = (stats: BigIntStats | undefined): string =>
  stats === undefined ? '-' : `${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.ino}`

async function* openFiles(
  folder: string,
  instances: readonly ListedInstance[],
): AsyncGenerator<FetchedInstance | FailedFetch> {
  for (const { key } of instances) {
    const path = join(folder, ...key.split('/'))
    const stats = statOf(path)
    if (stats === undefined) yield { key, code: 'input_missing' }
    else {
      const mayBeOther = !isNamedLikeImage(key) && !existsSync(`${path}${SEAL_SUFFIX}`)
      yield { key, path, lengthBytes: Number(stats.size), mayBeOther, [Symbol.asyncDispose]: async () => undefined }
    }
  }
}

/** Names of DICOM files have no ending, one of their own, or the last number of a UID. */
const isNamedLikeImage = (key: string): boolean =>
  !/\.[^./]+$/.test(key) || /\.(?:dcm|dicom|dic|ima|img|acr|\d+)$/i.test(key)
