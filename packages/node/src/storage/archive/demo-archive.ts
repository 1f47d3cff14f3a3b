/**
 * Demo archive: a small archive in a folder, for the demonstration and for tests, where no PACS is at hand.
 *
 * Files as they came, and an index of them in SQLite. What comes a second time under the same SOP Instance UID is passed over,
 * as many a PACS does. Not meant for more than some 100,000 instances, nor for patients: who needs a PACS has one.
 */
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import { createUlids } from '@fiducial/core/domain/gateway/ulid.ts'
import { matchesQuery } from '@fiducial/core/domain/query/match.ts'
import { type Level, type Query, RETURNED, UNIQUE_KEYS } from '@fiducial/core/domain/query/query.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { lookUp } from '@fiducial/core/formats/dicom/dictionary.ts'
import { isPrivateTag, type Tag } from '@fiducial/core/formats/dicom/element.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { formatDicomJson } from '@fiducial/core/formats/dicom-json/format.ts'
import { type DicomJson, type DicomJsonElement, textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import type { Archive, ArchivedInstance, ArchivePlace } from '../../services/archive/ports.ts'
import type { Announcement, IncomingInstance, Intake, SpooledFile } from '../../services/gateway/ports.ts'
import { openFileSource } from '../file-source.ts'

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS instances (
    instance TEXT PRIMARY KEY,
    series TEXT NOT NULL,
    study TEXT NOT NULL,
    sop_class TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    modality TEXT NOT NULL,
    series_number INTEGER NOT NULL,
    instance_number INTEGER NOT NULL,
    length_bytes INTEGER NOT NULL,
    file TEXT NOT NULL,
    model TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS by_study ON instances (study, series);
  CREATE INDEX IF NOT EXISTS by_series ON instances (series);
`
/** Pixels and other long values are looked up in the file. */
const INDEXED_BYTES = 256
const PIXELS_GROUP = 0x7fe00000

interface Row {
  readonly instance: string
  readonly series: string
  readonly study: string
  readonly sop_class: string
  readonly transfer_syntax: string
  readonly length_bytes: number
  readonly file: string
  readonly model: string
  readonly modalities: string
  readonly series_count: number
  readonly instance_count: number
}

/** An open archive. One process uses a folder at a time. */
export class DemoArchive implements Archive, Intake {
  readonly #folder: string
  readonly #database: DatabaseSync
  readonly #ulid = createUlids(randomBytes)

  /** @param folder  made where it is missing @throws {StoreError} `output_unwritable` */
  constructor(folder: string) {
    this.#folder = folder
    try {
      // What was begun and not ended belongs to nobody.
      rmSync(join(folder, 'incoming'), { recursive: true, force: true })
      for (const part of ['files', 'incoming']) mkdirSync(join(folder, part), { recursive: true, mode: 0o700 })
      this.#database = new DatabaseSync(join(folder, 'index.sqlite'))
      this.#database.exec(SCHEMA)
    } catch (cause) {
      throw new StoreError('output_unwritable', 'the folder of the archive cannot be used', { cause })
    }
  }

  /** How much is there. */
  counts(): { readonly studies: number; readonly instances: number } {
    const sql = 'SELECT count(DISTINCT study) AS studies, count(*) AS instances FROM instances'
    return { ...(this.#database.prepare(sql).get() as { studies: number; instances: number }) }
  }

  begin(announcement: Announcement): IncomingInstance {
    const name = `${encodeHex(randomBytes(16))}.dcm`
    const path = join(this.#folder, 'incoming', name)
    const descriptor = attempt(() => openSync(path, 'wx', 0o600))
    const hash = createHash('sha256')
    let lengthBytes = 0
    let isOpen = true
    const close = (): void => {
      if (isOpen) closeSync(descriptor)
      isOpen = false
    }
    return {
      write(bytes) {
        for (let at = 0; at < bytes.length; ) at += attempt(() => writeSync(descriptor, bytes, at))
        hash.update(bytes)
        lengthBytes += bytes.length
      },
      commit: async () => {
        try {
          attempt(() => fsyncSync(descriptor))
          close()
          const sha256 = new Uint8Array(hash.digest())
          return this.#take(path, name, { announcement, lengthBytes, sha256 })
        } finally {
          close()
          rmSync(path, { force: true })
        }
      },
      abort: async () => {
        close()
        rmSync(path, { force: true })
      },
    }
  }

  async *search(query: Query): AsyncIterable<DicomJson> {
    let [skipped, given] = [0, 0]
    for (const row of this.#candidates(query)) {
      const model = modelOf(row, query.level)
      if (!matchesQuery(model, query)) continue
      if (skipped++ < query.offset) continue
      if (given++ >= query.limit) return
      yield shown(model, query)
    }
  }

  async instances({ study, series, instance }: ArchivePlace): Promise<readonly ArchivedInstance[]> {
    const conditions = [
      'study = ?',
      ...(series === undefined ? [] : ['series = ?']),
      ...(instance === undefined ? [] : ['instance = ?']),
    ]
    const values = [study, series, instance].filter((uid) => uid !== undefined)
    const rows = this.#database
      .prepare(
        `SELECT * FROM instances WHERE ${conditions.join(' AND ')} ORDER BY series_number, series, instance_number, instance`,
      )
      .all(...values) as unknown as Row[]
    return rows.map(archivedOf)
  }

  async open({ instance }: ArchivedInstance): Promise<SpooledFile> {
    const row = this.#database.prepare('SELECT file FROM instances WHERE instance = ?').get(instance)
    if (row === undefined) throw new StoreError('instance_missing', 'there is no such instance')
    const source = openFileSource(join(this.#folder, 'files', String(row.file)))
    return {
      length: source.length,
      isInMemory: source.isInMemory,
      view: (start, end) => source.view(start, end),
      chunks: (start, end) => source.chunks(start, end),
      [Symbol.asyncDispose]: async () => source.close(),
    }
  }

  close(): void {
    this.#database.close()
  }

  /** Rows that may match: one a study, series or instance, newest first. */
  #candidates({ level, keys }: Query): Iterable<Row> {
    const conditions: string[] = []
    const values: string[] = []
    for (const [column, at] of [
      ['study', 'study'],
      ['series', 'series'],
      ['instance', 'instance'],
    ] as const) {
      const key = keys.find(({ path }) => path.length === 1 && path[0] === UNIQUE_KEYS[at])
      if (key === undefined || /^\**$/.test(key.value)) continue
      const uids = key.value.split('\\')
      conditions.push(`${column} IN (${uids.map(() => '?').join()})`)
      values.push(...uids)
    }
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
    const sql = `SELECT *, group_concat(DISTINCT modality) AS modalities, count(DISTINCT series) AS series_count,
      count(*) AS instance_count, max(rowid) AS newest FROM instances ${where} GROUP BY ${level} ORDER BY newest DESC`
    return this.#database.prepare(sql).iterate(...values) as unknown as Iterable<Row>
  }

  #take(
    path: string,
    name: string,
    { announcement, lengthBytes, sha256 }: { announcement: Announcement; lengthBytes: number; sha256: Uint8Array },
  ): ReceivedInstance {
    const { model, transferSyntaxUid } = describe(path)
    const uid = (tag: Tag): string => textAt(model, tag) ?? ''
    const [sopClassUid, sopInstanceUid] = [uid(0x00080016), uid(0x00080018)]
    const [studyInstanceUid, seriesInstanceUid] = [uid(0x0020000d), uid(0x0020000e)]
    if ([sopClassUid, sopInstanceUid, studyInstanceUid, seriesInstanceUid].includes('')) {
      throw new StoreError('spool_unwritable', 'the instance does not say what it is')
    }
    const known = this.#database.prepare('SELECT 1 FROM instances WHERE instance = ?').get(sopInstanceUid)
    if (known === undefined) {
      attempt(() => renameSync(path, join(this.#folder, 'files', name)))
      const number = (tag: Tag): number => Math.trunc(Number(textAt(model, tag) ?? '0')) || 0
      this.#database
        .prepare('INSERT INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(
          sopInstanceUid,
          seriesInstanceUid,
          studyInstanceUid,
          sopClassUid,
          transferSyntaxUid,
          textAt(model, 0x00080060) ?? '',
          number(0x00200011),
          number(0x00200013),
          lengthBytes,
          name,
          JSON.stringify(model),
        )
    }
    const id = this.#ulid(new Date())
    const { origin } = announcement
    return {
      id,
      spoolKey: name,
      lengthBytes,
      sha256,
      origin,
      receivedAt: new Date(),
      sopClassUid,
      sopInstanceUid,
      studyInstanceUid,
      transferSyntaxUid,
      orderKey: studyInstanceUid,
    }
  }
}

/** What is indexed of a file: its short public attributes. */
function describe(path: string): { readonly model: DicomJson; readonly transferSyntaxUid: string } {
  using source = openFileSource(path)
  try {
    const { dataSet, transferSyntaxUid } = parseDicom(
      source.isInMemory ? memorySource(source.view(0, source.length)) : source,
    )
    const elements = dataSet.elements
      .filter(
        ({ tag, valueStart, valueEnd, items }) =>
          tag < PIXELS_GROUP && !isPrivateTag(tag) && (valueEnd - valueStart <= INDEXED_BYTES || items !== undefined),
      )
      // Some writers know no VR: the dictionary does.
      .map((element) => (element.vr === 'UN' ? { ...element, vr: lookUp(element.tag)?.vr ?? 'UN' } : element))
    return { model: formatDicomJson({ ...dataSet, elements }), transferSyntaxUid }
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new StoreError('spool_unwritable', 'the instance cannot be read', { cause })
  }
}

/** With the attributes that only the whole study or series has. */
function modelOf(row: Row, level: Level): DicomJson {
  const model = JSON.parse(row.model) as Record<string, DicomJsonElement>
  model['00080056'] = { vr: 'CS', Value: ['ONLINE'] }
  if (level === 'study') {
    model['00080061'] = { vr: 'CS', Value: row.modalities.split(',').filter((modality) => modality !== '') }
    model['00201206'] = { vr: 'IS', Value: [row.series_count] }
    model['00201208'] = { vr: 'IS', Value: [row.instance_count] }
  }
  if (level === 'series') model['00201209'] = { vr: 'IS', Value: [row.instance_count] }
  return model
}

/** As much of a model as is asked for. */
function shown(model: DicomJson, { level, include, keys }: Query): DicomJson {
  const isBelow = { study: 0, series: 1, instance: 2 }[level]
  const above = [UNIQUE_KEYS.study, UNIQUE_KEYS.series].slice(0, isBelow)
  const wanted = new Set<Tag>([0x00080005, ...RETURNED[level], ...above, ...keys.map(({ path }) => path[0] as Tag)])
  const entries = Object.entries(model).filter(([key]) => {
    const tag = Number.parseInt(key, 16)
    return include === 'all' || wanted.has(tag) || include.has(tag)
  })
  return Object.fromEntries(entries)
}

const archivedOf = (row: Row): ArchivedInstance => ({
  study: row.study,
  series: row.series,
  instance: row.instance,
  sopClassUid: row.sop_class,
  transferSyntaxUid: row.transfer_syntax,
  lengthBytes: row.length_bytes,
})

function attempt<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new StoreError(code === 'ENOSPC' ? 'spool_full' : 'spool_unwritable', 'the archive cannot be written', {
      cause,
    })
  }
}
