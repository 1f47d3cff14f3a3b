/** Peer server: a program of others that is started, answers, and is stopped again, with what it wrote meanwhile. */
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { spawnBound } from './bound-process.ts'

/** Characters of its output that are kept: the last ones. */
const LOG_LIMIT = 200_000
const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 20_000
const POLL_MS = 20

export class PeerServer {
  #server: ChildProcess | undefined
  #log = ''

  /** 0 while it does not run. */
  get pid(): number {
    return this.#server?.pid ?? 0
  }

  /** The end of what it wrote, over all its starts. */
  get log(): string {
    return this.#log
  }

  /** @throws {Error} with what it wrote, where it ends or is not ready in two minutes */
  async start(
    program: string,
    args: readonly string[],
    options: Pick<SpawnOptions, 'cwd' | 'env'>,
    isReady: () => Promise<boolean>,
  ): Promise<void> {
    if (this.#server !== undefined) throw new Error(`${program} runs already`)
    const server = spawnBound(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#server = server
    for (const stream of [server.stdout, server.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-LOG_LIMIT)
      })
    }
    let failure: string | undefined
    server.once('error', (cause) => {
      failure = String(cause)
    })
    server.once('exit', (code, signal) => {
      failure = `it ended with ${code ?? signal}`
    })
    const deadline = Date.now() + START_TIMEOUT_MS
    while (!(await isReady())) {
      if (failure === undefined && Date.now() > deadline) failure = 'it does not answer'
      if (failure !== undefined) throw new Error(`${program} did not start: ${failure}\n${this.#log}`)
      await pause(POLL_MS)
    }
  }

  /** Resolves once it has ended; one that does not is killed after a while. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
    server.kill(signal)
    const timer = setTimeout(() => server.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await ended
    clearTimeout(timer)
  }
}
