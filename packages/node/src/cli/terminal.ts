/**
 * Terminal: the streams and settings of the process that runs a command, as one value, so that a test can stand in
 * for them.
 */
import type { Readable, Writable } from 'node:stream'

/** A stream that people may look at. */
export interface Screen extends Writable {
  readonly isTTY?: boolean
  /** Width in characters; missing where nobody looks. */
  readonly columns?: number
}

export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Screen
  readonly stderr: Screen
  readonly env: Readonly<Record<string, string | undefined>>
  /** Set off when the user wants to stop. */
  readonly interruption: AbortSignal
}

/** Whether somebody sits there who can be asked. */
export const canAsk = ({ stdin, stderr }: Terminal): boolean => stdin.isTTY === true && stderr.isTTY === true
