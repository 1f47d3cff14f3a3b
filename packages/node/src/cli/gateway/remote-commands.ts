/** Remote commands: what a running gateway is asked and told from a terminal. */
import { join } from 'node:path'
import type { InstanceMessage } from '@fiducial/core/api/gateway.ts'
import { decodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { RemoteGateway } from '../../services/gateway/remote-gateway.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import { formatBytes } from '../progress.ts'
import { counted, layOut } from '../table.ts'
import type { GatewayReach } from '../up-adapters.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

export interface ReachOptions {
  readonly url?: string
  readonly tokenFile?: string
}

export interface ReasonOptions extends ReachOptions {
  readonly reason: string
}

export interface ListOptions extends ReachOptions {
  readonly state?: string
  readonly verdict?: string
  readonly study?: string
  readonly instance?: string
  readonly from?: string
  readonly destination?: string
  readonly dead?: boolean
  readonly since?: string
  readonly limit?: number
}

/** Where a gateway that runs on this machine says how to reach it. */
export const REACH_FILE = 'gateway/reach.json'
const PAGE = 1000

export async function showStatus(options: ReachOptions, context: Context): Promise<ExitCode> {
  const { output } = context
  const status = await (await reach(options, context)).status()
  output.record(status)
  const { isReady, alarms, notLookedAt, counts, destinations, log, routes } = status
  const { green, red, yellow } = output.style
  output.line(
    `${status.isDemo ? 'DEMO ' : ''}Gateway ${visible(status.aeTitle ?? '')}, version ${status.version}: ${isReady ? green('ready') : red('not ready')}`,
  )
  for (const alarm of alarms) output.line(`  ${red('alarm')}  ${alarm.replaceAll('_', ' ')}`)
  if (notLookedAt.length > 0) output.line(`  not looked at: ${notLookedAt.join(', ')}`)
  if (routes.problem !== null) output.line(`  ${red('routes')}  the file is not in force: ${visible(routes.problem)}`)
  for (const name of routes.failOpen) output.line(`  ${yellow('routes')}  ${visible(name)} fails open`)
  const { states, deliveries, verdicts, pendingEvents } = counts
  output.line(
    `  images      ${states.received} to be examined, ${states.quarantined} held back, ${states.forwarding} on their way, ${states.done} done`,
  )
  output.line(
    `  verdicts    ${verdicts.authentic} authentic, ${verdicts.undetermined} undetermined, ${verdicts.not_authentic} not authentic`,
  )
  output.line(`  deliveries  ${deliveries.waiting} waiting, ${deliveries.dead} given up`)
  output.line(
    `  log         ${log === null ? 'none' : `${visible(log.origin)}, ${log.size} entries${log.isAvailable ? '' : ', not available'}`}, ${pendingEvents} to be logged`,
  )
  const rows = destinations.map(({ name, address, state, waiting, dead, lastError }) => [
    `  ${visible(name)}`,
    visible(address),
    state,
    `${waiting} waiting, ${dead} given up`,
    lastError ?? '',
  ])
  for (const line of layOut(rows)) output.line(line)
  return isReady && alarms.length === 0 ? EXIT.ok : EXIT.undetermined
}

export async function listInstances(options: ListOptions, context: Context): Promise<ExitCode> {
  const { output } = context
  const gateway = await reach(options, context)
  const { state, verdict, study, instance, from, destination, dead, since, limit = 100 } = options
  const query = {
    ...(state !== undefined && { state }),
    ...(verdict !== undefined && { verdict }),
    ...(study !== undefined && { study }),
    ...(instance !== undefined && { instance }),
    ...(from !== undefined && { from }),
    ...(destination !== undefined && { destination }),
    ...(dead === true && { dead: 'true' }),
    ...(since !== undefined && { since: momentOf(since) }),
  }
  let shown = 0
  let after: string | null = null
  while (shown < limit) {
    const page = { ...query, limit: String(Math.min(PAGE, limit - shown)), ...(after !== null && { after }) }
    const { instances, next } = await gateway.list(page)
    for (const found of instances) output.record(found)
    for (const line of layOut(instances.map(rowOf))) output.line(line)
    shown += instances.length
    after = next
    if (next === null) break
  }
  if (shown === 0) output.note('None.')
  return EXIT.ok
}

const rowOf = ({ id, receivedAt, origin, verdict, state, route, reasons }: InstanceMessage): readonly string[] => [
  id,
  receivedAt.slice(0, 19).replace('T', ' '),
  visible(origin.callingAet ?? origin.address ?? origin.protocol),
  verdict === null ? '-' : `${verdict.verdict} ${verdict.level}`,
  state,
  visible(route ?? '-'),
  reasons.join(', '),
]

export async function showInstance(id: string, options: ReachOptions, context: Context): Promise<ExitCode> {
  const { output } = context
  const instance = await (await reach(options, context)).show(id)
  output.record(instance)
  const { origin, verdict, deliveries, reasons } = instance
  output.line(`${instance.id}: ${instance.state}${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}`)
  if (verdict !== null)
    output.line(`  ${verdict.verdict}, ${verdict.level}, ${verdict.content}: ${visible(verdict.sentence)}`)
  for (const { subject, reason } of verdict?.failing ?? []) output.line(`    ${subject} fails: ${reason}`)
  output.line(
    `  from      ${visible(origin.callingAet ?? '-')} at ${visible(origin.address ?? '-')} by ${origin.protocol}`,
  )
  output.line(`  received  ${instance.receivedAt}, ${formatBytes(instance.lengthBytes)}, SHA-256 ${instance.sha256}`)
  output.line(`  instance  ${visible(instance.sopInstanceUid ?? '-')}`)
  output.line(`  study     ${visible(instance.studyInstanceUid ?? '-')}`)
  output.line(`  route     ${visible(instance.route ?? '-')}${instance.isSealedHere ? ', sealed here' : ''}`)
  const { releaseAskedBy } = instance
  if (releaseAskedBy !== null)
    output.line(`  ${visible(releaseAskedBy.name)} has asked for its release; another person has to confirm it`)
  for (const { destination, state, attempts, lastError, sentAt } of deliveries) {
    const when =
      sentAt === null
        ? lastError === null
          ? ''
          : `, ${lastError} after ${counted(attempts, 'attempt')}`
        : ` ${sentAt}`
    output.line(`  to ${visible(destination)}: ${state}${when}`)
  }
  return EXIT.ok
}

export async function release(id: string, options: ReasonOptions, context: Context): Promise<ExitCode> {
  const answer = await (await reach(options, context)).release(id, options.reason)
  context.output.record({ id, ...answer })
  context.output.line(
    answer.state === 'asked' ? 'Asked. Another person has to confirm it, with the same command.' : 'Released.',
  )
  return EXIT.ok
}

export async function reject(id: string, options: ReasonOptions, context: Context): Promise<ExitCode> {
  const answer = await (await reach(options, context)).reject(id, options.reason)
  context.output.record({ id, ...answer })
  context.output.line('Rejected: it goes nowhere.')
  return EXIT.ok
}

export async function reexamine(id: string, options: ReachOptions, context: Context): Promise<ExitCode> {
  const answer = await (await reach(options, context)).reexamine(id)
  context.output.record({ id, ...answer })
  context.output.line('It is judged anew.')
  return EXIT.ok
}

export async function retry(id: string, options: ReachOptions, context: Context): Promise<ExitCode> {
  const answer = await (await reach(options, context)).retry(id)
  context.output.record({ id, ...answer })
  context.output.line(`${counted(answer.sentAgain, 'delivery', 'deliveries')} sent again.`)
  return EXIT.ok
}

export async function control(
  action: 'pause' | 'resume' | 'revive',
  destination: string,
  options: ReachOptions,
  context: Context,
): Promise<ExitCode> {
  const answer = await (await reach(options, context)).control(destination, action === 'revive' ? 'retry' : action)
  context.output.record({ destination, ...answer })
  const { sentAgain } = answer
  context.output.line(
    sentAgain === undefined
      ? `${visible(destination)}: ${answer.state}.`
      : `${counted(sentAgain, 'delivery', 'deliveries')} sent again.`,
  )
  return EXIT.ok
}

export async function invite(options: ReachOptions, context: Context): Promise<ExitCode> {
  const { url } = await (await reach(options, context)).invite()
  context.output.record({ url })
  context.output.line(url)
  context.output.note('Good once, for a quarter of an hour.')
  return EXIT.ok
}

async function reach(options: ReachOptions, context: Context): Promise<RemoteGateway> {
  return context.adapters.reachGateway(await findReach(options, context))
}

/** Options go before the environment, and that before what a gateway of this machine has left. */
async function findReach({ url, tokenFile }: ReachOptions, context: Context): Promise<GatewayReach> {
  const { adapters, home, terminal } = context
  const { FIDUCIAL_GATEWAY_URL, FIDUCIAL_TOKEN } = terminal.env
  const address = url ?? FIDUCIAL_GATEWAY_URL
  const given = tokenFile === undefined ? FIDUCIAL_TOKEN : await readToken(tokenFile, context)
  if (address !== undefined && given !== undefined) return { url: checkUrl(address), token: given }
  const bytes = await adapters.readFile(join(home, REACH_FILE))
  if (bytes === undefined) {
    throw withHint(
      new StoreError('service_unreachable', 'no gateway of this state runs on this machine'),
      '--url and --token-file say how to reach another one',
    )
  }
  const local = readReach(bytes)
  // A token of this machine is for its own gateway only.
  if (address !== undefined && address !== local.url)
    throw new UsageError('--url needs a token: --token-file, or FIDUCIAL_TOKEN')
  return { ...local, token: given ?? local.token }
}

async function readToken(path: string, { adapters }: Context): Promise<string> {
  const bytes = await adapters.readFile(path)
  if (bytes === undefined) throw new UsageError(`${visible(path)} is missing`)
  return decodeUtf8(bytes).trim()
}

function readReach(bytes: Uint8Array): GatewayReach {
  try {
    const { url, token, certificate } = JSON.parse(decodeUtf8(bytes)) as Record<string, unknown>
    if (typeof url === 'string' && typeof token === 'string')
      return { url, token, ...(typeof certificate === 'string' && { certificate }) }
  } catch {
    // Told below.
  }
  throw new StoreError('input_unreadable', 'what the gateway of this machine has left cannot be read')
}

function checkUrl(text: string): string {
  const isHttp = /^https?:\/\/[^/?#]+(\/[^?#]*)?$/.test(text) && URL.canParse(text)
  if (!isHttp) throw new UsageError(`--url ${visible(text)} is no address`, 'such as https://gateway.example:8460')
  return text.replace(/\/+$/, '')
}

function momentOf(text: string): string {
  const moment = new Date(text)
  if (Number.isNaN(moment.getTime()))
    throw new UsageError(`--since ${visible(text)} is no moment`, 'such as 2026-03-03T10:14:00Z')
  return moment.toISOString()
}
