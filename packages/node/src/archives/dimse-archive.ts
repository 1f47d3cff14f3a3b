/**
 * DIMSE archive: a PACS that answers C-FIND and C-GET or C-MOVE, as an archive to sweep.
 *
 * Source: PS3.4 annex C, Study Root. What it has is asked study by study and series by series; instances come over the same
 * association, some at a time, each under the transfer syntax in which it is stored where the PACS can do that. A PACS says of
 * no instance whether it changed: each is read once, and then again from time to time.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { StoreError } from '@fiducial/core/errors.ts'
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { CONTEXTS_PER_ASSOCIATION, type Proposal } from '../dimse/propose.ts'
import { find, get, move, QUERY_RETRIEVE, requireContext } from '../dimse/query.ts'
import { type InstanceSink, receiveInstances } from '../dimse/receive-instances.ts'
import type { RemoteNode } from '../dimse/remote-node.ts'
import { type Association, openAssociation } from '../dimse/requestor.ts'
import type {
  ArchiveSource,
  FailedFetch,
  FetchedInstance,
  ListedInstance,
  ListedPage,
} from '../services/audit/ports.ts'
import type { FetchedFiles } from './fetched-files.ts'
import type { MoveReceiver } from './move-receiver.ts'
import { type Answered, formatIdentifier, KEY, type QueryKeys, type QueryLevel, readIdentifier } from './query-keys.ts'
import { cursorOfDay, parseSince } from './since.ts'

export interface DimseArchiveOptions {
  readonly node: RemoteNode
  readonly files: FetchedFiles
  readonly now: () => Date
  /** Takes what the PACS sends upon C-MOVE; absent where it answers C-GET. */
  readonly receiver?: MoveReceiver
}

const { find: FIND, get: GET, move: MOVE } = QUERY_RETRIEVE.study
/** Instances of one C-GET: so many lie on the disk at once. */
const TOGETHER = 16
/** How images are stored in practice; of each the PACS is offered a context of its own, so that it sends what it has. */
const SYNTAXES = [
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  '1.2.840.10008.1.2.2',
  '1.2.840.10008.1.2.1.99',
  '1.2.840.10008.1.2.4.50',
  '1.2.840.10008.1.2.4.51',
  '1.2.840.10008.1.2.4.57',
  '1.2.840.10008.1.2.4.70',
  '1.2.840.10008.1.2.4.80',
  '1.2.840.10008.1.2.4.81',
  '1.2.840.10008.1.2.4.90',
  '1.2.840.10008.1.2.4.91',
  '1.2.840.10008.1.2.4.201',
  '1.2.840.10008.1.2.4.202',
  '1.2.840.10008.1.2.4.203',
  '1.2.840.10008.1.2.5',
] as const

export function openDimseArchive({ node, files, now, receiver }: DimseArchiveOptions): ArchiveSource {
  const queries = new QueryLine(node)
  const classes = new Map<string, string>()
  return {
    name: `dicom${node.tls === undefined ? '' : 's'}://${node.calledAet}@${node.host}:${node.port}`,
    kind: 'dimse',
    isComplete: (cursor) => parseSince(cursor).kind === 'all',
    list: (cursor, signal) => listStudies(queries, classes, { cursor, now: now() }, signal),
    async *fetch(instances, signal) {
      for (const group of groupBySeries(instances)) {
        if (signal.aborted) return
        yield* fetchSafely(node, group, { files, classes, signal, receiver })
      }
    },
    async close() {
      await queries.close()
      await receiver?.close()
      files.close()
    },
  }
}

/** One association for queries, opened anew where the PACS has ended it. */
class QueryLine {
  readonly #node: RemoteNode
  #association: Association | undefined

  constructor(node: RemoteNode) {
    this.#node = node
  }

  async ask(level: QueryLevel, keys: QueryKeys, signal: AbortSignal): Promise<readonly Answered[]> {
    const association = await this.#open(signal)
    const context = requireContext(association, FIND)
    const identifier = formatIdentifier(level, keys, context.transferSyntax)
    const answers: Answered[] = []
    for await (const bytes of find(association, context, identifier, signal)) {
      const answer = readIdentifier(bytes, context.transferSyntax)
      if (answer !== undefined) answers.push(answer)
    }
    return answers
  }

  async close(): Promise<void> {
    await this.#association?.release()
  }

  async #open(signal: AbortSignal): Promise<Association> {
    if (this.#association?.isOpen !== true) {
      const proposals = [{ abstractSyntax: FIND, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] }]
      this.#association = await openAssociation(this.#node, { proposals, signal })
    }
    return this.#association
  }
}

