/**
 * Up: the whole system on this machine: gateway, custody log, web API and page, until somebody stops it.
 *
 * What is missing is made: keys of the site, the gateway's own, the log. With --demo there are rooms that send and an archive
 * that takes, all marked DEMO.
 */
import { hostname } from 'node:os'
import type { InstanceMessage } from '@fiducial/core/api/gateway.ts'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { withHint } from './failure.ts'
import { readSettings, type SettingsOptions } from './gateway/read-settings.ts'
import { openStay, type StayOptions } from './log/stay.ts'
import { readPolicy } from './policy.ts'
import type { Ring, Secrets } from './ring.ts'
import { readSecrets, type SecretOptions } from './secrets.ts'
import { readTrust } from './trust.ts'
import type { UpRunning } from './up-adapters.ts'
import { visible } from './visible.ts'

export interface UpOptions extends SettingsOptions, SecretOptions, StayOptions {
  readonly pacs?: string
  readonly port?: number
  readonly dicomPort?: number
  readonly demo?: boolean
}

/** For certificates: 56 characters at most. */
const SITE_LIMIT = 56
const DEMO_SITE = 'Example Hospital'

export async function runUp(options: UpOptions, context: Context): Promise<ExitCode> {
  const { adapters, home, terminal, output } = context
  const { demo: isDemo = false } = options
  const secrets = await readSecrets(options, context)
  const { settings } = await readSettings(options, context, flagsOf(options))
  await prepareKeys(isDemo, settings.dicom.aet, secrets, context)
  using stay = openStay(options, terminal)
  await using running = await hintAt(
    adapters.startGateway({
      home,
      secrets,
      settings,
      isDemo,
      anchors: await readTrust({ trust: settings.verify.trust, crl: settings.verify.revocationLists }, context),
      policy: await readPolicy(settings.verify.policy, context),
      sweepPolicy: await readPolicy(settings.sweep.policy ?? settings.verify.policy, context),
      isForPeople: terminal.stderr.isTTY === true && !output.isJson,
      signal: stay.signal,
    }),
  )
  announce(running, context)
  running.watch((instance) => tell(instance, context))
  const onHangUp = (): void => running.reload()
  process.on('SIGHUP', onHangUp)
  try {
    await stay.over
  } finally {
    process.off('SIGHUP', onHangUp)
  }
  output.note('Ending: what is under way is finished; what is left is done at the next start.')
  return EXIT.ok
}

function flagsOf({ pacs, port, dicomPort }: UpOptions): Record<string, string | number> {
  return {
    ...(pacs !== undefined && { pacs }),
    ...(port !== undefined && { 'web.port': port }),
    ...(dicomPort !== undefined && { 'dicom.port': dicomPort }),
  }
}

/** Makes what is missing: keys of the site, and a gateway among them. */
async function prepareKeys(isDemo: boolean, name: string, secrets: Secrets, context: Context): Promise<void> {
  const { adapters, home, output } = context
  const ring = await openOrMake(isDemo, secrets, context)
  if (ring.isDemo !== isDemo) {
    throw withHint(
      new KeyError(
        'key_role_mismatch',
        isDemo ? 'the keys of this state are no DEMO keys' : 'the keys of this state are DEMO keys',
      ),
      `FIDUCIAL_HOME=FOLDER chooses another state than ${visible(home)}`,
    )
  }
  const hasGateway = ring.list().some(({ role, status }) => role === 'gateway' && status === 'active')
  if (hasGateway) return
  const { id } = await (await adapters.openRing(home, secrets)).enrolGateway({ name })
  output.note(`Keys of the gateway are made: ${id}`)
}

async function openOrMake(isDemo: boolean, secrets: Secrets, { adapters, home, output }: Context): Promise<Ring> {
  try {
    return await adapters.openRing(home, secrets)
  } catch (error) {
    if (!(error instanceof KeyError) || error.code !== 'key_missing') throw error
  }
  const site = isDemo ? DEMO_SITE : hostname().slice(0, SITE_LIMIT)
  output.note(`There are no keys yet: making those of “${visible(site)}”${isDemo ? ', for demonstrations' : ''}.`)
  return adapters.initRing(home, { ...secrets, site, isDemo })
}

function announce(
  { dicom, url, page, aeTitle, logOrigin, pacs, isDemo, recovery }: UpRunning,
  { output }: Context,
): void {
  output.record({ url, page, dicom, aeTitle, log: logOrigin, pacs, isDemo, recovery })
  const { bold } = output.style
  output.line(`${isDemo ? 'DEMO: simulated rooms send; nothing here is from a patient.\n' : ''}Fiducial gateway is up.`)
  output.line(`  page      ${bold(page)}`)
  output.line(`  web API   ${url}/api/v1, DICOMweb ${url}/dicom-web`)
  for (const { address, isTls } of dicom)
    output.line(`  DICOM     ${bold(`${aeTitle}@${address}`)}${isTls ? ' over TLS' : ''}`)
  output.line(`  PACS      ${pacs ?? 'none: images are sealed, logged and kept; --pacs AET@host:port sends them on'}`)
  output.line(`  log       ${visible(logOrigin)}`)
  if (recovery.orphans + recovery.unfinished > 0)
    output.note(`Left from before and never acknowledged: ${recovery.orphans + recovery.unfinished} files, removed.`)
  output.note('The page opens once in one browser; fiducial gateway invite makes another address. Ctrl-C ends it.')
}

const MARKS = { authentic: '✔', undetermined: '?', not_authentic: '✗' } as const

/** A line for each image: when, from whom, what it is, and what becomes of it. */
function tell(instance: InstanceMessage, { output }: Context): void {
  output.record(instance)
  const { receivedAt, origin, verdict, state, reasons, isSealedHere, deliveries } = instance
  const { green, yellow, red, bold } = output.style
  const paint =
    verdict === null ? yellow : { authentic: green, undetermined: yellow, not_authentic: red }[verdict.verdict]
  const word = verdict === null ? 'not examined' : verdict.verdict.replaceAll('_', ' ')
  const mark = paint(`${verdict === null ? '?' : MARKS[verdict.verdict]} ${word.padEnd(13)} ${verdict?.level ?? ''}`)
  const from = visible(origin.callingAet ?? origin.address ?? origin.protocol).padEnd(16)
  const why = reasons.map((reason) => reason.replaceAll('_', ' ')).join(', ')
  const fate =
    state === 'quarantined'
      ? bold(red(`held back: ${why}`))
      : [...(isSealedHere ? ['sealed by the gateway'] : []), deliveries.length > 0 ? 'sent on' : 'kept'].join(', ')
  output.line(`${receivedAt.slice(11, 19)}  ${from}  ${mark}  ${fate}`)
  if (state === 'quarantined' && verdict !== null) output.line(`          ${visible(verdict.sentence)}`)
}

async function hintAt<T>(starting: Promise<T>): Promise<T> {
  try {
    return await starting
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.code === 'spool_locked')
      throw withHint(error, 'FIDUCIAL_HOME=FOLDER, with ports of its own, makes a second one')
    if (error.code === 'service_refused') throw withHint(error, '--port 0 and --dicom-port 0 take any that are free')
    throw error
  }
}
