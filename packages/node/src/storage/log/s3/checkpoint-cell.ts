/**
 * Checkpoint cell on S3: one object that is replaced only where it is still the version that was read (If-Match), and
 * made only where none is (If-None-Match).
 *
 * If the answer to an attempt is lost, the next attempt finds the condition broken, perhaps by the first: then what the
 * cell holds tells who won.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { CheckpointCell } from '../../../services/log/ports.ts'
import { describeAnswer, type S3Client } from './client.ts'
import { getObject } from './get-object.ts'
import { sendPatiently } from './retry.ts'

const HEADERS = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' }

interface Version {
  readonly text: string
  readonly etag: string
}

export class S3CheckpointCell implements CheckpointCell {
  readonly #client: S3Client
  readonly #key: string
  /** What was read or written last: usually current, and if not, the condition fails. */
  #last: Version | undefined

  /** @param key  below the client's prefix; the published one is `checkpoint` (C2SP tlog-tiles) */
  constructor(client: S3Client, key: string) {
    this.#client = client
    this.#key = key
  }

  /** @throws {StoreError} `service_unreachable`, `service_refused` */
  async read(): Promise<string | undefined> {
    return (await this.#read())?.text
  }

  async compareAndSwap(expected: string | undefined, next: string): Promise<void> {
    const isKnown = expected !== undefined && this.#last?.text === expected
    const current = isKnown ? this.#last : await this.#read().catch(unwritableBecause)
    if (current?.text !== expected) throw moved()
    const condition: Record<string, string> = current ? { 'if-match': current.etag } : { 'if-none-match': '*' }
    const body = Buffer.from(next, 'utf8')
    const request = { method: 'PUT', key: this.#key, headers: { ...HEADERS, ...condition }, body } as const
    this.#last = undefined
    const { answer, mayHaveHappened } = await sendPatiently(this.#client, request)
    if (answer.status === 200) {
      if (answer.etag !== undefined) this.#last = { text: next, etag: answer.etag }
      return
    }
    const isBroken = answer.status === 412 || (answer.status === 404 && answer.code === 'NoSuchKey')
    if (!isBroken) throw unwritable(describeAnswer(answer))
    if (mayHaveHappened && (await this.#read().catch(unwritableBecause))?.text === next) return
    throw moved()
  }

  async #read(): Promise<Version | undefined> {
    const found = await getObject(this.#client, this.#key)
    if (found === undefined) {
      this.#last = undefined
      return undefined
    }
    if (found.etag === undefined) throw new StoreError('service_refused', 'the object store gives an object no tag')
    this.#last = { text: Buffer.from(found.bytes).toString('utf8'), etag: found.etag }
    return this.#last
  }
}

/** What hinders a look at the cell hinders the swap. */
function unwritableBecause(cause: unknown): never {
  throw cause instanceof StoreError ? unwritable(cause.message) : cause
}

const moved = (): StoreError => new StoreError('checkpoint_moved', 'another checkpoint is current')

const unwritable = (why: string): StoreError =>
  new StoreError('log_unwritable', `the object store does not take the checkpoint: ${why}`)