async function* listStudies(
  queries: QueryLine,
  classes: Map<string, string>,
  { cursor, now }: { readonly cursor: string | undefined; readonly now: Date },
  signal: AbortSignal,
): AsyncGenerator<ListedPage> {
  const since = parseSince(cursor)
  yield { instances: [], cursor: cursorOfDay(now) }
  const dates = since.kind === 'date' ? { [KEY.studyDate]: `${since.date}-` } : {}
  for (const study of await queries.ask('STUDY', { ...dates, [KEY.study]: '' }, signal)) {
    const studyUid = study(KEY.study)
    if (studyUid === undefined) continue
    for (const series of await queries.ask('SERIES', { [KEY.study]: studyUid, [KEY.series]: '' }, signal)) {
      const seriesUid = series(KEY.series)
      if (seriesUid === undefined) continue
      const keys = { [KEY.study]: studyUid, [KEY.series]: seriesUid, [KEY.sopInstance]: '', [KEY.sopClass]: '' }
      const images = await queries.ask('IMAGE', keys, signal)
      for (const image of images) remember(classes, seriesUid, image(KEY.sopClass))
      yield { instances: images.flatMap((image) => toListed(studyUid, seriesUid, image(KEY.sopInstance))) }
    }
  }
}

/** Classes by series: what will come has to be proposed before. Those of a series are one, or a few. */
function remember(classes: Map<string, string>, series: string, sopClass: string | undefined): void {
  if (sopClass === undefined) return
  const known = (classes.get(series) ?? '').split(' ').filter((uid) => uid !== '')
  if (!known.includes(sopClass)) classes.set(series, [...known, sopClass].join(' '))
}

function toListed(study: string, series: string, instance: string | undefined): readonly ListedInstance[] {
  if (instance === undefined) return []
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

function* groupBySeries(instances: readonly ListedInstance[]): Generator<readonly ListedInstance[]> {
  for (const members of Map.groupBy(instances, ({ seriesInstanceUid }) => seriesInstanceUid).values()) {
    for (let from = 0; from < members.length; from += TOGETHER) yield members.slice(from, from + TOGETHER)
  }
}

interface FetchMeans {
  readonly files: FetchedFiles
  readonly classes: ReadonlyMap<string, string>
  readonly signal: AbortSignal
  readonly receiver: MoveReceiver | undefined
}

/** What ends an association in the middle of a C-GET: the next one may go well. */
const OF_ASSOCIATION: ReadonlySet<string> = new Set(['association_aborted', 'peer_timeout', 'peer_refused'])

/** Where a group cannot be had, each of its instances is asked for by itself, so that one does not hide the others. */
async function* fetchSafely(
  node: RemoteNode,
  group: readonly ListedInstance[],
  means: FetchMeans,
): AsyncGenerator<FetchedInstance | FailedFetch> {
  const given = new Set<string>()
  try {
    const { receiver } = means
    const fetching =
      receiver === undefined ? fetchGroup(node, group, means) : moveGroup(node, group, { ...means, receiver })
    for await (const got of fetching) {
      given.add(got.key)
      yield got
    }
  } catch (error) {
    if (!(error instanceof StoreError) || !OF_ASSOCIATION.has(error.code) || means.signal.aborted) throw error
    const rest = group.filter(({ key }) => !given.has(key))
    const [only] = rest
    if (group.length === 1 && only !== undefined) yield { key: only.key, code: error.code }
    else for (const one of rest) yield* fetchSafely(node, [one], means)
  }
}

/** One C-GET for some instances of a series; what did not come is said of each. */
async function* fetchGroup(
  node: RemoteNode,
  group: readonly ListedInstance[],
  { files, classes, signal }: FetchMeans,
): AsyncGenerator<FetchedInstance | FailedFetch> {
  const [first] = group
  if (first === undefined) return
  const sopClasses = (classes.get(first.seriesInstanceUid ?? '') ?? '').split(' ').filter((uid) => uid !== '')
  const came = new Map<string, string>()
  const association = await openAssociation(node, {
    proposals: proposalsFor(sopClasses),
    signal,
    onRequest: receiveInstances(
      ({ sopInstanceUid }) => openSink(files, (path) => came.set(sopInstanceUid, path)),
      node.calledAet,
    ),
  })
  try {
    const context = requireContext(association, GET)
    await get(association, context, formatIdentifier('IMAGE', keysOf(group), context.transferSyntax), { signal })
    await association.release()
    yield* handOut(group, came, files)
  } finally {
    association.abort()
    // What nobody asked for, or takes any more.
    for (const path of came.values()) await files.remove(path)
  }
}

export /** The same by C-MOVE: the PACS calls back. */
async function* moveGroup(
  node: RemoteNode,
  group: readonly ListedInstance[],
  { files, signal, receiver }: FetchMeans & { readonly receiver: MoveReceiver },
): AsyncGenerator<FetchedInstance | FailedFetch> {
  const proposals = [{ abstractSyntax: MOVE, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] }]
  const association = await openAssociation(node, { proposals, signal })
  let came = new Map<string, string>()
  try {
    const context = requireContext(association, MOVE)
    const identifier = formatIdentifier('IMAGE', keysOf(group), context.transferSyntax)
    const uids = group.map(({ sopInstanceUid }) => sopInstanceUid ?? '')
    const order = { identifier, destination: receiver.aet }
    came = await receiver.receive(uids, () => move(association, context, order, { signal }))
    await association.release()
    yield* handOut(group, came, files)
  } finally {
    association.abort()
    for (const path of came.values()) await files.remove(path)
  }
}

