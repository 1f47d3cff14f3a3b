/** Show list: entries of a log as a table for people. */
import type { LogView } from '../../services/log/log-view.ts'
import type { Output } from '../output.ts'
import { counted, layOut } from '../table.ts'
import { cut, visible } from '../visible.ts'
import type { EntryRecord } from './entry-record.ts'

export interface EntryList {
  readonly records: readonly EntryRecord[]
  /** Whether there are more than were asked for. */
  readonly hasMore: boolean
  readonly limit: number
  readonly view: LogView
}

/** What index, time and event take up on a line. */
const OTHER_COLUMNS = 56
/** What is left of a subject at least, however narrow the terminal is. */
const LEAST_SUBJECT = 24
const HEAD = ['index', 'happened', 'event', 'about', '']

export function showList({ records, hasMore, limit, view }: EntryList, output: Output): void {
  const { style } = output
  const rows = records.map((record) => [
    record.index,
    shortTime(record.event?.at),
    record.event?.type ?? record.state,
    output.isCut ? cut(subjectOf(record), Math.max(LEAST_SUBJECT, output.columns - OTHER_COLUMNS)) : subjectOf(record),
    remarkOf(record),
  ])
  const paint = (text: string, column: number, row: number): string => {
    if (text.trim() === '') return text
    if (row === 0) return style.dim(text)
    if (column === 2 && records[row - 1]?.state !== 'present') return style.dim(text)
    return column === 4 ? style.red(text) : text
  }
  if (rows.length > 0) {
    for (const line of layOut([HEAD, ...rows], paint)) output.line(line)
    output.line()
  }
  const [proven, more] = [
    records.length > 0 ? ', each proven' : '',
    hasMore ? `; there are more: --limit ${2 * limit}` : '',
  ]
  output.line(
    `${counted(records.length, 'entry', 'entries')} of ${view.size} in ${visible(view.origin)}${proven}${more}`,
  )
}

/** What an entry is about, in a word. */
export function subjectOf({ event, erasedBy, state }: EntryRecord): string {
  if (state === 'erased') return erasedBy === undefined ? '' : `see entry ${erasedBy}`
  if (event === undefined) return ''
  const { instance, details } = event
  const { sopInstanceUid = null, seriesInstanceUid = null, studyInstanceUid = null } = instance ?? {}
  if (sopInstanceUid !== null) return sopInstanceUid
  if (seriesInstanceUid !== null) return `series ${seriesInstanceUid}`
  if (studyInstanceUid !== null) return `study ${studyInstanceUid}`
  return event.digests === null ? subjectOfDetails(event.type, details) : 'an image without UID'
}

function subjectOfDetails(type: string, details: unknown): string {
  const values = details as Readonly<Record<string, unknown>>
  const names: Readonly<Record<string, string>> = {
    erased: 'index',
    'key-enrolled': 'holder',
    'key-revoked': 'holder',
    'drill-sealed': 'drillId',
  }
  if (type === 'map-root') return `${values.studies} studies, ${values.instances} images`
  if (type === 'timestamped') return checkpointSubject(String(values.note))
  const name = names[type]
  const value = name === undefined ? '' : visible(String(values[name] ?? ''))
  return type === 'erased' ? `entry ${value}` : value
}

/** The size stands in the second line of a checkpoint. */
const checkpointSubject = (note: string): string => `checkpoint of ${note.split('\n')[1] ?? '?'} entries`

const remarkOf = ({ signature, event }: EntryRecord): string =>
  [...(signature === 'fails' ? ['signature wrong'] : []), ...(event?.isDemo === true ? ['DEMO'] : [])].join(', ')

/** `2026-03-03 10:14:00` in UTC. */
export const shortTime = (at: string | undefined): string => at?.slice(0, 19).replace('T', ' ') ?? ''
