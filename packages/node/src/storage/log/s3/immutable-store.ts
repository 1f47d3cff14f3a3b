/**
 * Immutable store on S3: an object is written only where none is (If-None-Match), so that nothing is ever replaced.
 *
 * Where one is there already, what it holds decides: the same bytes are success, whoever wrote them, so that an attempt
 * whose answer was lost can be made again. The keys are the paths of C2SP tlog-tiles below the prefix: a bucket can be
 * served as it is.
 */
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { ImmutableStore, StoredObject } from '../../../services/log/ports.ts'
import { checkObjectPath, checkPartialPath } from '../object-path.ts'
import { describeAnswer, type S3Client } from './client.ts'
import { getObject } from './get-object.ts'
import { sendPatiently } from './retry.ts'

/** Requests at the same time of one {@link S3ImmutableStore.putAll}. */
const LANES = 16
/** How often an object may be there for a writer and gone for the reader after it. */
const ROUNDS = 3

const HEADERS = {
  'if-none-match': '*',
  'content-type': 'application/octet-stream',
  'cache-control': 'public, max-age=31536000, immutable',
}

export class S3ImmutableStore implements ImmutableStore {
  readonly #client: S3Client

  constructor(client: S3Client) {
    this.#client = client
  }

  /** @throws {StoreError} `service_unreachable`, `service_refused` */
  async get(path: string): Promise<Uint8Array | undefined> {
    checkObjectPath(path)
    return (await getObject(this.#client, path))?.bytes
  }

  async putOnce(path: string, bytes: Uint8Array): Promise<void> {
    checkObjectPath(path)
    for (let round = 0; round < ROUNDS; round++) {
      const request = { method: 'PUT', key: path, headers: HEADERS, body: bytes } as const
      const { answer } = await sendPatiently(this.#client, request)
      if (answer.status === 200) return
      if (answer.status !== 412) throw unwritable(describeAnswer(answer))
      const there = await getObject(this.#client, path).catch(unwritableBecause)
      if (there === undefined) continue
      if (equalBytes(there.bytes, bytes)) return
      throw new StoreError('object_conflict', `an object of ${there.bytes.length} other bytes exists`)
    }
    throw unwritable('an object exists and cannot be read')
  }

  /** Starts no more once one has failed; those that were under way are waited for. */
  async putAll(objects: readonly StoredObject[]): Promise<void> {
    for (const { path } of objects) checkObjectPath(path)
    const rest = objects.values()
    const failures: unknown[] = []
    const lane = async (): Promise<void> => {
      for (const { path, bytes } of rest) {
        try {
          await this.putOnce(path, bytes)
        } catch (failure) {
          failures.push(failure)
        }
        if (failures.length > 0) return
      }
    }
    await Promise.all(Array.from({ length: Math.min(LANES, objects.length) }, lane))
    if (failures.length > 0) throw failures[0]
  }

  async removePartial(path: string): Promise<void> {
    checkPartialPath(path)
    const { answer } = await sendPatiently(this.#client, { method: 'DELETE', key: path })
    const isGone = answer.status === 204 || answer.status === 200 || answer.code === 'NoSuchKey'
    if (!isGone) throw unwritable(describeAnswer(answer))
  }
}

/** What hinders a comparison hinders the writing. */
function unwritableBecause(cause: unknown): never {
  throw cause instanceof StoreError ? unwritable(cause.message) : cause
}

const unwritable = (why: string): StoreError =>
  new StoreError('log_unwritable', `the object store does not take an object: ${why}`)
