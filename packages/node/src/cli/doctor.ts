/**
 * Doctor: examines a DICOM peer before it goes live, and says what it will do to images and to speed.
 *
 * Stores nothing unless it is told to. What the numbers mean, core's domain/gateway/peer-diagnosis says.
 */
import { parseDestination } from '@fiducial/core/domain/gateway/destinations.ts'
import {
  diagnosePeer,
  type ExaminedContext,
  type PeerExamination,
  type PeerFinding,
  type StoreProbe,
  type Weight,
} from '@fiducial/core/domain/gateway/peer-diagnosis.ts'
import { formatTag } from '@fiducial/core/formats/dicom/element.ts'
import type { Context } from './context.ts'
import type { DoctorOrder } from './doctor-order.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { counted, wrap } from './table.ts'
import { uidName } from './uid-names.ts'
import { UsageError } from './usage-error.ts'
import { visible } from './visible.ts'

export interface DoctorOptions {
  readonly calling: string
  readonly store?: boolean
  readonly receive?: string
  readonly trust?: string
  readonly certificate?: string
  readonly key?: string
  readonly timeout: number
}

const STORAGE = '1.2.840.10008.5.1.4.1.1.'
const SERVICES: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.1': 'C-ECHO',
  '1.2.840.10008.1.20.1': 'storage commitment',
  '1.2.840.10008.5.1.4.1.2.2.1': 'C-FIND',
  '1.2.840.10008.5.1.4.1.2.2.2': 'C-MOVE',
  '1.2.840.10008.5.1.4.1.2.2.3': 'C-GET',
  '1.2.840.10008.5.1.4.31': 'worklist',
  '1.2.840.10008.3.1.2.3.3': 'performed procedure steps',
}

export async function examine(address: string, options: DoctorOptions, context: Context): Promise<ExitCode> {
  const order = readOrder(address, options, context.terminal.interruption)
  const examination = await context.adapters.examinePeer(order)
  const findings = diagnosePeer(examination)
  context.output.record({ ...toJson(examination), findings })
  show(examination, findings, context)
  return findings.some(({ weight }) => weight === 'problem') ? EXIT.notAuthentic : EXIT.ok
}

function readOrder(address: string, options: DoctorOptions, signal: AbortSignal): DoctorOrder {
  const destination = parseDestination(address)
  if (destination?.protocol !== 'dimse') {
    throw new UsageError(`${visible(address)} is not AET@host:port`, 'fiducial doctor ORTHANC@127.0.0.1:4242')
  }
  const { trust, certificate, key } = options
  if (trust === undefined && (certificate !== undefined || key !== undefined)) {
    throw new UsageError('--certificate and --key are for TLS', '--trust names the authority of the peer')
  }
  return {
    host: destination.host,
    port: destination.port,
    calledAet: destination.aet,
    callingAet: options.calling,
    tls: trust === undefined ? null : { trust, ...(certificate && { certificate }), ...(key && { key }) },
    isStoring: options.store === true,
    receiveAt: readReceivingPoint(options),
    timeoutMs: options.timeout * 1000,
    signal,
  }
}

function readReceivingPoint({ receive, store }: DoctorOptions): DoctorOrder['receiveAt'] {
  if (receive === undefined) return null
  if (store !== true) throw new UsageError('--receive is for an image that comes back', '--store sends one')
  const point = parseDestination(receive)
  if (point?.protocol === 'dimse') return { aet: point.aet, host: point.host, port: point.port }
  throw new UsageError(`--receive ${visible(receive)} is not AET@host:port`, 'such as FIDUCIAL@0.0.0.0:11113')
}

function show(examination: PeerExamination, findings: readonly PeerFinding[], { output }: Context): void {
  const { style, columns } = output
  const { calledAet, host, port, contexts, echoes, tls, store } = examination
  const line = (label: string, text: string): void => {
    for (const [i, part] of wrap(text, columns - 12).entries())
      output.line(`  ${(i === 0 ? label : '').padEnd(10)}${part}`)
  }
  output.line(style.bold(`${visible(calledAet)}@${host}:${port}`))
  line(
    'says',
    `${visible(examination.implementationVersion ?? 'nothing of its name')}${tls === null ? '' : `, ${tls}`}`,
  )
  const echo =
    echoes.length === 0 ? 'no C-ECHO' : `C-ECHO in ${milliseconds(median(echoes.map(({ timeMs }) => timeMs)))}`
  line('answers', `an association in ${milliseconds(examination.associateMs)}, ${echo}`)
  line('does', servicesOf(contexts).join(', ') || 'nothing that we asked for')
  line('takes', takenOf(contexts))
  if (store !== null) line('stored', storedOf(store))
  output.line()
  const paint: Readonly<Record<Weight, (text: string) => string>> = {
    problem: style.red,
    warning: style.yellow,
    note: style.dim,
  }
  for (const { weight, text, advice } of findings) {
    output.line(`${paint[weight](weight.padEnd(8))} ${text}`)
    for (const part of wrap(advice, columns - 9)) output.line(`         ${part}`)
  }
  if (findings.length === 0) output.line('Nothing stands out.')
}

const servicesOf = (contexts: readonly ExaminedContext[]): string[] =>
  Object.entries(SERVICES).flatMap(([uid, name]) =>
    contexts.some(({ abstractSyntax, isTaken }) => isTaken && abstractSyntax === uid) ? name : [],
  )

function takenOf(contexts: readonly ExaminedContext[]): string {
  const images = contexts.filter(({ abstractSyntax }) => abstractSyntax.startsWith(STORAGE))
  const taken = images.filter(({ isTaken }) => isTaken)
  const classes = new Set(taken.map(({ abstractSyntax }) => abstractSyntax))
  const all = new Set(images.map(({ abstractSyntax }) => abstractSyntax))
  const syntaxes = [...new Set(taken.map(({ transferSyntax }) => transferSyntax))]
  if (classes.size === 0) return `none of ${all.size} kinds of images`
  return `${classes.size} of ${all.size} kinds of images; ${syntaxes.map((uid) => uidName(uid) ?? uid).join(', ')}`
}

function storedOf({ status, timeMs, change, failure, studyInstanceUid }: StoreProbe): string {
  const study = `study ${studyInstanceUid}, of a patient called DEMO: delete it there`
  if (status === null) return 'no answer to the test image'
  const answer = `status ${status.toString(16).padStart(4, '0')} in ${milliseconds(timeMs)}`
  if (change === null) return `${answer}${failure === null ? '' : `, not had back (${failure})`}; ${study}`
  const tags = [...change.removed, ...change.added, ...change.changed].map(formatTag)
  const differs =
    tags.length === 0 ? 'no attribute differs' : `${counted(tags.length, 'attribute')} differ: ${tags.join(' ')}`
  return `${answer}; ${differs}; pixels ${change.pixels}; ${study}`
}

/** What is taken, of the contexts; tags as they are spelled everywhere. */
function toJson({ store, ...examination }: PeerExamination) {
  const change = store?.change ?? null
  const tags = (list: readonly number[]): string[] => list.map(formatTag)
  return {
    ...examination,
    contexts: examination.contexts.filter(({ isTaken }) => isTaken),
    store: store && {
      ...store,
      change: change && {
        ...change,
        removed: tags(change.removed),
        added: tags(change.added),
        changed: tags(change.changed),
      },
    },
  }
}

const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
