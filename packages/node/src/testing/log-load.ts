/**
 * Log load: a process that appends to a log in files for as long as it lives, for tests that kill it or take its disk away.
 *
 *   node log-load.ts FOLDER KEYS SEED [WRITERS [ENTRIES [CYCLE]]]
 *
 * KEYS holds the two keys of the log, in PEM. Each of so many writers sends one statement after the other, now and then
 * one that was sent before. It ends after so many entries; every CYCLE entries it closes the log and opens it again.
 * What it says, one line each:
 *
 *   opening, closing             a step is about to be taken
 *   opened SIZE MS               the log has been recovered
 *   checkpoint BASE64            a signed note that was not given out before
 *   ack INDEX IDENTITY LEAFHASH SIZE   an entry was acknowledged under the checkpoint of a size
 *   published BASE64             what others can see
 *   refused CODE                 an entry was not acknowledged; no writer goes on
 *   failed STEP CODE             a step was not possible
 *   closed RSS                   all is written out; the largest memory of the process, in bytes
 *
 * Exit codes: 0 all was acknowledged, 1 something was refused or not possible.
 */
import { createPrivateKey } from 'node:crypto'
import { readFileSync, writeSync } from 'node:fs'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { hashLeaf } from '@fiducial/core/formats/merkle/tree.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { createLogSigner } from '../keys/log-signer.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type CustodyLog, openCustodyLog } from '../services/log/custody-log.ts'
import type { NewEntry } from '../services/log/ports.ts'
import type { Receipt } from '../services/log/receipt.ts'
import { type FileLog, openFileLog } from '../storage/log/file-log.ts'
import { pause } from '../wiring/pause.ts'
import { ORIGIN } from './log-site.ts'
import { makeStatementEntry } from './log-statements.ts'

/** Statements before the end of the log that are sent once more after a restart: more than can have been under way. */
const AGAIN = 100
const REPEATED = 0.1
const PUBLISH_INTERVAL_MS = 30

/** A statement by its number; 200 to 1,500 bytes. */
export const loadEntry = (number: number): NewEntry =>
  makeStatementEntry(`load ${number}`, 200 + ((number * 7919) % 1301))

/** The keys of a log from their PEM, one after the other. */
export function readSigner(pem: string): LogSigner {
  const [ed25519, mlDsa44] = pem.match(/-----BEGIN[\s\S]+?-----END PRIVATE KEY-----/g) ?? []
  if (ed25519 === undefined || mlDsa44 === undefined) throw new RangeError('two keys in PEM')
  const keys = { ed25519: createPrivateKey(ed25519), mlDsa44: createPrivateKey(mlDsa44) }
  return createLogSigner(ORIGIN, keys, nativeCrypto.hash)
}

/** At once and whole: what has been said has been said, also by a process that is killed the moment after. */
function say(line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      // Whoever listens is slow, and the pipe is full.
      if (codeOf(error) !== 'EAGAIN') throw error
      Atomics.wait(IDLE, 0, 0, 1)
    }
  }
}
const IDLE = new Int32Array(new SharedArrayBuffer(4))

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

class Load {
  readonly #folder: string
  readonly #signer: LogSigner
  readonly #random: () => number
  readonly #notes = new Map<string, bigint>()
  #next = 0
  #left: number
  #inCycle = 0
  isRefused = false

  constructor(folder: string, signer: LogSigner, options: { readonly seed: number; readonly entries: number }) {
    this.#folder = folder
    this.#signer = signer
    this.#random = seeded(options.seed)
    this.#left = options.entries
  }

  get isDone(): boolean {
    return this.#left <= 0 || this.isRefused
  }

  /** Opens the log, lets writers write so many entries, and closes it. */
  async cycle(writers: number, entries: number): Promise<void> {
    say('opening')
    const started = performance.now()
    const ports = await this.#step('open', () => openFileLog(this.#folder))
    if (ports === undefined) return
    const log = await this.#step('recover', () => this.#openLog(ports))
    if (log !== undefined) {
      say(`opened ${log.state.size} ${Math.round(performance.now() - started)}`)
      this.#next = Math.max(this.#next, Number(log.state.size)) - AGAIN
      this.#inCycle = Math.min(this.#left, entries)
      if (this.#left !== Infinity) this.#left -= this.#inCycle
      await Promise.all(Array.from({ length: writers }, () => this.#write(log)))
      if (log.publishedCheckpoint !== undefined) say(`published ${encode(log.publishedCheckpoint)}`)
      say('closing')
      await this.#step('close', () => log.close())
    }
    await this.#step('end', () => ports.close())
  }

  #openLog(ports: FileLog): Promise<CustodyLog> {
    return openCustodyLog(ports, {
      crypto: nativeCrypto,
      hasher: createHasher(nativeCrypto.hash),
      signer: this.#signer,
      now: () => new Date(),
      pause,
      publishIntervalMs: PUBLISH_INTERVAL_MS,
    })
  }

  async #write(log: CustodyLog): Promise<void> {
    while (this.#inCycle > 0 && !this.isRefused) {
      this.#inCycle--
      const isRepeated = this.#random() < REPEATED
      const number = isRepeated ? Math.floor(this.#random() * Math.max(this.#next, 0)) : this.#next++
      const entry = loadEntry(Math.max(number, 0))
      try {
        this.#acknowledge(entry, await log.append(entry))
      } catch (error) {
        say(`refused ${codeOf(error)}`)
        this.isRefused = true
      }
    }
  }

  #acknowledge({ identity }: NewEntry, { index, leaf, checkpoint }: Receipt): void {
    const known = this.#notes.get(checkpoint)
    const size = known ?? parseCheckpoint(parseNote(checkpoint).text).size
    if (known === undefined) {
      // Only the newest are given out again.
      if (this.#notes.size > 1000) this.#notes.clear()
      this.#notes.set(checkpoint, size)
      say(`checkpoint ${encode(checkpoint)}`)
    }
    say(`ack ${index} ${encodeHex(identity)} ${encodeHex(hashLeaf(nativeCrypto.hash, leaf))} ${size}`)
  }

  /** Undefined, and said so, where a step is not possible. */
  async #step<T>(name: string, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act()
    } catch (error) {
      say(`failed ${name} ${codeOf(error)}`)
      this.isRefused = true
      return undefined
    }
  }
}

const encode = (text: string): string => Buffer.from(text).toString('base64')

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

async function main(args: readonly string[]): Promise<void> {
  const [folder = '', keys = '', seed = '1', writers = '64', entries = 'Infinity', cycle = 'Infinity'] = args
  const signer = readSigner(readFileSync(keys, 'utf8'))
  const load = new Load(folder, signer, { seed: Number(seed), entries: Number(entries) })
  while (!load.isDone) await load.cycle(Number(writers), Number(cycle))
  say(`closed ${process.resourceUsage().maxRSS * 1024}`)
  if (load.isRefused) process.exitCode = 1
}

if (import.meta.main) await main(process.argv.slice(2))
