/**
 * Log export: events with their proofs into a folder, for others to verify.
 *
 * An export that was cut off is gone on with by the same command, under the checkpoint that it began with.
 */
import { decodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { ExportAuthority } from '../../services/log/export-event.ts'
import { type ExportCounts, type ExportedFile, exportLog, INDEX } from '../../services/log/export-log.ts'
import { type LogView, openLogView } from '../../services/log/log-view.ts'
import type { ExportFolder } from '../adapters.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { Progress } from '../progress.ts'
import { type SecretOptions, withRing } from '../secrets.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import { type FilterOptions, rangeOf, termsOf } from './filters.ts'
import { type ReadOptions, type ReadSession, withReader } from './session.ts'

export interface ExportOptions extends FilterOptions, ReadOptions, SecretOptions {
  /** False: no tokens of a timestamp authority. */
  readonly timestamps: boolean
}

/** The file that an export has from its first moment on. */
const MARK = 'checkpoint'
/** Files that are written together. */
const BATCH = 64
const EPOCH = new Date(0)

export async function exportEvents(place: string, options: ExportOptions, context: Context): Promise<ExitCode> {
  const { output } = context
  const terms = termsOf(options)
  const site = await findSite(options, context)
  return withReader(options, context, async (session) => {
    await using folder = await openFolder(place, context)
    const view = (await viewOfEarlier(folder, session)) ?? session.view
    const selection = { ...rangeOf(options, view.size), terms }
    await folder.begin()
    // How many there will be is known where nothing is sought.
    const extent = { found: Number(selection.to - selection.from), isComplete: terms.length === 0 }
    const progress = new Progress(output, 'exporting', extent)
    const files = exportLog(
      { view, records: session.reader.records, authorities: site.authorities, earlier: (name) => folder.read(name) },
      selection,
      {
        crypto: session.crypto,
        policy: session.reader.policy,
        validFrom: site.validFrom,
        onProgress: ({ events }) => {
          if (!extent.isComplete) extent.found = Number(events)
          progress.advance(0)
        },
        signal: context.terminal.interruption,
      },
    )
    const counts = await writeAll(files, folder, context)
    await folder.finish()
    output.endProgress()
    report(place, { view, counts, folder, progress }, context)
    return EXIT.ok
  })
}

async function openFolder(place: string, { adapters }: Context): Promise<ExportFolder> {
  try {
    return await adapters.log.openExport(place, { mark: MARK, index: INDEX })
  } catch (error) {
    if (error instanceof StoreError && error.code === 'output_exists')
      throw withHint(error, 'name a new or empty folder')
    throw error
  }
}

/** What goes along from the site whose log it is. */
interface Site {
  readonly authorities: readonly ExportAuthority[]
  readonly validFrom: Date
}

async function findSite(options: ExportOptions, context: Context): Promise<Site> {
  const { adapters, home, output } = context
  if (options.dir !== undefined) return { authorities: [], validFrom: EPOCH }
  const facts = await adapters.log.find(home)
  if (facts === undefined) return { authorities: [], validFrom: EPOCH }
  try {
    return await withRing(options, context, async (ring, secrets) => ({
      authorities: options.timestamps ? await adapters.log.exportAuthorities(home, secrets) : [],
      validFrom: ring.find(facts.holder).certificates.statement?.notBefore ?? EPOCH,
    }))
  } catch (error) {
    if (!(error instanceof KeyError) || error.code !== 'key_missing') throw error
    output.note('no timestamps go along: the keys of this site are not here')
    return { authorities: [], validFrom: EPOCH }
  }
}

/**
 * The log under the checkpoint of an export that was cut off; undefined where there is none to go on with.
 * @throws {StoreError} `output_exists` for the export of another log
 */
async function viewOfEarlier(
  folder: ExportFolder,
  { view, reader, crypto }: ReadSession,
): Promise<LogView | undefined> {
  const note = await folder.read(MARK)
  if (note === undefined) return undefined
  const { objects, hasher, policy } = reader
  try {
    const text = decodeUtf8(note)
    const earlier = await openLogView({ objects, published: { read: async () => text } }, { crypto, hasher, policy })
    if (earlier === undefined || earlier.origin !== view.origin) throw foreign()
    return (await folder.isWhole()) ? undefined : earlier
  } catch (cause) {
    const isForeign = cause instanceof FormatError || (cause instanceof StoreError && cause.code === 'log_corrupted')
    throw isForeign ? foreign(cause) : cause
  }
}

const foreign = (cause?: unknown): StoreError =>
  withHint(
    new StoreError('output_exists', 'the folder holds the export of another log, or a damaged one', { cause }),
    'name a new or empty folder',
  )

async function writeAll(
  files: AsyncGenerator<ExportedFile, ExportCounts, void>,
  folder: ExportFolder,
  { output, terminal }: Context,
): Promise<ExportCounts> {
  let batch: ExportedFile[] = []
  try {
    for (;;) {
      const next = await files.next()
      if (next.done !== true) batch.push(next.value)
      // What an export is known again by comes first, and alone.
      if (next.done === true || batch.length >= BATCH || next.value.name === MARK) {
        await folder.write(batch)
        batch = []
      }
      if (next.done === true) return next.value
    }
  } finally {
    if (terminal.interruption.aborted) {
      await folder.write(batch)
      output.endProgress()
      output.note('interrupted: the same command again goes on from there')
    }
  }
}

interface Outcome {
  readonly view: LogView
  readonly counts: ExportCounts
  readonly folder: ExportFolder
  readonly progress: Progress
}

function report(place: string, { view, counts, folder, progress }: Outcome, { output }: Context): void {
  const { events, erased } = counts
  const { written, kept } = folder.counts
  output.record({
    folder: place,
    origin: view.origin,
    size: String(view.size),
    events: String(events),
    erased: String(erased),
    files: { written, kept },
  })
  const gone = erased === 0n ? '' : `, of ${erased} of them the statement is erased`
  output.line(
    `${counted(Number(events), 'event')} of ${view.size} in ${visible(view.origin)}${gone}; ${progress.summary('events')}`,
  )
  output.line(
    `  in ${visible(place)}: ${counted(written, 'file')} written${kept === 0 ? '' : `, ${kept} there already`}; check them: fiducial log verify ${visible(place)}`,
  )
}
