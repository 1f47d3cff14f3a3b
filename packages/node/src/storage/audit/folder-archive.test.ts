import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, it } from 'node:test'
import type { FetchedInstance, ListedInstance } from '../../services/audit/ports.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { unprivileged } from '../../testing/unprivileged.ts'
import { openFolderArchive } from './folder-archive.ts'

const { signal } = new AbortController()

describe('openFolderArchive', () => {
  const root = temporaryFolder()
  let folder: string
  const write = (name: string, text = 'x'): void => {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const list = async (cursor?: string): Promise<readonly ListedInstance[]> => {
    const pages = await Array.fromAsync(openFolderArchive(folder).list(cursor, signal))
    return pages.flatMap(({ instances }) => instances)
  }
  const versionOf = async (key: string): Promise<string | null | undefined> =>
    (await list()).find((one) => one.key === key)?.version

  beforeEach(() => {
    folder = mkdtempSync(join(root, 'archive-'))
  })

  it('lists files by their paths below the folder, and neither seals, proofs nor lists of series', async () => {
    for (const name of [
      'b.dcm',
      'b.dcm.fiducial.json',
      'b.dcm.tlog-proof',
      'a/1',
      'a/x.series.fiducial.json',
      '.hidden',
    ])
      write(name)
    assert.deepEqual(
      (await list()).map(({ key }) => key),
      ['a/1', 'b.dcm'],
    )
  })

  it('gives an image another version where it, its seal or its proof changes', async () => {
    write('a.dcm')
    const versions = [await versionOf('a.dcm')]
    for (const name of ['a.dcm', 'a.dcm.fiducial.json', 'a.dcm.tlog-proof']) {
      write(name, 'longer than before')
      versions.push(await versionOf('a.dcm'))
    }
    rmSync(join(folder, 'a.dcm.fiducial.json'))
    versions.push(await versionOf('a.dcm'))
    assert.equal(new Set(versions).size, 5)
    assert.equal(await versionOf('a.dcm'), versions.at(-1))
  })

  it('sees a change whose time was put back', async () => {
    write('a.dcm', 'one')
    const time = new Date('2020-01-01T00:00:00Z')
    utimesSync(join(folder, 'a.dcm'), time, time)
    const before = await versionOf('a.dcm')
    write('a.dcm', 'two')
    utimesSync(join(folder, 'a.dcm'), time, time)
    assert.notEqual(await versionOf('a.dcm'), before)
  })

  it('lists only what changed since a day, and is not complete then', async () => {
    write('new.dcm')
    write('old.dcm')
    const time = new Date('2020-01-01T00:00:00Z')
    utimesSync(join(folder, 'old.dcm'), time, time)
    assert.deepEqual(
      (await list('date:20210101')).map(({ key }) => key),
      ['new.dcm'],
    )
    const archive = openFolderArchive(folder)
    assert.deepEqual([archive.isComplete('date:20210101'), archive.isComplete(undefined)], [false, true])
  })

  it('opens files in place, and says which nobody calls an image', async () => {
    for (const name of ['a.dcm', '1.2.3', 'noending', 'read.me.txt', 'sealed.txt', 'sealed.txt.fiducial.json'])
      write(name)
    const got = await Array.fromAsync(openFolderArchive(folder).fetch(await list(), signal))
    const open = got as readonly FetchedInstance[]
    assert.deepEqual(
      open.map(({ key, mayBeOther }) => [key, mayBeOther]),
      [
        ['1.2.3', false],
        ['a.dcm', false],
        ['noending', false],
        ['read.me.txt', true],
        ['sealed.txt', false],
      ],
    )
    assert.equal(open[0]?.path, join(folder, '1.2.3'))
  })

  it('says of a file that went meanwhile that it is missing', async () => {
    write('a.dcm')
    const listed = await list()
    rmSync(join(folder, 'a.dcm'))
    assert.deepEqual(await Array.fromAsync(openFolderArchive(folder).fetch(listed, signal)), [
      { key: 'a.dcm', code: 'input_missing' },
    ])
  })

  it('names a folder that cannot be entered, and does not take what is in it for gone', async () => {
    write('a/1.dcm')
    write('b/2.dcm')
    const archive = openFolderArchive(folder)
    chmodSync(root, 0o755)
    chmodSync(join(folder, 'a'), 0)
    const pages = await unprivileged(folder, () => Array.fromAsync(archive.list(undefined, signal)))
    chmodSync(join(folder, 'a'), 0o700)
    assert.deepEqual(
      pages.flatMap(({ instances }) => instances).map(({ key }) => key),
      ['a', 'b/2.dcm'],
    )
    assert.equal(archive.isComplete(undefined), false)
  })

  it('goes through a folder once, however links lead back to it', async () => {
    write('a/1.dcm')
    symlinkSync(folder, join(folder, 'a', 'back'))
    symlinkSync(join(folder, 'a'), join(folder, 'again'))
    assert.deepEqual(
      (await list()).map(({ key }) => key),
      ['a/1.dcm'],
    )
  })

  it('refuses what is no folder', () => {
    write('file')
    assert.throws(() => openFolderArchive(join(folder, 'file')), { code: 'input_missing' })
    assert.throws(() => openFolderArchive(join(folder, 'none')), { code: 'input_missing' })
  })
})
