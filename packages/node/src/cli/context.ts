/** Context: all that a command gets beside its own words and options. */
import type { Adapters } from './adapters.ts'
import type { Output } from './output.ts'
import type { Terminal } from './terminal.ts'

export interface Context {
  readonly terminal: Terminal
  readonly output: Output
  readonly adapters: Adapters
  /** The folder of all state. */
  readonly home: string
}
