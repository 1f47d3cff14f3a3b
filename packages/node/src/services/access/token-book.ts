/**
 * Token book: the tokens of a site: made, looked up, revoked.
 *
 * A token that was revoked is gone from the book; who used it stands in the custody log under its person. Reading is
 * cached for a moment, so that a busy face does not read the store for each request.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { AccessRole } from '@fiducial/core/domain/access/roles.ts'
import {
  type Caller,
  findCaller,
  makeToken,
  TOKEN_RANDOM_BYTES,
  type TokenRecord,
} from '@fiducial/core/domain/access/token.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { RandomBytes } from '../ports.ts'

export interface TokenStore {
  /** @throws {StoreError} `input_unreadable`; {FormatError} `settings_malformed` */
  read(): Promise<readonly TokenRecord[]>
  /** When it resolves, the record survives a power cut. @throws {StoreError} `output_unwritable`, `output_exists` */
  add(record: TokenRecord): Promise<void>
  /** False where there is none. @throws {StoreError} `output_unwritable` */
  remove(id: string): Promise<boolean>
}

export interface TokenBookOptions {
  readonly store: TokenStore
  readonly crypto: Crypto
  readonly random: RandomBytes
  readonly now: () => Date
}

export interface NewToken {
  readonly person: string
  readonly name: string
  readonly role: AccessRole
  /** Days for which it gives access; without it, until it is revoked. */
  readonly validDays?: number
}

const DAY_MS = 86_400_000
/** For so long a token that was revoked by another process may still give access. */
const CACHE_MS = 2_000
/** So often the store is looked at anew for tokens that are not known. */
const MISS_MS = 100

export class TokenBook {
  readonly #options: TokenBookOptions
  #cached: { readonly at: number; readonly records: Promise<readonly TokenRecord[]> } | undefined

  constructor(options: TokenBookOptions) {
    this.#options = options
  }

  list(): Promise<readonly TokenRecord[]> {
    return this.#options.store.read()
  }

  /** @returns the record, and the text that is shown once @throws {RangeError} for names that are none; {StoreError} */
  async create({ validDays, ...order }: NewToken): Promise<{ readonly record: TokenRecord; readonly text: string }> {
    const { store, crypto, random, now } = this.#options
    const createdAt = now()
    const expiresAt = validDays === undefined ? null : new Date(createdAt.getTime() + validDays * DAY_MS)
    const made = makeToken({ ...order, createdAt, expiresAt, random: random(TOKEN_RANDOM_BYTES) }, crypto)
    await store.add(made.record)
    this.#cached = undefined
    return made
  }

  /** @throws {StoreError} `input_missing` if there is no such token */
  async revoke(id: string): Promise<void> {
    const wasThere = await this.#options.store.remove(id)
    this.#cached = undefined
    if (!wasThere) throw new StoreError('input_missing', 'there is no such token')
  }

  /** Who shows a token; undefined where it gives no access. @throws {StoreError} {FormatError} as the store */
  async find(text: string): Promise<Caller | undefined> {
    const { crypto, now } = this.#options
    const at = now()
    const look = async (cacheMs: number): Promise<Caller | undefined> =>
      findCaller(text, await this.#records(at.getTime(), cacheMs), { now: at, crypto })
    // One that is not known may have been made just now, by another process.
    return (await look(CACHE_MS)) ?? look(MISS_MS)
  }

  #records(at: number, cacheMs: number): Promise<readonly TokenRecord[]> {
    if (this.#cached === undefined || at - this.#cached.at > cacheMs || at < this.#cached.at) {
      const records = this.#options.store.read()
      records.catch(() => {
        this.#cached = undefined
      })
      this.#cached = { at, records }
    }
    return this.#cached.records
  }
}
