/**
 * Log witness: runs a witness that cosigns the checkpoints of other people's logs, and keeps what shows that one of them
 * has two histories.
 */
import { isAbsolute, join, resolve } from 'node:path'
import type { SplitView, SplitViewFinding } from '@fiducial/core/domain/log/split-view.ts'
import type { WatchedLog } from '@fiducial/core/domain/log/witness.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import {
  formatVerifierKey,
  isKeyName,
  parseVerifierKey,
  type VerifierKey,
} from '@fiducial/core/formats/note/verifier-key.ts'
import { isSubtreeName } from '@fiducial/core/formats/tlog/cosignature.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withHint } from '../failure.ts'
import type { Secrets } from '../ring.ts'
import { askForNewPassphrase, readSecrets, type SecretOptions, withSecrets } from '../secrets.ts'
import { counted } from '../table.ts'
import { canAsk } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { type ListenOptions, readListening } from './listening.ts'
import type { Listening } from './services.ts'
import { openStay, type StayOptions } from './stay.ts'

export interface WitnessOptions extends ListenOptions, StayOptions, SecretOptions {
  readonly name?: string
  /** Verifier keys of one log, with commas between them. */
  readonly log?: readonly string[]
  /** Files with C2SP tlog-policies, of which the lines with logs count. */
  readonly policy?: readonly string[]
  readonly folder?: string
  /** Address under which others reach it. */
  readonly url?: string
  readonly new?: boolean
}

const DEFAULT_PORT = 8471

export async function runWitness(options: WitnessOptions, context: Context): Promise<ExitCode> {
  const { adapters, home, output, terminal } = context
  const folder = absolute(options.folder ?? join(home, 'witness'))
  const address = readAddress(options.url)
  const logs = await readLogs(options, context)
  const listening = readListening(options, DEFAULT_PORT, context)
  const { name, secrets } = await findOrMake(folder, options, context)
  const withKeys = <T>(steps: (opening: Secrets) => Promise<T>): Promise<T> =>
    secrets === undefined ? withSecrets(options, context, steps) : steps(secrets)
  if (logs.length === 0) {
    // The log may not be there yet: it is made with these lines in its policy.
    const keys = await withKeys((opening) => adapters.log.witnessKeys(folder, opening))
    announce({ name, keys, logs, address: address ?? addressOf(listening) }, context)
    output.note('It watches no log yet: --log VERIFIER-KEY, or --policy with the file of the log, runs it.')
    return EXIT.ok
  }
  using stay = openStay(options, terminal)
  const onEvidence = (view: SplitView, finding: SplitViewFinding, path: string | undefined) =>
    tellEvidence(view, finding, path, context)
  await using server = await hintAt(
    withKeys((opening) =>
      adapters.log.witness({ ...listening, folder, secrets: opening, logs, isNew: options.new === true, onEvidence }),
    ),
  )
  announce({ url: server.url, name, keys: server.keys, logs, address: address ?? server.url }, context)
  output.note('Ctrl-C ends it.')
  await stay.over
  return EXIT.ok
}

const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(path))

function readAddress(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '') || /\s/.test(url))
    throw new UsageError(`--url ${visible(url)} is no address`, 'such as https://witness.example.org')
  return url.replace(/\/+$/, '')
}

/** The logs to watch, each with its keys. */
async function readLogs({ log = [], policy = [] }: WitnessOptions, context: Context): Promise<readonly WatchedLog[]> {
  const { adapters } = context
  const { hash } = await adapters.crypto()
  const keys: VerifierKey[] = []
  for (const text of log) {
    const group = text.split(',').map((one) => readKey(one, (spelled) => parseVerifierKey(spelled, hash)))
    if (new Set(group.map(({ name }) => name)).size > 1)
      throw new UsageError('--log names keys of two logs at once', 'give --log once for each log')
    keys.push(...group)
  }
  for (const path of policy) {
    const bytes = await adapters.readFile(path)
    if (bytes === undefined) throw new UsageError(`there is no file ${visible(path)}`)
    keys.push(...(await adapters.log.readPolicy(bytes)).logs.map(({ key }) => key))
  }
  return groupKeys(keys)
}

function readKey(text: string, parse: (text: string) => VerifierKey): VerifierKey {
  try {
    const key = parse(text.trim())
    if (key.type !== 'cosignature-ed25519') return key
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new UsageError(`--log: ${error.message}`, 'the file `policy` in the folder of a log has its keys')
  }
  throw new UsageError('--log: the key of a witness, not of a log')
}

