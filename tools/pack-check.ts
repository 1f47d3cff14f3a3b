/**
 * Pack: builds the package, packs it, installs it in an empty folder and runs it there, as a user would.
 *
 *   node tools/pack-check.ts [--keep]
 *
 * The installed program gives its version, its help and a demo; it runs with this Node, and through the runtime that
 * it brings along where the user's Node is too old. Exit code 1 where anything of it fails. `--keep` leaves the folder.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPackage } from './build.ts'

const TIMEOUT_MS = 300_000
const NPM_QUIETLY = ['--no-audit', '--no-fund', '--no-progress', '--prefer-offline', '--loglevel=error']

const folder = mkdtempSync(join(tmpdir(), 'fiducial-pack-'))
const built = join(folder, 'dist')
const user = join(folder, 'user')
try {
  const files = await buildPackage(built)
  const tarball = await pack()
  await install(tarball)
  await tryProgram()
  process.stdout.write(`${files.length} files packed, installed and run\n`)
} catch (cause) {
  process.stdout.write(`${cause instanceof Error ? cause.message : String(cause)}\n`)
  process.exitCode = 1
} finally {
  if (process.argv.includes('--keep')) process.stdout.write(`${folder}\n`)
  else rmSync(folder, { recursive: true, force: true })
}

async function pack(): Promise<string> {
  const { stdout } = await command('npm', ['pack', '--json', '--pack-destination', folder, ...NPM_QUIETLY], built)
  const listing: unknown = JSON.parse(stdout)
  const name = JSON.stringify(listing).match(/"filename":"([^"]+\.tgz)"/)?.[1]
  if (name === undefined) throw new TypeError('npm pack names no file')
  return join(folder, name)
}

async function install(tarball: string): Promise<void> {
  mkdirSync(user)
  // What npm's newest versions ask of a project before they run any package's install script.
  const project = { name: 'user', private: true, allowScripts: { node: true, pkcs11js: false } }
  writeFileSync(join(user, 'package.json'), JSON.stringify(project))
  await command('npm', ['install', ...NPM_QUIETLY, tarball], user)
}

async function tryProgram(): Promise<void> {
  const program = join(user, 'node_modules/.bin/fiducial')
  const { version } = JSON.parse(readFileSync(join(built, 'package.json'), 'utf8'))
  const shown = await command(program, ['--version'], user)
  if (shown.stdout.trim() !== version) throw new TypeError(`--version says ${shown.stdout.trim()}, not ${version}`)

  // A user's old Node, played by this one: the program must go on with the runtime that came along.
  const disguise = join(folder, 'disguise.cjs')
  writeFileSync(disguise, `Object.defineProperty(process.versions, 'node', { value: '20.0.0' })\n`)
  const throughRuntime = await command(process.execPath, ['--require', disguise, program, '--version'], user)
  if (throughRuntime.stdout !== shown.stdout) throw new TypeError('an old Node is not replaced by the own runtime')

  const demo = await command(program, ['demo', '--json', '--out', join(user, 'demo')], user)
  for (const line of demo.stdout.trim().split('\n')) JSON.parse(line)
}

interface Output {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command that must end well. */
function command(name: string, args: readonly string[], cwd: string): Promise<Output> {
  const env = { ...process.env, FIDUCIAL_HOME: join(folder, 'home') }
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    const child = spawn(name, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS })
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      const output = { stdout: Buffer.concat(stdout).toString('utf8'), stderr: Buffer.concat(stderr).toString('utf8') }
      if (code === 0) resolve(output)
      else reject(new Error(`${name} ${args.join(' ')} ends with ${code}:\n${output.stdout}${output.stderr}`))
    })
  })
}
