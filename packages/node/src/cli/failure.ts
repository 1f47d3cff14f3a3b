/**
 * Failure: what a command says when it cannot go on: one line, and the next step where there is an obvious one.
 *
 * A stack trace is shown to nobody who did not ask for it: FIDUCIAL_DEBUG=1 asks.
 */
import { FormatError, KeyError } from '@fiducial/core/errors.ts'
import { type FailureCode, failureCodeOf } from './exit.ts'
import type { Output } from './output.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { visible } from './visible.ts'

/** What to do about a code that says enough by itself. */
const HINTS: Partial<Record<FailureCode, string>> = {
  key_passphrase_missing: 'set FIDUCIAL_PASSPHRASE, or name a file that holds it: --passphrase-file FILE',
  key_passphrase_wrong: 'FIDUCIAL_PASSPHRASE or --passphrase-file holds another one than the keys were made with',
  mark_altered: 'fiducial mark locate shows where; --force restores what is left',
  mark_already: 'fiducial mark restore takes it off; --again marks the image once more',
  no_images: 'DICOM files are known by their content, not by their name',
  output_exists: '--overwrite replaces it',
  token_unavailable: 'pkcs11-tool --module MODULE --list-slots shows what is there; --slot N says which',
  key_revoked: 'fiducial keys list shows who is enrolled',
  key_exists: 'fiducial keys list shows who is enrolled',
  key_outside_validity: 'fiducial keys list shows until when; is the clock of this machine right?',
}

/** An error as the value that --json shows and a person reads. */
export interface Failure {
  readonly code: FailureCode
  readonly message: string
  readonly hint?: string
  /** Where a defect happened; shown only to those who ask. */
  readonly detail?: string
}

export function describeFailure(error: unknown): Failure {
  const code = failureCodeOf(error)
  if (code === 'defect')
    return { code, message: 'something went wrong that should not', hint: DEFECT_HINT, detail: withCauses(error) }
  const message = messageOf(error)
  const hint = error instanceof UsageError ? error.hint : hintOf(error, code)
  const cause = error instanceof Error && error.cause !== undefined ? withCauses(error.cause) : undefined
  return { code, message, ...(hint !== undefined && { hint }), ...(cause !== undefined && { detail: cause }) }
}

const DEFECT_HINT =
  'please report it with `fiducial --version` and what FIDUCIAL_DEBUG=1 shows when you run this command again'

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const place = error instanceof FormatError && (error.offset ?? 0) > 0 ? `, at byte ${error.offset}` : ''
  return visible(error.message) + place
}

function hintOf(error: unknown, code: FailureCode): string | undefined {
  // A hint that the place which threw knows better.
  if (error instanceof Error && 'hint' in error && typeof error.hint === 'string') return error.hint
  const isAboutPin = error instanceof KeyError && /\bPIN\b/.test(error.message)
  return isAboutPin
    ? 'set FIDUCIAL_PIN to the PIN of the token, or name a file that holds it: --pin-file FILE'
    : HINTS[code]
}

/** Adds a next step to an error on its way up. */
export function withHint<E extends Error>(error: E, hint: string): E {
  return Object.assign(error, { hint })
}

/** A failure with the input named that it is about: what the disk says names it already. */
export function nameInput(label: string, failure: Failure): Failure {
  const name = visible(label)
  return failure.message.includes(name) ? failure : { ...failure, message: `${name}: ${failure.message}` }
}

export function showFailure(failure: Failure, output: Output, { env }: Pick<Terminal, 'env'>): void {
  output.endProgress()
  const { code, message, hint } = failure
  if (code === 'interrupted') return
  output.note(`${output.noteStyle.red('fiducial:')} ${message} (${code})`)
  if (hint !== undefined) output.note(`  ${hint}`)
  showDetail(failure, output, { env })
}

/** Where it happened, for those who asked. */
export function showDetail({ detail }: Failure, output: Output, { env }: Pick<Terminal, 'env'>): void {
  if (detail !== undefined && isDebugging(env)) output.note(detail)
}

const isDebugging = (env: Terminal['env']): boolean => (env.FIDUCIAL_DEBUG ?? '') !== ''

function withCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const stack = error.stack ?? String(error)
  return error.cause === undefined ? stack : `${stack}\ncaused by ${withCauses(error.cause)}`
}
