import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fastFolder } from '../../testing/fast-folder.ts'
import { copyTo, idOf, judged, lease, minute, received } from '../../testing/gateway-contracts/made-up.ts'
import { collect, storeError } from '../../testing/log-contracts/harness.ts'
import { backUpGateway, restoreGateway } from './backup.ts'
import { FileSpool } from './file-spool.ts'
import { folderOfKey } from './spool-key.ts'
import { SqliteInstances } from './sqlite-instances.ts'

const NOW = new Date(Date.UTC(2030, 0, 2))
const OWNER = 'gateway-1'

describe('a backup of a gateway', () => {
  it('holds records, and the files that they name', async (t) => {
    const gateway = await Gateway.open(t)
    for (const n of [1, 2, 3]) await gateway.receive(n)
    await gateway.seal(2)
    await gateway.deliver(3)
    const orphan = await gateway.file(gateway.spool, 9)
    writeFileSync(join(gateway.folder, 'device-seals', '1.2.3'), 'a seal')
    for (const name of ['audit-syslog', 'deidentify.key', 'reach.json']) writeFileSync(join(gateway.folder, name), name)
    const backup = join(fastFolder(), 'backup')
    const report = await backUpGateway(gateway, backup, NOW)
    const { copiedBytes, ...counts } = report
    assert.deepEqual(counts, { instances: 3, underWay: 2, files: 6, copiedFiles: 6, damaged: [] })
    assert.ok(copiedBytes > 5_000)
    assert.ok(!existsSync(join(backup, 'spool', folderOfKey(orphan.key), orphan.key)), 'nobody was told of it')
    for (const name of ['instances.db', 'backup.json']) {
      assert.equal(statSync(join(backup, name)).mode & 0o777, 0o600, name)
    }
    const restored = join(fastFolder(), 'gateway')
    assert.deepEqual(await restoreGateway(backup, { folder: restored }), report)
    const copy = await Gateway.open(t, restored)
    assert.deepEqual(await copy.store.list({ limit: 10 }), await gateway.store.list({ limit: 10 }))
    assert.deepEqual(await copy.store.counts(), await gateway.store.counts())
    assert.deepEqual(await copy.store.pendingEvents(10), await gateway.store.pendingEvents(10))
    assert.equal(readFileSync(join(restored, 'device-seals', '1.2.3'), 'utf8'), 'a seal')
    for (const name of ['audit-syslog', 'deidentify.key'])
      assert.equal(readFileSync(join(restored, name), 'utf8'), name)
    assert.ok(!existsSync(join(restored, 'reach.json')), 'tokens of a process that runs stay where they are')
    await copy.check()
    await copy.receive(7)
    const [delivery] = await copy.store.claimDeliveries('PACS', lease(2_000))
    assert.equal(delivery?.instanceId, idOf(2))
  })

  it('copies what is new into a folder that holds one already, and takes out what is gone', async (t) => {
    const gateway = await Gateway.open(t)
    for (const n of [1, 2, 3]) await gateway.receive(n)
    const backup = join(fastFolder(), 'backup')
    await backUpGateway(gateway, backup, NOW)
    await gateway.receive(4)
    await gateway.deliver(1)
    const seal = await gateway.file(gateway.seals, 5)
    await gateway.expire()
    const report = await backUpGateway(gateway, backup, NOW)
    assert.deepEqual([report.files, report.copiedFiles, report.instances, report.underWay], [4, 2, 4, 3])
    assert.ok(existsSync(join(backup, 'seals', folderOfKey(seal.key), seal.key)), 'seals outlive their images')
    const restored = join(fastFolder(), 'gateway')
    await restoreGateway(backup, { folder: restored })
    await (await Gateway.open(t, restored)).check()
  })

  it('never has a record whose file it lacks, whatever happens meanwhile', async (t) => {
    const gateway = await Gateway.open(t)
    let n = 1
    while (n <= 30) await gateway.receive(n++)
    let isOver = false
    const work = (async () => {
      for (let oldest = 1; !isOver; oldest++) {
        await gateway.receive(n++)
        await gateway.deliver(oldest)
        if (oldest % 3 === 0) await gateway.expire()
      }
    })()
    const backups = []
    for (let i = 0; i < 6; i++) {
      const backup = join(fastFolder(), 'backup')
      const { damaged, underWay } = await backUpGateway(gateway, backup, NOW)
      assert.deepEqual(damaged, [])
      assert.ok(underWay >= 25)
      backups.push(backup)
    }
    isOver = true
    await work
    for (const backup of backups) {
      const restored = join(fastFolder(), 'gateway')
      const { damaged } = await restoreGateway(backup, { folder: restored })
      assert.deepEqual(damaged, [])
      await (await Gateway.open(t, restored)).check()
    }
  })

  it('tells of files that are missing, or are not what was received', async (t) => {
    const gateway = await Gateway.open(t)
    for (const n of [1, 2, 3]) await gateway.receive(n)
    const [first, second] = (await gateway.store.list({ limit: 2 })).map(({ spoolKey }) => spoolKey) as [string, string]
    rmSync(await gateway.spool.pathOf(first))
    const path = await gateway.spool.pathOf(second)
    const bytes = readFileSync(path)
    bytes[0] = 1 ^ (bytes[0] as number)
    writeFileSync(path, bytes)
    const backup = join(fastFolder(), 'backup')
    const { damaged } = await backUpGateway(gateway, backup, NOW)
    assert.deepEqual(damaged, [first, second].sort())
    const report = await restoreGateway(backup, { folder: join(fastFolder(), 'gateway') })
    assert.deepEqual(report.damaged, [first, second].sort())
  })

  it('finds a spool that lies elsewhere', async (t) => {
    const gateway = await Gateway.open(t, join(fastFolder(), 'gateway'), join(fastFolder(), 'large-disk'))
    await gateway.receive(1)
    const backup = join(fastFolder(), 'backup')
    assert.equal((await backUpGateway(gateway, backup, NOW)).files, 1)
    const places = { folder: join(fastFolder(), 'gateway'), spoolFolder: join(fastFolder(), 'other-disk') }
    await restoreGateway(backup, places)
    await (await Gateway.open(t, places.folder, places.spoolFolder)).check()
  })

  it('is refused where there is none to make, or no room for it', async (t) => {
    const gateway = await Gateway.open(t)
    await gateway.receive(1)
    const folder = fastFolder()
    await assert.rejects(backUpGateway({ folder }, join(folder, 'backup'), NOW), storeError('input_missing'))
    mkdirSync(join(folder, 'used', 'spool'), { recursive: true })
    await assert.rejects(backUpGateway(gateway, join(folder, 'used'), NOW), storeError('output_exists'))
    writeFileSync(join(folder, 'file'), '')
    await assert.rejects(backUpGateway(gateway, join(folder, 'file', 'x'), NOW), storeError('output_unwritable'))
    await assert.rejects(restoreGateway(folder, { folder: join(folder, 'new') }), storeError('input_missing'))
    const backup = join(folder, 'backup')
    await backUpGateway(gateway, backup, NOW)
    await assert.rejects(restoreGateway(backup, { folder }), storeError('output_exists'))
    writeFileSync(join(backup, 'backup.json'), '{"format":"fiducial-gateway-backup/2"}')
    await assert.rejects(restoreGateway(backup, { folder: join(folder, 'new') }), storeError('spool_corrupted'))
    writeFileSync(join(backup, 'backup.json'), 'nonsense')
    await assert.rejects(restoreGateway(backup, { folder: join(folder, 'new') }), storeError('spool_corrupted'))
  })
})

