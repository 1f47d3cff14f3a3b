/** Log status: how far the site's log is, who has seen it, and what it takes up. */
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { NO_QUORUM } from '@fiducial/core/formats/tlog/policy.ts'
import { type JudgedToken, judgeTokens } from '../../services/log/judge-tokens.ts'
import type { LogFacts, LogPlace, LogReader } from '../../services/log/log-access.ts'
import type { LogView } from '../../services/log/log-view.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { formatBytes } from '../progress.ts'
import { counted, layOut } from '../table.ts'
import { readTrust } from '../trust.ts'
import { visible } from '../visible.ts'
import { shortTime } from './show-list.ts'
import { describeToken, recordOfToken } from './timestamp.ts'

/** What is known of a log. */
interface Status {
  readonly facts: LogFacts
  readonly place: LogPlace
  readonly view: LogView | undefined
  readonly quorum: LogReader['policy']['quorum']
  readonly witnesses: readonly {
    readonly name: string
    readonly signedAt: Date | undefined
    readonly hasSigned: boolean
  }[]
  /** When the log signed its newest checkpoint, by its own clock. */
  readonly signedAt: Date | undefined
  readonly stamps: { readonly index: bigint; readonly tokens: readonly JudgedToken[] } | undefined
}

export async function showStatus(context: Context): Promise<ExitCode> {
  const { adapters, home, output } = context
  const facts = await adapters.log.find(home)
  if (facts === undefined)
    throw withHint(
      new StoreError('log_missing', 'there is no log yet'),
      'fiducial log init makes one, and so does the first `fiducial seal`',
    )
  const status = await readStatus(facts, context)
  output.record(recordOf(status))
  if (!output.isJson) show(status, context)
  return status.view !== undefined && status.view.quorum.state !== 'witnessed' ? EXIT.undetermined : EXIT.ok
}

async function readStatus(facts: LogFacts, context: Context): Promise<Status> {
  const { adapters, home } = context
  await using reader = await adapters.log.read(home)
  const view = await reader.view()
  const { policy } = reader
  return {
    facts,
    place: await adapters.log.place(facts.folder),
    view,
    quorum: policy.quorum,
    witnesses: policy.witnesses.map(({ name }) => {
      const signed = view?.quorum.witnesses.find(({ witness }) => witness.name === name)
      return { name, hasSigned: signed !== undefined, signedAt: dateOf(signed?.timestamp) }
    }),
    signedAt: dateOf(
      view?.checkpoint.valid.find(({ key }) => key.name === facts.origin && key.type !== 'ed25519')?.timestamp,
    ),
    stamps: view && (await readStamps(reader, view, context)),
  }
}

/** What is published has been found at any rate. */
function sizeOf({ place: { size = 0n }, view }: Status): bigint {
  const published = view?.size ?? 0n
  return size > published ? size : published
}

const dateOf = (seconds: bigint | undefined): Date | undefined =>
  seconds === undefined ? undefined : new Date(Number(seconds) * 1000)

async function readStamps({ records }: LogReader, view: LogView, context: Context): Promise<Status['stamps']> {
  const term = { kind: 'type', value: 'timestamped' } as const
  const [index] = (await records?.find({ term, to: view.size, limit: 1, order: 'newest_first' })) ?? []
  const payload = index === undefined ? undefined : await records?.payload(index)
  const event = payload instanceof Uint8Array ? parseEventStatement(payload) : undefined
  if (index === undefined || event?.type !== 'timestamped') return undefined
  const tokens = judgeTokens(event.details, await readTrust({}, context), await context.adapters.crypto())
  return { index, tokens }
}

function recordOf(status: Status): object {
  const { facts, place, view, quorum, witnesses, signedAt, stamps } = status
  return {
    origin: facts.origin,
    folder: facts.folder,
    isDemo: facts.isDemo,
    keys: facts.keys.map(formatVerifierKey),
    size: String(sizeOf(status)),
    publishedSize: String(view?.size ?? 0n),
    checkpointAt: signedAt?.toISOString() ?? null,
    isWitnessed: view?.quorum.state === 'witnessed',
    quorum,
    witnesses: witnesses.map(({ name, hasSigned, signedAt: at }) => ({
      name,
      hasSigned,
      signedAt: at?.toISOString() ?? null,
    })),
    timestamps: stamps === undefined ? null : { index: String(stamps.index), tokens: stamps.tokens.map(recordOfToken) },
    timestampMinutes: facts.timestampMinutes,
    authorities: facts.timestampUrls,
    bytes: place.bytes,
    files: place.files,
    isAppending: place.isAppending ?? null,
  }
}

function show(status: Status, { output }: Context): void {
  const { facts, place, view, signedAt, stamps } = status
  const { style } = output
  output.line(`${style.bold(visible(facts.origin))}${facts.isDemo ? '  DEMO' : ''}`)
  const published = view?.size ?? 0n
  const size = sizeOf(status)
  const behind = size > published ? style.yellow(`, ${published} of them published`) : ''
  const rows: (readonly [string, string])[] = [
    ['entries', `${size}${behind}`],
    [
      'checkpoint',
      view === undefined
        ? 'none yet'
        : `${published} entries${signedAt === undefined ? '' : `, signed ${shortTime(signedAt.toISOString())} UTC`}`,
    ],
    ['witnesses', witnessText(status)],
    ...status.witnesses.map(
      ({ name, hasSigned, signedAt: at }) =>
        [
          '',
          `${hasSigned ? style.green('✔') : style.red('✘')} ${visible(name)}${at === undefined ? '' : `, ${shortTime(at.toISOString())} UTC`}`,
        ] as const,
    ),
    [
      'timestamps',
      stamps === undefined
        ? 'none yet'
        : `entry ${stamps.index}; every ${facts.timestampMinutes} minutes while the log grows`,
    ],
    ...(stamps?.tokens ?? []).map((token) => ['', describeToken(token)] as const),
    ['folder', `${visible(facts.folder)}: ${formatBytes(place.bytes)} in ${counted(place.files, 'file')}`],
    ...(place.isAppending === undefined
      ? []
      : [['in use', place.isAppending ? 'yes: a process appends to it' : 'no'] as const]),
  ]
  for (const line of layOut(rows, (text, column) => (column === 0 ? style.dim(text) : text))) output.line(`  ${line}`)
}

function witnessText({ view, quorum, witnesses }: Status): string {
  if (witnesses.length === 0) return 'none: only the log itself vouches that it shows everybody the same'
  const needed = quorum === NO_QUORUM ? 'none is needed' : `the policy asks for ${visible(quorum)}`
  const state = view === undefined ? '' : view.quorum.state === 'witnessed' ? '; it is there' : '; it is NOT there'
  return `${counted(witnesses.length, 'witness', 'witnesses')}, ${needed}${state}`
}
