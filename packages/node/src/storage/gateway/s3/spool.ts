/**
 * S3 spool: whole files on their way through, in a bucket that many gateways share.
 *
 *     KEY/0     128 bytes of header, and the first bytes of the file
 *     KEY/1 …   the following parts, of 16 MiB each
 *
 * A file is written on this machine first, and then uploaded; part 0 comes last, and with it the file is there. What was
 * uploaded or fetched stays on this machine for a while, within a limit. Nothing is ever listed in the bucket, where
 * others are at work: what a crash can have left are keys that lie on this machine still. A machine whose disk is lost
 * may leave objects that no record names; a rule of the bucket that removes objects after some months takes them.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type FileHandle, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Spool, SpooledBytes, SpooledFile, SpoolWriter } from '../../../services/gateway/ports.ts'
import { describeAnswer, type S3Answer, type S3Client } from '../../log/s3/client.ts'
import { isPassing, sendPatiently } from '../../log/s3/retry.ts'
import { FileSpool } from '../file-spool.ts'
import { attempt, isCode, spoolFiles } from '../spool-files.ts'
import { checkSpoolKey, folderOfKey, isSpoolFolder, isSpoolKey } from '../spool-key.ts'
import { formatPartHeader, PART_HEADER_BYTES, parsePartHeader } from './part-header.ts'

const PART_BYTES = 16 * 2 ** 20
const CACHE_BYTES = 10 * 2 ** 30
/** What was used a moment ago is about to be opened. */
const FRESH_MS = 60_000
/** Uploads of one file at the same time. */
const LANES = 4

export interface S3SpoolOptions {
  readonly client: S3Client
  /** Absolute; of this gateway alone. */
  readonly folder: string
  /**
   * Bytes that may lie on this machine while they are in the bucket, too; twice that for a minute after they were used.
   * Default 10 GiB.
   */
  readonly cacheBytes?: number
  /** As of {@link FileSpool}. */
  readonly reserveBytes?: number
  readonly freeBytes?: () => number
  /** Default 16 MiB; for tests. Never change it for a bucket with files in it. */
  readonly partBytes?: number
}

export class S3Spool implements Spool {
  readonly #client: S3Client
  readonly #folder: string
  readonly #local: FileSpool
  readonly #cacheBytes: number
  readonly #partBytes: number
  /** Files that are being fetched. */
  readonly #fetching = new Map<string, Promise<void>>()
  /** Those that are uploaded now: in no case taken from this machine. */
  readonly #uploading = new Set<string>()
  /** What may lie on this machine by now; more than that where others have removed something. */
  #localBytes = Number.POSITIVE_INFINITY

  private constructor(local: FileSpool, options: S3SpoolOptions) {
    this.#client = options.client
    this.#folder = options.folder
    this.#local = local
    this.#cacheBytes = options.cacheBytes ?? CACHE_BYTES
    this.#partBytes = options.partBytes ?? PART_BYTES
  }

  /** @throws {StoreError} `spool_unwritable` */
  static async open(options: S3SpoolOptions): Promise<S3Spool> {
    const { folder, reserveBytes, freeBytes } = options
    const local = await FileSpool.open(folder, {
      isVolatile: true,
      ...(reserveBytes === undefined ? {} : { reserveBytes }),
      ...(freeBytes === undefined ? {} : { freeBytes }),
    })
    return new S3Spool(local, options)
  }

  create(): SpoolWriter {
    const writer = this.#local.create()
    return {
      key: writer.key,
      write: (bytes) => writer.write(bytes),
      finish: () => writer.finish(),
      commit: () => this.#commit(writer),
      abort: () => writer.abort(),
    }
  }

  async open(key: string): Promise<SpooledFile> {
    await this.#fetch(key)
    return await this.#local.open(key)
  }

  async pathOf(key: string): Promise<string> {
    await this.#fetch(key)
    return await this.#local.pathOf(key)
  }