function groupKeys(keys: readonly VerifierKey[]): readonly WatchedLog[] {
  const logs = new Map<string, Map<string, VerifierKey>>()
  for (const key of keys) {
    // A witness signs with ML-DSA-44, too, whose messages have room for so much.
    if (!isSubtreeName(key.name)) throw new UsageError('the name of a log has more than 255 bytes')
    const known = logs.get(key.name) ?? new Map<string, VerifierKey>()
    logs.set(key.name, known.set(formatVerifierKey(key), key))
  }
  return [...logs].map(([origin, known]) => ({ origin, keys: [...known.values()] }))
}

/** A witness of this machine. */
interface Found {
  readonly name: string
  /** Those that its keys were made with a moment ago. */
  readonly secrets?: Secrets
}

/** The witness of a folder; made with new keys where there is none. */
async function findOrMake(folder: string, options: WitnessOptions, context: Context): Promise<Found> {
  const { adapters, output, terminal } = context
  const found = await adapters.log.findWitness(folder)
  if (found !== undefined) {
    if (options.name !== undefined && options.name !== found)
      throw new UsageError(`the witness in ${visible(folder)} has the name ${visible(found)}`, '--folder names another')
    return { name: found }
  }
  const name = checkName(options.name)
  if (options.new === true) throw new UsageError('--new is for a witness that has keys and has lost its record')
  const { passphrase = canAsk(terminal) ? await askForNewPassphrase(context) : undefined, ...rest } = await readSecrets(
    options,
    context,
  )
  const secrets = { ...rest, ...(passphrase !== undefined && { passphrase }) }
  await adapters.log.createWitness(folder, name, secrets)
  output.note(`made the keys of the witness ${visible(name)} in ${visible(folder)}`)
  return { name, secrets }
}

function checkName(name: string | undefined): string {
  if (name === undefined)
    throw new UsageError('a new witness needs --name', 'an address without scheme, such as insurer.example/witness')
  if (!isKeyName(name) || !isSubtreeName(name) || name === 'none')
    throw new UsageError(
      '--name has white space, a plus, or more than 255 bytes',
      'such as insurer.example/witness; nothing need be found there',
    )
  return name
}

/** Where it will listen; undefined where that is not known before. */
function addressOf({ host, port }: Listening): string | undefined {
  return port === 0 ? undefined : `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

interface Announcement {
  /** Where it listens; missing where it does not. */
  readonly url?: string
  readonly name: string
  readonly keys: readonly VerifierKey[]
  readonly logs: readonly WatchedLog[]
  /** Under which others reach it. */
  readonly address: string | undefined
}

function announce({ url, name, keys, logs, address }: Announcement, { output }: Context): void {
  const policy = policyLines(name, keys, address)
  const origins = logs.map(({ origin }) => origin)
  output.record({ ...(url !== undefined && { url }), name, logs: origins, keys: keys.map(formatVerifierKey), policy })
  output.line(`Witness “${visible(name)}”${url === undefined ? '' : ` cosigns for ${counted(logs.length, 'log')}`}`)
  if (url !== undefined) output.line(`  ${output.style.bold(url)}`)
  for (const origin of origins) output.line(`  ${visible(origin)}`)
  output.line()
  output.line('Lines for the policy of a log (C2SP tlog-policy), and of those who check it:')
  output.line()
  for (const line of policy) output.line(line)
}

/** Both keys of a witness, and the two as one: so that it counts once, and with both. */
function policyLines(name: string, keys: readonly VerifierKey[], address: string | undefined): readonly string[] {
  const named = keys.map((key) => ({ key, id: `${name}#${key.type.replace('cosignature-', '')}` }))
  return [
    ...named.map(({ key, id }) =>
      ['witness', id, formatVerifierKey(key), ...(address === undefined ? [] : [address])].join(' '),
    ),
    `group ${name} all ${named.map(({ id }) => id).join(' ')}`,
  ]
}

function tellEvidence(
  { origin, smaller, larger }: SplitView,
  finding: SplitViewFinding,
  path: string | undefined,
  { output }: Context,
): void {
  const { noteStyle } = output
  const sizes = [smaller, larger].map(({ note }) => note.split('\n', 2)[1] ?? '').join(' and ')
  output.note(
    finding === 'proven'
      ? `${noteStyle.red('ALARM:')} ${visible(origin)} has signed two histories, of ${sizes} entries`
      : `${noteStyle.yellow('not joined:')} ${visible(origin)} sent no proof that ${sizes} entries are one history`,
  )
  output.note(path === undefined ? '  the evidence is on record, and is no file yet' : `  evidence: ${visible(path)}`)
}

async function hintAt<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.code === 'log_missing')
      throw withHint(error, 'with --new it begins anew; better make another witness: --folder FOLDER --name NAME')
    if (error.code === 'log_exists') throw withHint(error, 'leave --new out')
    if (error.code === 'service_refused') throw withHint(error, '--port 0 takes any that is free')
    throw error
  }
}
