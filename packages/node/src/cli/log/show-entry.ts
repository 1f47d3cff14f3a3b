/** Show entry: all that a log says about one entry, for people. */
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import type { LogView } from '../../services/log/log-view.ts'
import type { Output } from '../output.ts'
import { layOut } from '../table.ts'
import { visible } from '../visible.ts'
import type { EntryRecord, EventRecord } from './entry-record.ts'
import { shortTime } from './show-list.ts'

/** Moments in ISO 8601, as far as authorities or witnesses vouch for them. */
export interface EntryTimes {
  readonly notBefore?: string
  readonly notAfter?: string
}

export interface ShownEntry {
  readonly record: EntryRecord
  readonly times: EntryTimes
  readonly view: LogView
}

type Row = readonly [string, string]

const INSTANCE_NAMES: readonly Row[] = [
  ['sopInstanceUid', 'image'],
  ['seriesInstanceUid', 'series'],
  ['studyInstanceUid', 'study'],
  ['sopClassUid', 'class'],
  ['transferSyntaxUid', 'transfer syntax'],
]
const VALUE_COLUMNS = 200

export function showEntry({ record, times, view }: ShownEntry, output: Output): void {
  const { style } = output
  const { event } = record
  output.line(`${style.bold(`Entry ${record.index}`)} of ${visible(view.origin)}`)
  const rows = [
    ...(event === undefined ? missingRows(record) : eventRows(event)),
    ...signatureRows(record, output),
    [
      'in the log',
      `${style.green('✔')} proven under the checkpoint of ${view.size} entries${witnessText(view)}`,
    ] as const,
    ...timeRows(times),
    ['leaf hash', record.leafHash] as const,
  ]
  for (const line of layOut(rows, (text, column) => (column === 0 ? style.dim(text) : text))) output.line(`  ${line}`)
  if (event?.statement !== undefined) {
    output.line()
    output.line(visibleLines(JSON.stringify(event.statement, null, 2)))
  }
}

function missingRows({ state, erasedBy }: EntryRecord): readonly Row[] {
  if (state === 'absent') return [['statement', 'not here: a copy of the public part of a log holds none']]
  return [['statement', erasedBy === undefined ? 'erased' : `erased: entry ${erasedBy} says by whom and why`]]
}

function eventRows({
  type,
  at,
  isDemo,
  recorder,
  instance,
  digests,
  checkpoint,
  details,
}: EventRecord): readonly Row[] {
  const uids = INSTANCE_NAMES.flatMap(([name, label]) => {
    const uid = instance?.[name] ?? null
    return uid === null ? [] : [[label, visible(uid)] as const]
  })
  return [
    ['event', isDemo ? `${type}  DEMO` : type],
    ['happened', `${shortTime(at)} UTC, by the clock of ${visible(recorder)}`],
    ...uids,
    ...fieldRows(digests, ''),
    ...fieldRows(details, ''),
    ['quotes', checkpointText(checkpoint)],
  ]
}

/** A row for each value that is not null, named by the way to it. */
function fieldRows(value: JsonValue, path: string): readonly Row[] {
  if (value === null) return []
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    return [[path, clip(value.map(String).join(', '))]]
  if (typeof value === 'object')
    return Object.entries(value).flatMap(([name, inner]) =>
      fieldRows(inner as JsonValue, path === '' ? name : `${path}.${name}`),
    )
  return [[path, clip(String(value))]]
}

/** A note of several lines is told by its first ones. */
const clip = (text: string): string => {
  const shown = visible(text.split('\n').slice(0, 2).join(' '))
  return shown.length > VALUE_COLUMNS ? `${shown.slice(0, VALUE_COLUMNS)}…` : shown
}

function checkpointText(checkpoint: JsonValue): string {
  if (checkpoint === null) return 'no checkpoint: there was none yet'
  const { size } = checkpoint as { readonly size?: JsonValue }
  return `the checkpoint of ${String(size)} entries: it is not older than that`
}

function signatureRows({ signedBy, signature }: EntryRecord, { style }: Output): readonly Row[] {
  const who =
    signedBy === 'log'
      ? 'the log'
      : /^[0-9a-f]{64}$/.test(signedBy)
        ? `a key with SHA-256 ${signedBy}`
        : visible(signedBy)
  if (signature === undefined) return [['signed by', who]]
  return [
    [
      'signed by',
      signature === 'holds' ? `${style.green('✔')} ${who}` : `${style.red('✘')} ${who}: the signature is wrong`,
    ],
  ]
}

function witnessText({ quorum }: LogView): string {
  if (quorum.state !== 'witnessed') return ', which lacks its witnesses'
  const { length } = quorum.witnesses
  return length === 0 ? '' : `, with ${length} ${length === 1 ? 'witness' : 'witnesses'}`
}

function timeRows({ notBefore, notAfter }: EntryTimes): readonly Row[] {
  return [
    ...(notBefore === undefined
      ? []
      : [['not before', `${shortTime(notBefore)} UTC, by timestamps in the log before it`] as const]),
    ...(notAfter === undefined
      ? []
      : [['not after', `${shortTime(notAfter)} UTC, by timestamps or witnesses of the log`] as const]),
  ]
}

const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n')