  async remove(key: string): Promise<void> {
    checkSpoolKey(key)
    const header = await this.#send({
      method: 'GET',
      key: `${key}/0`,
      headers: { range: `bytes=0-${PART_HEADER_BYTES - 1}` },
    })
    if (header.status === 206 || header.status === 200) {
      const { lengthBytes } = parsePartHeader(header.body)
      // The first comes last, so that whoever was interrupted finds the others again.
      for (let part = this.#partCount(lengthBytes) - 1; part >= 0; part--) await this.#delete(`${key}/${part}`)
    } else if (!isMissing(header)) throw unwritable(header)
    await this.#local.remove(key)
  }

  list(): AsyncIterable<string> {
    return this.#local.list()
  }

  sweep(): Promise<number> {
    return this.#local.sweep()
  }

  freeBytes(): Promise<number | undefined> {
    return this.#local.freeBytes()
  }

  hold(bytes: number): void {
    this.#local.hold(bytes)
  }

  close(): Promise<void> {
    return this.#local.close()
  }

  async #commit(writer: SpoolWriter): Promise<SpooledBytes> {
    const { key } = writer
    this.#uploading.add(key)
    try {
      const bytes = await writer.commit()
      try {
        await this.#upload(key, bytes)
      } catch (cause) {
        await this.remove(key).catch(() => this.#local.remove(key))
        throw cause
      }
      this.#localBytes += bytes.lengthBytes
      return bytes
    } finally {
      this.#uploading.delete(key)
      await this.#makeRoom()
    }
  }

  async #upload(key: string, bytes: SpooledBytes): Promise<void> {
    const file = await open(this.#pathOf(key), 'r')
    try {
      const others = Array.from({ length: this.#partCount(bytes.lengthBytes) - 1 }, (_, i) => i + 1).values()
      const lane = async (): Promise<void> => {
        for (const part of others) await this.#put(`${key}/${part}`, [await this.#readPart(file, bytes, part)])
      }
      await Promise.all(Array.from({ length: LANES }, lane))
      await this.#put(`${key}/0`, [formatPartHeader(bytes), await this.#readPart(file, bytes, 0)])
    } finally {
      await file.close()
    }
  }

  async #readPart(file: FileHandle, { lengthBytes }: SpooledBytes, part: number): Promise<Uint8Array> {
    const start = part * this.#partBytes
    const buffer = Buffer.allocUnsafe(Math.min(this.#partBytes, lengthBytes - start))
    for (let done = 0; done < buffer.length; ) {
      const { bytesRead } = await file.read(buffer, done, buffer.length - done, start + done)
      if (bytesRead === 0) throw new StoreError('spool_unwritable', 'a file has become shorter while it was uploaded')
      done += bytesRead
    }
    return buffer
  }

  /** An object that nobody else makes: its key is ours. */
  async #put(key: string, pieces: readonly Uint8Array[]): Promise<void> {
    const headers = { 'if-none-match': '*', 'content-type': 'application/octet-stream' }
    const body = Buffer.concat(pieces)
    const { answer, mayHaveHappened } = await sendPatiently(this.#client, { method: 'PUT', key, headers, body })
    if (answer.status === 200 || (answer.status === 412 && mayHaveHappened)) return
    throw unwritable(answer)
  }

  async #delete(key: string): Promise<void> {
    const answer = await this.#send({ method: 'DELETE', key })
    if (answer.status !== 204 && answer.status !== 200 && !isMissing(answer)) throw unwritable(answer)
  }

  /** Sees to it that a file lies on this machine. @throws {StoreError} `spool_corrupted`, `service_unreachable` … */
  async #fetch(key: string): Promise<void> {
    checkSpoolKey(key)
    const path = this.#pathOf(key)
    if (existsSync(path)) {
      const now = new Date()
      await utimes(path, now, now).catch(() => undefined)
      if (existsSync(path)) return
    }
    const fetching =
      this.#fetching.get(key) ??
      this.#download(key, path).finally(() => {
        this.#fetching.delete(key)
      })
    this.#fetching.set(key, fetching)
    await fetching
  }

  async #download(key: string, path: string): Promise<void> {
    const first = await this.#get(`${key}/0`)
    const { lengthBytes, sha256 } = parsePartHeader(first)
    const temporary = `${path}.${randomBytes(8).toString('hex')}.part`
    const hash = createHash('sha256')
    await attempt('fetching a file', async () => {
      spoolFiles.mkdirSync(join(this.#folder, folderOfKey(key)), { recursive: true, mode: 0o700 })
      const file = await open(temporary, 'wx', 0o600)
      try {
        for (let part = 0; part < this.#partCount(lengthBytes); part++) {
          const bytes = part === 0 ? first.subarray(PART_HEADER_BYTES) : await this.#get(`${key}/${part}`)
          hash.update(bytes)
          await file.writeFile(bytes)
        }
        if (!hash.digest().equals(sha256)) {
          throw new StoreError('spool_corrupted', 'a file in the bucket is not what was stored there')
        }
        await rename(temporary, path)
      } catch (cause) {
        await rm(temporary, { force: true })
        throw cause
      } finally {
        await file.close()
      }
    })
    this.#localBytes += lengthBytes
    await this.#makeRoom()
  }

  async #get(key: string): Promise<Uint8Array> {
    const answer = await this.#send({ method: 'GET', key })
    if (answer.status === 200) return answer.body
    if (isMissing(answer)) throw new StoreError('spool_corrupted', 'the bucket has no such file')
    throw new StoreError(
      isPassing(answer) ? 'service_unreachable' : 'service_refused',
      `the object store gives no object: ${describeAnswer(answer)}`,
    )
  }

  async #send(request: Parameters<S3Client['send']>[0]): Promise<S3Answer> {
    return (await sendPatiently(this.#client, request)).answer
  }

  /**
   * Takes files from this machine, those that were not used for the longest time first. What was used a moment ago stays,
   * unless there is twice as much as may be.
   */
  async #makeRoom(): Promise<void> {
    if (this.#localBytes <= this.#cacheBytes) return
    const files = (await this.#localFiles()).sort((a, b) => a.usedMs - b.usedMs)
    let total = files.reduce((sum, { size }) => sum + size, 0)
    const fresh = Date.now() - FRESH_MS
    for (const { key, size, usedMs } of files) {
      if (total <= this.#cacheBytes) break
      const isFresh = usedMs > fresh && total <= 2 * this.#cacheBytes
      if (isFresh || this.#uploading.has(key)) continue
      await this.#local.remove(key).catch(() => undefined)
      total -= size
    }
    this.#localBytes = total
  }

  async #localFiles(): Promise<{ readonly key: string; readonly size: number; readonly usedMs: number }[]> {
    const found = []
    for (const folder of (await readdir(this.#folder)).filter(isSpoolFolder)) {
      for (const key of (await readdir(join(this.#folder, folder)).catch(noneIfMissing)).filter(isSpoolKey)) {
        const stats = await stat(this.#pathOf(key)).catch(() => undefined)
        if (stats !== undefined) found.push({ key, size: stats.size, usedMs: stats.mtimeMs })
      }
    }
    return found
  }

  #pathOf(key: string): string {
    return join(this.#folder, folderOfKey(key), key)
  }

  #partCount(lengthBytes: number): number {
    return Math.max(1, Math.ceil(lengthBytes / this.#partBytes))
  }
}

/** A server that hides what may not be listed answers 403, which is a refusal. */
const isMissing = ({ status, code }: S3Answer): boolean => status === 404 && code !== 'NoSuchBucket'

const unwritable = (answer: S3Answer): StoreError =>
  new StoreError('spool_unwritable', `the object store does not do what was asked: ${describeAnswer(answer)}`)

function noneIfMissing(cause: unknown): string[] {
  if (isCode(cause, 'ENOENT')) return []
  throw cause
}
