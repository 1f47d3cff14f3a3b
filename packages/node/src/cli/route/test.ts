/**
 * Route test: what the gateway would do with images, and why; nothing is written or sent.
 *
 * Images are verified as the gateway does it: with the trust of the site, and by trust and policy of the settings. What a dry run cannot know, whether a UID was here before,
 * is taken from the command line.
 */
import { doubtPixels, type PixelDoubt } from '@fiducial/core/domain/deidentify/doubt-pixels.ts'
import { decideRoute, type RouteDecision } from '@fiducial/core/domain/gateway/decide-route.ts'
import { type RouteFacts, STANDINGS, type Standing } from '@fiducial/core/domain/gateway/facts.ts'
import { checkHeader } from '@fiducial/core/domain/gateway/header-rules.ts'
import type { InstanceVerdict } from '@fiducial/core/domain/gateway/instance.ts'
import type { Origin } from '@fiducial/core/domain/gateway/origin.ts'
import { relayDestination } from '@fiducial/core/domain/gateway/relay.ts'
import { type Routes, readAttributesAsked } from '@fiducial/core/domain/gateway/routes.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode, exitCodeOf, worstOf } from '../exit.ts'
import { nameInput, showFailure } from '../failure.ts'
import { findLogs, type LogOptions } from '../find-logs.ts'
import { readSettings, type SettingsOptions } from '../gateway/read-settings.ts'
import { Images, isPassedOver, isSeriesFile } from '../images.ts'
import { readPolicy } from '../policy.ts'
import { layOut } from '../table.ts'
import { readTrust, type TrustOptions } from '../trust.ts'
import { UsageError } from '../usage-error.ts'
import type { VerifyRecord } from '../verify-record.ts'
import { cut, visible } from '../visible.ts'
import type { VerifyTask } from '../work.ts'
import { readRoutes } from './read-routes.ts'
import { formatTarget } from './show.ts'

export interface RouteTestOptions extends TrustOptions, LogOptions, SettingsOptions {
  /** `AE@address`, `AE` or `@address`. */
  readonly from?: string
  readonly called?: string
  readonly standing?: string
  /** Shows the values that rules looked at. */
  readonly values?: boolean
}

export async function testRoutes(
  path: string,
  words: readonly string[],
  options: RouteTestOptions,
  context: Context,
): Promise<ExitCode> {
  const { adapters, output, terminal } = context
  const { routes } = await readRoutes(path, context)
  const { verify } = (await readSettings(options, context)).settings
  const { trust = [], crl = [] } = options
  const origin = originOf(options)
  const standing = standingOf(options)
  const settings = {
    anchors: await readTrust({ trust: [...verify.trust, ...trust], crl: [...verify.revocationLists, ...crl] }, context),
    policy: await readPolicy(verify.policy, context),
    ...(await findLogs(options, context)),
  }
  using inputs = await adapters.findInputs(words)
  const images = new Images(inputs, (input) => !isSeriesFile(input) || words.includes(input.label))
  const exits: ExitCode[] = []
  for await (const done of adapters.work.verify(tasksFor(images), settings, terminal.interruption)) {
    if (!('value' in done) && isPassedOver(done.task, done.failure, words)) continue
    // A file that is not there is a mistake of whoever asks; one that is no DICOM would be held back.
    if ('failure' in done && !done.failure.code.startsWith('dicom_')) {
      showFailure(nameInput(done.task.label, done.failure), output, terminal)
      exits.push(exitCodeOf(done.failure.code))
      continue
    }
    const file = 'value' in done ? await describe(done.task, routes, context) : undefined
    const facts: RouteFacts = {
      origin,
      standing,
      attributes: file?.attributes ?? {},
      flags: file?.flags ?? [],
      verdict: 'value' in done ? verdictOf(done.value, settings.policy) : null,
      isSealed: 'value' in done && (done.value.seal.state !== 'absent' || done.value.signatures.length > 0),
      troubles: 'failure' in done ? ['unreadable'] : [],
    }
    const decision = decideRoute(routes, facts)
    const withheld = withheldOf(decision, routes, file?.doubts ?? [])
    show(done.task, { facts, decision, withheld, relay: relayDestination(routes, origin) }, options, context)
    exits.push(decision.outcome === 'quarantine' ? EXIT.notAuthentic : EXIT.ok)
  }
  terminal.interruption.throwIfAborted()
  if (exits.length === 0) {
    throw new StoreError('no_images', `there are no DICOM images in ${words.map(visible).join(' ')}`)
  }
  return worstOf(exits)
}

async function* tasksFor(images: Images): AsyncGenerator<VerifyTask> {
  for await (const { path, label } of images) yield { path, label }
}

