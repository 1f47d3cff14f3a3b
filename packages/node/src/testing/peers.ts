/**
 * Peers: what tests need from outside this repository: other people's programs, shared data, temporary folders.
 *
 * A developer's machine may lack a peer: its tests are skipped and say why. With CI=true a missing peer is a
 * failure, so that a green run always means the peers agreed. The programs are installed by tools/install-peers.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after as afterAll } from 'node:test'
import { fileURLToPath } from 'node:url'

/** Absolute path of the repository's root, without a slash at the end. */
export const repositoryRoot: string = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/[\\/]$/, '')

/** A program that a test compares us with; the object can be spread into the options of a node:test test. */
export interface Peer {
  /** Absolute path of the program; its bare name where it is missing. */
  readonly path: string
  /** `false` where the program is there, else the reason to report. */
  readonly skip: string | false
}

/**
 * Looks a program up on PATH, and among those that tools/install-peers has built.
 *
 * @param name  file name of the program, such as `dcmsign`
 * @throws {Error} where it is missing and CI=true
 */
export function peer(name: string): Peer {
  const path = findOnPath(name)
  if (path !== undefined) return { path, skip: false }
  return { path: name, skip: missing(`${name} is not installed: run tools/install-peers`) }
}

/**
 * The same for sources or data that a package brings, by their absolute path.
 *
 * @throws {Error} where nothing lies there and CI=true
 */
export function peerPath(path: string): Peer {
  return { path, skip: existsSync(path) ? false : missing(`${path} is missing: run tools/install-peers`) }
}

const sharedRoot = join(repositoryRoot, '..', 'shared')

/**
 * Absolute path of a file or folder of the shared data, which lies beside the repository in a folder `shared`.
 *
 * @param path  relative, with forward slashes, such as `data/dicom/pydicom`
 * @throws {Error} where nothing lies there and CI=true
 */
export function sharedPath(path: string): string {
  const absolute = join(sharedRoot, ...path.split('/'))
  if (!existsSync(absolute)) missing(`../shared/${path} is missing`)
  return absolute
}

/**
 * For the `skip` option of tests that read shared data: the reason where the folder `../shared` is missing, else
 * `false`. With CI=true always `false`: the test runs, and {@link sharedPath} throws.
 */
export const sharedSkip: string | false =
  existsSync(sharedRoot) || isContinuousIntegration() ? false : 'the shared data folder ../shared is missing'

/** How a command went. */
export interface Outcome {
  /** Exit code, or -1 where a signal ended the command. */
  readonly code: number
  /** Name of the signal that ended it, where one did. */
  readonly signal: NodeJS.Signals | undefined
  /** Standard output, decoded as UTF-8. */
  readonly stdout: string
  /** Standard output as it came. */
  readonly output: Uint8Array
  /** Standard error, decoded as UTF-8. */
  readonly stderr: string
}

/** Surroundings of a command. */
export interface RunOptions {
  /** What standard input carries; none: the empty input. */
  readonly input?: string | Uint8Array
  readonly cwd?: string
  /** Laid over the environment of this process; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** After this time the command is killed. Default: 60 000. */
  readonly timeoutMs?: number
}

/**
 * Runs a command to its end, without a shell.
 *
 * @returns the outcome, whatever the exit code
 * @throws {Error} where the command cannot be started
 */
export function run(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Outcome> {
  const { input, cwd, env, timeoutMs = 60_000 } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env } })
    // Not the timeout of `spawn`: its timer outlives a command that could not be started.
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', (cause) => {
      clearTimeout(timer)
      reject(cause)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const output = Buffer.concat(stdout)
      resolve({
        code: code ?? -1,
        signal: signal ?? undefined,
        stdout: output.toString('utf8'),
        output: new Uint8Array(output),
        stderr: Buffer.concat(stderr).toString('utf8'),
      })
    })
    // A command may end without reading its input; the broken pipe is no trouble of the test's.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

/**
 * Makes an empty folder and removes it, with all in it, after the test or suite.
 *
 * @param owner  the test's context; without one the folder goes when the surrounding suite or file has ended
 */
export function temporaryFolder(owner: { after(cleanUp: () => void): void } = { after: afterAll }): string {
  const folder = mkdtempSync(join(tmpdir(), 'fiducial-test-'))
  owner.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** On PATH, and where tools/install-peers puts what it builds itself. */
function findOnPath(name: string): string | undefined {
  const { PATH = '', XDG_CACHE_HOME = join(homedir(), '.cache') } = process.env
  const folders = [...PATH.split(delimiter).filter((folder) => folder !== ''), join(XDG_CACHE_HOME, 'fiducial-peers')]
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Gives the reason back for the report of skipped tests, or throws it in continuous integration. */
function missing(reason: string): string {
  if (isContinuousIntegration()) throw new Error(`${reason} (a failure, because CI=true)`)
  return reason
}

function isContinuousIntegration(): boolean {
  return process.env.CI === 'true'
}
