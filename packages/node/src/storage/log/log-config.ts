/**
 * Log config: what a site has decided about its log: its name, whose keys sign it, whom it asks for timestamps.
 *
 * It lies beside the log's public part, in `.private`, with the secret that blinds the completeness map. The policy
 * (C2SP tlog-policy), with the log's keys and its witnesses, is public and lies in the file `policy`.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { encodeCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import { JsonFields } from '@fiducial/core/formats/json/fields.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import { POLICY_LIMIT } from '@fiducial/core/formats/tlog/policy.ts'
import { writeFileAtomically } from '../write-file.ts'
import { FileLock } from './file-lock.ts'
import { privateFolder } from './file-log.ts'
import { readWholeNow } from './read-whole.ts'

export interface LogConfig {
  /** Name of the log: no spaces, no plus. */
  readonly origin: string
  /** Id in the key ring of those keys that sign its checkpoints. */
  readonly holder: string
  /** What the site calls the archive whose studies the log counts. */
  readonly archive: string
  readonly isDemo: boolean
  /** Minutes between two rounds of timestamps while the log grows. */
  readonly timestampMinutes: number
  /** Addresses of timestamp authorities besides the one of the key ring; at most 3. */
  readonly timestampUrls: readonly string[]
  /** Address of a PostgreSQL database, without a password; absent for a log in files. */
  readonly database?: string
  /** Address of an S3 bucket; absent where files or the database have the objects. */
  readonly objects?: string
}

const VERSION = 1
const SECRET_BYTES = 32
const CONFIG_LIMIT = 64 * 1024
const AUTHORITIES_LIMIT = 3
const MINUTES_LIMIT = 60 * 24 * 366

const configPath = (folder: string): string => join(privateFolder(folder), 'config.json')
const secretPath = (folder: string): string => join(privateFolder(folder), 'map.secret')
export const policyPath = (folder: string): string => join(folder, 'policy')

/** The config of the log in a folder; undefined where there is no log. @throws {StoreError} `log_corrupted` */
export function readLogConfig(folder: string): LogConfig | undefined {
  const text = readIfThere(configPath(folder), CONFIG_LIMIT)
  if (text === undefined) return undefined
  try {
    const fields = new JsonFields(parseJson(new TextDecoder().decode(text)), 'json_malformed')
    fields.integer('version', VERSION, VERSION)
    const config = {
      origin: fields.string('origin', /^[!-*,-~]{1,255}$/),
      holder: fields.string('holder', /^[a-z0-9-]{1,200}$/),
      archive: fields.string('archive', /^[^\p{Cc}]{1,128}$/u),
      isDemo: fields.boolean('isDemo'),
      timestampMinutes: fields.integer('timestampMinutes', 0, MINUTES_LIMIT),
      timestampUrls: fields.strings('timestampUrls', AUTHORITIES_LIMIT, /^https?:\/\/[\x21-\x7e]{1,1000}$/),
      ...(fields.has('database') && {
        database: fields.string('database', /^postgres(?:ql)?:\/\/[\x21-\x7e]{1,1000}$/),
      }),
      ...(fields.has('objects') && { objects: fields.string('objects', /^https?:\/\/[\x21-\x7e]{1,1000}$/) }),
    }
    fields.finish()
    return config
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new StoreError('log_corrupted', `the config of the log: ${cause.message}`, { cause })
  }
}

/**
 * Makes the folder of a new log; of two processes that do so at once, one.
 * @throws {StoreError} `log_exists`; `log_locked` while another process makes it; `output_unwritable`
 */
export function createLogFolder(folder: string, config: LogConfig, policy: Uint8Array): void {
  if (readLogConfig(folder) !== undefined) throw alreadyThere()
  const hidden = privateFolder(folder)
  try {
    mkdirSync(hidden, { recursive: true, mode: 0o700 })
    // It may have been there, open to others.
    chmodSync(hidden, 0o700)
  } catch (cause) {
    throw new StoreError('output_unwritable', 'the folder of the log cannot be made', { cause })
  }
  const lock = FileLock.acquire(join(hidden, 'config.lock'))
  try {
    if (readLogConfig(folder) !== undefined) throw alreadyThere()
    writeFiles(folder, config, policy)
  } finally {
    lock.release()
  }
}

const alreadyThere = (): StoreError => new StoreError('log_exists', 'there is a log already')

function writeFiles(folder: string, config: LogConfig, policy: Uint8Array): void {
  const secret = new Uint8Array(randomBytes(SECRET_BYTES))
  writeFileAtomically(secretPath(folder), [secret], { mode: 0o600, isOverwriting: true })
  writeFileAtomically(policyPath(folder), [policy], { isOverwriting: true })
  // Last: with it, the log is there.
  const text = encodeCanonicalJson({ version: VERSION, ...config })
  writeFileAtomically(configPath(folder), [text], { mode: 0o600, isOverwriting: true })
}

/** The secret that blinds the completeness map, 32 bytes. @throws {StoreError} `log_corrupted` */
export function readMapSecret(folder: string): Uint8Array {
  const secret = readIfThere(secretPath(folder), SECRET_BYTES + 1)
  if (secret?.length !== SECRET_BYTES)
    throw new StoreError('log_corrupted', 'the secret of the completeness map is missing')
  return new Uint8Array(secret)
}

/** The policy of a log, as it lies there. @throws {StoreError} `log_missing` */
export function readPolicyFile(folder: string): Uint8Array {
  const policy = readIfThere(policyPath(folder), POLICY_LIMIT + 1)
  if (policy === undefined) throw new StoreError('log_missing', 'there is no policy beside the log')
  return new Uint8Array(policy)
}

function readIfThere(path: string, limit: number): Uint8Array | undefined {
  try {
    return readWholeNow(path, limit)
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    throw new StoreError('log_corrupted', 'a file of the log cannot be read', { cause })
  }
}
