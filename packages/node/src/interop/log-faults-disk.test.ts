/** The disk of a custody log runs full, or its files may grow no further; then there is room again. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { type LoadEnd, LoadSite } from '../testing/log-load-site.ts'
import { run, temporaryFolder } from '../testing/peers.ts'
import { parseTrace, strace, tracing } from '../testing/strace.ts'

/** What a log says whose disk is full. */
function checkRefused({ code, signal, stderr, refused, failed }: LoadEnd): void {
  assert.equal(stderr, '')
  assert.deepEqual([code, signal], [1, null])
  for (const told of refused) assert.ok(['log_unwritable', 'log_stopped'].includes(told), told)
  for (const told of failed) assert.match(told, / log_unwritable$/)
}

describe('a custody log whose disk runs full', () => {
  it('keeps its word on a file system without room, and goes on once there is some', async (t) => {
    const root = temporaryFolder(t)
    const disk = join(root, 'disk')
    mkdirSync(disk)
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', disk])
    if (mounted.code !== 0) return t.skip('a file system of its own cannot be mounted here')
    try {
      const site = new LoadSite(root, join(disk, 'log'))
      const full = await site.run({ seed: 1, cycle: 1000 })
      checkRefused(full)
      assert.ok(full.acks > 0, 'there was room for some')
      // Whoever opens it now is told.
      const again = await site.run({ seed: 2, entries: 5000 })
      checkRefused(again)
      const room = await run('mount', ['-o', 'remount,size=200m', disk])
      assert.equal(room.code, 0, room.stderr)
      const before = site.history.acknowledged
      const report = await site.check()
      const mended = await site.run({ seed: 3, entries: 500 })
      assert.deepEqual([mended.code, mended.stderr, mended.acks], [0, '', 500])
      await site.check()
      t.diagnostic(`${before} acknowledged until the disk was full, ${report.size} entries found there, none lost`)
    } finally {
      await run('umount', ['-l', disk])
    }
  })

  it('keeps its word where files may grow no further, and goes on where they may', async (t) => {
    // Blocks of 512 bytes: less than a segment of the write-ahead log is made long.
    for (const blocks of [64, 120_000]) {
      const site = new LoadSite(temporaryFolder(t))
      const under = ['sh', '-c', `trap '' XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`]
      const limited = await site.run({ seed: blocks, entries: 300, under })
      checkRefused(limited)
      assert.equal(limited.acks, 0)
      const { code, acks } = await site.run({ seed: 1, entries: 100 })
      assert.deepEqual([code, acks], [0, 100])
      await site.check()
    }
  })
})

describe('what a custody log flushes', { skip: strace.skip }, () => {
  it('is every name above its entries, before it acknowledges the first', async (t) => {
    const root = temporaryFolder(t)
    const site = new LoadSite(root, join(root, 'site', 'of', 'the', 'log'))
    const output = join(root, 'trace')
    mkdirSync(join(root, 'site'))
    const kinds = ['mkdir', 'fsync', 'fdatasync', 'open'] as const
    const { code } = await site.run({ seed: 1, entries: 1, under: [...tracing(output, kinds), '-y'] })
    assert.equal(code, 0)
    const calls = parseTrace(readFileSync(output, 'utf8')).map(({ name, text }) => ({ name, text }))
    const segment = join(site.folder, '.private', 'wal', '00000000000000000000.wal')
    const acknowledged = calls.findIndex(({ name, text }) => name === 'fdatasync' && text.includes(`<${segment}>`))
    assert.ok(acknowledged > 0, 'the entry was flushed')
    const flushed = calls
      .slice(0, acknowledged)
      .filter(({ name }) => name === 'fsync')
      .map(({ text }) => text)
    const made = join(root, 'site')
    for (let folder = dirname(segment); folder.length >= made.length; folder = dirname(folder)) {
      assert.ok(
        flushed.some((text) => text.includes(`<${folder}>`)),
        `${folder.slice(root.length)} was flushed`,
      )
    }
  })

  it('is all that a process which was killed has left unflushed, before it goes on', async (t) => {
    const root = temporaryFolder(t)
    const site = new LoadSite(root)
    let lines = 200
    assert.equal((await site.run({ seed: 1, killAt: () => lines-- === 0 })).signal, 'SIGKILL')
    const output = join(root, 'trace')
    const { code } = await site.run({
      seed: 2,
      entries: 200,
      under: [...tracing(output, ['fsync', 'fdatasync']), '-y'],
    })
    assert.equal(code, 0)
    const calls = parseTrace(readFileSync(output, 'utf8'))
    const hidden = join(site.folder, '.private')
    const first = calls.findIndex(({ name, text }) => name === 'fdatasync' && text.includes(`<${hidden}/wal/`))
    assert.ok(first > 0, 'it goes on')
    const flushed = calls.slice(0, first).map(({ text }) => text)
    assert.ok(
      flushed.some((text) => text.includes(`<${hidden}/wal/00000000000000000000.wal>`)),
      'the last segment',
    )
    assert.ok(
      flushed.some((text) => text.includes(`<${hidden}/index.sqlite>`)),
      'the index',
    )
  })
})
