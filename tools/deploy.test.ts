/**
 * Deploy: the files in deploy/ do what they say: systemd takes the unit and finds little to fear in it, and what the container file
 * copies is a gateway that runs, as another user who may not write the program.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { freePort } from '../packages/node/src/testing/free-port.ts'
import { makeImage } from '../packages/node/src/testing/gateway-site.ts'
import { peer, repositoryRoot, run, temporaryFolder } from '../packages/node/src/testing/peers.ts'

const analyze = peer('systemd-analyze')
const storescu = peer('storescu')
const strace = peer('strace')
const UNIT = join(repositoryRoot, 'deploy', 'systemd', 'fiducial-gateway.service')
const CONTAINER = join(repositoryRoot, 'deploy', 'container', 'Containerfile')
/** Of systemd's own scale, on which 10 is without any limit. */
const EXPOSURE_LIMIT = 2
/** An account without a name, as containers have them. */
const ACCOUNT = 10_001

describe('the systemd unit', { skip: analyze.skip }, () => {
  /** The unit, with a program that there is. */
  function unit(t: TestContext): string {
    const path = join(temporaryFolder(t), 'fiducial-gateway.service')
    writeFileSync(path, readFileSync(UNIT, 'utf8').replace('/usr/bin/fiducial ', '/bin/true '))
    return path
  }

  it('is one that systemd understands', async (t) => {
    const { code, stdout, stderr } = await run(analyze.path, ['verify', '--man=no', unit(t)])
    assert.deepEqual([code, (stdout + stderr).trim()], [0, ''])
  })

  it('leaves little open', async (t) => {
    const { code, stdout } = await run(analyze.path, ['security', '--offline=yes', '--no-pager', unit(t)])
    const [, level = ''] = /Overall exposure level for \S+: ([\d.]+) OK/.exec(stdout) ?? []
    assert.equal(code, 0)
    assert.ok(Number(level) > 0 && Number(level) < EXPOSURE_LIMIT, stdout.slice(-300))
    t.diagnostic(`exposure ${level}`)
  })

  it('lets the gateway do all that it asks of the system', {
    skip: storescu.skip || strace.skip || rootSkip(),
  }, async (t) => {
    const folder = temporaryFolder(t)
    const trace = join(folder, 'trace')
    writeFileSync(trace, '')
    chownSync(trace, ACCOUNT, ACCOUNT)
    await runGateway(t, folder, [strace.path, '-f', '-qq', '-o', trace])
    const called = new Set(
      readFileSync(trace, 'utf8')
        .split('\n')
        .map((line) => /^\d+ +([a-z0-9_]+)\(/.exec(line)?.[1] ?? ''),
    )
    const allowed = await allowedCalls()
    assert.deepEqual(
      [...called].filter((name) => name !== '' && !allowed.has(name)),
      [],
    )
    t.diagnostic(`${called.size} kinds of system calls`)
  })
})

describe('the container file', () => {
  it('copies what there is', () => {
    for (const source of copiedSources()) assert.ok(existsSync(join(repositoryRoot, source)), source)
  })

  it('makes a gateway that runs as another user, on a program that nobody can write', {
    skip: storescu.skip || rootSkip(),
  }, async (t) => {
    const home = await runGateway(t, temporaryFolder(t), [])
    assert.ok(existsSync(join(home, 'gateway', 'instances.db')))
  })
})

function rootSkip(): string | false {
  return process.getuid?.() === 0 ? false : 'only root may run it as another user'
}

/** What is copied from the repository, not from another stage. */
function copiedSources(): readonly string[] {
  const lines = readFileSync(CONTAINER, 'utf8').split('\n')
  return lines
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1))
}

function wordsOf(instruction: string): readonly string[] {
  const [, list = '[]'] = new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(readFileSync(CONTAINER, 'utf8')) ?? []
  return JSON.parse(list) as string[]
}

function healthCheck(): readonly string[] {
  const [, list = '[]'] = /^HEALTHCHECK [^\n]*\\\n\s+CMD (\[.*\])$/m.exec(readFileSync(CONTAINER, 'utf8')) ?? []
  return JSON.parse(list) as string[]
}

