/**
 * Examine peer: tries out what a peer takes, how it answers, and what it does to an image of our own.
 *
 * Nothing is stored unless the caller has an object for it. What the numbers mean, domain/gateway/peer-diagnosis says.
 */

import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { STORAGE_COMMITMENT } from '@fiducial/core/domain/gateway/commitment.ts'
import { compareHop, type HopSide } from '@fiducial/core/domain/gateway/hop.ts'
import type { ExaminedContext, PeerExamination, StoreProbe } from '@fiducial/core/domain/gateway/peer-diagnosis.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { CONTEXT_RESULTS } from '@fiducial/core/formats/dul/associate.ts'
import { getBack, moveBack, type ProbeImage, type ReceivingPoint } from './fetch-back.ts'
import { CONTEXTS_PER_ASSOCIATION, type Proposal } from './propose.ts'
import { ORDER_CLASSES } from './proxies.ts'
import { echo, QUERY_RETRIEVE, VERIFICATION } from './query.ts'
import type { RemoteNode } from './remote-node.ts'
import { type Association, openAssociation } from './requestor.ts'
import { storeInstance } from './store-instance.ts'

export interface ExamineOptions {
  readonly signal?: AbortSignal
  /** What to store; without it, nothing is. */
  readonly probe?: ProbeImage
  readonly hashes: HashFactory
  /** Reads a file for the comparison. @throws {FormatError} */
  readonly readSide: (bytes: Uint8Array) => Promise<HopSide>
  /** Have the image back by C-MOVE, to this title and port of ours; else by C-GET. */
  readonly receiveAt?: ReceivingPoint
  /** C-ECHOs one after the other. Default: 40. */
  readonly echoes?: number
}

const JPEG = '1.2.840.10008.1.2.4.'
const SYNTAXES = [
  IMPLICIT_LITTLE_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  '1.2.840.10008.1.2.1.99',
  '1.2.840.10008.1.2.2',
  ...['50', '51', '70', '80', '81', '90', '91', '201', '202', '203'].map((end) => JPEG + end),
  '1.2.840.10008.1.2.5',
]
/** Images of the usual modalities, reports, and plans: what follows 1.2.840.10008.5.1.4.1.1. */
const CLASSES = [
  '1',
  '1.1',
  '1.1.1',
  '1.2',
  '2',
  '2.1',
  '4',
  '4.1',
  '6.1',
  '3.1',
  '7',
  '7.4',
  '12.1',
  '20',
  '128',
  '77.1.6',
]
  .concat(['66.4', '88.33', '104.1', '481.1', '481.2', '481.3', '481.5', '13.1.3'])
  .map((end) => `1.2.840.10008.5.1.4.1.1.${end}`)
const OTHER_CLASSES = [
  VERIFICATION,
  STORAGE_COMMITMENT.sopClass,
  ...Object.values(QUERY_RETRIEVE.patient),
  ...Object.values(QUERY_RETRIEVE.study),
  ...ORDER_CLASSES,
]
const OFFERED_OPERATIONS = 8
const WINDOW_MS = 3_000

/**
 * Examines a peer, over a handful of associations.
 * @throws {StoreError} where it takes no association at all
 */
export async function examinePeer(node: RemoteNode, options: ExamineOptions): Promise<PeerExamination> {
  const startedAt = performance.now()
  const first = await open(node, [VERIFICATION].map(plainProposal), options)
  const associateMs = performance.now() - startedAt
  const { maximumLength, implementationClassUid, implementationVersion } = first.peer
  const { tls } = first
  await first.release()
  return {
    host: node.host,
    port: node.port,
    calledAet: node.calledAet,
    callingAet: node.callingAet,
    tls,
    associateMs,
    implementationClassUid,
    implementationVersion,
    maximumLength,
    echoes: await measureEchoes(node, options),
    contexts: await examineContexts(node, options),
    window: await examineWindow(node, options),
    store: options.probe === undefined ? null : await probeStore(node, options.probe, options),
  }
}

const plainProposal = (abstractSyntax: string): Proposal => ({
  abstractSyntax,
  transferSyntaxes: [IMPLICIT_LITTLE_ENDIAN],
})

const open = (node: RemoteNode, proposals: readonly Proposal[], { signal }: ExamineOptions): Promise<Association> =>
  openAssociation(node, { proposals, ...(signal && { signal }) })

