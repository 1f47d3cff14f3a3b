/**
 * Log erase: takes the statement of an entry out for good, and has the log say so.
 *
 * The entry itself stays, and every proof of it: it holds a digest and no word of what happened.
 */

import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import { readLogEntry } from '../../services/log/read-entry.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { ask } from '../prompt.ts'
import { type SecretOptions, withRing } from '../secrets.ts'
import { canAsk } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { recordOfEntry } from './entry-record.ts'
import { noteFailures } from './finish-run.ts'
import { withReader, withSite } from './session.ts'
import { indexOf } from './show.ts'
import { shortTime, subjectOf } from './show-list.ts'

export interface EraseOptions extends SecretOptions {
  readonly by: string
  readonly basis: string
  readonly yes?: boolean
}

const TEXT_LIMIT = 256
const OF_THE_LOG: readonly string[] = ['erased', 'map-root', 'timestamped']

export async function eraseStatement(word: string, options: EraseOptions, context: Context): Promise<ExitCode> {
  const { output } = context
  const index = indexOf(word)
  if (options.basis.trim() === '' || options.basis.length > TEXT_LIMIT)
    throw new UsageError(`--basis is empty or longer than ${TEXT_LIMIT} characters`, 'such as "GDPR Art. 17"')
  await checkEntry(index, context)
  if (options.yes !== true) await confirm(index, context)
  const erasedBy = await findPerson(options, context)
  const tombstone = await withSite(options, context, async ({ site }) => {
    const receipt = await site.erase(index, { erasedBy, legalBasis: options.basis })
    noteFailures((await site.settle()).failures, context)
    return receipt
  })
  output.record({ index: String(index), state: 'erased', erasedBy: String(tombstone.index) })
  output.line(
    `${output.style.green('✔')} the statement of entry ${index} is erased; entry ${tombstone.index} says by whom and why`,
  )
  output.line('    Copies that others were given, and exports and backups, are not reached by this.')
  return EXIT.ok
}

/** What the log says of itself speaks of nobody, and the log needs it. @throws {UsageError} {StoreError} `entry_missing` */
async function checkEntry(index: bigint, context: Context): Promise<void> {
  await withReader({}, context, async ({ view, reader, crypto }) => {
    const { statement } = await readLogEntry(index, { view, records: reader.records, crypto })
    const type = statement.state === 'present' ? statement.event.type : ''
    if (OF_THE_LOG.includes(type))
      throw new UsageError(`entry ${index} is ${type}: the log needs what it says of itself`)
  })
}

/** @throws {UsageError} where nobody can be asked, or the answer is no */
async function confirm(index: bigint, context: Context): Promise<void> {
  const { terminal } = context
  if (!canAsk(terminal))
    throw new UsageError('a statement that is erased cannot be brought back', '--yes says that you mean it')
  await withReader({}, context, async ({ view, reader, crypto }) => {
    const entry = await readLogEntry(index, { view, records: reader.records, crypto })
    const { event, state, ...record } = recordOfEntry(entry, { view, crypto, isWhole: false })
    const what = event === undefined ? state : `${event.type}, ${shortTime(event.at)} UTC`
    terminal.stderr.write(`Entry ${index}: ${what}  ${subjectOf({ ...record, state, ...(event && { event }) })}\n`)
  })
  const answer = await ask(`Its statement will be gone for good. Type ${index} to erase it: `, terminal)
  if (answer.trim() !== String(index)) throw new UsageError('nothing was erased')
}

/** A person of the site by id, or whoever else the site calls so. */
async function findPerson(options: EraseOptions, context: Context): Promise<Party> {
  const { by } = options
  if (by.trim() === '' || by.length > TEXT_LIMIT / 2 || visible(by) !== by)
    throw new UsageError('--by is no id of a person')
  return withRing(options, context, async (ring) => {
    try {
      return { id: by, name: ring.find(by).name }
    } catch (error) {
      if (error instanceof KeyError && error.code === 'key_missing') return { id: by, name: by }
      throw error
    }
  })
}