/** A gateway's folder, and what happens in it. */
class Gateway {
  readonly folder: string
  readonly spoolFolder: string
  readonly store: SqliteInstances
  readonly spool: FileSpool
  readonly seals: FileSpool

  private constructor(folder: string, spoolFolder: string, parts: readonly [SqliteInstances, FileSpool, FileSpool]) {
    this.folder = folder
    this.spoolFolder = spoolFolder
    const [store, spool, seals] = parts
    this.store = store
    this.spool = spool
    this.seals = seals
  }

  static async open(
    t: { after(step: () => Promise<void>): void },
    folder = join(fastFolder(), 'gateway'),
    spoolFolder = join(folder, 'spool'),
  ): Promise<Gateway> {
    mkdirSync(join(folder, 'device-seals'), { recursive: true })
    const store = await SqliteInstances.open(join(folder, 'instances.db'))
    t.after(() => store.close())
    const options = { reserveBytes: 0 }
    const spools = [
      await FileSpool.open(spoolFolder, options),
      await FileSpool.open(join(folder, 'seals'), options),
    ] as const
    return new Gateway(folder, spoolFolder, [store, ...spools])
  }

  async file(spool: FileSpool, n: number) {
    const writer = spool.create()
    writer.write(new Uint8Array(2_000 + n).fill(n))
    return { key: writer.key, ...(await writer.commit()) }
  }

  async receive(n: number): Promise<void> {
    const { key, ...bytes } = await this.file(this.spool, n)
    await this.store.accept(received(n, { spoolKey: key, orderKey: `order ${n}`, ...bytes }), [])
  }

  /** Judges an instance of which a copy with a seal is to be sent. */
  async seal(n: number): Promise<void> {
    const copy = await this.file(this.spool, n + 1)
    const seal = await this.file(this.seals, n + 2)
    const delivery = { ...copyTo('PACS', n), spoolKey: copy.key, sha256: copy.sha256 }
    const sealed = { spoolKey: copy.key, sealKey: seal.key }
    await this.#judge(n, { sealed, deliveries: [delivery], events: [{ news: `sealed ${n}` }] })
  }

  async deliver(n: number): Promise<void> {
    await this.#judge(n, { deliveries: [] })
  }

  async #judge(n: number, given: Parameters<typeof judged>[0]): Promise<void> {
    const now = n + 1_000
    await this.store.claimReceived(lease(now, { limit: 1_000 }))
    await this.store.judge(idOf(n), OWNER, judged(given), minute(now))
    await this.store.abandonClaims()
  }

  /** As the gateway does it: files first. */
  async expire(): Promise<void> {
    const gone = await this.store.expired(minute(1e6), 100)
    for (const { keys } of gone) for (const key of keys) await this.spool.remove(key)
    await this.store.forgotten(gone.map(({ id }) => id))
  }

  /** Every file under way is there, and each file has a record. */
  async check(): Promise<void> {
    for (const { state, spoolKey, lengthBytes } of await this.store.list({ limit: 1_000 })) {
      if (state === 'done' || state === 'rejected') continue
      await using file = await this.spool.open(spoolKey)
      assert.equal(file.length, lengthBytes)
    }
    for (const key of await collect(this.spool.list())) assert.ok(await this.store.knowsKey(key))
    for (const spool of [this.spool, this.seals]) assert.equal(await spool.sweep(), 0)
  }
}