async function measureEchoes(
  node: RemoteNode,
  { signal, echoes = 40 }: ExamineOptions,
): Promise<PeerExamination['echoes']> {
  const moments: number[] = []
  const association = await openAssociation(node, {
    proposals: [plainProposal(VERIFICATION)],
    onBytes: () => moments.push(performance.now()),
    ...(signal && { signal }),
  })
  try {
    const measured: PeerExamination['echoes'][number][] = []
    for (let i = 0; i < echoes; i++) {
      moments.length = 0
      const startedAt = performance.now()
      await echo(association)
      const [first = 0, last = 0] = [moments[0], moments.at(-1)]
      measured.push({ timeMs: performance.now() - startedAt, pieces: moments.length, gapMs: last - first })
    }
    return measured
  } catch (error) {
    if (error instanceof StoreError && error.code === 'peer_refused') return []
    throw error
  } finally {
    await association.release()
  }
}

async function examineContexts(node: RemoteNode, options: ExamineOptions): Promise<readonly ExaminedContext[]> {
  const all = [
    ...OTHER_CLASSES.map(plainProposal),
    ...CLASSES.flatMap((abstractSyntax) => SYNTAXES.map((syntax) => ({ abstractSyntax, transferSyntaxes: [syntax] }))),
  ]
  const found: ExaminedContext[] = []
  for (let at = 0; at < all.length; at += CONTEXTS_PER_ASSOCIATION) {
    const proposals = all.slice(at, at + CONTEXTS_PER_ASSOCIATION)
    const association = await open(node, proposals, options)
    const { results } = association
    await association.release()
    found.push(
      ...proposals.map(({ abstractSyntax, transferSyntaxes: [transferSyntax = ''] }, i) => ({
        abstractSyntax,
        transferSyntax,
        isTaken: results[i] === CONTEXT_RESULTS.accepted,
      })),
    )
  }
  return found
}

/** Sends two requests before the first is answered, as one may to whoever grants it. */
async function examineWindow(node: RemoteNode, { signal }: ExamineOptions): Promise<PeerExamination['window']> {
  const impatient = { ...node, timeouts: { ...node.timeouts, idleMs: WINDOW_MS } }
  const association = await openAssociation(impatient, {
    proposals: [plainProposal(VERIFICATION)],
    operations: { invoked: OFFERED_OPERATIONS, performed: 1 },
    ...(signal && { signal }),
  })
  const granted = association.peer.operations?.invoked ?? null
  if (granted === null || granted === 1) {
    await association.release()
    return { granted, answersAll: null }
  }
  const answers = await Promise.allSettled([echo(association), echo(association), echo(association)])
  await association.release()
  return { granted, answersAll: answers.every(({ status }) => status === 'fulfilled') }
}

async function probeStore(node: RemoteNode, probe: ProbeImage, options: ExamineOptions): Promise<StoreProbe> {
  const { studyInstanceUid, sopInstanceUid } = probe
  const startedAt = performance.now()
  const status = await storeProbe(node, probe, options)
  const timeMs = performance.now() - startedAt
  const stored = { studyInstanceUid, sopInstanceUid, status, timeMs }
  if (status === null || (status !== 0 && status >>> 12 !== 0xb)) return { ...stored, change: null, failure: null }
  try {
    const { signal, receiveAt } = options
    const bytes =
      receiveAt === undefined ? await getBack(node, probe, signal) : await moveBack(node, probe, receiveAt, signal)
    if (bytes === undefined) return { ...stored, change: null, failure: 'instance_missing' }
    const [before, after] = [await options.readSide(probe.bytes), await options.readSide(bytes)]
    return { ...stored, change: compareHop(before, after, options.hashes), failure: null }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return { ...stored, change: null, failure: error.code }
  }
}

/** Null where the peer has no context for it, or breaks off. */
async function storeProbe(node: RemoteNode, probe: ProbeImage, options: ExamineOptions): Promise<number | null> {
  const { sopClassUid, transferSyntaxUid, bytes } = probe
  const association = await open(
    node,
    [{ abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] }],
    options,
  )
  try {
    const context = association.find(sopClassUid)
    if (context === undefined) return null
    return (await storeInstance(association, context, { ...probe, source: memorySource(bytes) })).status
  } catch (error) {
    if (error instanceof StoreError) return null
    throw error
  } finally {
    await association.release()
  }
}
