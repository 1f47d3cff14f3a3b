/**
 * Harness: measures us and others on the same work, in turn, in one run.
 *
 * Every contestant runs once to warm up, then all run one after another, round after round, so that a change of the
 * machine's speed meets all of them. Printed and kept are medians, spread, and the ratio to each other contestant,
 * formed round by round. A result is written to bench/results as JSON (all times) and Markdown (the table).
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import { join, relative } from 'node:path'
import { ratios, type Summary, summarise } from './statistics.ts'

const root = join(import.meta.dirname, '..')

/** A program and its arguments, started anew in each round; its output is thrown away. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** Exit codes that count as work done. Default: only 0. */
  readonly codes?: readonly number[]
}

/** One way to do the work. */
export interface Contestant {
  readonly name: string
  /** Does the whole work once: a function in this process, or a command. */
  readonly work: (() => unknown) | Command
  /** Puts things back before each round, untimed. */
  readonly prepare?: () => unknown
}

/** A question, with all it takes to ask it again. */
export interface Comparison {
  /** File name of the result, kebab-case. */
  readonly name: string
  /** What is asked, as one sentence. */
  readonly question: string
  /** What the work is done on: size, number, kind. */
  readonly input: string
  /** How much of something one round deals with, for rates: `{ amount: 200, of: 'files' }`. */
  readonly volume: { readonly amount: number; readonly of: string }
  /** Ourselves; ratios say how many times longer the others take. */
  readonly ours: Contestant
  readonly others: readonly Contestant[]
  /** Default: 7. */
  readonly rounds?: number
  /** Untimed rounds before. Default: 1. */
  readonly warmUps?: number
}

/** How one contestant did. */
export interface Entry {
  readonly name: string
  /** Milliseconds of each round, in order. */
  readonly timesMs: readonly number[]
  readonly timeMs: Summary
  /** Volume by second, from the median time. */
  readonly rate: number
  /** Time of this one divided by ours, over the rounds; 1 for ourselves. */
  readonly ratio: Summary
}

/** What was found, and where. */
export interface Result {
  readonly name: string
  readonly question: string
  readonly input: string
  readonly volume: Comparison['volume']
  readonly entries: readonly Entry[]
  readonly machine: string
  readonly runtime: string
  /** Revision of the sources; ends in a plus sign where files had been changed. */
  readonly revision: string
  readonly command: string
  /** ISO 8601, UTC. */
  readonly date: string
}

/**
 * Measures a comparison.
 *
 * @throws {Error} where a contestant fails; there is no result then
 */
export async function compare(comparison: Comparison): Promise<Result> {
  const { name, question, input, volume, ours, others, rounds = 7, warmUps = 1 } = comparison
  const contestants = [ours, ...others]
  const times = new Map<string, number[]>(contestants.map((contestant) => [contestant.name, []]))
  if (times.size !== contestants.length) throw new TypeError('two contestants have one name')
  for (let round = -warmUps; round < rounds; round++) {
    for (const contestant of contestants) {
      await contestant.prepare?.()
      const time = await timeOf(contestant)
      if (round >= 0) times.get(contestant.name)?.push(time)
    }
  }
  const ourTimes = times.get(ours.name) ?? []
  const entries = [...times].map(([contestant, timesMs]) => {
    const timeMs = summarise(timesMs)
    const rate = (volume.amount / timeMs.median) * 1000
    return { name: contestant, timesMs, timeMs, rate, ratio: summarise(ratios(ourTimes, timesMs)) }
  })
  return { name, question, input, volume, entries, ...surroundings() }
}

/** Prints the table and writes both files of the result. */
export function publish(result: Result, folder: string = join(root, 'bench/results')): void {
  mkdirSync(folder, { recursive: true })
  const table = formatResult(result)
  writeFileSync(join(folder, `${result.name}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
  writeFileSync(join(folder, `${result.name}.md`), table)
  process.stdout.write(table)
}

/** Writes a result as Markdown. */
export function formatResult(result: Result): string {
  const { question, input, volume, entries, machine, runtime, revision, command, date } = result
  const rounds = entries[0]?.timesMs.length ?? 0
  const rows = entries.map(({ name, timeMs, rate, ratio }, index) => {
    const spread = `${number(timeMs.lowest)}–${number(timeMs.highest)}`
    const ratioCell = index === 0 ? '1' : `${number(ratio.median)} (${number(ratio.lowest)}–${number(ratio.highest)})`
    return `| ${name} | ${number(timeMs.median)} | ${spread} | ${number(rate)} | ${ratioCell} |`
  })
  return [
    `# ${question}`,
    '',
    `Input: ${input}. ${rounds} rounds, in turn; times in ms.`,
    '',
    `| | median | lowest–highest | ${volume.of}/s | time, ours = 1 |`,
    '|---|---|---|---|---|',
    ...rows,
    '',
    `Machine: ${machine}. Runtime: ${runtime}. Revision: ${revision}. Date: ${date}.`,
    '',
    `Command: \`${command}\``,
    '',
  ].join('\n')
}

/** Three significant digits, without an exponent. */
export function number(value: number): string {
  return value >= 100 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString()
}

async function timeOf({ name, work }: Contestant): Promise<number> {
  const start = performance.now()
  if (typeof work === 'function') await work()
  else await runCommand(name, work)
  return performance.now() - start
}

function runCommand(name: string, { program, args, codes = [0] }: Command): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const stderr: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code !== null && codes.includes(code)) resolve()
      else reject(new Error(`${name} ended with ${code}: ${Buffer.concat(stderr).toString('utf8').slice(-500)}`))
    })
  })
}

/** Where and with what a result was measured. */
export function surroundings(): Pick<Result, 'machine' | 'runtime' | 'revision' | 'command' | 'date'> {
  const [processor] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return {
    machine: `${availableParallelism()} cores of ${processor?.model.trim() ?? 'an unknown processor'}, ${memory}, ${platform()} ${release()}`,
    runtime: `Node ${process.version}`,
    revision: revision(),
    command: ['node', relative(root, process.argv[1] ?? ''), ...process.argv.slice(2)].join(' '),
    date: new Date().toISOString(),
  }
}

function revision(): string {
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? ''
  const hash = git('rev-parse', '--short=12', 'HEAD')
  if (hash === '') return 'unknown'
  return git('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash}+`
}
