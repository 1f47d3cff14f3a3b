/** Gateways that share a database and a bucket: what one has acknowledged, another one can go on with. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { StorageSettings } from '@fiducial/core/domain/gateway/settings.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import { openSpool } from '../storage/gateway/open-spool.ts'
import { fastFolder } from '../testing/fast-folder.ts'
import { copyTo, idOf, judged, lease, minute, received } from '../testing/gateway-contracts/made-up.ts'
import { storeError } from '../testing/log-contracts/harness.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { postgres, startPostgres } from '../testing/postgres.ts'
import { startS3Double } from '../testing/s3-double.ts'
import { gatewayFolder, openGatewayStorage } from '../wiring/gateway-storage.ts'

const FILES: StorageSettings = {
  spoolFolder: null,
  spoolBucket: null,
  bucketKeyId: null,
  bucketSecret: null,
  reserveMegabytes: 0,
  database: null,
  databasePassword: null,
  databaseConnections: 4,
}

describe('the storage of a gateway, by its settings', () => {
  it('lies in its folder, for one process at a time', async () => {
    const home = fastFolder()
    {
      await using storage = await openGatewayStorage(home, { storage: FILES })
      assert.ok(storage.isAlone)
      await assert.rejects(openGatewayStorage(home, { storage: FILES }), storeError('spool_locked'))
      const writer = storage.spool.create()
      const bytes = await writer.commit()
      await storage.store.accept(received(1, { spoolKey: writer.key, ...bytes }), [])
    }
    await using again = await openGatewayStorage(home, { storage: FILES })
    const instance = await again.store.get(idOf(1))
    await using file = await again.spool.open(instance?.spoolKey ?? '')
    assert.equal(file.length, 0)
    for (const name of ['instances.db', 'spool', 'seals']) assert.ok(readdirSync(gatewayFolder(home)).includes(name))
  })

  it('is shared by those who name the same database and bucket', { skip: postgres.skip }, async (t) => {
    const cluster = await startPostgres([], t)
    const double = await startS3Double({}, t)
    process.env.GATEWAY_TEST_PASSWORD = cluster.password
    process.env.GATEWAY_TEST_SECRET = double.secretAccessKey
    const settings: StorageSettings = {
      ...FILES,
      // The same address, without the password.
      database: cluster.url().replace(/:[^:@/]+@/, '@'),
      databasePassword: { env: 'GATEWAY_TEST_PASSWORD' },
      spoolBucket: `${double.endpoint}/${double.bucket}/hospital?region=${double.region}`,
      bucketKeyId: double.accessKeyId,
      bucketSecret: { env: 'GATEWAY_TEST_SECRET' },
    }
    // Under the rights of the test: the socket lies in a folder of its own.
    const [home, otherHome] = [temporaryFolder(t), temporaryFolder(t)]
    await using one = await openGatewayStorage(home, { storage: settings })
    await using other = await openGatewayStorage(otherHome, { storage: settings })
    assert.ok(!one.isAlone)

    const writer = one.spool.create()
    writer.write(Buffer.from('an image'))
    const bytes = await writer.commit()
    await one.store.accept(received(1, { spoolKey: writer.key, ...bytes }), [])
    const [claimed] = await other.store.claimReceived(lease(1, { owner: 'other' }))
    assert.deepEqual(await one.store.claimReceived(lease(1)), [])
    {
      await using file = await other.spool.open(claimed?.spoolKey ?? '')
      assert.equal(Buffer.from(file.view(0, file.length)).toString(), 'an image')
    }
    // As a thread of the other one does it, from plain values.
    const seals = await openSpool(structuredClone(other.places.seals), 0)
    const seal = seals.create()
    seal.write(Buffer.from('a seal'))
    await seal.commit()
    const sealed = { spoolKey: writer.key, sealKey: seal.key }
    await other.store.judge(idOf(1), 'other', judged({ sealed, deliveries: [copyTo('PACS', 1)] }), minute(2))
    const [delivery] = await one.store.claimDeliveries('PACS', lease(3))
    assert.equal(delivery?.instanceId, idOf(1))
    await using sealFile = await one.seals.open(seal.key)
    assert.equal(sealFile.length, 6)
    assert.equal(await other.deviceSeals.put('1.2.3', Buffer.from('of a device')), 'kept')
    assert.ok(await one.deviceSeals.find('1.2.3'))
    const keys = [...double.objects.keys()]
    assert.deepEqual(keys.sort(), [`hospital/${writer.key}/0`, `hospital/seals/${seal.key}/0`])
  })

  it('says which secret is missing', async () => {
    const bucket = { ...FILES, spoolBucket: 'https://s3.example/bucket', bucketSecret: { env: 'GATEWAY_TEST_NO_SUCH' } }
    const isMissing = (error: unknown): boolean => error instanceof KeyError && error.code === 'key_missing'
    await assert.rejects(openGatewayStorage(fastFolder(), { storage: bucket }), isMissing)
    const database = {
      ...FILES,
      database: 'postgresql://somebody@127.0.0.1:1/gateway',
      databasePassword: { env: 'GATEWAY_TEST_NO_SUCH' },
    }
    await assert.rejects(openGatewayStorage(fastFolder(), { storage: database }), isMissing)
    const away = { ...database, databasePassword: null }
    await assert.rejects(openGatewayStorage(fastFolder(), { storage: away }), storeError('service_unreachable'))
  })
})
