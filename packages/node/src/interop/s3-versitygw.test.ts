/** What we keep in S3, on a server that is not ours: a log's objects and checkpoints, and the spool of a gateway. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Spool } from '../services/gateway/ports.ts'
import { S3Spool, type S3SpoolOptions } from '../storage/gateway/s3/spool.ts'
import { S3CheckpointCell } from '../storage/log/s3/checkpoint-cell.ts'
import { S3Client } from '../storage/log/s3/client.ts'
import { S3ImmutableStore } from '../storage/log/s3/immutable-store.ts'
import { fastFolder, sizeOf } from '../testing/fast-folder.ts'
import { spoolContract } from '../testing/gateway-contracts/spool-contract.ts'
import { checkpointCellContract } from '../testing/log-contracts/checkpoint-cell-contract.ts'
import { type Harness, harnessOver, storeError } from '../testing/log-contracts/harness.ts'
import { immutableStoreContract } from '../testing/log-contracts/immutable-store-contract.ts'
import { startVersitygw, versitygw } from '../testing/versitygw.ts'

describe('Versity S3 Gateway', { skip: versitygw.skip }, () => {
  const server = startVersitygw()
  let count = 0

  async function clientOf(prefix: string, secret?: string): Promise<S3Client> {
    const { endpoint, region, bucket, accessKeyId, secretAccessKey } = await server
    const credentials = { accessKeyId, secretAccessKey: secret ?? secretAccessKey }
    return new S3Client({ endpoint, region, bucket, prefix, credentials })
  }

  /** Each state is a prefix of its own. */
  const harnessOf = <Store extends object>(choose: (client: S3Client) => Store): Harness<Store> =>
    harnessOver(
      () => `logs/${++count}/`,
      async (prefix) => choose(await clientOf(prefix)),
    )

  immutableStoreContract(
    'Versity S3 Gateway',
    harnessOf((client) => new S3ImmutableStore(client)),
  )
  checkpointCellContract(
    'Versity S3 Gateway',
    harnessOf((client) => new S3CheckpointCell(client, 'checkpoint')),
  )

  const settings = new WeakMap<Spool, S3SpoolOptions>()
  async function openSpool(options: S3SpoolOptions): Promise<S3Spool> {
    const spool = await S3Spool.open(options)
    settings.set(spool, options)
    return spool
  }
  async function freshSpool(more: Partial<S3SpoolOptions> = {}): Promise<S3Spool> {
    const [client, folder] = [await clientOf(`gateway-${++count}/`), join(fastFolder(), 'spool')]
    return await openSpool({ client, folder, reserveBytes: 0, partBytes: 100_000, ...more })
  }
  spoolContract('Versity S3 Gateway', {
    fresh: () => freshSpool(),
    reopen: (spool) => openSpool(settings.get(spool) as S3SpoolOptions),
    small: (_, roomBytes) => {
      const folder = join(fastFolder(), 'spool')
      return freshSpool({ folder, reserveBytes: 5_000, freeBytes: () => 5_000 + roomBytes - sizeOf(folder) })
    },
  })

  it('gives a gateway what another one has stored, part by part', async () => {
    const spool = await freshSpool()
    const writer = spool.create()
    const bytes = Buffer.from(Array.from({ length: 250_000 }, (_, i) => i % 251))
    writer.write(bytes)
    await writer.commit()
    const other = await openSpool({ ...(settings.get(spool) as S3SpoolOptions), folder: join(fastFolder(), 'other') })
    await using file = await other.open(writer.key)
    assert.deepEqual(Buffer.from(file.view(0, file.length)), bytes)
  })

  it('lets nobody in with another secret', async () => {
    const store = new S3ImmutableStore(await clientOf('logs/none/', 'another-secret'))
    await assert.rejects(store.get('tile/0/000'), storeError('service_refused'))
    await assert.rejects(store.putOnce('tile/0/000', Buffer.from('a tile')), storeError('log_unwritable'))
  })
})
