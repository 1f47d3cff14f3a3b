/**
 * Log check: goes through a whole log, and tells everything that is not as it should be.
 *
 * The site's own log is checked with all that stands beside it; of a copy of another one, its public part.
 */
import { checkLog, type LogReport } from '../../services/log/check-log.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { Progress } from '../progress.ts'
import { counted } from '../table.ts'
import { readTrust, type TrustOptions } from '../trust.ts'
import { visible } from '../visible.ts'
import { openReader } from './session.ts'

export interface CheckLogOptions extends TrustOptions {
  readonly policy?: string
  /** False: the signatures of statements are not checked. */
  readonly signatures: boolean
}

const SHOWN = 20

export async function checkWholeLog(
  dir: string | undefined,
  options: CheckLogOptions,
  context: Context,
): Promise<ExitCode> {
  const { adapters, output, terminal } = context
  const anchors = await readTrust(options, context)
  await using reader = await openReader({ ...options, ...(dir !== undefined && { dir }) }, context)
  await using ports = await adapters.log.openCheck(reader.folder)
  const extent = { found: 0, isComplete: true }
  const progress = new Progress(output, 'checking', extent)
  let seen = 0n
  const report = await checkLog(
    { objects: reader.objects, published: reader.published, reader: ports.reader, own: ports.own },
    {
      crypto: await adapters.crypto(),
      hasher: reader.hasher,
      policy: reader.policy,
      anchors,
      checksSignatures: options.signatures,
      ...(ports.isInFiles && {
        checkBundles: (numbers, settings) =>
          adapters.log.checkBundles(reader.folder, [...numbers], settings, terminal.interruption),
      }),
      onProgress: (entries, size) => {
        extent.found = Number(size)
        progress.advance(0, Number(entries - seen))
        seen = entries
      },
      signal: terminal.interruption,
    },
  )
  output.endProgress()
  terminal.interruption.throwIfAborted()
  output.record(recordOf(report, reader.folder))
  if (!output.isJson) show(report, progress, dir !== undefined && options.policy === undefined, context)
  return report.flaws === 0 ? EXIT.ok : EXIT.notAuthentic
}

function recordOf({ size, entries, origin = '', findings, flaws, ...counts }: LogReport, folder: string): object {
  return { folder, origin, size: String(size), entries: String(entries), ...counts, flaws, findings }
}

function show(report: LogReport, progress: Progress, isByItsOwnKeys: boolean, { output }: Context): void {
  const { style } = output
  const { origin, size, entries, findings, flaws } = report
  for (const { flaw, where } of findings.slice(0, SHOWN)) output.line(`${style.red(`✘ ${flaw}`)}  ${visible(where)}`)
  if (flaws > SHOWN) output.line(`  and ${flaws - SHOWN} more; --json lists the first ${findings.length}`)
  const name = origin !== undefined ? visible(origin) : flaws === 0 ? 'an empty log' : 'no log that can be read'
  const state = flaws === 0 ? style.green('✔ clean') : style.red(`✘ ${counted(flaws, 'flaw')}`)
  const part = entries < size ? ` of ${size}` : ''
  output.line(`${state}  ${name}: ${entries}${part} entries in ${progress.summary('entries')}`)
  for (const line of countLines(report)) output.line(`    ${line}`)
  if (isByItsOwnKeys) output.line('    by the keys that lie beside it; --policy FILE says whose you believe')
}

/** What was looked at, in so many words. */
function countLines(report: LogReport): readonly string[] {
  const { tiles, statements, erased, signatures, quotes, mapRoots, tokens, unknownTokens } = report
  const beside = [
    counted(statements, 'statement'),
    ...(erased > 0 ? [`${erased} erased`] : []),
    ...(signatures > 0 ? [counted(signatures, 'signature')] : []),
  ]
  const own = [
    ...(quotes > 0 ? [counted(quotes, 'quoted checkpoint')] : []),
    ...(mapRoots > 0 ? [counted(mapRoots, 'map root')] : []),
    ...(tokens > 0 ? [counted(tokens, 'timestamp')] : []),
    ...(unknownTokens > 0 ? [`${counted(unknownTokens, 'timestamp')} of authorities that nobody here believes`] : []),
  ]
  if (report.entries === 0n) return []
  const isPublic = statements + erased === 0
  return [
    counted(tiles, 'tile'),
    isPublic ? 'no statements: this is the public part of a log' : beside.join(', '),
    ...(own.length > 0 ? [own.join(', ')] : []),
  ]
}
