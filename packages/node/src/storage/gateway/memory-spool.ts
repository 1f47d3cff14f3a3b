/** Memory spool: files on their way that end with the process, for tests. */
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Spool, SpooledBytes, SpooledFile, SpoolWriter } from '../../services/gateway/ports.ts'
import { checkSpoolKey, makeSpoolKey } from './spool-key.ts'

export interface MemorySpoolOptions {
  /** Room there is at all; default: no end. */
  readonly capacityBytes?: number
}

export class MemorySpool implements Spool {
  readonly #files = new Map<string, Uint8Array>()
  readonly #begun = new Set<string>()
  readonly #capacityBytes: number
  #usedBytes = 0
  #heldBytes = 0
  /** Where files lie that somebody has asked the path of. */
  #folder: string | undefined

  constructor({ capacityBytes = Number.POSITIVE_INFINITY }: MemorySpoolOptions = {}) {
    this.#capacityBytes = capacityBytes
  }

  create(): SpoolWriter {
    this.#checkRoom(1)
    const key = makeSpoolKey(new Date())
    const pieces: Uint8Array[] = []
    let finished: SpooledBytes | undefined
    let hasEnded = false
    const checkOpen = (): void => {
      if (hasEnded) throw new TypeError('the writer has ended')
    }
    const finish = (): SpooledBytes => {
      checkOpen()
      const whole = new Uint8Array(Buffer.concat(pieces.splice(0)))
      pieces.push(whole)
      finished ??= {
        lengthBytes: whole.length,
        sha256: new Uint8Array(createHash('sha256').update(whole).digest()),
      }
      return finished
    }
    this.#begun.add(key)
    return {
      key,
      write: (bytes) => {
        checkOpen()
        if (finished !== undefined) throw new TypeError('the writer has ended')
        this.#checkRoom(bytes.length)
        this.#usedBytes += bytes.length
        pieces.push(Uint8Array.from(bytes))
      },
      finish,
      commit: async () => {
        const result = finish()
        hasEnded = true
        this.#begun.delete(key)
        this.#files.set(key, pieces[0] as Uint8Array)
        return result
      },
      abort: async () => {
        if (hasEnded) return
        hasEnded = true
        this.#begun.delete(key)
        for (const { length } of pieces) this.#usedBytes -= length
      },
    }
  }

  async open(key: string): Promise<SpooledFile> {
    return { ...memorySource(this.#find(key)), [Symbol.asyncDispose]: async () => undefined }
  }

  async pathOf(key: string): Promise<string> {
    const bytes = this.#find(key)
    this.#folder ??= mkdtempSync(join(tmpdir(), 'fiducial-spool-'))
    const path = join(this.#folder, key)
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    writeFileSync(path, bytes, { mode: 0o600 })
    chmodSync(path, 0o600)
    return path
  }

  async remove(key: string): Promise<void> {
    checkSpoolKey(key)
    this.#usedBytes -= this.#files.get(key)?.length ?? 0
    this.#files.delete(key)
    if (this.#folder !== undefined) rmSync(join(this.#folder, key), { force: true })
  }

  async *list(): AsyncIterable<string> {
    yield* [...this.#files.keys()]
  }

  async sweep(): Promise<number> {
    const count = this.#begun.size
    this.#begun.clear()
    return count
  }

  async freeBytes(): Promise<number | undefined> {
    return Number.isFinite(this.#capacityBytes) ? this.#capacityBytes - this.#usedBytes - this.#heldBytes : undefined
  }

  hold(bytes: number): void {
    this.#heldBytes = Math.max(0, this.#heldBytes + bytes)
  }

  async close(): Promise<void> {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }

  #find(key: string): Uint8Array {
    checkSpoolKey(key)
    const bytes = this.#files.get(key)
    if (bytes === undefined) throw new StoreError('spool_corrupted', `the spool has no file ${key}`)
    return bytes
  }

  #checkRoom(bytes: number): void {
    if (this.#usedBytes + this.#heldBytes + bytes > this.#capacityBytes)
      throw new StoreError('spool_full', 'the spool is full')
  }
}
