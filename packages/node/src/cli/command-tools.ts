/** Command tools: what commands are made with that stand in files of their own. */
import type { Command } from 'commander'
import type { Context } from './context.ts'
import type { ExitCode } from './exit.ts'

/** Ties a command to its function, which gets the words, the options and the context. */
export type Runs = <Options>(
  run: (words: readonly unknown[], options: Options, context: Context) => Promise<ExitCode>,
) => (...given: unknown[]) => Promise<void>

/** What commands in other files are made with. */
export interface CommandTools {
  /** A command with --help, --json and an example. */
  readonly command: (parent: Command, spelling: string, description: string, example: string) => Command
  readonly runs: Runs
  /** Gives a command the options for the passphrase of the keys. */
  readonly passphrase: (made: Command) => Command
  /** Gives a command the options that say whom it believes: authorities, revocation lists, logs. */
  readonly believing: (made: Command) => Command
  /** The same, with the policy by which it judges. */
  readonly judging: (made: Command) => Command
}
