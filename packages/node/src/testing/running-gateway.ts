/**
 * Running gateway: the command `fiducial up` as a process of its own, started, killed and started again by tests.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { InstanceMessage, InstancesMessage, StatusMessage } from '@fiducial/core/api/gateway.ts'
import { freePort } from './free-port.ts'
import { run } from './peers.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const START_MS = 60_000
const POLL_MS = 25
const OUTPUT_LIMIT = 200_000

export interface GatewayProcessOptions {
  /** Folder of all state. */
  readonly home: string
  /** Words behind `up`, besides those for ports. */
  readonly words?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export class GatewayProcess {
  readonly home: string
  readonly dicomPort: number
  readonly webPort: number
  /** How often it was started. */
  starts = 0
  readonly #options: GatewayProcessOptions
  #child: ChildProcess | undefined
  #output = ''
  #logLines = ''

  private constructor(options: GatewayProcessOptions, dicomPort: number, webPort: number) {
    this.home = options.home
    this.#options = options
    this.dicomPort = dicomPort
    this.webPort = webPort
  }

  /** On ports that stay the same. It is not started yet. */
  static async make(options: GatewayProcessOptions): Promise<GatewayProcess> {
    return new GatewayProcess(options, await freePort(), await freePort())
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** What it has said, its last part. */
  get output(): string {
    return this.#output
  }

  /** Of that, its log lines. */
  get logLines(): string {
    return this.#logLines
  }

  /** Resolves once it takes images in. @throws {Error} with what it said where it ends before */
  async start(): Promise<void> {
    this.starts++
    const words = ['up', '--json', '--port', String(this.webPort), '--dicom-port', String(this.dicomPort)]
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, ...words, ...(this.#options.words ?? [])],
      {
        env: { ...process.env, ...this.#options.env, FIDUCIAL_HOME: this.home },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    this.#child = child
    let isUp = false
    child.stdout.on('data', (chunk: Buffer) => {
      isUp ||= chunk.includes('"dicom"')
      this.#keep(chunk)
    })
    child.stderr.on('data', (chunk: Buffer) => {
      this.#logLines = (this.#logLines + chunk.toString('utf8')).slice(-OUTPUT_LIMIT)
      this.#keep(chunk)
    })
    for (let waitedMs = 0; !isUp; waitedMs += POLL_MS) {
      if (child.exitCode !== null || child.signalCode !== null || waitedMs > START_MS)
        throw new Error(`the gateway did not come up:\n${this.#output}`)
      await pause(POLL_MS)
    }
  }

  /** @returns its exit code; null where the signal ended it */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (child === undefined) return null
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill(signal)
      await ended
    }
    return child.exitCode
  }

  /** JSON of the web API. @throws {Error} for any status but 200 */
  async ask(path: string, method: 'GET' | 'POST' = 'GET'): Promise<unknown> {
    const { url, token } = this.reach()
    const response = await fetch(`${url}/api/v1/${path}`, { method, headers: { authorization: `Bearer ${token}` } })
    if (response.status !== 200) throw new Error(`${path} answered with ${response.status}`)
    return response.json()
  }

  /** Where commands of the same account find it. */
  reach(): { readonly url: string; readonly token: string } {
    const path = join(this.home, 'gateway', 'reach.json')
    if (!existsSync(path)) throw new Error('no gateway runs')
    return JSON.parse(readFileSync(path, 'utf8')) as { url: string; token: string }
  }

  /** A command of the same state, run to its end: its objects on standard output. */
  async command(...words: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    const args = ['--disable-warning=ExperimentalWarning', MAIN, ...words, '--json']
    const { stdout, stderr, code } = await run(process.execPath, args, {
      env: { FIDUCIAL_HOME: this.home },
      timeoutMs: 120_000,
    })
    if (code !== 0 && stdout === '') throw new Error(stderr)
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** Images as the web API lists them. @param query  such as `state=done&limit=10` */
  async list(query: string): Promise<readonly InstanceMessage[]> {
    return ((await this.ask(`instances?${query}`)) as InstancesMessage).instances
  }

  async status(): Promise<StatusMessage> {
    return (await this.ask('status')) as StatusMessage
  }

  /** Waits until an image has got so far. @throws {Error} with what there is where it does not */
  async when(sopInstanceUid: string, state: InstanceMessage['state']): Promise<InstanceMessage> {
    return this.until(`${sopInstanceUid} became ${state}`, async () => {
      const [found] = await this.list(`instance=${sopInstanceUid}&limit=1`)
      return found?.state === state ? found : undefined
    })
  }

  /** Waits until nothing is under way: what came is delivered, held back or given up, and logged. */
  async settled(): Promise<StatusMessage> {
    return this.until('nothing was under way', async () => {
      const status = await this.status()
      const { states, deliveries, pendingEvents } = status.counts
      return states.received + deliveries.waiting + pendingEvents === 0 ? status : undefined
    })
  }

  /** Asks again and again. @throws {Error} with the status where it stays undefined for a minute */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    for (let waitedMs = 0; waitedMs < START_MS; waitedMs += 2 * POLL_MS) {
      const found = await look()
      if (found !== undefined) return found
      await pause(2 * POLL_MS)
    }
    throw new Error(`waited in vain until ${what}: ${JSON.stringify(await this.ask('status'))}`)
  }

  #keep(chunk: Buffer): void {
    this.#output = (this.#output + chunk.toString('utf8')).slice(-OUTPUT_LIMIT)
  }
}
