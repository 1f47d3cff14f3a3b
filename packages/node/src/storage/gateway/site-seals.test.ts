import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { temporaryFolder } from '../../testing/peers.ts'
import { FileSealShelf } from './file-seal-shelf.ts'
import { openInstanceDatabase } from './instance-schema.ts'
import { SiteSeals } from './site-seals.ts'
import { folderOfKey, makeSpoolKey } from './spool-key.ts'

/** The folder of a gateway that has sealed one image, and was handed the seal of another one. */
async function makeSite(test: TestContext) {
  const home = temporaryFolder(test)
  const folder = join(home, 'gateway')
  mkdirSync(folder)
  const key = makeSpoolKey(new Date())
  const path = join(folder, 'seals', folderOfKey(key), key)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, 'seal')
  const database = openInstanceDatabase(join(folder, 'instances.db'))
  const insert = (id: string, uid: string, sealed: string | null): void => {
    database
      .prepare(
        `INSERT INTO instance (id, spool_key, length_bytes, sha256, origin, received_at, order_key, uid, sealed)
         VALUES (?, 'k', 1, x'00', '{}', 0, 'o', ?, ?)`,
      )
      .run(id, uid, sealed)
  }
  insert('1', '1.2.3', null)
  insert('2', '1.2.3', JSON.stringify({ spoolKey: 'x', sealKey: key }))
  insert('3', '1.2.4', JSON.stringify({ spoolKey: 'x', sealKey: '../../../etc/passwd' }))
  const old = database.prepare('INSERT INTO old_seal VALUES (?, ?)')
  old.run('1.2.7', JSON.stringify({ spoolKey: 'x', sealKey: key }))
  insert('4', '1.2.5', JSON.stringify({ spoolKey: 'x', sealKey: makeSpoolKey(new Date(0)) }))
  database.close()
  await new FileSealShelf(join(folder, 'device-seals')).put('1.2.6', Buffer.from('of a device'))
  return { home, path }
}

describe('site seals', () => {
  it('finds what the gateway made, and what devices handed over', async (test) => {
    const { home, path } = await makeSite(test)
    using seals = new SiteSeals(home)
    assert.equal(seals.find('1.2.3'), path)
    assert.equal(seals.find('1.2.7'), path, 'also of an image whose record is gone')
    assert.match(seals.find('1.2.6') ?? '', /device-seals/)
  })

  it('knows nothing of other images, of seals that are gone, and of keys that lead elsewhere', async (test) => {
    const { home } = await makeSite(test)
    using seals = new SiteSeals(home)
    for (const uid of ['1.2.4', '1.2.5', '9.9', '', "' OR 1=1 --"]) assert.equal(seals.find(uid), undefined)
  })

  it('is empty where there is no gateway', (test) => {
    using seals = new SiteSeals(temporaryFolder(test))
    assert.equal(seals.find('1.2.3'), undefined)
  })

  it('says so where the records cannot be read', (test) => {
    const home = temporaryFolder(test)
    mkdirSync(join(home, 'gateway'))
    writeFileSync(
      join(home, 'gateway', 'instances.db'),
      'no database at all, but long enough to be taken for one'.repeat(20),
    )
    assert.throws(() => new SiteSeals(home), { code: 'spool_corrupted' })
  })
})
