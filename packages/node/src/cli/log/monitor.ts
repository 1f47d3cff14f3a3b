/**
 * Log monitor: compares what mirrors, witnesses and the site's own folder show of one log, once or again and again, and
 * keeps the evidence where they show two histories.
 */
import { join } from 'node:path'
import { formatSplitView, type SplitView, splitViewId } from '@fiducial/core/domain/log/split-view.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { textOfOctets, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import type { MonitorReport } from '../../services/log/monitor.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { checkEvidence } from './check-evidence.ts'
import { judgeReport, showReport } from './monitor-report.ts'
import type { OpenMonitor } from './services.ts'
import { readPolicyFile } from './session.ts'
import { letPass, openStay, type StayOptions } from './stay.ts'
import type { Watch } from './watch.ts'

export interface MonitorOptions extends StayOptions {
  readonly policy?: string
  /** Which log of the policy. */
  readonly origin?: string
  readonly once?: boolean
  /** Seconds between two looks. */
  readonly every?: number
  /** Folder for evidence. */
  readonly evidence?: string
  /** A file with evidence of somebody else. */
  readonly check?: string
}

export async function monitorLog(
  words: readonly string[],
  options: MonitorOptions,
  context: Context,
): Promise<ExitCode> {
  const { adapters, home, terminal } = context
  const { policy, origin } = await readWatched(options, context)
  if (options.check !== undefined) {
    if (words.length > 0) throw new UsageError('--check FILE asks nobody: leave the addresses out')
    return checkEvidence(options.check, { policy, origin }, context)
  }
  if (options.once === true && options.every !== undefined)
    throw new UsageError('--once and --every exclude each other')
  const watch = await findSources(words, { policy, origin }, context)
  const keys = policy.logs.map(({ key }) => key).filter(({ name }) => name === origin)
  const folder = join(home, 'monitor')
  using stay = openStay(options, terminal)
  await using monitor = await adapters.log.monitor({ origin, keys, sources: watch.sources, folder })
  const evidence = options.evidence ?? join(folder, 'split-views')
  for (let looks = 0; ; looks++) {
    const code = await lookOnce(monitor, { watch, evidence, isBrief: looks > 0 }, context)
    if (options.every === undefined || code === EXIT.notAuthentic) return code
    await letPass(options.every * 1000, stay.signal)
    if (stay.signal.aborted) return code
  }
}

async function lookOnce(
  monitor: OpenMonitor,
  { watch, evidence, isBrief }: { readonly watch: Watch; readonly evidence: string; readonly isBrief: boolean },
  context: Context,
): Promise<ExitCode> {
  const report = await look(monitor)
  const paths = await keepEvidence(report.evidence, evidence, context)
  const judged = judgeReport(report, watch, await context.adapters.crypto())
  showReport({ report, judged, watch, paths, at: new Date(), isBrief }, context)
  return judged.code
}

async function look(monitor: OpenMonitor): Promise<MonitorReport> {
  try {
    return await monitor.look()
  } catch (error) {
    if (error instanceof StoreError && error.code === 'log_corrupted')
      throw withHint(error, 'is --policy that of this log? what it has shown before is kept in the folder monitor')
    throw error
  }
}

/** The policy that was named, else that of the site's own log; and which of its logs is meant. */
async function readWatched(
  options: MonitorOptions,
  context: Context,
): Promise<{ readonly policy: WitnessPolicy; readonly origin: string }> {
  const { adapters, home } = context
  const own = options.policy === undefined ? await adapters.log.find(home) : undefined
  const path = options.policy ?? (own && join(own.folder, 'policy'))
  const bytes = await readPolicyFile(path, context)
  if (bytes === undefined)
    throw new UsageError(
      'whose keys are to be believed?',
      '--policy FILE with the policy of the log; get it from its site',
    )
  const policy = await adapters.log.readPolicy(bytes)
  const origins = [...new Set(policy.logs.map(({ key }) => key.name))]
  const origin = options.origin ?? own?.origin ?? (origins.length === 1 ? origins[0] : undefined)
  if (origin === undefined)
    throw new UsageError('the policy names several logs, or none', '--origin NAME says which one is meant')
  if (!origins.includes(origin)) throw new UsageError(`the policy has no key of a log ${visible(origin)}`)
  return { policy, origin }
}

/** Who was named, the site's own folder, and the witnesses of the policy; each once. */
async function findSources(
  words: readonly string[],
  { policy, origin }: Pick<Watch, 'policy' | 'origin'>,
  { adapters, home }: Context,
): Promise<Watch> {
  const mirrors: string[] = []
  for (const word of words) mirrors.push(await readPlace(word, (path) => adapters.log.addressOfFolder(path)))
  const own = await adapters.log.find(home)
  // One in a database has no folder to look at: whatever serves it is named.
  if (own?.origin === origin && own.database === undefined) {
    const address = await adapters.log.addressOfFolder(own.folder)
    if (address !== undefined) mirrors.push(address)
  }
  const witnesses = policy.witnesses.flatMap(({ url }) => (url === undefined ? [] : [trim(textOfOctets(url))]))
  const optional = new Set(witnesses)
  const sources = [
    ...unique(mirrors).map((url) => ({ kind: 'mirror', url }) as const),
    ...[...optional].filter((url) => !mirrors.includes(url)).map((url) => ({ kind: 'witness', url }) as const),
  ]
  if (sources.length === 0)
    throw new UsageError('who is to be asked?', 'name addresses or folders of mirrors of the log')
  return { origin, policy, sources, optional }
}

async function readPlace(word: string, addressOf: (path: string) => Promise<string | undefined>): Promise<string> {
  if (/^https?:\/\//i.test(word) && URL.canParse(word)) return trim(word)
  const address = await addressOf(word)
  if (address === undefined) throw new UsageError(`${visible(word)} is neither an address nor a folder`)
  return trim(address)
}

/** The files with evidence, in its order. */
async function keepEvidence(
  evidence: readonly SplitView[],
  folder: string,
  { adapters }: Context,
): Promise<readonly string[]> {
  const { hash } = await adapters.crypto()
  const paths: string[] = []
  for (const view of evidence) {
    const path = join(folder, `${splitViewId(view, hash)}.json`)
    // The same was found before: when it was found first tells more.
    if ((await adapters.readFile(path)) === undefined) await adapters.writeFile(path, formatSplitView(view))
    paths.push(path)
  }
  return unique(paths)
}

const trim = (url: string): string => url.replace(/\/+$/, '')
const unique = <T>(list: readonly T[]): readonly T[] => [...new Set(list)]
