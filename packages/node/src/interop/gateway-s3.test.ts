/** The spool on S3: its contract, and what failing servers do to it. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Spool } from '../services/gateway/ports.ts'
import { S3Spool, type S3SpoolOptions } from '../storage/gateway/s3/spool.ts'
import { S3Client } from '../storage/log/s3/client.ts'
import { fastFolder, sizeOf } from '../testing/fast-folder.ts'
import { spoolContract } from '../testing/gateway-contracts/spool-contract.ts'
import { collect, storeError } from '../testing/log-contracts/harness.ts'
import { type S3Double, startS3Double } from '../testing/s3-double.ts'

const PART_BYTES = 100_000

function clientOf({ endpoint, region, bucket, accessKeyId, secretAccessKey }: S3Double, prefix = ''): S3Client {
  const surroundings = { now: () => new Date(), sleep: async () => undefined, random: () => 0.5 }
  return new S3Client({ endpoint, region, bucket, prefix, credentials: { accessKeyId, secretAccessKey }, surroundings })
}

describe('a spool on S3', () => {
  const double = startS3Double()
  const settings = new WeakMap<Spool, S3SpoolOptions>()
  let count = 0

  async function open(options: S3SpoolOptions): Promise<S3Spool> {
    const spool = await S3Spool.open(options)
    settings.set(spool, options)
    return spool
  }
  async function fresh(more: Partial<S3SpoolOptions> = {}): Promise<S3Spool> {
    const client = clientOf(await double, `gateway-${++count}/`)
    return await open({ client, folder: join(fastFolder(), 'spool'), reserveBytes: 0, partBytes: PART_BYTES, ...more })
  }
  /** As another gateway sees the same bucket. */
  const elsewhere = (spool: Spool): Promise<S3Spool> =>
    open({ ...(settings.get(spool) as S3SpoolOptions), folder: join(fastFolder(), 'other') })

  spoolContract('S3', {
    fresh: () => fresh(),
    reopen: (spool) => open(settings.get(spool) as S3SpoolOptions),
    small: async (_, roomBytes) => {
      const folder = join(fastFolder(), 'spool')
      const freeBytes = (): number => 5_000 + roomBytes - sizeOf(folder)
      return await fresh({ folder, reserveBytes: 5_000, freeBytes })
    },
  })

  it('gives every gateway what one of them has stored, part by part', async () => {
    const spool = await fresh()
    const other = await elsewhere(spool)
    for (const size of [0, 10, PART_BYTES, PART_BYTES + 1, 5 * PART_BYTES - 1]) {
      const { key, bytes } = await store(spool, size)
      const paths = await Promise.all([1, 2, 3].map(() => other.pathOf(key)))
      assert.equal(new Set(paths).size, 1)
      await using file = await other.open(key)
      assert.deepEqual(Buffer.from(file.view(0, file.length)), Buffer.from(bytes))
      await other.remove(key)
      await assert.rejects((await elsewhere(spool)).open(key), storeError('spool_corrupted'))
    }
    const { objects } = await double
    assert.deepEqual(
      [...objects.keys()].filter((key) => key.startsWith(`gateway-${count}/`)),
      [],
    )
  })

  it('keeps no more on this machine than it may, and fetches the rest again', async () => {
    const spool = await fresh({ cacheBytes: 120_000 })
    const { folder = '' } = settings.get(spool) ?? {}
    const stored = []
    for (let i = 0; i < 8; i++) stored.push(await store(spool, 60_000 + i))
    assert.ok(sizeOf(folder) <= 240_000, `${sizeOf(folder)} bytes`)
    for (const { key, bytes } of stored) {
      await using file = await spool.open(key)
      assert.equal(file.length, bytes.length)
    }
    assert.ok(sizeOf(folder) <= 240_000, `${sizeOf(folder)} bytes`)
  })

  it('is not there before its last part is, and leaves nothing where that fails', async () => {
    const server = await double
    for (const how of [503, 403, 'cut'] as const) {
      for (const part of ['/0', '/1', '/2']) {
        const spool = await fresh()
        server.fail({ when: 'before', how, method: 'PUT', key: part, times: 6 })
        await assert.rejects(store(spool, 2.5 * PART_BYTES), storeError('spool_unwritable'))
        server.heal()
        assert.deepEqual(await collect(spool.list()), [])
        const left = [...server.objects.keys()].filter((key) => key.startsWith(`gateway-${count}/`))
        assert.ok(!left.some((key) => key.endsWith('/0')), 'no file')
      }
    }
  })

  it('takes an answer that was lost for what it was', async () => {
    const server = await double
    const spool = await fresh()
    server.fail({ when: 'after', how: 'cut', method: 'PUT' })
    const { key, bytes } = await store(spool, 1_000)
    await using file = await (await elsewhere(spool)).open(key)
    assert.equal(file.length, bytes.length)
  })

  it('says what is wrong with what it fetches', async () => {
    const server = await double
    const spool = await fresh()
    const { key } = await store(spool, 2 * PART_BYTES)
    const other = await elsewhere(spool)
    server.fail({ when: 'before', how: 503, method: 'GET', times: 6 })
    await assert.rejects(other.open(key), storeError('service_unreachable'))
    server.fail({ when: 'before', how: 403, method: 'GET' })
    await assert.rejects(other.open(key), storeError('service_refused'))
    server.heal()
    const path = `gateway-${count}/${key}/1`
    const whole = server.objects.get(path) as Buffer
    server.objects.set(path, Buffer.concat([Buffer.from('x'), whole.subarray(1)]))
    await assert.rejects(other.open(key), storeError('spool_corrupted'))
    server.objects.set(`gateway-${count}/${key}/0`, Buffer.from('somebody else wrote this'))
    await assert.rejects(other.open(key), storeError('spool_corrupted'))
    assert.equal(await other.sweep(), 0, 'nothing half-fetched is left')
    assert.ok(existsSync(await spool.pathOf(key)), 'who stored it has it still')
  })
})

async function store(spool: Spool, size: number): Promise<{ readonly key: string; readonly bytes: Uint8Array }> {
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 13) & 0xff)
  const writer = spool.create()
  writer.write(bytes)
  await writer.commit()
  return { key: writer.key, bytes }
}
