/**
 * Archive query: answers C-FIND from an archive of ours, for the demonstration's PACS.
 *
 * Source: PS3.4 annex C, Study Root with the levels STUDY, SERIES and IMAGE. What matches is decided in core/domain/query, as
 * for QIDO-RS. Relational queries and C-MOVE are not offered.
 */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { keyOf, type Level, type MatchingKey, type Query, RESULTS_LIMIT } from '@fiducial/core/domain/query/query.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { Element, Item, Tag } from '@fiducial/core/formats/dicom/element.ts'
import { encodeElements, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { type DataSet, parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import {
  EXPLICIT_LITTLE_ENDIAN,
  encodingOf,
  IMPLICIT_LITTLE_ENDIAN,
} from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, textAt } from '@fiducial/core/formats/dicom/values.ts'
import { formatDicomJson } from '@fiducial/core/formats/dicom-json/format.ts'
import { type DicomJson, keyOf as jsonKeyOf, textsAt } from '@fiducial/core/formats/dicom-json/model.ts'
import { parseDicomJson } from '@fiducial/core/formats/dicom-json/parse.ts'
import { STATUS } from '@fiducial/core/formats/dimse/status.ts'
import type { JsonObject } from '@fiducial/core/formats/json/parse.ts'
import type { Archive } from '../services/archive/ports.ts'
import { QUERY_RETRIEVE } from './query.ts'
import type { Operation, ServiceProvider } from './service.ts'

const QUERY_LEVEL: Tag = 0x00080052
const RETRIEVE_AET: Tag = 0x00080054
const CHARACTER_SET: Tag = 0x00080005
const LEVELS: Readonly<Record<string, Level>> = { STUDY: 'study', SERIES: 'series', IMAGE: 'instance' }
/** Of the query itself, and not of what is searched. */
const OWN = new Set<Tag>([QUERY_LEVEL, CHARACTER_SET, 0x00080053, RETRIEVE_AET])

/** A service of the acceptor. @param aet  where what is found can be retrieved */
export function archiveQuery(archive: Archive, aet: string): ServiceProvider {
  return {
    name: 'query',
    takes: (abstractSyntax) => abstractSyntax === QUERY_RETRIEVE.study.find,
    chooseSyntax: (proposed) => [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN].find((uid) => proposed.includes(uid)),
    serve: (operation) => serve(operation, archive, aet),
  }
}

async function serve(operation: Operation, archive: Archive, aet: string): Promise<void> {
  const { request, dataSet: identifier, context, signal } = operation
  if (request.kind !== 'c_find_rq' || identifier === null)
    return operation.reply({ status: STATUS.unrecognizedOperation })
  try {
    const asked = parseDataSet(memorySource(identifier), context.transferSyntax)
    const query = readQuery(asked)
    const encoding = encodingOf(context.transferSyntax)
    for await (const model of archive.search(query)) {
      if (signal.aborted) return await operation.reply({ status: STATUS.cancelled })
      await operation.reply({ status: STATUS.pending }, encodeElements(answerOf(model, asked, aet), encoding))
    }
    await operation.reply({ status: STATUS.success })
  } catch (error) {
    if (error instanceof FormatError) return operation.reply({ status: STATUS.dataSetMismatch })
    if (!(error instanceof StoreError) || signal.aborted) throw error
    await operation.reply({ status: STATUS.processingFailure, errorComment: error.code })
  }
}

/** @throws {FormatError} `query_malformed` */
function readQuery(asked: DataSet): Query {
  const level = LEVELS[textAt(asked, QUERY_LEVEL) ?? '']
  if (level === undefined) throw new FormatError('query_malformed', 'no level that is known')
  const model = formatDicomJson(asked)
  const keys = asked.elements.filter(({ tag }) => !OWN.has(tag)).flatMap((element) => keysOf(element, model, []))
  const include = new Set(asked.elements.map(({ tag }) => tag))
  return { level, keys, include, limit: RESULTS_LIMIT, offset: 0, isFuzzy: false }
}

function keysOf(element: Element, model: DicomJson, above: readonly Tag[]): readonly MatchingKey[] {
  const path = [...above, element.tag]
  const [item] = element.items ?? []
  if (element.items === undefined) return [keyOf(path, textsAt(model, element.tag).join('\\'))]
  const [inner] = model[jsonKeyOf(element.tag)]?.Value ?? []
  return item === undefined ? [] : (item as Item).elements.flatMap((one) => keysOf(one, inner as DicomJson, path))
}

/** What was asked for, empty where the archive does not have it. */
function answerOf(model: DicomJson, asked: DataSet, aet: string): readonly NewElement[] {
  const found = new Map(parseDicomJson(model as unknown as JsonObject).map((element) => [element.tag, element]))
  const elements = new Map<Tag, NewElement>()
  for (const { tag, vr, items } of asked.elements) {
    const empty: NewElement = items === undefined ? { tag, vr, value: new Uint8Array() } : { tag, vr: 'SQ', items: [] }
    elements.set(tag, found.get(tag) ?? empty)
  }
  elements.set(QUERY_LEVEL, text(QUERY_LEVEL, 'CS', textAt(asked, QUERY_LEVEL) ?? ''))
  elements.set(RETRIEVE_AET, text(RETRIEVE_AET, 'AE', aet))
  const characterSet = found.get(CHARACTER_SET)
  if (characterSet !== undefined) elements.set(CHARACTER_SET, characterSet)
  return [...elements.values()].sort((a, b) => a.tag - b.tag)
}
