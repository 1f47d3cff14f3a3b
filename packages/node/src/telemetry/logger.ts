/**
 * Logger: what the gateway tells those who run it, as JSON lines for machines or as short lines for a terminal.
 *
 * Only fields that are named here are written, so that nothing of an object that is handed in finds its way into a log:
 * no names, no identifiers of patients, no secrets. UIDs of instances are written at level debug only.
 */
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { type DestinationStream, type Logger, pino } from 'pino'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogFields {
  /** Of the code that tells: `dicom`, `pipeline`, `forward`, `log`, `web`, `audit`. */
  readonly part?: string
  readonly callingAet?: string | null
  readonly calledAet?: string | null
  readonly address?: string | null
  readonly association?: string
  /** The gateway's own name of an instance: says nothing of the patient. */
  readonly instance?: string
  readonly destination?: string
  readonly route?: string | null
  readonly state?: string
  readonly verdict?: string | null
  readonly level?: string | null
  readonly code?: string
  readonly reasons?: readonly string[]
  readonly count?: number
  readonly bytes?: number
  readonly durationMs?: number
  readonly status?: number | string | null
  readonly tls?: string | null
  /** Debug only. */
  readonly sopInstanceUid?: string | null
}

const FIELDS: readonly (keyof LogFields)[] = [
  'part',
  'callingAet',
  'calledAet',
  'address',
  'association',
  'instance',
  'destination',
  'route',
  'state',
  'verdict',
  'level',
  'code',
  'reasons',
  'count',
  'bytes',
  'durationMs',
  'status',
  'tls',
]
const TEXT_LIMIT = 256

export interface GatewayLogger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  /** @param error  told by its code; of one that is none of ours, its class and stack */
  error(message: string, fields?: LogFields, error?: unknown): void
}

export interface LoggerOptions {
  readonly level: LogLevel
  /** Where lines go; standard error unless it is given. */
  readonly stream?: DestinationStream
  /** Short lines for a terminal. Default: JSON. */
  readonly isForPeople?: boolean
}

export function createLogger({ level, stream, isForPeople = false }: LoggerOptions): GatewayLogger {
  const target = stream ?? { write: (line: string) => void process.stderr.write(line) }
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ severity: label }) },
    },
    isForPeople ? { write: (line: string) => target.write(forPeople(line)) } : target,
  )
  return {
    debug: (message, fields = {}) => logger.debug(chosen(fields, true), message),
    info: (message, fields = {}) => logger.info(chosen(fields), message),
    warn: (message, fields = {}) => logger.warn(chosen(fields), message),
    error: (message, fields = {}, error) => writeError(logger, message, fields, error),
  }
}

function writeError(logger: Logger, message: string, fields: LogFields, error: unknown): void {
  const isOurs = error instanceof StoreError || error instanceof FormatError || error instanceof KeyError
  const told = {
    ...chosen(fields),
    ...(isOurs && { code: error.code }),
    ...(error !== undefined && !isOurs && { defect: describeDefect(error) }),
  }
  logger.error(told, message)
}

/** Class and places; a message of a stranger may hold anything. */
function describeDefect(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const places = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return [error.name, ...places.slice(0, 8).map((line) => line.trim())].join(' | ')
}

function chosen(fields: LogFields, isDebug = false): Record<string, unknown> {
  const told: Record<string, unknown> = {}
  for (const name of isDebug ? ([...FIELDS, 'sopInstanceUid'] as const) : FIELDS) {
    const value = fields[name]
    if (value === undefined) continue
    told[name] = typeof value === 'string' ? plain(value) : typeof value === 'number' ? rounded(value) : value
  }
  return told
}

/** One line, whatever somebody sent. */
const plain = (text: string): string => text.slice(0, TEXT_LIMIT).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
const rounded = (value: number): number => Math.round(value * 1000) / 1000

function forPeople(line: string): string {
  const { time, severity, message, ...fields } = JSON.parse(line) as Record<string, unknown>
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`)
  const mark = severity === 'info' ? '' : `${String(severity)}: `
  return `${String(time).slice(11, 19)} ${mark}${String(message)}${rest.length > 0 ? `  ${rest.join(' ')}` : ''}\n`
}
