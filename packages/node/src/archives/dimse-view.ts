/**
 * DIMSE view: a PACS that speaks C-FIND and C-GET only, as the archive that our DICOMweb faces ask.
 *
 * Source: PS3.4 annex C, Study Root. Searches go to the PACS with the attributes that are asked for; what it does not match
 * itself is matched here, as far as its answers tell. Instances are fetched one by one, into files that are removed once they
 * are sent.
 */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { matchesKey } from '@fiducial/core/domain/query/match.ts'
import { type Level, type MatchingKey, type Query, RETURNED, UNIQUE_KEYS } from '@fiducial/core/domain/query/query.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { lookUp } from '@fiducial/core/formats/dicom/dictionary.ts'
import type { Tag } from '@fiducial/core/formats/dicom/element.ts'
import { encodeElements, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import {
  EXPLICIT_LITTLE_ENDIAN,
  encodingOf,
  IMPLICIT_LITTLE_ENDIAN,
} from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { isTextVr } from '@fiducial/core/formats/dicom/vr.ts'
import { formatDicomJson } from '@fiducial/core/formats/dicom-json/format.ts'
import { type DicomJson, keyOf as jsonKeyOf, textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import type { Proposal } from '../dimse/propose.ts'
import { find, get, QUERY_RETRIEVE, requireContext } from '../dimse/query.ts'
import { receiveInstances } from '../dimse/receive-instances.ts'
import type { RemoteNode } from '../dimse/remote-node.ts'
import { openAssociation } from '../dimse/requestor.ts'
import type { Archive, ArchivedInstance, ArchivePlace } from '../services/archive/ports.ts'
import type { SpooledFile } from '../services/gateway/ports.ts'
import { openSink, proposalsFor } from './dimse-archive.ts'
import type { FetchedFiles } from './fetched-files.ts'

export interface DimseViewOptions {
  readonly node: RemoteNode
  readonly files: FetchedFiles
  /** Opens a file that was fetched. */
  readonly openFile: (path: string) => Omit<SpooledFile, typeof Symbol.asyncDispose> & { close(): void }
}

const { find: FIND, get: GET } = QUERY_RETRIEVE.study
const NAMES: Readonly<Record<Level, string>> = { study: 'STUDY', series: 'SERIES', instance: 'IMAGE' }
const LEVEL_TAG: Tag = 0x00080052
const FIND_SYNTAXES: readonly Proposal[] = [
  { abstractSyntax: FIND, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] },
]
/** Ours to say, not the PACS's. */
const OURS = new Set<Tag>([0x00080056, 0x00081190])

export function openDimseView({ node, files, openFile }: DimseViewOptions): Archive {
  const search = (query: Query): AsyncGenerator<DicomJson> => searchNode(node, query)
  return {
    search,
    async instances({ study, series, instance }: ArchivePlace) {
      const found: ArchivedInstance[] = []
      const uids = series === undefined ? await seriesOf(node, study) : [series]
      for (const one of uids) {
        for await (const model of search(imagesQuery(study, one, instance))) {
          const sopInstanceUid = textAt(model, UNIQUE_KEYS.instance)
          if (sopInstanceUid === undefined) continue
          const sopClassUid = textAt(model, 0x00080016) ?? ''
          found.push({
            study,
            series: one,
            instance: sopInstanceUid,
            sopClassUid,
            transferSyntaxUid: null,
            lengthBytes: null,
          })
        }
      }
      return found
    },
    open: (instance) => fetchInstance(node, instance, { files, openFile }),
  }
}

async function* searchNode(node: RemoteNode, query: Query): AsyncGenerator<DicomJson> {
  if (query.keys.some(({ path }) => path.length > 1)) {
    throw new FormatError('query_malformed', 'this archive is not asked for attributes in sequences')
  }
  const stop = new AbortController()
  const association = await openAssociation(node, { proposals: FIND_SYNTAXES })
  let [skipped, given] = [0, 0]
  try {
    const context = requireContext(association, FIND)
    const identifier = encodeElements(elementsOf(query), encodingOf(context.transferSyntax))
    for await (const bytes of find(association, context, identifier, stop.signal)) {
      const model = formatDicomJson(parseDataSet(memorySource(bytes), context.transferSyntax))
      if (given >= query.limit || !query.keys.every((key) => isMatch(model, key)) || skipped++ < query.offset) continue
      given++
      yield withoutOwn(model)
      // What is under way still comes, and is passed over.
      if (given >= query.limit) stop.abort()
    }
    await association.release()
  } finally {
    association.abort()
  }
}

/** Attributes that have to match, and those that are asked for. */
function elementsOf({ level, keys, include }: Query): readonly NewElement[] {
  const above =
    level === 'study' ? [] : level === 'series' ? [UNIQUE_KEYS.study] : [UNIQUE_KEYS.study, UNIQUE_KEYS.series]
  const wanted = [...RETURNED[level], ...above, ...(include === 'all' ? [] : include)].filter((tag) => !OURS.has(tag))
  const elements = new Map<Tag, NewElement>()
  for (const tag of wanted) elements.set(tag, emptyOf(tag))
  for (const { path, vr, value } of keys) {
    const tag = path[0] as Tag
    elements.set(tag, isTextVr(vr) || vr === 'UI' ? text(tag, vr, value) : emptyOf(tag))
  }
  elements.set(0x00080005, text(0x00080005, 'CS', 'ISO_IR 192'))
  elements.set(LEVEL_TAG, text(LEVEL_TAG, 'CS', NAMES[level]))
  return [...elements.values()].sort((a, b) => a.tag - b.tag)
}

function emptyOf(tag: Tag): NewElement {
  const vr = lookUp(tag)?.vr ?? 'UN'
  return vr === 'SQ' ? { tag, vr, items: [] } : { tag, vr, value: new Uint8Array() }
}

/** The PACS has matched already, names by rules of its own; a key that it does not know comes back as it is there. */
function isMatch(model: DicomJson, key: MatchingKey): boolean {
  const isTold = model[jsonKeyOf(key.path[0] as Tag)]?.Value !== undefined
  return key.vr === 'PN' || !isTold || matchesKey(model, key)
}

const OF_QUERY = new Set([LEVEL_TAG, 0x00080054, 0x00080053].map(jsonKeyOf))
const withoutOwn = (model: DicomJson): DicomJson =>
  Object.fromEntries(Object.entries(model).filter(([key]) => !OF_QUERY.has(key)))

async function seriesOf(node: RemoteNode, study: string): Promise<readonly string[]> {
  const uids: string[] = []
  const keys = [uidKey(UNIQUE_KEYS.study, study)]
  for await (const model of searchNode(node, { level: 'series', keys, include: new Set(), ...ALL })) {
    const uid = textAt(model, UNIQUE_KEYS.series)
    if (uid !== undefined) uids.push(uid)
  }
  return uids
}

const ALL = { limit: Number.POSITIVE_INFINITY, offset: 0, isFuzzy: false } as const

function imagesQuery(study: string, series: string, instance: string | undefined): Query {
  const keys = [uidKey(UNIQUE_KEYS.study, study), uidKey(UNIQUE_KEYS.series, series)]
  if (instance !== undefined) keys.push(uidKey(UNIQUE_KEYS.instance, instance))
  return { level: 'instance', keys, include: new Set(), ...ALL }
}

const uidKey = (tag: Tag, value: string): MatchingKey => ({ path: [tag], vr: 'UI', value })

/** One C-GET. @throws {StoreError} `instance_missing` where the PACS sends nothing */
async function fetchInstance(
  node: RemoteNode,
  { study, series, instance, sopClassUid }: ArchivedInstance,
  { files, openFile }: Pick<DimseViewOptions, 'files' | 'openFile'>,
): Promise<SpooledFile> {
  const came: string[] = []
  const association = await openAssociation(node, {
    proposals: proposalsFor([sopClassUid]),
    onRequest: receiveInstances(() => openSink(files, (path) => came.push(path)), node.calledAet),
  })
  try {
    const context = requireContext(association, GET)
    const elements = [
      text(LEVEL_TAG, 'CS', NAMES.instance),
      text(UNIQUE_KEYS.instance, 'UI', instance),
      text(UNIQUE_KEYS.study, 'UI', study),
      text(UNIQUE_KEYS.series, 'UI', series),
    ].sort((a, b) => a.tag - b.tag)
    await get(association, context, encodeElements(elements, encodingOf(context.transferSyntax)))
    await association.release()
  } finally {
    association.abort()
  }
  const [path] = came
  if (path === undefined) throw new StoreError('instance_missing', 'the archive sent nothing')
  const file = openFile(path)
  return {
    length: file.length,
    isInMemory: file.isInMemory,
    view: (start, end) => file.view(start, end),
    chunks: (start, end) => file.chunks(start, end),
    async [Symbol.asyncDispose]() {
      file.close()
      await files.remove(path)
    },
  }
}
