/**
 * Log load site: a log in a folder, a process that loads it and can be ended at any moment, and all that it has said.
 *
 * What the process has written into its pipe is the truth: an entry that it acknowledged there has to be found after
 * every restart, at its place.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { LogReport } from '../services/log/check-log.ts'
import { openCustodyLog } from '../services/log/custody-log.ts'
import { type FileLog, openFileLog } from '../storage/log/file-log.ts'
import { LogHistory } from './log-history.ts'
import { readSigner } from './log-load.ts'
import { makeStatementEntry } from './log-statements.ts'

const LOAD = fileURLToPath(new URL('./log-load.ts', import.meta.url))
/** A process that says nothing for so long hangs. */
const SILENCE_MS = 60_000

export interface LoadOptions {
  readonly seed: number
  readonly writers?: number
  /** Default: no end. */
  readonly entries?: number
  /** Entries after which the log is closed and opened again. */
  readonly cycle?: number
  /** What runs the process: a program and its arguments, before those of the process. */
  readonly under?: readonly string[]
  /** Laid over the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Says of a line whether the process is to be killed, or so many milliseconds later. */
  readonly killAt?: (line: string) => boolean | number
}

/** How a process ended. */
export interface LoadEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Entries that it acknowledged. */
  readonly acks: number
  /** Codes with which entries were refused, and with which steps failed, such as `recover log_unwritable`. */
  readonly refused: ReadonlySet<string>
  readonly failed: ReadonlySet<string>
  /** What was on standard error. */
  readonly stderr: string
  /** Longest recovery, and largest memory of a process that came to its end. */
  readonly recoveryMs: number
  readonly memoryBytes: number
}

export class LoadSite {
  readonly folder: string
  readonly history: LogHistory
  readonly #keys: string
  readonly #signer: LogSigner
  #checks = 0

  /** @param root  absolute, there, for nothing else: keys and the folder of the log are made in it */
  constructor(root: string, folder: string = join(root, 'log')) {
    const pem = (['ed25519', 'ml-dsa-44'] as const).map((type) => {
      const { privateKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ml-dsa-44')
      return privateKey.export({ type: 'pkcs8', format: 'pem' })
    })
    this.folder = folder
    this.#keys = join(root, 'keys.pem')
    writeFileSync(this.#keys, pem.join(''))
    this.#signer = readSigner(pem.join(''))
    this.history = new LogHistory(this.#signer)
  }

  /** Lets a process load the log until it ends, or is killed. */
  async run({
    seed,
    env = {},
    writers = 64,
    entries = Infinity,
    cycle = Infinity,
    under = [],
    killAt,
  }: LoadOptions): Promise<LoadEnd> {
    const args = [LOAD, this.folder, this.#keys, `${seed}`, `${writers}`, `${entries}`, `${cycle}`]
    const [program = process.execPath, ...rest] = [...under, process.execPath, ...args]
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
      // A group of its own: whatever it runs under is killed with it.
      detached: true,
    })
    const listener = new Listener(this.history)
    const stderr: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve([code, signal]))
    })
    const watchdog = setTimeout(() => kill(child), SILENCE_MS)
    let killer: NodeJS.Timeout | undefined
    for await (const line of createInterface({ input: child.stdout })) {
      listener.hear(line)
      watchdog.refresh()
      const wish = killAt?.(line)
      if (wish !== undefined && wish !== false)
        killer ??= setTimeout(() => kill(child), Number(wish === true ? 0 : wish))
    }
    const [code, signal] = await ended
    clearTimeout(watchdog)
    clearTimeout(killer)
    return { ...listener.end(), code, signal, stderr: Buffer.concat(stderr).toString('utf8') }
  }

  /** Opens the log as the next process would, lets it go on, and checks it from end to end. */
  async check(): Promise<LogReport> {
    const ports = await openFileLog(this.folder)
    try {
      for (const cell of [ports.head, ports.published]) {
        const note = await cell.read()
        if (note !== undefined) this.history.see(note)
      }
      return await this.#goOn(ports)
    } finally {
      await ports.close()
    }
  }

  async #goOn(ports: FileLog): Promise<LogReport> {
    const log = await openCustodyLog(ports, {
      crypto: nativeCrypto,
      hasher: createHasher(nativeCrypto.hash),
      signer: this.#signer,
      now: () => new Date(),
      pause: () => Promise.resolve(),
    })
    try {
      const entry = makeStatementEntry(`check ${this.#checks++}`)
      const receipt = await log.append(entry)
      this.history.acknowledge(entry, receipt)
      this.history.see(await log.published(receipt.index))
      return await this.history.checkStored(ports)
    } finally {
      await log.close()
    }
  }
}

/** Takes down what a process says. */
class Listener {
  readonly #history: LogHistory
  readonly #counts = { acks: 0, recoveryMs: 0, memoryBytes: 0 }
  readonly #refused = new Set<string>()
  readonly #failed = new Set<string>()

  constructor(history: LogHistory) {
    this.#history = history
  }

  hear(line: string): void {
    const [what, one = '', two = '', three = '', four = ''] = line.split(' ')
    if (what === 'ack') {
      this.#counts.acks++
      assert.ok(this.#history.knows(BigInt(four)), 'an entry is acknowledged under a checkpoint that was given out')
      assert.ok(BigInt(one) < BigInt(four), 'and that holds it')
      this.#history.place(two, { index: BigInt(one), leafHash: three })
    } else if (what === 'checkpoint' || what === 'published') {
      this.#history.see(Buffer.from(one, 'base64').toString('utf8'))
    } else if (what === 'opened') {
      this.#counts.recoveryMs = Math.max(this.#counts.recoveryMs, Number(two))
    } else if (what === 'closed') {
      this.#counts.memoryBytes = Number(one)
    } else if (what === 'refused') {
      this.#refused.add(one)
    } else if (what === 'failed') {
      this.#failed.add(`${one} ${two}`)
    }
  }

  end(): Pick<LoadEnd, 'acks' | 'refused' | 'failed' | 'recoveryMs' | 'memoryBytes'> {
    return { ...this.#counts, refused: this.#refused, failed: this.#failed }
  }
}

function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
