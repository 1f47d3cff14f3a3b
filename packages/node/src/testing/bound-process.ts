/**
 * Bound process: a program that ends with the process that started it, however that one ends.
 *
 * A test that is killed, as one that takes too long is, cleans nothing up. Where the system knows how (Linux, setpriv), its
 * programs are killed with it.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'

/** Undefined until it was looked for. */
let hasSetpriv: boolean | undefined

/** As `spawn`: the process that it gives is the program itself. */
export function spawnBound(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  hasSetpriv ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
  return hasSetpriv
    ? spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], options)
    : spawn(program, [...args], options)
}
