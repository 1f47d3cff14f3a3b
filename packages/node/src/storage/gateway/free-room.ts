/**
 * Free room: how much a disk has left, without asking it for every piece that is written.
 *
 * Between two questions, what was written here counts as taken. The disk is asked again sooner the less there is left,
 * and after a second in any case, since others write to it, too.
 */
import { statfsSync } from 'node:fs'
import { StoreError } from '@fiducial/core/errors.ts'

const AGE_MS = 1_000
const UNASKED_BYTES = 32 * 2 ** 20

/** Bytes that an ordinary user may still write on the disk of a path. */
export function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

export class FreeRoom {
  readonly #reserveBytes: number
  readonly #ask: () => number
  #freeBytes = 0
  #unaskedBytes = Number.POSITIVE_INFINITY
  #heldBytes = 0
  #askedAt = Number.NEGATIVE_INFINITY

  /** @param reserveBytes  what is to stay free @param ask  how much is free now */
  constructor(reserveBytes: number, ask: () => number) {
    this.#reserveBytes = reserveBytes
    this.#ask = ask
  }

  /** Kept for what is yet to be written; by a negative number, given back. */
  hold(bytes: number): void {
    this.#heldBytes = Math.max(0, this.#heldBytes + bytes)
  }

  /** What is left for what is new, as the disk says now. */
  leftBytes(): number {
    return Math.max(0, this.#ask() - this.#heldBytes)
  }

  /** Counts bytes that are about to be written. @throws {StoreError} `spool_full` where they would touch the reserve, or what is held */
  take(bytes: number): void {
    const keptBytes = this.#reserveBytes + this.#heldBytes
    const room = this.#freeBytes - keptBytes
    const now = performance.now()
    if (this.#unaskedBytes + bytes > Math.min(UNASKED_BYTES, room / 2) || now - this.#askedAt > AGE_MS) {
      this.#freeBytes = this.#ask()
      this.#askedAt = now
      this.#unaskedBytes = 0
    }
    this.#unaskedBytes += bytes
    if (this.#freeBytes - this.#unaskedBytes < keptBytes) {
      throw new StoreError('spool_full', `the disk has ${this.#freeBytes} bytes left, and ${keptBytes} are kept free`)
    }
  }
}
