/**
 * Litewitness: starts a C2SP witness of other people, with its own key in an ssh-agent.
 *
 * The program is that of filippo.io/torchwood; its tables are filled as its own tool fills them, which is not built here.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'

const program = peer('litewitness')
const agent = peer('ssh-agent')

/** For the `skip` option of tests. */
export const litewitnessSkip: string | false = program.skip || agent.skip

export interface Litewitness {
  readonly url: string
  readonly key: VerifierKey
  /** Lets it watch a log. */
  watch(origin: string, key: VerifierKey): void
  /** What it remembers of a log. */
  sizeOf(origin: string): number | undefined
}

/** Starts a witness, which ends with the test. */
export async function startLitewitness(t: TestContext, name: string): Promise<Litewitness> {
  const folder = temporaryFolder(t)
  const socket = join(folder, 'agent')
  const fingerprint = await startAgent(t, folder, socket)
  const port = await findFreePort()
  const file = join(folder, 'witness.db')
  const args = ['-name', name, '-db', file, '-ssh-agent', socket, '-key', fingerprint, '-listen', `127.0.0.1:${port}`]
  const child = start(t, program.path, args)
  const [, verifierKey = ''] = await lineOf(child, /vkey=(\S+)/)
  await untilOpen({ host: '127.0.0.1', port })
  const database = new DatabaseSync(file, { timeout: 5_000 })
  t.after(() => database.close())
  return {
    url: `http://127.0.0.1:${port}`,
    key: parseVerifierKey(verifierKey, nativeCrypto.hash),
    watch(origin, key) {
      const nothing = Buffer.from(nativeCrypto.hash('sha256').digest()).toString('base64')
      database.prepare('INSERT INTO log VALUES (?, 0, ?)').run(origin, nothing)
      database.prepare('INSERT INTO key VALUES (?, ?)').run(origin, formatVerifierKey(key))
    },
    sizeOf: (origin) =>
      database.prepare('SELECT tree_size FROM log WHERE origin = ?').get(origin)?.tree_size as number | undefined,
  }
}

/** An agent with a fresh key. @returns the fingerprint of the key */
async function startAgent(t: TestContext, folder: string, socket: string): Promise<string> {
  start(t, agent.path, ['-D', '-a', socket])
  await untilOpen({ path: socket })
  const key = join(folder, 'key')
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  await must('ssh-add', ['-q', key], { SSH_AUTH_SOCK: socket })
  const [, fingerprint = ''] = (await must('ssh-keygen', ['-l', '-f', key])).split(' ')
  return fingerprint
}

function start(t: TestContext, path: string, args: readonly string[]): ChildProcess {
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return child
}

async function must(name: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await run(name, args, { env })
  if (code !== 0) throw new Error(`${name}: ${stderr}`)
  return stdout
}

/** The first match in what a program writes to standard error. */
function lineOf(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      const match = pattern.exec(text)
      if (match !== null) resolve(match)
    })
    child.once('close', (code) => reject(new Error(`ended with ${code}: ${text}`)))
  })
}

/** A port of the loopback interface at which nobody listens. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** Waits for a program that says nothing when it is ready. */
async function untilOpen(address: { readonly path: string } | { readonly host: string; readonly port: number }) {
  for (let tries = 0; tries < 500; tries++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(address, () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (isOpen) return
    await wait(10)
  }
  throw new Error('a program does not listen')
}