const keysOf = (group: readonly ListedInstance[]): QueryKeys => ({
  [KEY.study]: group[0]?.studyInstanceUid ?? '',
  [KEY.series]: group[0]?.seriesInstanceUid ?? '',
  [KEY.sopInstance]: group.map(({ sopInstanceUid }) => sopInstanceUid ?? ''),
})

/** Gives what came, and says of the others that they did not. Whatever is given goes from the list. */
function* handOut(
  group: readonly ListedInstance[],
  came: Map<string, string>,
  files: FetchedFiles,
): Generator<FetchedInstance | FailedFetch> {
  for (const { key, sopInstanceUid } of group) {
    const path = came.get(sopInstanceUid ?? '')
    came.delete(sopInstanceUid ?? '')
    yield path === undefined ? { key, code: 'instance_missing' } : files.take(key, path)
  }
}

/**
 * C-GET, and storage of these classes by the one who asks, each in every transfer syntax by itself. Of a PACS that does not
 * say which classes it has, the usual ones are taken, in the usual syntaxes.
 */
export function proposalsFor(sopClasses: readonly string[]): readonly Proposal[] {
  const retrieve = { abstractSyntax: GET, transferSyntaxes: [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN] }
  const [classes, syntaxes] = sopClasses.length === 0 ? [USUAL_CLASSES, USUAL_SYNTAXES] : [sopClasses, SYNTAXES]
  // Where there are more than fit, each class comes in the usual syntaxes at least.
  const isTooMany = classes.length * syntaxes.length >= CONTEXTS_PER_ASSOCIATION
  const storage = classes.flatMap((abstractSyntax) =>
    (isTooMany ? USUAL_SYNTAXES : syntaxes).map((syntax) => ({
      abstractSyntax,
      transferSyntaxes: [syntax],
      isOwnScp: true,
    })),
  )
  return [retrieve, ...storage].slice(0, CONTEXTS_PER_ASSOCIATION)
}

const USUAL_SYNTAXES = [
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  '1.2.840.10008.1.2.4.50',
  '1.2.840.10008.1.2.4.70',
  '1.2.840.10008.1.2.4.90',
  '1.2.840.10008.1.2.5',
]
/** CR, DX, mammography, CT, MR, ultrasound, angiography, fluoroscopy, nuclear medicine, PET, secondary capture, and others. */
const USUAL_CLASSES = [
  '1.1',
  '1.1.1',
  '1.2',
  '2',
  '2.1',
  '4',
  '4.1',
  '6.1',
  '3.1',
  '12.1',
  '12.2',
  '20',
  '128',
  '7',
  '7.2',
  '7.3',
  '7.4',
  '11.1',
  '88.22',
  '88.59',
  '104.1',
].map((tail) => `1.2.840.10008.5.1.4.1.1.${tail}`)

export function openSink(files: FetchedFiles, onWhole: (path: string) => void): InstanceSink {
  const path = files.newPath()
  const descriptor = openSync(path, 'wx', 0o600)
  return {
    write(bytes) {
      for (let taken = 0; taken < bytes.length; ) taken += writeSync(descriptor, bytes, taken)
    },
    async commit() {
      closeSync(descriptor)
      onWhole(path)
    },
    async abort() {
      closeSync(descriptor)
      await files.remove(path)
    },
  }
}
