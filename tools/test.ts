/**
 * Test: every check of this repository in one run, ending with one line of totals.
 *
 *   tools/test                        everything
 *   tools/test layers types           those steps only
 *   tools/test core/formats/x509      the test files whose path contains this, and no other step
 *
 * Each check counts as one test. A skipped test says why; one that is skipped without a reason counts as failed.
 * Exit codes: 0 all passed, 1 something failed, 64 nothing has the name that was asked for.
 */
import { spawn } from 'node:child_process'
import { join, relative } from 'node:path'
import { run as runTests } from 'node:test'
import { listFiles } from './source.ts'

const root = join(import.meta.dirname, '..')
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)
const tool = (name: string): string[] => [process.execPath, join(root, 'tools', name)]

/** Test files that run at the same time. */
const CONCURRENCY = 2
/** No single test may take longer: a hanging one must not hang the run. */
const TEST_TIMEOUT_MS = 120_000
/** Nor all of them together: what still runs then is ended, and counts as failed. */
const RUN_TIMEOUT_MS = 40 * 60_000

interface Totals {
  passed: number
  failed: number
  /** Where and why. */
  readonly skipped: string[]
}

/** Commands that say nothing needs mending, in the order in which a mistake is cheapest to learn of. */
const CHECKS: Readonly<Record<string, readonly string[]>> = {
  lint: [bin('biome'), 'check', '--error-on-warnings', '--colors=off', root],
  types: [bin('tsc'), '-p', join(root, 'tsconfig.json')],
  'types-core': [bin('tsc'), '-p', join(root, 'packages/core/tsconfig.json')],
  layers: tool('check-layers.ts'),
  reach: tool('check-reach.ts'),
  docs: tool('check-docs.ts'),
}

/** Commands that take longer and come last. */
const LATE_CHECKS: Readonly<Record<string, readonly string[]>> = {
  pack: tool('pack-check.ts'),
}

const asked = process.argv.slice(2)
const stepNames = [...Object.keys(CHECKS), 'tests', ...Object.keys(LATE_CHECKS)]
const filters = asked.filter((name) => !stepNames.includes(name))
const steps = asked.length === 0 ? stepNames : asked.filter((name) => stepNames.includes(name))
if (filters.length > 0) steps.push('tests')

// Tests see neither the state nor the settings of whoever runs them.
for (const name of ['FIDUCIAL_HOME', 'FIDUCIAL_PASSPHRASE', 'FIDUCIAL_PIN']) delete process.env[name]
process.env.NO_COLOR = '1'
process.exitCode = await main()

