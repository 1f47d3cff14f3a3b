/**
 * PostgreSQL: a real database server for the tests, in a temporary folder, gone after them.
 *
 * Debian's server is used, found by initdb on PATH, by pg_config, or where Debian puts it. It runs as a user without
 * rights where the tests run as the superuser, whom PostgreSQL refuses. It is set up as it comes, with fsync on, and
 * listens on a socket in its folder and, where a test asks, on a port of the loopback interface.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after as afterAll } from 'node:test'
import { freePort } from './free-port.ts'
import { type Peer, peer, temporaryFolder } from './peers.ts'

const NOBODY = 65_534
const DEBIAN = '/usr/lib/postgresql'
/** Of the superuser of the cluster: looked for in messages by tests that no secret gets out. */
const PASSWORD = 'correct horse & battery/staple'
const USER = 'fiducial'
const START_TIMEOUT_MS = 30_000

/** The server's programs. `path` is that of initdb; the others lie beside it. */
export const postgres: Peer = findPostgres()

export interface Cluster {
  /** Address of the database of a name, by the socket. */
  url(database?: string): string
  /** The same by TCP, on a port of the loopback interface. */
  readonly port: number
  readonly password: string
  /** Ends the server at once, as a power cut would, but for the disk's cache. */
  crash(): Promise<void>
  /** Starts it again after {@link Cluster.crash}. */
  start(): Promise<void>
}

/**
 * Starts a cluster, which ends with the test or suite.
 *
 * @param settings  lines of postgresql.conf
 */
export async function startPostgres(
  settings: readonly string[] = [],
  owner: { after(cleanUp: () => Promise<void> | void): void } = { after: afterAll },
): Promise<Cluster> {
  // The folder goes after the server: hooks run in the order in which they were made.
  let server: ChildProcess | undefined
  const crash = async (): Promise<void> => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server?.once('exit', resolve))
    // SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, sessions cut, recovery at the next start.
    server.kill('SIGQUIT')
    await ended
  }
  owner.after(crash)
  const folder = temporaryFolder(owner)
  const data = join(folder, 'data')
  mkdirSync(data)
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, `${PASSWORD}\n`)
  for (const path of [folder, data, passwordFile]) if (isSuperuser()) chownSync(path, NOBODY, NOBODY)

  const initdb = [postgres.path, '-D', data, '-U', USER, '--encoding=UTF8', '--locale=C', '--no-sync']
  const made = spawnSync(initdb[0] as string, [...initdb.slice(1), '-A', 'scram-sha-256', `--pwfile=${passwordFile}`], {
    ...unprivileged(),
    cwd: folder,
  })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
  const port = await freePort()
  const lines = [
    `unix_socket_directories = '${folder}'`,
    `listen_addresses = '127.0.0.1'`,
    `port = ${port}`,
    ...settings,
  ]
  writeFileSync(join(data, 'postgresql.auto.conf'), `${lines.join('\n')}\n`)

  const start = async (): Promise<void> => {
    server = spawn(join(postgres.path, '..', 'postgres'), ['-D', data], {
      ...unprivileged(),
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await ready(server)
  }
  await start()
  const login = `${USER}:${encodeURIComponent(PASSWORD)}`
  return {
    url: (database = 'postgres') => `postgresql://${login}@localhost/${database}?host=${folder}&port=${port}`,
    port,
    password: PASSWORD,
    crash,
    start,
  }
}

/** Waits until the server says that it takes connections; with the locale C it says so in English. */
async function ready(server: ChildProcess): Promise<void> {
  const log: string[] = []
  server.stderr?.setEncoding('utf8')
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new Error(`postgres did not start: ${log.join('')}`))
    const timer = setTimeout(fail, START_TIMEOUT_MS)
    server.once('exit', fail)
    server.stderr?.on('data', (text: string) => {
      if (log.length < 100) log.push(text)
      if (!/ready to accept connections/.test(text)) return
      clearTimeout(timer)
      server.off('exit', fail)
      resolve()
    })
  })
}

function isSuperuser(): boolean {
  return process.getuid?.() === 0
}

function unprivileged(): { readonly uid?: number; readonly gid?: number } {
  return isSuperuser() ? { uid: NOBODY, gid: NOBODY } : {}
}

function findPostgres(): Peer {
  const folders = [configured(), ...debian()].filter((folder) => folder !== undefined)
  const path = folders.map((folder) => join(folder, 'initdb')).find((program) => existsSync(program))
  return path === undefined ? peer('initdb') : { path, skip: false }
}

/** What pg_config says; it may be there without the server. */
function configured(): string | undefined {
  const { status, stdout } = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** Newest version first. */
function debian(): string[] {
  if (!existsSync(DEBIAN)) return []
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(DEBIAN, version, 'bin'))
}