/** Makes /opt/fiducial of the image: what is copied, and the dependencies that `npm ci --omit=dev` installs. */
async function copyProgram(program: string): Promise<void> {
  const ignored = readFileSync(join(repositoryRoot, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const isWanted = (path: string): boolean => {
    const name = relative(repositoryRoot, path)
    return !ignored.some((pattern) => matches(name, pattern))
  }
  for (const source of copiedSources()) {
    mkdirSync(dirname(join(program, source)), { recursive: true })
    cpSync(join(repositoryRoot, source), join(program, source), { recursive: true, filter: isWanted })
  }
  const lock = JSON.parse(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; link?: boolean; resolved?: string }>
  }
  for (const [path, { dev, link, resolved }] of Object.entries(lock.packages)) {
    const source = join(repositoryRoot, path)
    // What is for other platforms is not installed.
    if (!path.includes('node_modules/') || dev === true || !existsSync(source)) continue
    const target = join(program, path)
    mkdirSync(dirname(target), { recursive: true })
    if (link === true) symlinkSync(relative(dirname(target), join(program, resolved ?? '')), target)
    else await copyPackage(source, target)
  }
}

/** Files of one package, without those that lie in it: the lock names them too. Linked where the file system can. */
async function copyPackage(source: string, target: string): Promise<void> {
  mkdirSync(target, { recursive: true })
  const entries = readdirSync(source).filter((name) => name !== 'node_modules')
  const paths = entries.map((name) => join(source, name))
  const { code } = await run('cp', ['-al', ...paths, target])
  if (code !== 0) assert.equal((await run('cp', ['-a', ...paths, target])).code, 0)
}

/** As .dockerignore has it: a pattern stands for what lies below it, too. */
function matches(name: string, pattern: string): boolean {
  const parts = name.split('/')
  return parts.some((_, i) => {
    const head = parts.slice(0, i + 1).join('/')
    if (!pattern.startsWith('**/')) return head === pattern
    const last = pattern.slice(3)
    return last.startsWith('*') ? parts[i]?.endsWith(last.slice(1)) === true : parts[i] === last
  })
}

/** What a process says, until it has said something. */
function listen(child: ChildProcess) {
  let text = ''
  const keep = (chunk: Buffer): void => {
    text += chunk.toString('utf8')
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return {
    text: () => text,
    async until(words: string): Promise<void> {
      while (!text.includes(words)) {
        if (child.exitCode !== null) assert.fail(text)
        await new Promise((resolve) => child.stdout?.once('data', resolve) && child.once('exit', resolve))
      }
    },
  }
}

/** Runs the program of the image until it has sealed an image. @param before  words of what watches it @returns its state */
async function runGateway(t: TestContext, folder: string, before: readonly string[]): Promise<string> {
  chmodSync(folder, 0o755)
  const program = join(folder, 'program')
  await copyProgram(program)
  const home = join(folder, 'state')
  mkdirSync(home, { mode: 0o700 })
  chownSync(home, ACCOUNT, ACCOUNT)
  const [port, dicomPort] = [await freePort(), await freePort()]
  const entry = wordsOf('ENTRYPOINT').map((word) => word.replace('/opt/fiducial', program))
  const ports = ['--port', String(port), '--dicom-port', String(dicomPort)]
  const [command = '', ...words] = [...before, ...entry, 'up', '--json', ...ports]
  const child = spawn(command, words, {
    uid: ACCOUNT,
    gid: ACCOUNT,
    cwd: '/',
    env: { FIDUCIAL_HOME: home, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  // With whatever watches it: a group of its own.
  const end = (signal: NodeJS.Signals): boolean => child.exitCode !== null || process.kill(-(child.pid ?? 0), signal)
  t.after(() => void end('SIGKILL'))
  const said = listen(child)
  await said.until('"dicom"')
  // What the container runtime asks.
  const [runtime = ''] = entry
  const [, , script = ''] = healthCheck().map((word) => word.replaceAll(':8460/', `:${port}/`))
  const health = await run(runtime, ['-e', script])
  assert.equal(health.code, 0, health.stderr)
  const image = join(folder, 'image.dcm')
  writeFileSync(image, makeImage({ sop: '2.25.901' }))
  const sent = await run(storescu.path, ['-aec', 'FIDUCIAL', '127.0.0.1', String(dicomPort), image])
  assert.equal(sent.code, 0, sent.stderr)
  await said.until('"isSealedHere":true')
  const ended = new Promise((resolve) => child.once('exit', resolve))
  end('SIGTERM')
  assert.equal(await ended, 0, said.text())
  return home
}

/** What the filters of the unit leave, in their order. */
async function allowedCalls(): Promise<ReadonlySet<string>> {
  const { stdout } = await run(analyze.path, ['syscall-filter', '--no-pager'])
  const groups = new Map<string, string[]>()
  let current: string[] = []
  for (const line of stdout.split('\n')) {
    const word = line.trim()
    if (line.startsWith('@')) {
      current = []
      groups.set(word, current)
    } else if (word !== '' && !word.startsWith('#')) current.push(word)
  }
  const expand = (word: string): readonly string[] =>
    word.startsWith('@') ? (groups.get(word) ?? []).flatMap(expand) : [word]
  const allowed = new Set(expand('@default'))
  for (const [, sign, words = ''] of readFileSync(UNIT, 'utf8').matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
    for (const name of words.split(' ').flatMap(expand)) {
      if (sign === '~') allowed.delete(name)
      else allowed.add(name)
    }
  }
  return allowed
}
