/**
 * Gateway receivers: what takes images in the measurements of the gateway: ours, DCMTK's storescp, Orthanc. Each is a program of
 * its own, started anew for each round, with a folder of its own on the disk or in memory.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fiducial } from './fixtures.ts'

export interface Receiver {
  readonly name: string
  start(folder: string): Promise<Running>
}

export interface Running {
  readonly port: number
  readonly aet: string
  readonly pid: number
  /** Of the web side, where there is one. */
  readonly url?: string
  /** Headers that a request to it needs. */
  readonly headers?: Readonly<Record<string, string>>
  /** Waits until everything that was taken is dealt with. */
  settle(): Promise<void>
  stop(): Promise<void>
}

/** Processor time so far and the most memory that it had, its threads and children included. */
export interface Use {
  readonly cpuSeconds: number
  readonly peakBytes: number
}

const TICKS_PER_SECOND = 100
const START_MS = 60_000
const POLL_MS = 10

export function useOf(pid: number): Use {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), of which the first two are cut off.
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakBytes: Number(peak ?? 0) * 1024 }
}

/**
 * DCMTK's receiver.
 * @param isBitPreserving  writes what came as it came
 * @param more  further options
 * @param noDelay  `0`: it answers late, as it does where nobody has set TCP_NODELAY
 */
export const storescp = (isBitPreserving: boolean, more: readonly string[] = [], noDelay = '1'): Receiver => ({
  name: isBitPreserving ? 'storescp +B' : 'storescp',
  async start(folder) {
    const port = await freePort()
    mkdirSync(folder, { recursive: true })
    const args = [...(isBitPreserving ? ['+B'] : []), ...more, '-aet', 'BENCH', '-od', folder, String(port)]
    const child = spawn('storescp', args, { stdio: 'ignore', env: { ...process.env, TCP_NODELAY: noDelay } })
    await listening(port, child)
    return { port, aet: 'BENCH', pid: child.pid ?? 0, settle: async () => undefined, stop: () => end(child) }
  },
})

/** Orthanc with an own database. @param isDurable  flushes each file before it answers */
export const orthanc = (isDurable: boolean): Receiver => ({
  name: isDurable ? 'Orthanc, flushing' : 'Orthanc',
  async start(folder) {
    const [port, web] = [await freePort(), await freePort()]
    mkdirSync(folder, { recursive: true })
    const config = join(folder, 'orthanc.json')
    const settings = {
      Name: 'bench',
      StorageDirectory: join(folder, 'db'),
      IndexDirectory: join(folder, 'db'),
      DicomAet: 'BENCH',
      DicomPort: port,
      HttpPort: web,
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      DicomAlwaysAllowStore: true,
      DicomCheckCalledAet: false,
      SyncStorageArea: isDurable,
      OverwriteInstances: true,
      Plugins: ['/usr/share/orthanc/plugins/libOrthancDicomWeb.so'],
    }
    writeFileSync(config, JSON.stringify(settings))
    const child = spawn('/usr/sbin/Orthanc', [config], { stdio: 'ignore', env: { ...process.env, TCP_NODELAY: '1' } })
    await listening(port, child)
    const url = `http://127.0.0.1:${web}/dicom-web`
    return { port, aet: 'BENCH', pid: child.pid ?? 0, url, settle: async () => undefined, stop: () => end(child) }
  },
})

/** Our gateway, everything on: flushed, hashed, verified, sealed, logged. Goes nowhere, so that only it is measured. */
export const gateway: Receiver = gatewayWith('gateway', null)

/** A gateway by its routes. @param routes  text of the file; null: it goes nowhere */
export function gatewayWith(name: string, routes: string | null): Receiver {
  return { name, start: (folder) => startGateway(folder, routes) }
}

async function startGateway(folder: string, routes: string | null): Promise<Running> {
  const [port, web] = [await freePort(), await freePort()]
  const home = join(folder, 'home')
  mkdirSync(home, { recursive: true })
  const settings = ['telemetry: { logLevel: error }', 'storage: { reserveMegabytes: 64 }']
  if (routes !== null) {
    writeFileSync(join(home, 'routes.yaml'), routes)
    settings.push(`routes: ${join(home, 'routes.yaml')}`)
  }
  writeFileSync(join(home, 'gateway.yaml'), `${settings.join('\n')}\n`)
  const words = ['up', '--json', '--dicom-port', String(port), '--port', String(web)]
  const child = spawn(fiducial, words, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, FIDUCIAL_HOME: home },
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('"dicom"')) resolve()
    })
    child.once('exit', () => reject(new Error('the gateway did not come up')))
  })
  const { url, token } = JSON.parse(readFileSync(join(home, 'gateway/reach.json'), 'utf8')) as Record<string, string>
  const headers = { authorization: `Bearer ${token}` }
  return {
    port,
    aet: 'FIDUCIAL',
    pid: child.pid ?? 0,
    url: `${url}/dicom-web`,
    headers,
    async settle() {
      for (;;) {
        const response = await fetch(`${url}/api/v1/status`, { headers })
        const { counts } = (await response.json()) as {
          counts: { states: Record<string, number>; pendingEvents: number }
        }
        if ((counts.states.received ?? 0) + (counts.states.forwarding ?? 0) + counts.pendingEvents === 0) return
        await pause(20)
      }
    },
    stop: () => end(child),
  }
}

/** Makes a folder for a round: on the disk, or in memory. It goes at the end of the process. */
export function roundFolder(isInMemory: boolean): string {
  const folder = mkdtempSync(join(isInMemory ? '/dev/shm' : (process.env.TMPDIR ?? '/var/tmp'), 'fiducial-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Whether anything lies there. */
export const isEmpty = (folder: string): boolean => !existsSync(folder) || readdirSync(folder).length === 0

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** Waits until a port is taken, without connecting to it. */
async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += POLL_MS) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`)
    if (await isTaken(port)) return
    await pause(POLL_MS)
  }
  throw new Error(`${child.spawnfile} does not listen`)
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(true))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(false)))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
