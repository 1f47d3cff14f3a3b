/**
 * Transcript: a command-line test as a text file: commands, what they print, and how they end.
 *
 *     Prose, as much as is needed; everything outside of a command's block is prose.
 *
 *     $ fiducial verify empty.dcm
 *     2> fiducial: empty.dcm is empty (input_empty)
 *     [65]
 *
 * A block begins with `$ ` and ends with the exit code in brackets. Between them stand the lines of standard output,
 * and with `2> ` before them those of standard error. `{anything}` in braces stands for any characters of a line, a line
 * of three dots for any number of lines. Commands run one after another by `sh` in one folder, where `fiducial` is
 * this repository's command line.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { repositoryRoot, run } from './peers.ts'

/** One command and what is expected of it. */
export interface Step {
  readonly command: string
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly code: number
  /** Number of the command's line, from 1. */
  readonly line: number
}

/** @throws {SyntaxError} for a block without exit code */
export function parseTranscript(text: string): Step[] {
  const steps: Step[] = []
  let open: { command: string; stdout: string[]; stderr: string[]; line: number } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const code = line.match(/^\[(\d+)\]$/)?.[1]
    if (line.startsWith('$ ')) {
      if (open !== undefined) throw new SyntaxError(`line ${open.line}: a command without an exit code`)
      open = { command: line.slice(2), stdout: [], stderr: [], line: index + 1 }
    } else if (open !== undefined && code !== undefined) {
      steps.push({ ...open, code: Number(code) })
      open = undefined
    } else if (open !== undefined && (line === '2>' || line.startsWith('2> '))) {
      open.stderr.push(line.slice(3))
    } else {
      open?.stdout.push(line)
    }
  }
  if (open !== undefined) throw new SyntaxError(`line ${open.line}: a command without an exit code`)
  return steps
}

export const readTranscript = (path: string): Step[] => parseTranscript(readFileSync(path, 'utf8'))

/** Surroundings of the commands of one transcript. */
export interface Stage {
  /** Where they run. */
  readonly folder: string
  /** Laid over the environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * Runs one command.
 * @returns what differs from what is expected, in words; undefined where nothing does
 */
export async function runStep(step: Step, { folder, env = {} }: Stage): Promise<string | undefined> {
  const programs = join(folder, '.bin')
  installProgram(programs)
  const path = `${programs}${delimiter}${process.env.PATH ?? ''}`
  const clean = {
    FIDUCIAL_HOME: join(folder, '.home'),
    FIDUCIAL_PASSPHRASE: undefined,
    FIDUCIAL_PIN: undefined,
    FIDUCIAL_DEBUG: undefined,
  }
  const outcome = await run('sh', ['-c', step.command], {
    cwd: folder,
    env: { ...clean, NO_COLOR: '1', ...env, PATH: path },
  })
  const differences = [
    ...compareLines('standard output', step.stdout, linesOf(outcome.stdout)),
    ...compareLines('standard error', step.stderr, linesOf(outcome.stderr)),
    ...(outcome.code === step.code ? [] : [`exit code ${outcome.code}, not ${step.code}`]),
  ]
  if (differences.length === 0) return undefined
  const said = [outcome.stdout, outcome.stderr.replace(/^(?=.)/gm, '2> ')].join('').trimEnd()
  return `line ${step.line}: $ ${step.command}\n${differences.join('\n')}\nIt printed:\n${said}\n[${outcome.code}]`
}

/** Whether lines are those expected, placeholders considered. */
export function matchesLines(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected
  if (first === undefined) return actual.length === 0
  if (first === '...') return actual.some((_, i) => matchesLines(rest, actual.slice(i))) || matchesLines(rest, [])
  return actual.length > 0 && lineAs(first).test(actual[0] ?? '') && matchesLines(rest, actual.slice(1))
}

function compareLines(what: string, expected: readonly string[], actual: readonly string[]): string[] {
  if (matchesLines(expected, actual)) return []
  const index = expected.findIndex((line, i) => line !== '...' && !lineAs(line).test(actual[i] ?? ''))
  const at = index < 0 ? `line ${expected.length + 1} is one too many` : `expected: ${expected[index]}`
  return [`${what} differs; ${at}`]
}

function lineAs(line: string): RegExp {
  const parts = line.split(/\{[^{}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`)
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

/** A program `fiducial` that runs the sources with this Node. */
function installProgram(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const program = join(folder, 'fiducial')
  const main = join(repositoryRoot, 'packages/node/src/main.ts')
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${main}' "$@"\n`)
  chmodSync(program, 0o755)
}