function originOf({ from, called }: RouteTestOptions): Origin {
  const [callingAet = '', ...rest] = (from ?? '').split('@')
  const address = rest.join('@')
  return {
    protocol: from === undefined && called === undefined ? 'file' : 'dimse',
    callingAet: callingAet === '' ? null : callingAet,
    calledAet: called ?? null,
    address: address === '' ? null : address,
    peer: null,
  }
}

function standingOf({ standing = 'new' }: RouteTestOptions): Standing {
  const known = STANDINGS.find((one) => one === standing)
  if (known === undefined) throw new UsageError(`--standing is none of ${STANDINGS.join(', ')}`)
  return known
}

/** What rules ask of the file itself. */
async function describe({ path }: VerifyTask, routes: Routes, { adapters }: Context) {
  using source = await adapters.openFile(path)
  const file = parseDicom(source)
  const stated = { sopClassUid: null, sopInstanceUid: null, transferSyntaxUid: null }
  return {
    attributes: readAttributesAsked(routes, file.dataSet),
    flags: checkHeader(file, stated, new Date()),
    doubts: doubtPixels(file),
  }
}

function verdictOf(record: VerifyRecord, policy: Policy): InstanceVerdict {
  const { verdict, level, content, sentence, isSynthetic, checks } = record
  const failing = checks.flatMap((check) =>
    check.outcome === 'fails' ? [{ subject: check.subject, reason: check.reason }] : [],
  )
  return { verdict, level, content, policy: policy.name, sentence, isSynthetic, failing }
}

/** A copy that would not be made. */
interface Withheld {
  readonly destination: string
  readonly doubts: readonly PixelDoubt[]
}

/** Copies without names that cannot be made, since the pixels may show whose they are. */
function withheldOf(
  { copies }: RouteDecision,
  { profiles }: Routes,
  doubts: readonly PixelDoubt[],
): readonly Withheld[] {
  return copies
    .filter(({ deidentify }) => deidentify !== null && profiles.get(deidentify)?.allowsBurnedIn === false)
    .flatMap(({ destination }) => (doubts.length > 0 ? [{ destination, doubts }] : []))
}

interface Tried {
  readonly facts: RouteFacts
  readonly decision: RouteDecision
  readonly withheld: readonly Withheld[]
  /** Destination to which it would be relayed while it comes. */
  readonly relay: string | null
}

function show(
  task: VerifyTask,
  { facts, decision, withheld, relay }: Tried,
  { values }: RouteTestOptions,
  { output }: Context,
): void {
  const { route, outcome, reasons, isToBeSealed, copies, failedOpen } = decision
  const trace = values === true ? decision.trace : decision.trace.map(({ saw: _, ...step }) => step)
  output.record({
    path: task.label,
    verdict: facts.verdict?.verdict ?? null,
    level: facts.verdict?.level ?? null,
    flags: facts.flags,
    route: route?.name ?? null,
    outcome,
    reasons,
    isToBeSealed,
    relay,
    copies,
    withheld,
    failedOpen,
    trace,
  })
  const { green, red } = output.style
  const mark = outcome === 'quarantine' ? red('✘') : green('✔')
  const what = { forward: 'forward', quarantine: 'hold back', drop: 'drop' }[outcome]
  output.line(`${mark} ${what}  ${visible(task.label)}`)
  const facets: (readonly [string, string])[] = [
    ['verdict', facts.verdict === null ? 'unreadable' : `${facts.verdict.verdict}, ${facts.verdict.level}`],
    ...(facts.flags.length > 0 ? [['header', facts.flags.join(', ')] as const] : []),
    ['route', route?.name ?? 'none takes it'],
    ...(reasons.length > 0 ? [['because', reasons.join(', ')] as const] : []),
    ...(failedOpen.length > 0 ? [['in spite of', failedOpen.join(', ')] as const] : []),
    ['seal', isToBeSealed ? `by the gateway${route?.relay == null ? '' : ', beside the image'}` : 'not by the gateway'],
    ...(relay === null ? [] : [['relayed', `to ${relay} while it comes`] as const]),
    [
      outcome === 'quarantine' ? 'to, if released' : 'to',
      copies.length === 0 ? 'nowhere' : copies.map(formatTarget).join('; '),
    ],
    ...withheld.map(
      ({ destination, doubts }) =>
        ['not made', `${destination}: the pixels may show a person (${doubts.join(', ')})`] as const,
    ),
  ]
  for (const line of layOut(facets)) output.line(`    ${line}`)
  output.line('    rules')
  const rows = trace.map(({ holds, route: name, path, rule, ...step }) => [
    holds ? 'yes' : 'no',
    path === '' ? name : `${name}.${path}`,
    rule,
    ...('saw' in step && step.saw !== undefined
      ? [cut(visible(step.saw.map((one) => JSON.stringify(one)).join(', ')), 60)]
      : []),
  ])
  for (const line of layOut(rows)) output.line(`      ${line}`)
}
