/** Log init: makes the custody log of a site, and shows what others need to check it. */
import { formatVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import type { LogFacts, LogOrder } from '../../services/log/log-access.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { type SecretOptions, withRing } from '../secrets.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

export interface LogInitOptions extends SecretOptions {
  readonly origin?: string
  readonly tsa?: readonly string[]
  readonly policy?: string
  readonly timestampMinutes?: number
  readonly database?: string
  readonly objects?: string
}

const AUTHORITIES_LIMIT = 3
const KEY_COLUMNS = 120

export async function initLog(options: LogInitOptions, context: Context): Promise<ExitCode> {
  const { adapters, home, output } = context
  const order = await readOrder(options, context)
  const facts = await withRing(options, context, (_ring, secrets) => adapters.log.create(home, secrets, order))
  output.record(recordOf(facts))
  output.line(`Custody log “${visible(facts.origin)}” is in ${visible(facts.folder)}`)
  output.line()
  output.line('Others need its keys to check it (C2SP verifier keys); the file policy has them whole:')
  for (const key of facts.keys) output.line(`  ${shorten(formatVerifierKey(key))}`)
  return EXIT.ok
}

/** What programs are told of a log. */
export function recordOf({ folder, origin, keys, isDemo, timestampMinutes, timestampUrls }: LogFacts): object {
  return { folder, origin, keys: keys.map(formatVerifierKey), isDemo, timestampMinutes, timestampUrls }
}

/** Post-quantum keys fill a screen. */
const shorten = (key: string): string => (key.length > KEY_COLUMNS ? `${key.slice(0, KEY_COLUMNS)}…` : key)

async function readOrder(options: LogInitOptions, { adapters }: Context): Promise<LogOrder> {
  const { origin, tsa = [], policy: path, timestampMinutes } = options
  if (origin !== undefined && !/^[!-*,-~]{1,255}$/.test(origin)) {
    throw new UsageError('--origin has a space, a plus or no character', 'such as hospital.example/log')
  }
  for (const url of tsa) {
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      throw new UsageError(`--tsa ${visible(url)} is no address`, 'such as http://timestamp.example.org')
  }
  if (tsa.length > AUTHORITIES_LIMIT) throw new UsageError(`--tsa can be given ${AUTHORITIES_LIMIT} times`)
  const policy = path === undefined ? undefined : await adapters.readFile(path)
  if (path !== undefined && policy === undefined) throw new UsageError(`there is no file ${visible(path)}`)
  return {
    ...(origin !== undefined && { origin }),
    ...(tsa.length > 0 && { timestampUrls: tsa }),
    ...(policy !== undefined && { policy }),
    ...(timestampMinutes !== undefined && { timestampMinutes }),
    ...storageOf(options),
  }
}

/** Where the log is to lie. What an address says about passwords is refused: it would stand in a file. */
function storageOf({ database, objects }: LogInitOptions): Pick<LogOrder, 'database' | 'objects'> {
  if (database !== undefined && !/^postgres(?:ql)?:$/.test(URL.parse(database)?.protocol ?? '')) {
    throw new UsageError('--database is no address', 'such as postgresql://fiducial@db.example.org/fiducial')
  }
  if (database !== undefined && (URL.parse(database)?.password ?? '') !== '') {
    throw new UsageError('--database holds a password', 'set PGPASSWORD or use a .pgpass file')
  }
  if (objects !== undefined && database === undefined) throw new UsageError('--objects goes with --database')
  if (objects !== undefined && !/^https?:$/.test(URL.parse(objects)?.protocol ?? '')) {
    throw new UsageError('--objects is no address', 'such as https://s3.example.org/bucket/log')
  }
  return { ...(database !== undefined && { database }), ...(objects !== undefined && { objects }) }
}
