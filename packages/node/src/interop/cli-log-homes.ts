/** Homes with logs of their own, and the command line in them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Outcome, repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { makeKeys } from '../testing/transcript-stage.ts'

export const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')
const ORIGIN = 'hospital.example/log'

/** How an interrupted command went. */
export interface Ending {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder for a test file, in which each home has the same keys. Call {@link LogHomes.prepare} first. */
export class LogHomes {
  readonly folder: string = temporaryFolder()

  prepare(): Promise<void> {
    return makeKeys(this.at('keys'))
  }

  at(...names: readonly string[]): string {
    return join(this.folder, ...names)
  }

  envOf(home: string): Record<string, string> {
    return { ...(process.env as Record<string, string>), FIDUCIAL_HOME: this.at(home), NO_COLOR: '1' }
  }

  run(home: string, words: readonly string[], input?: string): Promise<Outcome> {
    const env = this.envOf(home)
    return run(process.execPath, [MAIN, ...words], { cwd: this.folder, env, ...(input !== undefined && { input }) })
  }

  async must(home: string, words: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(home, words, input)
    assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }

  /** Makes a home with keys and a log of its own. */
  async make(home: string, ...words: readonly string[]): Promise<void> {
    cpSync(this.at('keys'), this.at(home), { recursive: true })
    await this.must(home, ['log', 'init', '--origin', ORIGIN, ...words])
  }

  /** Names in a folder; none where there is no such folder. */
  list(name: string): readonly string[] {
    return existsSync(this.at(name)) ? readdirSync(this.at(name)) : []
  }

  /** Runs a command until something is so, and asks it to end. */
  interrupt(home: string, words: readonly string[], isSo: (stdout: string) => boolean, input = ''): Promise<Ending> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [MAIN, ...words], { cwd: this.folder, env: this.envOf(home) })
      let [stdout, stderr] = ['', '']
      // A second signal would not ask.
      const look = setInterval(() => {
        if (!isSo(stdout)) return
        clearInterval(look)
        child.kill('SIGINT')
      }, 5)
      child.stdout.on('data', (chunk: Buffer) => {
        stdout += chunk.toString('utf8')
      })
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString('utf8')
      })
      child.on('close', (code) => {
        clearInterval(look)
        resolve({ code, stdout, stderr })
      })
      child.stdin.on('error', () => undefined)
      child.stdin.end(input)
    })
  }
}

/** What --json writes, line by line. */
export const records = (stdout: string): readonly Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** Statements in the short form, a line each: sixteen images of each study. */
export const statements = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) =>
    JSON.stringify({
      type: 'received',
      at: new Date(1_772_000_000_000 + from + i).toISOString(),
      instance: { sopInstanceUid: `2.25.${from + i}`, studyInstanceUid: `2.25.9${(from + i) >> 4}` },
      digests: {
        file: createHash('sha256')
          .update(`${from + i}`)
          .digest('hex'),
      },
      details: { protocol: 'dimse' },
    }),
  ).join('\n')
