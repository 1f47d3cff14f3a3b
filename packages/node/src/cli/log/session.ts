/** Session: how a command comes to a log: to append to that of the site, or to read one. */
import { existsSync } from 'node:fs'
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { LogReader, OpenSiteLog } from '../../services/log/log-access.ts'
import type { LogView } from '../../services/log/log-view.ts'
import type { Context } from '../context.ts'
import { withHint } from '../failure.ts'
import { type SecretOptions, withRing } from '../secrets.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'

/** Which log to read, and whom to believe about it. */
export interface ReadOptions {
  /** Folder of another log than the site's own. */
  readonly dir?: string
  /** File with a C2SP tlog-policy. */
  readonly policy?: string
}

/** A log that can be read, under its newest checkpoint. */
export interface ReadSession {
  readonly reader: LogReader
  readonly view: LogView
  readonly crypto: Crypto
}

/** Opens the site's log for appending, for as long as the steps take. @throws {StoreError} {KeyError} */
export async function withSite<T>(
  options: SecretOptions,
  context: Context,
  steps: (open: OpenSiteLog) => Promise<T>,
): Promise<T> {
  const { adapters, home, terminal } = context
  return withRing(options, context, async (_ring, secrets) => {
    await using open = await hintAt(
      adapters.log.open(home, secrets, terminal.interruption),
      'fiducial log init makes one',
    )
    return await steps(open)
  })
}

/** Opens a log for reading. @throws {StoreError} `log_missing`, `log_corrupted`; `entry_missing` where it is empty */
export async function withReader<T>(
  options: ReadOptions,
  context: Context,
  steps: (session: ReadSession) => Promise<T>,
): Promise<T> {
  await using reader = await openReader(options, context)
  const view = await reader.view()
  if (view === undefined) throw new StoreError('entry_missing', 'the log has published nothing yet')
  return await steps({ reader, view, crypto: await context.adapters.crypto() })
}

/** A log for reading; whoever opens it closes it. @throws {StoreError} `log_missing`, `log_corrupted` */
export async function openReader({ dir, policy: path }: ReadOptions, context: Context): Promise<LogReader> {
  const { adapters, home } = context
  if (dir !== undefined && !existsSync(dir)) throw new UsageError(`there is no folder ${visible(dir)}`)
  const policy = await readPolicyFile(path, context)
  const hint =
    dir === undefined ? 'fiducial log init makes one' : '--policy FILE says whose keys to believe about a copy'
  return hintAt(adapters.log.read(home, dir, policy), hint)
}

/** The bytes of a policy that was named; undefined where none was. @throws {UsageError} */
export async function readPolicyFile(path: string | undefined, { adapters }: Context): Promise<Uint8Array | undefined> {
  if (path === undefined) return undefined
  const bytes = await adapters.readFile(path)
  if (bytes === undefined) throw new UsageError(`there is no file ${visible(path)}`)
  return bytes
}

/** Says what to do where there is no log. */
async function hintAt<T>(opening: Promise<T>, hint: string): Promise<T> {
  try {
    return await opening
  } catch (error) {
    if (error instanceof StoreError && error.code === 'log_missing') throw withHint(error, hint)
    throw error
  }
}