async function main(): Promise<number> {
  const files = testFiles()
  if (files.length === 0) {
    process.stderr.write(`no step and no test file is called ${filters.join(' ')}; steps: ${stepNames.join(' ')}\n`)
    return 64
  }
  const totals: Totals = { passed: 0, failed: 0, skipped: [] }
  for (const name of Object.keys(CHECKS)) if (steps.includes(name)) await runCheck(name, CHECKS[name] ?? [], totals)
  if (steps.includes('tests')) await runTestFiles(files, totals)
  for (const name of Object.keys(LATE_CHECKS)) {
    if (steps.includes(name)) await runCheck(name, LATE_CHECKS[name] ?? [], totals)
  }
  for (const line of totals.skipped) process.stdout.write(`skipped  ${line}\n`)
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped\n`)
  return totals.failed === 0 ? 0 : 1
}

function testFiles(): string[] {
  const all = ['packages', 'tools', 'bench'].flatMap((folder) => listFiles(join(root, folder), '.test.ts'))
  if (filters.length === 0) return all
  // `core/formats` is short for `core/src/formats`.
  return all.filter((file) =>
    filters.some((part) => [file, file.replace('/src/', '/')].some((path) => path.includes(part))),
  )
}

async function runCheck(name: string, command: readonly string[], totals: Totals): Promise<void> {
  const start = performance.now()
  const { code, output } = await runCommand(command)
  const lastLine = output.trimEnd().split('\n').at(-1) ?? ''
  report(code === 0, name, start, code === 0 && lastLine.length < 100 ? lastLine : '')
  if (code === 0) {
    totals.passed++
  } else {
    totals.failed++
    process.stdout.write(`${indent(output)}\n`)
  }
}

/** Runs the test files, each in its own process, and adds up what they report. */
async function runTestFiles(files: readonly string[], totals: Totals): Promise<void> {
  const start = performance.now()
  const outputs = new Map<string, string[]>()
  /** What tests say of a run that went well, such as how much they looked at. */
  const remarks = new Map<string, string[]>()
  const failuresBefore = totals.failed
  const stream = runTests({
    files: [...files],
    concurrency: CONCURRENCY,
    timeout: TEST_TIMEOUT_MS,
    signal: AbortSignal.timeout(RUN_TIMEOUT_MS),
    execArgv: ['--import', join(root, 'tools/end-in-time.ts')],
  })
  for await (const event of stream as AsyncIterable<TestEvent>) {
    const { type, data } = event
    const file = relative(root, data.file ?? '')
    if (type === 'test:stdout' || type === 'test:stderr') {
      outputs.set(file, [...(outputs.get(file) ?? []), data.message ?? ''])
    } else if (type === 'test:diagnostic' && data.file !== undefined) {
      remarks.set(file, [...(remarks.get(file) ?? []), data.message ?? ''])
    } else if (type === 'test:pass' || type === 'test:fail') {
      const failure = judge(type, data, file)
      if (failure !== undefined) {
        totals.failed++
        const output = isWholeFile(data, file) ? (outputs.get(file) ?? []) : []
        process.stdout.write(`FAIL  ${file}: ${data.name}\n${indent([failure, ...output].join('\n'))}\n`)
      } else if (isSkipped(data)) {
        totals.skipped.push(`${file}: ${data.name}: ${data.skip || data.todo}`)
      } else if (isLeaf(data)) {
        totals.passed++
      }
    } else if (type === 'test:summary' && data.file !== undefined) {
      reportFile(file, data, outputs.get(file))
      for (const remark of remarks.get(file) ?? []) process.stdout.write(`${indent(remark)}\n`)
    }
  }
  report(totals.failed === failuresBefore, 'tests', start, `${files.length} files`)
}

/** The fields of node:test's events that are read here. */
interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name?: string
    readonly file?: string
    readonly message?: string
    readonly skip?: string | boolean
    readonly todo?: string | boolean
    readonly success?: boolean
    readonly duration_ms?: number
    readonly counts?: { readonly tests: number }
    readonly details?: { readonly type?: string; readonly error?: Error & { failureType?: string } }
  }
}

/** Why an event counts as a failure, or undefined where it does not, or where another event already says so. */
function judge(type: string, data: TestEvent['data'], file: string): string | undefined {
  if (isSkipped(data)) {
    const reason = typeof data.skip === 'string' ? data.skip : data.todo
    return typeof reason === 'string' && reason !== '' ? undefined : 'is skipped without a reason'
  }
  if (type === 'test:pass') {
    return isWholeFile(data, file) ? 'holds no test' : undefined
  }
  const error = data.details?.error
  if (error?.failureType === 'subtestsFailed') return undefined
  const cause = error?.cause
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? error?.message ?? 'failed')
}

/** Whether an event speaks of a test, not of a suite or of a test that only gathers others. */
function isLeaf(data: TestEvent['data']): boolean {
  return data.details?.type !== 'suite' && data.details?.error?.failureType !== 'subtestsFailed'
}

/** Whether an event speaks of a file as a whole: one that holds no test, or did not run to its end. */
function isWholeFile(data: TestEvent['data'], file: string): boolean {
  return data.name === join(root, file)
}

function isSkipped(data: TestEvent['data']): boolean {
  return (data.skip !== undefined && data.skip !== false) || (data.todo !== undefined && data.todo !== false)
}

function reportFile(file: string, data: TestEvent['data'], output: readonly string[] = []): void {
  const seconds = ((data.duration_ms ?? 0) / 1000).toFixed(1)
  process.stdout.write(
    `${data.success === true ? '  ok  ' : '  FAIL'}  ${seconds.padStart(6)} s  ${file} (${data.counts?.tests})\n`,
  )
  if (data.success !== true && output.length > 0) process.stdout.write(`${indent(output.join(''))}\n`)
}

function report(isGood: boolean, name: string, start: number, remark: string): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  process.stdout.write(
    `${isGood ? 'ok  ' : 'FAIL'}  ${seconds.padStart(6)} s  ${name}${remark === '' ? '' : `: ${remark}`}\n`,
  )
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '      ')
}

function runCommand([command = '', ...args]: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', (cause) => resolve({ code: 1, output: String(cause) }))
    child.on('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8') }))
  })
}
