/** Audit site: the demonstration’s hospital with its log, and the auditor as a process over archives of its images. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')

export interface AuditEntry {
  readonly sopInstanceUid: string | null
  readonly key: string | null
  readonly standing: string | null
  readonly findings: readonly {
    readonly code: string
    readonly severity: string
    readonly foundIn: number
    readonly reasons: readonly string[]
    readonly where: readonly string[]
  }[]
}

/** What one run of the auditor came to. */
export interface AuditRun {
  readonly code: number
  readonly entries: readonly AuditEntry[]
  readonly report: {
    readonly sweep: {
      readonly number: number
      readonly read: number
      readonly unchanged: number
      readonly failed: number
      readonly isFinished: boolean
    }
    readonly standings: Readonly<Record<string, number>>
    readonly severities: Readonly<Record<string, number>>
  }
  /** The record on standard output. */
  readonly record: { readonly isResumed: boolean; readonly readNow: number; readonly enrolled?: number }
}

export class AuditSite {
  readonly folder = temporaryFolder()
  #home = this.at('home', 'demo')
  #runs = 0

  at(...names: readonly string[]): string {
    return join(this.folder, ...names)
  }

  /** Where the state lies. */
  get home(): string {
    return this.#home
  }

  /** Takes the pictures of the demonstration, seals, records and forges. Cost: eight seconds on two cores. */
  async demonstrate(): Promise<void> {
    const words = ['demo', '--out', this.at('demo'), '--keep', '--json']
    const { code, stderr } = await run(process.execPath, [MAIN, ...words], { env: { FIDUCIAL_HOME: this.at('home') } })
    assert.equal(code, 0, stderr)
  }

  /** Makes keys and a log, and no image. */
  async found(): Promise<void> {
    this.#home = this.at('home')
    for (const words of [
      ['keys', 'init', '--site', 'Example Hospital', '--demo'],
      ['log', 'init', '--origin', 'hospital.example/log'],
    ]) {
      await this.must(...words)
    }
  }

  get env(): Record<string, string> {
    return { FIDUCIAL_HOME: this.#home, NO_COLOR: '1' }
  }

  /** Runs another command, which must end well. @returns its standard output */
  async must(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(process.execPath, [MAIN, ...words], { env: this.env })
    assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }

  /** Runs the auditor to its end, and reads its report. */
  async audit(target: string, ...words: readonly string[]): Promise<AuditRun> {
    const out = this.at(`report-${++this.#runs}`)
    const all = ['audit', target, '--json', '--out', out, '--missing-after', '0', ...words]
    const { code, stdout, stderr } = await run(process.execPath, [MAIN, ...all], { env: this.env, timeoutMs: 120_000 })
    assert.ok(code <= 2, `exit code ${code}: ${stdout}${stderr}`)
    const report = JSON.parse(readFileSync(join(out, 'audit.json'), 'utf8'))
    return { code, entries: report.entries, report, record: JSON.parse(stdout) }
  }

  /** Starts the auditor, and kills it once its memory of sweeps has grown by so many bytes. */
  async killed(target: string, bytes: number, ...words: readonly string[]): Promise<void> {
    const before = this.#written()
    const child = spawn(process.execPath, [MAIN, 'audit', target, '--json', ...words], {
      env: { ...process.env, ...this.env },
      stdio: 'ignore',
    })
    await ended(child, () => this.#written() >= before + bytes)
  }

  /** Bytes that were written into the memory of sweeps. */
  #written(): number {
    const folder = join(this.#home, 'audit')
    try {
      const sizes = readdirSync(folder)
        .filter((name) => /\.sqlite(?:-wal)?$/.test(name))
        .map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0)
      return sizes.reduce((sum, size) => sum + size, 0)
    } catch {
      return 0
    }
  }
}

function ended(child: ChildProcess, isTime: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = setInterval(() => {
      if (isTime()) child.kill('SIGKILL')
    }, 2)
    child.on('error', reject)
    child.on('close', (code) => {
      clearInterval(look)
      if (code === null) resolve()
      else reject(new Error(`it ended by itself with ${code} before it could be killed`))
    })
  })
}

/** Codes of alarms and warnings, sorted. */
export const troublesOf = ({ findings }: Pick<AuditEntry, 'findings'>): readonly string[] =>
  findings
    .filter(({ severity }) => severity !== 'notice')
    .map(({ code }) => code)
    .sort()
