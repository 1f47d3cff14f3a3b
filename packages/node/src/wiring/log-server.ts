/**
 * Log server: the public part of a log, by HTTP.
 *
 * Takes no lock and writes nothing: whoever appends is not held up, and a copy on a disk that is read only is served as
 * well. Of what is private nothing is opened.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { NO_QUORUM } from '@fiducial/core/formats/tlog/policy.ts'
import { logFace } from '../http/log-face.ts'
import { logPage } from '../http/log-page.ts'
import { type ServerOptions, startServer } from '../http/server.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { policyPath, readLogConfig, readPolicyFile } from '../storage/log/log-config.ts'
import { openLogReader, readPolicy } from './log-reader.ts'

/** A log that is served; disposing of it lets running requests end. */
export interface LogServer extends AsyncDisposable {
  readonly url: string
  /** As the newest checkpoint says; undefined before there is one. */
  readonly published: { readonly origin: string; readonly size: bigint } | undefined
}

/**
 * Serves the log of a folder: a site's own, or a copy of what another one publishes.
 * @throws {StoreError} `log_missing` where none lies there; `service_refused` where nothing can listen
 * @throws {FormatError} `witness_policy_malformed` for the policy beside it; `checkpoint_malformed`, `note_malformed`
 */
export async function serveLog(folder: string, options: ServerOptions): Promise<LogServer> {
  const hasPolicy = existsSync(policyPath(folder))
  if (!hasPolicy && !existsSync(join(folder, 'checkpoint')) && readLogConfig(folder) === undefined) {
    throw new StoreError('log_missing', 'there is no log')
  }
  const bytes = hasPolicy ? readPolicyFile(folder) : undefined
  const policy = bytes && { parsed: readPolicy(bytes), bytes }
  const reader = await openLogReader(folder, { isPublicOnly: true, policy: policy?.parsed ?? NOBODY })
  try {
    const log = { objects: reader.objects, head: reader.published }
    const note = await log.head.read()
    const published = note === undefined ? undefined : parseCheckpoint(parseNote(note).text)
    const page = logPage(log, { crypto: nativeCrypto, ...(policy && { policy }) })
    const server = await startServer([logFace(log), page], options)
    return {
      url: server.url,
      published,
      async [Symbol.asyncDispose]() {
        await server.close()
        await reader[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await reader[Symbol.asyncDispose]()
    throw error
  }
}

/** Whom to believe about a copy that brings no policy. */
const NOBODY = { logs: [], witnesses: [], groups: [], quorum: NO_QUORUM }
