/**
 * Log report: results of measurements that have more to tell than one time: rates, waits, sizes, beside what was aimed at.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { number, type Result, surroundings } from './harness.ts'
import { summarise } from './statistics.ts'

const results = join(import.meta.dirname, 'results')

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
}

/** What was aimed at, and what came out. */
export interface Aim {
  readonly aim: string
  readonly found: string
  readonly isMet: boolean
}

export interface Report {
  /** File name of the result, kebab-case. */
  readonly name: string
  /** What is asked, as one sentence. */
  readonly question: string
  /** How it was measured: input, rounds. */
  readonly input: string
  readonly tables: readonly Table[]
  readonly aims?: readonly Aim[]
  /** What a reader has to know to take the figures for what they are. */
  readonly remarks?: readonly string[]
  /** Every measurement, for the JSON file. */
  readonly measurements: unknown
}

/** Load of the machine when this program started: other programs make figures worse. */
const load = loadavg()[0] ?? 0

/** Prints the tables and writes both files of the result. */
export function publishReport(report: Report): void {
  const where = { ...surroundings(), load }
  mkdirSync(results, { recursive: true })
  const text = formatReport(report, where)
  writeFileSync(join(results, `${report.name}.md`), text)
  writeFileSync(join(results, `${report.name}.json`), `${JSON.stringify({ ...report, ...where }, undefined, 2)}\n`)
  process.stdout.write(text)
}

type Where = Pick<Result, 'machine' | 'runtime' | 'revision' | 'command' | 'date'> & { readonly load: number }

function formatReport({ question, input, tables, aims = [], remarks = [] }: Report, where: Where): string {
  const { machine, runtime, revision, command, date } = where
  const aimed: Table = {
    title: 'Aims',
    columns: ['aim', 'found', ''],
    rows: aims.map(({ aim, found, isMet }) => [aim, found, isMet ? 'met' : 'not met']),
  }
  return [
    `# ${question}`,
    '',
    `Input: ${input}.`,
    '',
    ...[...tables, ...(aims.length > 0 ? [aimed] : [])].flatMap(formatTable),
    ...remarks.flatMap((remark) => [remark, '']),
    `Machine: ${machine}; load before: ${where.load.toFixed(1)}. Runtime: ${runtime}. Revision: ${revision}. Date: ${date}.`,
    '',
    `Command: \`${command}\``,
    '',
  ].join('\n')
}

function formatTable({ title, columns, rows }: Table): string[] {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.map(cell).join(' | ')} |`
  const rule = `|${columns.map(() => '---').join('|')}|`
  return [`## ${title}`, '', line(columns), rule, ...rows.map(line), '']
}

const cell = (value: string | number): string => (typeof value === 'number' ? number(value) : value)

/** Median of the rounds, with lowest and highest: `20,400 (19,800–21,000)`. */
export function spread(values: readonly number[]): string {
  const { median, lowest, highest } = summarise(values)
  return `${number(median)} (${number(lowest)}–${number(highest)})`
}

/** Middle value. */
export const median = (values: readonly number[]): number => summarise(values).median
