/**
 * Log serve: serves the public part of a log by HTTP, until somebody stops it; with --work, keeps the site's log up as
 * well: timestamps on schedule, witnesses asked again.
 */
import { isAbsolute, join, resolve } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { BlindTask, JobOutcome } from '../../services/log/schedule.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { describeFailure, withHint } from '../failure.ts'
import { type SecretOptions, withRing } from '../secrets.ts'
import { counted } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import { type ListenOptions, readListening } from './listening.ts'
import type { LogServing, Upkeep } from './services.ts'
import { letPass, openStay, type Stay, type StayOptions } from './stay.ts'

export interface ServeOptions extends ListenOptions, StayOptions, SecretOptions {
  readonly folder?: string
  readonly work?: boolean
}

const DEFAULT_PORT = 8470
/** Between two looks whether something is due. */
const LOOK_MS = 5_000

export async function serveLog(options: ServeOptions, context: Context): Promise<ExitCode> {
  const { adapters, home, terminal } = context
  if (options.work === true && options.folder !== undefined)
    throw new UsageError('--work is for the log of this site, not for a copy', 'leave --folder out')
  const folder = options.folder === undefined ? join(home, 'log') : absolute(options.folder)
  const listening = readListening(options, DEFAULT_PORT, context)
  using stay = openStay(options, terminal)
  await using upkeep = options.work === true ? await openUpkeep(options, context) : undefined
  await using server = await hintAt(adapters.log.serve(folder, listening), options)
  announce(server, folder, context)
  await Promise.all([stay.over, upkeep && keepUp(upkeep, stay, context)])
  return EXIT.ok
}

const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(path))

function openUpkeep(options: SecretOptions, context: Context): Promise<Upkeep> {
  const { adapters, home, output } = context
  const onFailure = (error: unknown): void => {
    const { message, code } = describeFailure(error)
    output.note(`no timestamp for the log from one authority: ${message} (${code})`)
  }
  return withRing(options, context, (_ring, secrets) => adapters.log.upkeep(home, secrets, onFailure))
}

/** Looks again and again; what fails is told and tried again later. */
async function keepUp(upkeep: Upkeep, { signal }: Stay, context: Context): Promise<void> {
  while (!signal.aborted) {
    for (const outcome of await upkeep.tick(signal)) tell(outcome, context)
    await letPass(LOOK_MS, signal)
  }
}

const DONE: Readonly<Record<string, string>> = { publish: 'published', timestamp: 'timestamped' }
const TO_DO: Readonly<Record<string, string>> = { publish: 'publishing', timestamp: 'timestamps' }

function tell(outcome: JobOutcome | BlindTask, { output }: Context): void {
  const { kind } = outcome
  switch (outcome.outcome) {
    case 'done':
      return output.note(`the log is ${DONE[kind] ?? kind}`)
    case 'failed':
    case 'unseen': {
      const { message, code } = describeFailure(outcome.error)
      const again = outcome.outcome === 'failed' ? `; again at ${outcome.retryAt.toISOString().slice(11, 19)} UTC` : ''
      return output.note(`${TO_DO[kind] ?? kind}: ${message} (${code})${again}`)
    }
    case 'dropped':
    case 'lease_lost':
  }
}

function announce({ url, published }: LogServing, folder: string, { output }: Context): void {
  output.record({ url, folder, ...(published && { origin: published.origin, size: String(published.size) }) })
  const what = published
    ? `“${visible(published.origin)}”, ${counted(Number(published.size), 'entry', 'entries')} now`
    : 'a log that has published nothing yet'
  output.line(`Serving ${what}, from ${visible(folder)}`)
  output.line(`  ${output.style.bold(url)}`)
  output.note('Ctrl-C ends it.')
}

async function hintAt<T>(opening: Promise<T>, { folder }: ServeOptions): Promise<T> {
  try {
    return await opening
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.code === 'log_missing' && folder === undefined) throw withHint(error, 'fiducial log init makes one')
    if (error.code === 'service_refused') throw withHint(error, '--port 0 takes any that is free')
    throw error
  }
}
