/**
 * Admission: the entries that wait for their place, as many as the log can keep its word for.
 *
 * What is not admitted is told so at once and was never accepted; what is admitted is answered, whatever happens.
 */
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { ENTRY_LIMIT } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import type { NewEntry } from './ports.ts'
import type { Receipt } from './receipt.ts'

/** Bytes of a statement; that of an image with a thousand attributes has some hundred thousand. */
export const PAYLOAD_LIMIT = 8 * 1024 * 1024
export const TERMS_LIMIT = 64
const TERM_LIMIT = 256
const IDENTITY_BYTES = 32

export interface AdmissionLimits {
  /** Entries that wait or are being written. Default: 65,536. */
  readonly entries?: number
  /** Bytes of them. Default: 128 MiB. */
  readonly bytes?: number
}

/** An entry that was admitted and whose sender waits. */
export interface Waiting {
  readonly entry: NewEntry
  readonly bytes: number
  resolve(receipt: Receipt): void
  reject(error: unknown): void
}

const DEFAULT_ENTRIES = 65_536
const DEFAULT_BYTES = 128 * 1024 * 1024

/** A queue with room for so many entries and bytes, those taken out and not yet answered included. */
export class Admission {
  readonly #limits: Required<AdmissionLimits>
  #waiting: Waiting[] = []
  #entries = 0
  #bytes = 0

  constructor({ entries = DEFAULT_ENTRIES, bytes = DEFAULT_BYTES }: AdmissionLimits = {}) {
    this.#limits = { entries, bytes }
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Entries admitted and not answered. */
  get size(): number {
    return this.#entries
  }

  /**
   * Admits an entry; the promise is that of its receipt.
   * @throws {FormatError} `entry_too_large`, `entry_malformed`
   * @throws {StoreError} `log_overloaded`
   */
  admit(entry: NewEntry): Promise<Receipt> {
    const bytes = checkEntry(entry)
    if (this.#entries >= this.#limits.entries || this.#bytes + bytes > this.#limits.bytes) {
      throw new StoreError('log_overloaded', `${this.#entries} entries of ${this.#bytes} bytes wait already`)
    }
    this.#entries++
    this.#bytes += bytes
    return new Promise((resolve, reject) => {
      let isAnswered = false
      const answer = (act: () => void): void => {
        if (isAnswered) return
        isAnswered = true
        this.#leave(bytes)
        act()
      }
      this.#waiting.push({
        entry: copyOf(entry),
        bytes,
        resolve: (receipt) => answer(() => resolve(receipt)),
        reject: (error) => answer(() => reject(error)),
      })
    })
  }

  /** Takes out those that waited longest, at most so many entries, and bytes unless the first alone has more. */
  take(entries: number, bytes: number): readonly Waiting[] {
    let count = 0
    let sum = 0
    while (count < Math.min(entries, this.#waiting.length)) {
      sum += this.#waiting[count]?.bytes ?? 0
      if (sum > bytes && count > 0) break
      count++
    }
    const taken = this.#waiting.slice(0, count)
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count)
    return taken
  }

  /** Answers all that wait with an error. */
  rejectAll(error: unknown): void {
    for (const waiting of this.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)) waiting.reject(error)
  }

  #leave(bytes: number): void {
    this.#entries--
    this.#bytes -= bytes
  }
}

/**
 * Hashed now and written later: were the bytes the sender's own, a buffer that is used again in between would leave a
 * batch that does not come to its root, and a log that cannot be opened.
 */
function copyOf({ leaf, identity, payload, terms }: NewEntry): NewEntry {
  // One piece of memory for both: to make one costs as much as to fill it.
  const bytes = new Uint8Array(leaf.length + identity.length)
  bytes.set(leaf)
  bytes.set(identity, leaf.length)
  const copies = { leaf: bytes.subarray(0, leaf.length), identity: bytes.subarray(leaf.length), terms: [...terms] }
  return payload === undefined ? copies : { ...copies, payload: new Uint8Array(payload) }
}

/** Bytes of an entry with all that stands beside it. */
function checkEntry({ leaf, identity, payload, terms }: NewEntry): number {
  if (identity.length !== IDENTITY_BYTES) throw new RangeError(`an identity has ${IDENTITY_BYTES} bytes`)
  if (leaf.length === 0) throw new FormatError('entry_malformed', 'the entry is empty')
  if (leaf.length > ENTRY_LIMIT) throw tooLarge('entry', leaf.length, ENTRY_LIMIT)
  const payloadBytes = payload?.length ?? 0
  if (payloadBytes > PAYLOAD_LIMIT) throw tooLarge('statement', payloadBytes, PAYLOAD_LIMIT)
  if (terms.length > TERMS_LIMIT) throw tooLarge('list of terms', terms.length, TERMS_LIMIT)
  let bytes = leaf.length + payloadBytes + IDENTITY_BYTES
  for (const { value } of terms) {
    if (value.length === 0 || value.length > TERM_LIMIT)
      throw new FormatError('entry_malformed', 'a term is empty or long')
    bytes += value.length
  }
  return bytes
}

const tooLarge = (what: string, length: number, limit: number): FormatError =>
  new FormatError('entry_too_large', `the ${what} has ${length}, and ${limit} are taken`)
